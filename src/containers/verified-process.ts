/**
 * The process of a container: whether the pid that an engine wrote down still is the process that it
 * started, and what /proc says of it.
 */
import { readlinkSync, statSync } from 'node:fs';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, NamespaceError } from '../base/errors.ts';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { fileOfProcess, startTimeOf } from '../base/proc.ts';
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

/** undefined where that process has ended, or is somebody else's. Throws where that cannot be known. */
export function lookAt(claim: Claim, host: Inodes): Process | undefined {
  try {
    return look(claim, host);
  } catch (error) {
    throw namedFailure(error, claim.pid);
  }
}

function look(claim: Claim, host: Inodes): Process | undefined {
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

function namedFailure(error: unknown, pid: number): unknown {
  const { errno, syscall = 'open' } = error as NodeJS.ErrnoException;
  if (error instanceof NamespaceError || errno === undefined) return error;
  return failure(errno, syscall, { target: pid });
}

/** What is not there, not ours to look at, or has been removed: anything else keeps us from knowing. */
const notShown: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ESRCH',
  'ENOTDIR',
  'ENODEV',
  'EACCES',
  'EPERM',
]);

/** The same errors in any of these calls. */
function shown<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (notShown.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}

function read(path: string): string | undefined {
  return shown(() => fileOfProcess(path));
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
    // Of a type that this kernel has not there is none; or none may be looked into.
    const link = shown(() => readlinkSync(`/proc/${pid}/ns/${name}`));
    if (link !== undefined) inodes.set(name, Number(link.slice(name.length + 2, -1)));
  }
  return inodes;
}

/** Is it in a user namespace that this user has made, or below one? Or, in none, the user's own? */
function isOf(uid: number, pid: number): boolean {
  let fd = binding.openNamespace(`/proc/${pid}/ns/user`);
  while (fd >= 0) {
    const isOwner = binding.getOwnerUid(fd) === uid;
    const parent = isOwner ? errnos.EPERM : binding.getParent(fd);
    binding.close(fd);
    if (isOwner) return true;
    fd = parent;
  }
  // At the top, EPERM.
  if (![errnos.ENOENT, errnos.ESRCH, errnos.EACCES, errnos.EPERM].some(errno => errno === fd)) {
    throw failure(fd, 'open', { type: 'user', target: pid });
  }
  return shown(() => statSync(`/proc/${pid}`))?.uid === uid;
}
