/** What to do about a failure, where more than one module says so. */

export const gone = 'the process has exited';

/** The right to look into it is missing. */
export const unreadable =
  'to look into a process of another user, CAP_SYS_PTRACE is needed in its user namespace: run as root or as its owner';

/** `owned`: what is governed by the user namespace in which it is missing. */
export function adminMissing(owned: string): string {
  return `CAP_SYS_ADMIN is missing in the user namespace that owns ${owned}`;
}

/** For setns(2), which asks for it on both sides. */
export function joiningMissing(joined = 'the namespace'): string {
  return `CAP_SYS_ADMIN is missing, in our own user namespace or in the one that owns ${joined}`;
}
