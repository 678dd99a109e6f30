/**
 * The process of a container: whether the pid that an engine wrote down still is the process that it
 * started, and what /proc says of it.
 */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { binding } from '../base/binding.ts';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { startTimeOf } from '../base/proc.ts';
import type { Container, ContainerNamespaces } from './container.ts';

/** What an engine claims. */
export interface Claim {
  readonly pid: number;
  /** In clock ticks after boot; engines that do not write it down name the cgroup by the id. */
  readonly startTime: number | undefined;
  readonly id: string;
  readonly owner: number;
}

export interface Process extends Pick<Container, 'cgroup' | 'namespaces'> {
  readonly pid: number;
  readonly startTime: number;
  readonly started: Date;
  /** undefined where the freezer cannot be read. */
  readonly frozen: boolean | undefined;
}

/** The inodes of its namespaces, by type. */
export type Inodes = ReadonlyMap<NamespaceType, number>;

/** Those of a process that stands for the host; our own where these are not shown to us. */
export function hostInodes(pid: number): Inodes {
  const inodes = inodesOf(pid);
  return inodes.size > 0 ? inodes : inodesOf('self');
}

/** undefined where that process has ended, or is somebody else's. */
export function lookAt(claim: Claim, host: Inodes): Process | undefined {
  const { pid, startTime, id, owner } = claim;
  const started = startTimeOf(pid);
  if (started === undefined || (startTime !== undefined && started !== startTime)) return undefined;
  const lines = read(`/proc/${pid}/cgroup`)?.trim().split('\n') ?? [];
  if (startTime === undefined && !lines.some(line => line.includes(id))) return undefined;
  // The files of a user can claim any process: it has to be in a user namespace of that user's.
  if (owner !== 0 && !isOf(owner, pid)) return undefined;
  const namespaces = namespacesOf(pid, host);
  // What was read is of that process if it still is there.
  if (startTimeOf(pid) !== started) return undefined;
  return {
    pid,
    startTime: started,
    started: dateOf(started),
    cgroup: mainCgroup(lines),
    frozen: isFrozen(lines),
    namespaces,
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** proc_pid_cgroup(5): `hierarchy:controllers:path`. */
function pathIn(lines: readonly string[], controller: string): string | undefined {
  for (const line of lines) {
    const [, controllers = '', ...path] = line.split(':');
    if (controllers.split(',').includes(controller)) return path.join(':');
  }
  return undefined;
}

/** On a machine with both versions, version 2 may not be where containers are parted. */
function mainCgroup(lines: readonly string[]): string | undefined {
  const paths = ['', 'pids', 'memory', 'cpu', 'name=systemd'].map(name => pathIn(lines, name));
  return paths.find(path => path !== undefined && path !== '/') ?? paths[0];
}

/** A paused container is in a frozen cgroup: cgroups(7), of either version. */
function isFrozen(lines: readonly string[]): boolean | undefined {
  const old = pathIn(lines, 'freezer');
  if (old !== undefined) {
    const state = read(`/sys/fs/cgroup/freezer${old}/freezer.state`);
    if (state !== undefined) return state.trim() !== 'THAWED';
  }
  const path = pathIn(lines, '');
  for (const mount of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
    const state = path === undefined ? undefined : read(`${mount}${path}/cgroup.freeze`);
    if (state !== undefined) return state.trim() === '1';
  }
  return undefined;
}

/** In milliseconds; /proc counts in hundredths of a second on every architecture of Node's. */
const tick = 10;

/** To some hundredths of a second. */
function dateOf(startTime: number): Date {
  const uptime = Number(read('/proc/uptime')?.split(' ')[0]) * 1000;
  return new Date(Date.now() - uptime + startTime * tick);
}

function namespacesOf(pid: number, host: Inodes): ContainerNamespaces | undefined {
  const inodes = [...inodesOf(pid)];
  const all = inodes.map(([type, inode]) => [type, { inode, host: inode === host.get(type) }]);
  return all.length === 0 ? undefined : Object.fromEntries(all);
}

function inodesOf(pid: number | string): Inodes {
  const inodes = new Map<NamespaceType, number>();
  for (const { name } of kinds) {
    try {
      const link = readlinkSync(`/proc/${pid}/ns/${name}`);
      inodes.set(name, Number(link.slice(name.length + 2, -1)));
    } catch (error) {
      // A type that this kernel has not; otherwise it may not be looked into at all.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return inodes;
    }
  }
  return inodes;
}

/** Is it in a user namespace that this user has made, or below one? Or, in none, the user's own? */
function isOf(uid: number, pid: number): boolean {
  let fd = binding.openNamespace(`/proc/${pid}/ns/user`);
  try {
    while (fd >= 0) {
      if (binding.getOwnerUid(fd) === uid) return true;
      const parent = binding.getParent(fd);
      binding.close(fd);
      fd = parent;
    }
    return statSync(`/proc/${pid}`).uid === uid;
  } catch {
    return false;
  } finally {
    if (fd >= 0) binding.close(fd);
  }
}
