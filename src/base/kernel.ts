/** Which kernel this is, where nothing but its version tells. */
import { release } from 'node:os';

/** Is it that Linux, or a newer one? */
export function isSince(major: number, minor: number): boolean {
  const [, ours = '0', its = '0'] = /^(\d+)\.(\d+)/.exec(release()) ?? [];
  return Number(ours) > major || (Number(ours) === major && Number(its) >= minor);
}
