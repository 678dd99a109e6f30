/**
 * What a process can make its reader wait for, such as its files in /proc (native/child/killable_read.h says how),
 * read and opened for a call that does not go on without them: within limits.target.wait milliseconds.
 */
import { constants } from 'node:fs';
import { unreadable } from './advice.ts';
import { binding } from './binding.ts';
import { errnos } from './errnos.ts';
import { target as limits } from './limits.ts';
import { kindOf, type NamespaceType } from './namespace-types.ts';

/** Of a call that failed with ETIMEDOUT. */
export const heldUp: string = `it keeps whoever looks at it waiting, for more than ${limits.wait} ms, as one does that is held up in an exec: try again later`;

/** What to do where a process could not be looked into. */
export function lookAdvice(errno: number): string | undefined {
  if (errno === errnos.ETIMEDOUT) return heldUp;
  return errno === errnos.EACCES ? unreadable() : undefined;
}

/** Through an fd of /proc/PID: the first bytes of a file, or -errno; ENOSYS before Linux 5.9. */
export function textAt(directory: number, name: string): string | number {
  const bytes = binding.readOfProcess(directory, name, limits.file, limits.wait);
  return typeof bytes === 'number' ? bytes : bytes.toString();
}

/** Through an fd of /proc/PID: fds for the caller to close, and after the last -errno of one that was not opened. */
export function openAt(
  directory: number,
  names: readonly string[],
  flags: number = constants.O_RDONLY,
): readonly number[] {
  const files = binding.openOfProcess(directory, names, flags, limits.wait);
  return typeof files === 'number' ? [files] : files;
}

/** The same of namespaces, through a pidfd: ENOTTY before Linux 6.11. */
export function namespacesOf(pidfd: number, types: readonly NamespaceType[]): readonly number[] {
  const flags = Int32Array.from(types, type => kindOf[type].flag);
  const files = binding.namespacesOfPidfd(pidfd, flags, limits.wait);
  return typeof files === 'number' ? [files] : files;
}

/** Through an fd of /proc/PID: an O_PATH fd of a directory, for the caller to close, or -errno. */
export function directoryAt(directory: number, name: 'root' | 'cwd'): number {
  return openAt(directory, [name], pathOnly)[0] ?? errnos.ENOENT;
}

/** O_PATH, which Node does not name: the same on all architectures. */
const pathOnly = 0o10000000 | constants.O_DIRECTORY;
