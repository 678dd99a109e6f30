/** Processes by file descriptor, and their namespaces. */
import { gone } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { kindOf, type NamespaceType } from '../base/namespace-types.ts';
import { ask, checkInteger, checkType, given } from './check.ts';

/** For `pidfdOpen`: `pid` is the id of any thread, and the fd stands for that thread (Linux 6.9). */
export const PIDFD_THREAD = 0o200;
/** For `pidfdOpen`: waiting for the process by this fd does not block (Linux 5.10). */
export const PIDFD_NONBLOCK = 0o4000;

/**
 * Opens a process, so that its pid cannot come to mean another one.
 *
 * pidfd_open(2). Linux 5.3.
 */
export function pidfdOpen(pid: number, flags = 0): number {
  checkInteger('pid', pid);
  checkInteger('flags', flags);
  const fd = binding.pidfdOpen(pid, flags);
  if (fd < 0) throw failure(fd, 'pidfd_open', { target: pid });
  return given(fd);
}

/**
 * Opens the namespace of a process, by its pidfd.
 *
 * ioctl PIDFD_GET_*_NAMESPACE. Linux 6.11; on older ones, `openNamespace('/proc/PID/ns/...')`. A process that is held up
 * in an exec keeps it waiting on most kernels (not up to 6.18.44; seen with 6.12.117 and 7.2.13), as what it has in /proc
 * does.
 */
export function pidfdNamespace(pidfd: number, type: NamespaceType): number {
  checkInteger('pidfd', pidfd);
  checkType(type);
  const fd = ask(binding.pidfdNamespace(pidfd, kindOf[type].flag), type, {
    [errnos.ESRCH]: gone,
    [errnos.EACCES]: 'CAP_SYS_PTRACE is missing in the user namespace of the process',
    [errnos.ENOTTY]: 'this is no pidfd, or the kernel is older than Linux 6.11',
  });
  return given(fd);
}
