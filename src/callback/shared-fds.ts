/**
 * One set of descriptors for all that is in the same namespaces. A callback that started something is over only when
 * V8 has collected what it made: a program that looks into a container again and again would have no descriptors
 * left long before V8 saw a reason to.
 */
import type { Fds } from '../target/fds.ts';

/** By types and inodes: while one of them is open, no other namespace gets its inode. */
const sets = new Map<string, Fds>();

/** Those of `fds`, whose use by the caller it takes over, or others that are open on the same. */
export function shared(fds: Fds): Fds {
  const inodes = Object.entries(fds.inodes());
  if (inodes.some(([, inode]) => inode === undefined)) return fds;
  const key = inodes.join();
  const known = sets.get(key);
  if (known?.isOpen) {
    known.retain(); // first: they may be these
    fds.release();
    return known;
  }
  for (const [key, { isOpen }] of sets) if (!isOpen) sets.delete(key);
  sets.set(key, fds);
  return fds;
}
