/**
 * `linux-namespaces/syscalls`: the system calls themselves, for what the rest of the library does not
 * do. Each answers as the kernel does, with a failure as a `NamespaceError` that carries its errno.
 * File descriptors that they return are the caller's to close (`fs.closeSync`); all are close-on-exec.
 */
/// <reference types="node" preserve="true" />
export { NamespaceError } from '../base/errors.ts';
export type { NamespaceType } from '../base/namespace-types.ts';
export { type Cloned, clone, waitid } from './clone.ts';
export { setns, unshare } from './move.ts';
export {
  nsId,
  nsInode,
  nsOwner,
  nsOwnerUid,
  nsParent,
  nsType,
  openNamespace,
} from './nsfs.ts';
export { PIDFD_NONBLOCK, PIDFD_THREAD, pidfdNamespace, pidfdOpen } from './pidfd.ts';
