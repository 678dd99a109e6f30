/**
 * One set of descriptors for all that is in the same namespaces. A callback that started something is over only when
 * V8 has collected what it made: a program that looks into a container again and again would have no descriptors
 * left long before V8 saw a reason to.
 */
import type { Fds } from '../target/fds.ts';

/** By types and inodes: while one of them is open, no other namespace gets its inode. */
const sets = new Map<string, Fds>();
const keys = new WeakMap<Fds, string>();

/** '' where it cannot be told. */
function keyOf(fds: Fds): string {
  let key = keys.get(fds);
  if (key === undefined) {
    const inodes = Object.entries(fds.inodes());
    key = inodes.every(([, inode]) => inode !== undefined) ? inodes.join() : '';
    keys.set(fds, key);
  }
  return key;
}

/** Those that are open on the same namespaces, of whomever; otherwise `fds`, for others. */
export function shared(fds: Fds): Fds {
  const key = keyOf(fds);
  if (key === '') return fds;
  const known = sets.get(key);
  if (known?.isOpen) return known;
  for (const [key, { isOpen }] of sets) if (!isOpen) sets.delete(key);
  sets.set(key, fds);
  fds.weigh();
  return fds;
}
