/** What to do about a failure, where more than one module says so. */
import { statfsSync } from 'node:fs';

const fuse = 0x65735546; // FUSE_SUPER_MAGIC, linux/magic.h

export const gone = 'the process has exited';

/** The right to look into it is missing. */
export const unreadable =
  'to look into a process of another user, CAP_SYS_PTRACE is needed in its user namespace: run as root or as its owner';

/**
 * Why even root may not enter a root directory: statfs(2) is answered by a FUSE file system of somebody
 * else, too. undefined where it is none.
 */
export function fuseOfAnother(path: string): string | undefined {
  try {
    if (statfsSync(path).type !== fuse) return undefined;
  } catch {
    return undefined;
  }
  return 'it is on FUSE, which lets in nobody from outside of the user namespace in which it was mounted, and there nobody but its user without allow_other: join user too, as evaluate() does with the types all';
}

/** `owned`: what is governed by the user namespace in which it is missing. */
export function adminMissing(owned: string): string {
  return `CAP_SYS_ADMIN is missing in the user namespace that owns ${owned}`;
}

/** For setns(2), which asks for it on both sides. */
export function joiningMissing(joined = 'the namespace'): string {
  return `CAP_SYS_ADMIN is missing, in our own user namespace or in the one that owns ${joined}`;
}
