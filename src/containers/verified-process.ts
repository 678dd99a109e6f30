/**
 * The process of a container: whether the pid that an engine wrote down still is the process that it
 * started, and what /proc says of it.
 */
import { readlinkSync } from 'node:fs';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, NamespaceError } from '../base/errors.ts';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { fileOfProcess, startTimeOf } from '../base/proc.ts';
import { dateOf, isStart } from './clocks.ts';
import type { Container, ContainerNamespaces } from './container.ts';
import { isNamedBy } from './membership.ts';
import type { Reader } from './reader.ts';

/** What an engine claims, with the pid as our /proc shows it. */
export interface Claim {
  readonly pid: number;
  /** In clock ticks after boot; engines that do not write it down name the cgroup by the id. */
  readonly startTime: number | undefined;
  /** It was read from our /proc, by our clock. */
  readonly isSeen: boolean;
  readonly id: string;
  /** A component of its cgroup's path that nobody else's has. Default: one that is named by the id. */
  readonly cgroupName: string | undefined;
  readonly owner: number;
  /** Its container has a mount namespace that is not the host's. */
  readonly hasOwnMounts: boolean;
}

/**
 * What there is with that pid: the process; none, or one that is certainly another (`'gone'`); one of which
 * nothing says whose it is (`'unproven'`).
 */
export type Found = Process | 'gone' | 'unproven';

export interface Process extends Pick<Container, 'cgroup' | 'namespaces'> {
  readonly pid: number;
  readonly startTime: number;
  readonly started: Date;
  /** undefined where the freezer cannot be read. */
  readonly frozen: boolean | undefined;
}

/** From where containers are looked at. */
export interface View {
  /** The namespaces of the host. */
  readonly host: Inodes;
  /** How far our clock is ahead of the host's, in clock ticks; undefined where that is not known. */
  readonly ahead: number | undefined;
  /** Below the directory that is the host's root. */
  readonly reader: Reader;
}

/** The inodes of its namespaces, by type. */
export type Inodes = ReadonlyMap<NamespaceType, number>;

/** Those of a process that stands for the host; our own where these are not shown to us. */
export function hostInodes(pid: number): Inodes {
  const inodes = inodesOf(pid);
  return inodes.size > 0 ? inodes : inodesOf('self');
}

/** Throws where that cannot be known (too few files). */
export async function lookAt(claim: Claim, view: View): Promise<Found> {
  try {
    const found = look(claim, view);
    if (typeof found === 'string') return found;
    const { lines, ...known } = found;
    return { ...known, frozen: await isFrozen(lines, claim.pid, view.reader) };
  } catch (error) {
    throw namedFailure(error, claim.pid);
  }
}

/** With the lines of its cgroups, by which its freezer is found. */
type Seen = Omit<Process, 'frozen'> & { readonly lines: readonly string[] };

function look(claim: Claim, { host, ahead }: View): Seen | 'gone' | 'unproven' {
  const { pid, startTime, isSeen, owner, hasOwnMounts } = claim;
  const started = startTimeOf(pid);
  if (started === undefined) return isHidden(pid) ? 'unproven' : 'gone';
  if (startTime !== undefined) {
    const isIt = isStart(pid, started, startTime, isSeen ? 0 : ahead);
    if (!isIt) return isIt === undefined ? 'unproven' : 'gone';
  }
  const lines = read(`/proc/${pid}/cgroup`)?.trim().split('\n') ?? [];
  if (startTime === undefined) {
    // Also where the cgroup has its name: users name their own as they like.
    const mounts = hasOwnMounts ? inodesOf(pid).get('mnt') : undefined;
    if (mounts !== undefined && mounts === host.get('mnt')) return 'gone';
    if (!lines.some(line => isNamed(line, claim))) return 'unproven';
  }
  // The files of a user can claim any process: it has to be in a user namespace of that user's.
  const isTheirs = owner === 0 || isOf(owner, pid);
  if (!isTheirs) return isTheirs === undefined ? 'unproven' : 'gone';
  const namespaces = namespacesOf(pid, host);
  // What was read is of that process if it still is there.
  if (startTimeOf(pid) !== started) return 'gone';
  return {
    pid,
    startTime: started,
    started: dateOf(started),
    cgroup: mainCgroup(lines),
    lines,
    namespaces,
  };
}

