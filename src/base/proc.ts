/** Reads what /proc says of one process, where more than one module asks for it. */

import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { gone, unreadable } from './advice.ts';
import { binding } from './binding.ts';
import { errnos } from './errnos.ts';
import { failure } from './errors.ts';
import { looking } from './limits.ts';
import { runAsRoot, textOf } from './own-rights.ts';
import { numbersIn } from './status-fields.ts';
import { heldUp, textAt } from './waiting-files.ts';

/** Why nothing but the namespaces of a child of ours is to be had. */
const foreignProc = 'our /proc is that of another pid namespace, where this is another process';

/** Since Linux 6.11 the pidfd of a thread leads to its namespaces too. */
const foreignThread =
  'our /proc is that of another pid namespace, and before Linux 6.11 no other way leads to our own namespaces: mount a /proc here';

export const noProc = '/proc is not mounted here';

/**
 * An fd (O_PATH) of /proc/PID, for the caller to close. Whatever is read through it is of that one
 * process, or fails. `isChild`: the pid is from the kernel and not from /proc, which may have been
 * mounted in another pid namespace than ours.
 */
export function openProcess(pid: number, isChild: boolean): number {
  const ours = isChild ? binding.isOwnProc() : 1;
  if (ours < 0) throw failure(ours, 'open', { target: '/proc/self' });
  if (ours === 0) {
    throw failure(errnos.ESRCH, 'open', {
      target: pid,
      advice: isMounted() ? foreignProc : noProc,
    });
  }
  const directory = Number.isInteger(pid) ? binding.openDirectory(`/proc/${pid}`) : errnos.ENOENT;
  if (directory >= 0) return directory;
  if (directory === errnos.ENOENT) {
    throw failure(errnos.ESRCH, 'open', { target: pid, advice: absence(pid) });
  }
  const advice = directory === errnos.EACCES ? unreadable() : undefined;
  throw failure(directory, 'open', { target: pid, advice });
}

/** An fd (O_PATH) of the calling thread's own directory, for the caller to close. */
export function openOwnThread(): number {
  const directory = binding.openDirectory('/proc/thread-self');
  if (directory >= 0) return directory;
  if (directory === errnos.ENOENT && !isMounted()) {
    const advice = 'what is mounted there is not a proc file system: mount one';
    throw failure(errnos.ENOSYS, 'open', { target: '/proc', advice });
  }
  const advice = directory === errnos.ENOENT ? foreignThread : undefined;
  throw failure(directory, 'open', { target: '/proc/thread-self', advice });
}

/** The link itself: where /proc is of a pid namespace that we are not in, it leads nowhere. */
function isMounted(): boolean {
  return lstatSync('/proc/self', { throwIfNoEntry: false }) !== undefined;
}

/**
 * Why even root may not enter the root directory of a process; undefined where that is not on FUSE. By its
 * table of mounts: a question to the file system itself may be answered never.
 */
export function fuseOfAnother(pid: number): string | undefined {
  const isOnFuse = mountsIn(firstMounts(pid)).some(
    ({ point, system }) => point === '/' && /^fuse(blk|\.|$)/.test(system),
  );
  return isOnFuse
    ? 'its root directory is on FUSE, which lets in nobody from outside of the user namespace in which it was mounted, and there nobody but its user without allow_other: join user too, as evaluate() does with all types'
    : undefined;
}

/**
 * The first lines of its table of mounts, with that of its root: all of it may be as long as its user likes.
 * '' where it cannot be read.
 */
