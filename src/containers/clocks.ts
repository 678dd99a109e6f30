/**
 * When a process started is shown by the clock of who reads it, which a time namespace sets: a runtime may have
 * written it down by another clock than ours.
 */
import { readlinkSync } from 'node:fs';
import { uptime } from 'node:os';
import { isSince } from '../base/kernel.ts';
import { fileOfProcess } from '../base/proc.ts';

/** Of a process. */
export interface Clock {
  readonly pid: number;
  /** The link to its time namespace; undefined before Linux 5.6, and where we may not look into it. */
  readonly time: string | undefined;
}

/**
 * Did the process start then? Both in clock ticks after boot: `shown` by our clock, `written` by one that ours is so
 * far `ahead` of. undefined where it may have, by a clock that nothing proves to be the runtime's.
 */
export function isStart(
  its: Clock,
  shown: number,
  written: number,
  ahead: number | undefined,
): boolean | undefined {
  if (ahead !== undefined && isSame(shown, written + ahead)) return true;
  // By its own clock: that is its runtime's, or was set by somebody so that it fits.
  const ofIts = ahead === undefined ? undefined : ticksAhead(its);
  return ofIts === undefined || isSame(shown, written + ofIts) ? undefined : false;
}

/** In milliseconds; /proc counts in hundredths of a second on every architecture of Node's. */
const tick = 10;

/** Ticks in the 64 bits of nanoseconds that a clock has: what was before it began is at their end. */
const all = 2 ** 64 / (tick * 1e6);

/** To some hundredths of a second; to a second where /proc has processes alone (`subset=pid`). */
export function dateOf(shown: number): Date {
  const ticks = shown < all / 2 ? shown : shown - all;
  return new Date(Date.now() - uptime() * 1000 + ticks * tick);
}

/** Where one is ahead by a part of a tick, a whole one more or less is shown. */
function isSame(shown: number, expected: number): boolean {
  const apart = Math.abs(shown - expected);
  return apart < 1 || Math.abs(all - apart) < 1;
}

/** How far our clock is ahead of that of a process, in ticks; undefined where that is not known. */
export function ticksAhead({ pid, time }: Clock): number | undefined {
  if (!isSince(5, 11)) return 0; // /proc shows everybody the same
  const ours = ownNamespace('time');
  if (ours === time) return 0;
  // What is to be read is the clock of children, who will be in another namespace than we are.
  if (ours !== ownNamespace('time_for_children')) return undefined;
  const ahead = offsetOf('self') - offsetOf(pid);
  return Number.isNaN(ahead) ? undefined : ahead;
}

/** undefined before Linux 5.6. */
function ownNamespace(type: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/ns/${type}`);
  } catch {
    return undefined;
  }
}

/** time_namespaces(7), in ticks. What is hidden from us is taken to be in the first namespace; NaN for want of files. */
function offsetOf(process: number | 'self'): number {
  try {
    const text = fileOfProcess(`/proc/${process}/timens_offsets`) ?? '';
    const [, seconds = 0, nanoseconds = 0] = /^boottime +(-?\d+) +(\d+)$/m.exec(text) ?? [];
    return (Number(seconds) * 1e3 + Number(nanoseconds) / 1e6) / tick;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 0 : Number.NaN;
  }
}
