/**
 * Targets that are something with a pid: which process they mean, and whether it still is that one.
 */
import { errnos } from './errnos.ts';
import { failure, invalidType } from './errors.ts';
import { startTimeOf } from './proc.ts';

/** Something with a `pid`: a ChildProcess, a Container. */
export interface Owner {
  readonly pid?: number | undefined;
  /**
   * When the process started, in clock ticks after boot: field 22 of /proc/PID/stat. With it, what has
   * got the pid of a process that is gone is refused (ESRCH), and not taken for it.
   */
  readonly startTime?: number | undefined;
}

export const gone = 'the process has exited';

interface AnyOwner {
  pid?: unknown;
  /** A ChildProcess's. */
  exitCode?: unknown;
  signalCode?: unknown;
  /** A Container's. */
  name?: unknown;
  state?: unknown;
}

/** The pid of a ChildProcess or the like; Node keeps showing that of a child which is long gone. */
export function livePid(owner: AnyOwner): number {
  const { pid, name, state } = owner;
  if (pid === undefined && typeof state === 'string') {
    const advice = `this container has no process: it is ${state}`;
    throw failure(errnos.ESRCH, 'pidfd_open', { target: `${name}`, advice });
  }
  if (typeof pid !== 'number') throw invalidType('target.pid', 'a number', pid);
  if ((owner.exitCode ?? owner.signalCode ?? null) !== null) {
    throw failure(errnos.ESRCH, 'pidfd_open', { target: pid, advice: gone });
  }
  return pid;
}

/** What `target` says of when its process started. */
export function startTimeIn(target: unknown): number | undefined {
  if (typeof target !== 'object' || target === null) return undefined;
  const startTime = (target as { startTime?: unknown }).startTime;
  if (startTime === undefined || typeof startTime === 'number') return startTime;
  throw invalidType('target.startTime', 'a number of clock ticks', startTime);
}

/**
 * Throws where `target` says when its process started, and its pid is another's by now. To be asked
 * with a pidfd or a directory of /proc open already, which is that process's own then.
 */
export function refuseSuccessor(pid: number, target: unknown): void {
  checkStart(pid, startTimeIn(target));
}

/** The same, with the time known. */
export function checkStart(pid: number, wanted: number | undefined): void {
  if (wanted === undefined) return;
  const startTime = startTimeOf(pid);
  if (startTime === wanted) return;
  const advice =
    startTime === undefined ? gone : `${gone}, and another (startTime ${startTime}) has its pid`;
  throw failure(errnos.ESRCH, 'pidfd_open', { target: pid, advice });
}
