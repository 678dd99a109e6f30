/** `openRoot`: from a target to the files of it. */
import type { Target } from '../target/target.ts';
import { Calls } from './calls.ts';
import { ContainerRoot } from './container-root.ts';
import { openFiles } from './open.ts';

/**
 * Opens the root of a container for work on its files from outside: of a process, or of a mount
 * namespace that is given by a path or a handle. Every path is resolved inside by the kernel
 * (openat2(2), RESOLVE_IN_ROOT), so that no link in the container leads to a file of ours. The result
 * has to be closed.
 *
 * It is the root that the process has now, and it serves for as long as the process lives and keeps
 * it: afterwards every call is refused, ESRCH or ESTALE.
 *
 * Opening needs the right to look into the process (ptrace(2), PTRACE_MODE_READ): root's or its
 * owner's. Of a mount namespace, CAP_SYS_ADMIN and CAP_SYS_CHROOT. Throws `NamespaceError`: ESRCH where
 * there is no such process, or it has exited; EACCES where it may not be looked into; ETIMEDOUT where it keeps who looks
 * waiting for a second. Linux 5.8.
 */
export function openRoot(target: Target): ContainerRoot {
  return new ContainerRoot(new Calls(openFiles(target)));
}