function isNamed(line: string, { id, cgroupName }: Claim): boolean {
  return cgroupName === undefined ? isNamedBy(line, id) : line.split('/').includes(cgroupName);
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

/** Whether a process is in a frozen cgroup; undefined where that cannot be read. */
export async function isPaused(pid: number): Promise<boolean | undefined> {
  const lines = read(`/proc/${pid}/cgroup`)?.trim().split('\n') ?? [];
  return isFrozen(lines, pid);
}

/** A paused container is in a frozen cgroup: cgroups(7), of either version. */
async function isFrozen(
  lines: readonly string[],
  pid: number,
  reader?: Reader,
): Promise<boolean | undefined> {
  const of = async (folders: readonly string[], path: string | undefined, name: string) =>
    path && (await fileOfCgroup(folders, path, name, pid, reader));
  const state = await of(['/freezer'], pathIn(lines, 'freezer'), 'freezer.state');
  if (state) return state.trim() !== 'THAWED';
  const ofGroup = (name: string) => of(['', '/unified'], pathIn(lines, ''), name);
  const frozen = await ofGroup('cgroup.freeze');
  if (!frozen) return undefined;
  // What is frozen with a group above it, as systemd in a container is, shows in the events.
  return frozen.trim() === '1' || /^frozen 1$/m.test((await ofGroup('cgroup.events')) ?? '');
}

/**
 * Where we are in a cgroup namespace of our own, the path of others goes up from ours (`/../ID`). Then
 * it is that of the host's hierarchy if we are as deep as it goes up, and the process is in there. Below
 * another root there may be anything: it is read as all else there is, and not by this thread.
 */
async function fileOfCgroup(
  folders: readonly string[],
  path: string,
  name: string,
  pid: number,
  reader: Reader | undefined,
): Promise<string | undefined> {
  const up = /^(\/\.\.)+(?=\/|$)/.exec(path)?.[0];
  const ofRoot = (file: string) => reader?.text(`${reader.root}${file}`);
  const ways = reader === undefined || reader.root === '' ? [read] : [ofRoot, read];
  for (const readThere of ways) {
    for (const folder of folders) {
      const directory = `/sys/fs/cgroup${folder}${path.slice(up?.length ?? 0)}`;
      const isThere =
        up === undefined ||
        (await readThere(`${directory}/cgroup.procs`))?.split('\n').includes(`${pid}`);
      const text = isThere ? await readThere(`${directory}/${name}`) : undefined;
      if (text !== undefined) return text;
    }
  }
  return undefined;
}

/** Is there such a process, of somebody else, which our /proc does not show (its mount option hidepid)? */
export function isHidden(pid: number): boolean {
  if (binding.isOwnProc() !== 1) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
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
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES') break; // what it may not look into it may not for any type
      if (!notShown.has(code)) throw error; // there is none of a type that this kernel has not
    }
  }
  return inodes;
}

/**
 * Is it in a user namespace that this user has made, or below one? Not so a process of the user's that is in none:
 * its root may be the host's, where whoever takes it for a container would change the host's files. undefined where
 * its user namespace is not shown to us, who are in another.
 */
function isOf(uid: number, pid: number): boolean | undefined {
  let fd = binding.openNamespace(`/proc/${pid}/ns/user`);
  while (fd >= 0) {
    const isOwner = binding.getOwnerUid(fd) === uid;
    const parent = isOwner ? errnos.EPERM : binding.getParent(fd);
    binding.close(fd);
    if (isOwner) return true;
    fd = parent;
  }
  if (fd === errnos.EACCES) return undefined;
  // At the top, EPERM.
  if (![errnos.ENOENT, errnos.ESRCH, errnos.EPERM].some(errno => errno === fd)) {
    throw failure(fd, 'open', { type: 'user', target: pid });
  }
  return false;
}
