/** Namespaces that outlive every process: bound to files, and taken away from there. */
import { adminMissing } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import {
  type Circumstances,
  failure,
  invalidType,
  invalidValue,
  type NamespaceError,
} from '../base/errors.ts';
import type { NamespaceType } from '../base/namespace-types.ts';
import { filterAdvice, hasCapability, runAsRoot } from '../base/own-rights.ts';

/** For `Namespaces.bind`. */
export function bindTo(path: string, type: NamespaceType, fd: number): void {
  checkFile(path);
  const done = binding.bindFile(fd, path);
  if (done < 0) throw bindFailure(done, type, path);
}

/** What `bind` or `networks.create` met. */
export function bindFailure(errno: number, type: NamespaceType, path: string): NamespaceError {
  const { syscall, ...at } = bindCircumstances(errno, type, path);
  return failure(errno, syscall, at);
}

export function bindCircumstances(
  errno: number,
  type: NamespaceType,
  target: string | undefined,
): Circumstances & { syscall: string } {
  const syscall = errno === errnos.EEXIST ? 'open' : errno === errnos.EAGAIN ? 'flock' : 'mount';
  return { syscall, type, target, advice: bindAdvice(errno, type) };
}

function bindAdvice(errno: number, type: NamespaceType): string | undefined {
  if (errno === errnos.EEXIST) {
    return 'there is a file of that name already: if it holds a namespace, enter that, or unmount and remove it';
  }
  if (errno === errnos.EAGAIN) return 'somebody holds the lock of that directory: try again';
  if (errno === errnos.ENOENT) return 'there is no directory for that file';
  if (errno === errnos.EPERM) {
    const filtered = filterAdvice(errno, 'mount', hasCapability('CAP_SYS_ADMIN'));
    return filtered ?? `${adminMissing('our mount namespace')}: ${runAsRoot()}`;
  }
  if (errno !== errnos.EINVAL || type !== 'mnt') return undefined;
  // It compares their numbers, of which each CPU has some in advance since then.
  return 'a mount namespace can be bound only in one that is older than it, for which Linux 6.18 takes another at times (try again), and on a mount that is private (mount --make-private)';
}

/**
 * Takes away what `bind` made: the namespace is no longer at `path`, and the file is gone. The
 * namespace itself ends when no process, handle or other file keeps it.
 *
 * Throws `NamespaceError`: ENOENT, EPERM, and EINVAL for a file that holds no namespace. umount2(2).
 */
export function unbindNamespace(path: string): void {
  checkFile(path);
  unbind(path, false);
}

/** With `leftovers`, also an empty file whose maker was killed before it bound a namespace to it. */
export function unbind(path: string, leftovers: boolean): void {
  const done = binding.unbindFile(path, leftovers);
  if (done >= 0) return;
  const advice = done === errnos.EINVAL ? 'this file is no namespace' : undefined;
  throw failure(done, done === errnos.ENOENT ? 'open' : 'umount2', { target: path, advice });
}

function checkFile(path: unknown): void {
  if (typeof path !== 'string') throw invalidType('path', 'a string', path);
  if (path === '' || path.includes('\0')) {
    throw invalidValue('path', 'not empty, and without null bytes', path);
  }
}
