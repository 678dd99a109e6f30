/** Namespaces by path and by file descriptor: ioctl_nsfs(2). */
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, invalidType, invalidValue } from '../base/errors.ts';
import { type NamespaceType, typesIn } from '../base/namespace-types.ts';
import { ask, checkInteger, given } from './check.ts';

const notOne = { [errnos.ENOTTY]: 'this is no namespace' };

/**
 * Opens the namespace at a path such as /proc/PID/ns/net or /run/netns/blue. Of any other file it only
 * finds out that it is none (EINVAL): it opens no device and waits for no FIFO.
 *
 * open(2), namespaces(7). Linux 3.0.
 */
export function openNamespace(path: string): number {
  if (typeof path !== 'string') throw invalidType('path', 'a string', path);
  if (path === '' || path.includes('\0')) {
    throw invalidValue('path', 'not empty, and without null bytes', path);
  }
  const fd = binding.openNamespace(path);
  if (fd >= 0) return given(fd);
  const advice = fd === errnos.EINVAL ? 'this file is no namespace' : undefined;
  throw failure(fd, 'open', { target: path, advice });
}

/**
 * The type of the namespace that `fd` holds; ENOTTY if it holds none.
 *
 * ioctl_nsfs(2), NS_GET_NSTYPE. Linux 4.11.
 */
export function nsType(fd: number): NamespaceType {
  checkInteger('fd', fd);
  const flag = ask(binding.getType(fd), undefined, notOne);
  const [type] = typesIn(flag);
  if (type === undefined) throw failure(errnos.EINVAL, 'ioctl', { advice: 'of an unknown type' });
  return type;
}

/**
 * Opens the parent of a user or pid namespace; EINVAL for the other types, which have none.
 *
 * ioctl_nsfs(2), NS_GET_PARENT. Linux 4.9.
 */
export function nsParent(fd: number): number {
  checkInteger('fd', fd);
  const parent = ask(binding.getParent(fd), undefined, {
    ...notOne,
    [errnos.EPERM]: 'it is the first one, or its parent lies outside of our own',
    [errnos.EINVAL]: 'only user and pid namespaces have a parent',
  });
  return given(parent);
}

/**
 * Opens the user namespace that owns the namespace: power over this one is power in that one. For a
 * user namespace, that is its parent.
 *
 * ioctl_nsfs(2), NS_GET_USERNS. Linux 4.9.
 */
export function nsOwner(fd: number): number {
  checkInteger('fd', fd);
  const owner = ask(binding.getOwner(fd), undefined, {
    ...notOne,
    [errnos.EPERM]: 'it has no owner, or its owner lies outside of our own user namespace',
  });
  return given(owner);
}

/**
 * The uid, as our user namespace sees it, of who created a user namespace; EINVAL for the other types.
 *
 * ioctl_nsfs(2), NS_GET_OWNER_UID. Linux 4.11.
 */
export function nsOwnerUid(fd: number): number {
  checkInteger('fd', fd);
  return ask(binding.getOwnerUid(fd), undefined, {
    ...notOne,
    [errnos.EINVAL]: 'only a user namespace has an owner uid',
  });
}

/**
 * The kernel's 64-bit id of the namespace, which it never gives again.
 *
 * ioctl_nsfs(2), NS_GET_ID. Linux 6.18.
 */
export function nsId(fd: number): bigint {
  const type = nsType(fd);
  const id = binding.getId(fd);
  if (typeof id === 'bigint') return id;
  const advice =
    id === errnos.ENOTTY ? 'this needs Linux 6.18; nsInode works everywhere' : undefined;
  throw failure(id, 'ioctl', { type, advice });
}

/**
 * The number by which /proc and lsns know the namespace. Once it is gone, the kernel may give its
 * number to another one.
 *
 * statx(2), namespaces(7). Linux 4.11.
 */
export function nsInode(fd: number): number {
  const type = nsType(fd);
  const inode = binding.getInode(fd);
  if (typeof inode === 'number') throw failure(inode, 'statx', { type });
  return inode[0];
}
