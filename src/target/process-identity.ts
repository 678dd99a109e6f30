/**
 * Targets that are something with a pid: which process they mean, and whether it still is that one.
 */

import { gone, noProcess } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, invalidType } from '../base/errors.ts';
import { property } from '../base/own-properties.ts';
import { startTimeOf } from '../base/proc.ts';

/** Something with a `pid`: a ChildProcess, a Container. */
export interface Owner {
  readonly pid?: number | undefined;
  /**
   * When the process started, in clock ticks after boot: field 22 of /proc/PID/stat. With it, what has
   * got the pid of a process that is gone is refused (ESRCH), and not taken for it.
   */
  readonly startTime?: number | undefined;
}

/** Children of ours that are no ChildProcess. */
const children = new WeakSet<object>();

/** From now on `owner.pid` is taken for that of a child of ours. */
export function markAsChild(owner: object): void {
  children.add(owner);
}

/** By pid, children of ours that may not be their programs yet: waits so many milliseconds for that. false: it goes on. */
const starting = new Map<number, (milliseconds: number) => boolean>();

/** How long, in milliseconds, whoever takes a child for a target waits for it to be the program. */
const timeout = 5000;

/** Until then, the launcher has that pid: where it is, is nobody's business. */
export function markAsStarting(pid: number, settle: (milliseconds: number) => boolean): void {
  starting.set(pid, settle);
}

/** It has another pid by now, or has ended. */
export function unmarkAsStarting(pid: number): void {
  starting.delete(pid);
}

/**
 * Throws where a child of ours does not become its program in time: it would be taken for what is here, in
 * our own namespaces.
 */
export function awaitStart(target: unknown): void {
  if (starting.size === 0) return;
  const pid = pidIn(target) ?? 0;
  const settle = starting.get(pid);
  if (settle === undefined) return;
  const advice = 'this child has not become its program yet; try again later';
  if (!settle(timeout)) throw failure(errnos.EAGAIN, 'execve', { target: pid, advice });
  starting.delete(pid);
}

/** Is that a child of ours which is not its program yet? */
export function isStarting(pid: number | undefined): boolean {
  return starting.get(pid ?? 0)?.(0) === false;
}

/** Is its pid from the kernel, and so that of a child of ours whatever /proc shows? */
export function isChild(target: unknown): boolean {
  if (typeof target !== 'object' || target === null) return false;
  return children.has(target) || property(target, 'signalCode') !== undefined;
}

/** The pid that a target has, if it is a process or has one. */
export function pidIn(target: unknown): number | undefined {
  if (typeof target === 'number') return target;
  if (typeof target !== 'object' || target === null) return undefined;
  const pid = property(target, 'pid');
  return typeof pid === 'number' ? pid : undefined;
}

/** The pid of a ChildProcess or the like; Node keeps showing that of a child which is long gone. */
export function livePid(owner: object): number {
  const of = (name: string) => property(owner, name);
  const pid = of('pid');
  if (pid === undefined && typeof of('state') === 'string') {
    const advice = noProcess(of('state'), of('runtime'));
    throw failure(errnos.ESRCH, 'pidfd_open', { target: `${of('name')}`, advice });
  }
  if (typeof pid !== 'number') throw invalidType('target.pid', 'a number', pid);
  if ((of('exitCode') ?? of('signalCode') ?? null) !== null) {
    throw failure(errnos.ESRCH, 'pidfd_open', { target: pid, advice: gone });
  }
  return pid;
}

/** What `target` says of when its process started. */
export function startTimeIn(target: unknown): number | undefined {
  if (typeof target !== 'object' || target === null) return undefined;
  const startTime = property(target, 'startTime');
  if (startTime === undefined || typeof startTime === 'number') return startTime;
  throw invalidType('target.startTime', 'a number of clock ticks', startTime);
}

/** When processes started, by the numbers of their pidfds. */
const starts = new Map<number, number>();
const startsMost = 1000;

function remember(number: number, startTime: number): void {
  if (number === 0) return;
  if (starts.size === startsMost) starts.clear();
  starts.set(number, startTime);
}

/**
 * The inode of a pidfd, which no other process gets before the machine starts again; 0 where there is no such number:
 * before Linux 6.9, which has a file system for them (pidfs), all have the same.
 */
function numberOf(pidfd: number): number {
  if (pidfd < 0) return 0;
  const number = inodeOf(pidfd);
  return ownNumber() === 0 || number === ownNumber() ? 0 : number;
}

let own: number | undefined;
function ownNumber(): number {
  if (own === undefined) {
    const pidfd = binding.pidfdOpen(process.pid, 0);
    own = inodeOf(pidfd);
    if (pidfd >= 0) binding.close(pidfd);
  }
  return own;
}

function inodeOf(fd: number): number {
  const inode = binding.getInode(fd);
  return typeof inode === 'number' ? 0 : inode[0];
}

/**
 * Throws where `target` says when its process started, and its pid is another's by now. To be asked
 * with a pidfd or a directory of /proc open already, which is that process's own then.
 */
export function refuseSuccessor(pid: number, target: unknown): void {
  checkStart(pid, startTimeIn(target));
}

/** The same, with the time known; and where it is, with the open pidfd, by which it need be read only once. */
export function checkStart(pid: number, wanted: number | undefined, pidfd = -1): void {
  if (wanted === undefined) return;
  const number = numberOf(pidfd);
  if (starts.get(number) === wanted) return;
  const startTime = startTimeOf(pid);
  if (startTime === wanted) {
    remember(number, wanted);
    return;
  }
  const advice =
    startTime === undefined ? gone : `${gone}, and another (startTime ${startTime}) has its pid`;
  throw failure(errnos.ESRCH, 'pidfd_open', { target: pid, advice });
}
