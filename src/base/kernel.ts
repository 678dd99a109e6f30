/** Which kernel this is, where nothing but its version tells. */
import { release } from 'node:os';

/**
 * Do the ioctls of a pidfd answer at once for a process that is held up in an exec? They do with 6.18.44, and not with
 * 6.12.117 and 7.2.13: stable kernels have got that, too, so that none but what was tried is taken to answer.
 */
export function answersByPidfd(): boolean {
  const [, patch] = /^6\.18\.(\d+)/.exec(release()) ?? [];
  return Number(patch) <= 44;
}

/** Is it that Linux, or a newer one? */
export function isSince(major: number, minor: number): boolean {
  const [, ours = '0', its = '0'] = /^(\d+)\.(\d+)/.exec(release()) ?? [];
  return Number(ours) > major || (Number(ours) === major && Number(its) >= minor);
}
