/** What is ours already: the user namespace, the mount namespace and the root directory of this process. */
import { binding } from '../base/binding.ts';
import { failure } from '../base/errors.ts';
import type { NamespaceType } from '../base/namespace-types.ts';
import { openThread } from '../target/process.ts';

/** Of an open namespace. */
export function inodeOf(fd: number): number {
  return identityOf(fd)[0];
}

let user: number | undefined;

/** A process of several threads cannot change its user namespace, so ours is always the same. */
export function ownUserNamespace(): number {
  user ??= ownInode('user');
  return user;
}

export function isOwnMounts(fd: number): boolean {
  return isOwn('mnt', fd);
}

export function isOwn(type: NamespaceType, fd: number): boolean {
  return inodeOf(fd) === ownInode(type);
}

/** Of a directory, by an fd of it. */
export function isOwnRoot(fd: number): boolean {
  const own = binding.openDirectory('/');
  if (own < 0) throw failure(own, 'open', { target: '/' });
  try {
    return String(identityOf(fd)) === String(identityOf(own));
  } finally {
    binding.close(own);
  }
}

function ownInode(type: NamespaceType): number {
  const fds = openThread([type]);
  try {
    return inodeOf(fds.get(type) ?? -1);
  } finally {
    fds.release();
  }
}

function identityOf(fd: number): readonly [inode: number, device: number] {
  const identity = binding.getInode(fd);
  if (typeof identity === 'number') throw failure(identity, 'statx');
  return identity;
}