export function firstMounts(pid: number): string {
  let file: number | undefined;
  try {
    file = openSync(`/proc/${pid}/mountinfo`, 'r');
    const bytes = Buffer.alloc(looking.firstMounts);
    let length = 0;
    for (let more = 1; more > 0; length += more) more = readSync(file, bytes, { offset: length });
    return bytes.toString('utf8', 0, bytes.lastIndexOf('\n', length) + 1);
  } catch {
    return '';
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Why nothing is to be had of what is ending, or is no process. */
export function goneAdvice(pid: number): string {
  const [process = pid] = numbersIn(textOf(`/proc/${pid}/status`) ?? '', 'Tgid');
  if (process !== pid) return `it is a thread of process ${process}`;
  const threads = namesIn(`/proc/${pid}/task`).map(Number);
  const other = threads.find(tid => tid !== pid);
  return other === undefined
    ? gone
    : `its first thread has ended, and others go on: a thread can be the target, such as ${other} (Linux 6.9)`;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Why there is no /proc/PID. */
function absence(pid: number): string {
  if (!isMounted()) return noProc;
  return binding.isOwnProc() === 1 && lives(pid)
    ? `/proc hides it from us (its mount option hidepid): ${runAsRoot()}, or as its owner`
    : gone;
}

/** Does /proc not show others' processes at all (its mount option hidepid), so that nobody can count them? */
export function hidesProcesses(): boolean {
  // The first process is there as long as any other.
  return binding.isOwnProc() === 1 && lstatSync('/proc/1', { throwIfNoEntry: false }) === undefined;
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A file of a process in /proc; undefined where there is none, or it has ended. Throws Node's errors. */
export function fileOfProcess(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    if (errno === errnos.ENOENT || errno === errnos.ESRCH) return undefined;
    throw error;
  }
}

/**
 * When a process started, in clock ticks after boot; undefined where there is none, or it has ended.
 * With the pid it is a name for a process that is never given again. proc_pid_stat(5), field 22.
 * Throws a NamespaceError where that cannot be known (EMFILE).
 */
export function startTimeOf(pid: number): number | undefined {
  const target = `/proc/${pid}/stat`;
  const stat = statOf(pid);
  if (typeof stat === 'string') return startIn(stat);
  if (stat === errnos.ENOENT || stat === errnos.ESRCH) return undefined;
  const advice = stat === errnos.ETIMEDOUT ? heldUp : undefined;
  throw failure(stat, stat === errnos.EAGAIN ? 'clone' : 'open', { target, advice });
}

function statOf(pid: number): string | number {
  const directory = binding.openDirectory(`/proc/${pid}`);
  if (directory < 0) return directory;
  const stat = textAt(directory, 'stat');
  binding.close(directory);
  if (stat !== errnos.ENOSYS) return stat;
  try {
    return fileOfProcess(`/proc/${pid}/stat`) ?? errnos.ENOENT;
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? errnos.EINVAL;
  }
}

/** proc_pid_stat(5), field 22; undefined of what has ended. */
export function startIn(stat: string): number | undefined {
  // The name, in parentheses, may have anything in it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = 'X'] = fields;
  return state === 'Z' || state === 'X' ? undefined : Number(fields[19]);
}

/** user_namespaces(7): a line of uid_map or gid_map; `outside` is in the numbers of who reads it. */
export type IdMapLine = readonly [inside: number, outside: number, length: number];

export function idMapIn(text: string): IdMapLine[] {
  return text
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
    .filter(line => line.length === 3) as unknown as IdMapLine[];
}

export interface Mount {
  /** Which directory of the file system. */
  readonly root: string;
  readonly point: string;
  /** The type of the file system. */
  readonly system: string;
  /** Of the mount: `nosuid`. */
  readonly flags: readonly string[];
  /** Of the file system. */
  readonly options: readonly string[];
  /** As stat(2) has it. */
  readonly device: number;
}

/** proc_pid_mountinfo(5): space, tab, newline and backslash are written in octal. */
export function mountsIn(text: string): Mount[] {
  return text.split('\n').flatMap(line => {
    const [mount = '', of = ''] = line.split(' - ');
    const [, , device = '', root, point, flags = ''] = mount.split(' ').map(unescaped);
    if (root === undefined || point === undefined) return [];
    const [system = '', , options = ''] = of.split(' ');
    const parts = {
      flags: flags.split(','),
      options: options.split(','),
      device: numberOf(device),
    };
    return [{ root, point, system, ...parts }];
  });
}

/** makedev(3), of `major:minor`. */
function numberOf(device: string): number {
  const [major = 0, minor = 0] = device.split(':').map(Number);
  const [low, high] = [(major % 2 ** 12) * 2 ** 8, Math.floor(major / 2 ** 12) * 2 ** 44];
  return high + Math.floor(minor / 2 ** 8) * 2 ** 20 + low + (minor % 2 ** 8);
}

/** A field of a table of mounts, or of fstab(5): what would part it is written in octal. */
export function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
