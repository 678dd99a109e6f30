/** What to do about a failure, where more than one module says so. */
import { filterHint, hasCapability, isRoot, runAsRoot } from './own-rights.ts';

export const gone = 'the process has exited';

/** The right to look into it is missing. */
export function unreadable(): string {
  return isRoot()
    ? 'to look into it, CAP_SYS_PTRACE is needed in its user namespace, which this root lacks, as in a container (--cap-add SYS_PTRACE); or a security module protects it'
    : 'to look into a process of another user, CAP_SYS_PTRACE is needed in its user namespace: run as root or as its owner';
}

/** `owned`: what is governed by the user namespace in which it is missing. */
export function adminMissing(owned: string): string {
  return `CAP_SYS_ADMIN is missing in the user namespace that owns ${owned}`;
}

/** EPERM of setns(2), which asks for it on both sides. `otherwise`: what else there is to do. */
export function joiningMissing(joined = 'the namespace', otherwise = ''): string {
  const isHere = hasCapability('CAP_SYS_ADMIN');
  const missing = isHere
    ? adminMissing(joined)
    : `CAP_SYS_ADMIN is missing, in our own user namespace or in the one that owns ${joined}`;
  const hint = filterHint();
  return hint === ''
    ? `${missing}: ${runAsRoot()}${otherwise}`
    : `${missing}, ${isHere ? 'or' : 'and'} ${hint}`;
}

/** Why a container has no process that could be entered. */
export function noProcess(state: unknown, runtime: unknown): string {
  if (state === 'running' || state === 'paused') {
    return `it runs in a kernel of its own (${runtime}): no process here is in it`;
  }
  if (state !== 'unknown') return `it is ${state}, so it has no process`;
  return 'whether it runs, and which process it is, is not proved: listContainers() has the reason in its problems';
}
