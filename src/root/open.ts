/**
 * From a target to an open root in the addon, with the ids of its user namespace. A process is held by
 * its directory in /proc, opened before anything else is asked of it: what is had through that
 * afterwards is of one process, whatever its pid comes to mean.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import type { OpenedRoot } from '../base/addon.ts';
import { gone, unreadable } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, refusal } from '../base/errors.ts';
import { own } from '../base/own-properties.ts';
import { runAsRoot } from '../base/own-rights.ts';
import { fuseOfAnother, idMapIn, openProcess } from '../base/proc.ts';
import { numbersIn } from '../base/status-fields.ts';
import { traced } from '../base/trace.ts';
import { directoryAt, heldUp } from '../base/waiting-files.ts';
import { Namespaces } from '../target/namespaces.ts';
import { userNamespaceOf } from '../target/process.ts';
import { isChild, pidIn } from '../target/process-identity.ts';
import { openTarget, processOf, type Target } from '../target/target.ts';

export interface OpenedFiles {
  readonly root: OpenedRoot;
  readonly target: number | string | undefined;
}

export function openFiles(target: Target): OpenedFiles {
  const pid = processOf(target);
  return traced(
    'openRoot',
    () => (pid === undefined ? ofMounts(target) : ofProcess(target, pid)),
    () => ({ pid }),
  );
}

function ofProcess(target: Target, pid: number): OpenedFiles {
  const fds: number[] = [];
  try {
    const directory = openProcess(pid, isChild(target));
    fds.push(directory);
    const user = userNamespaceOf(pid, directory);
    const mounts = mountsOf(target);
    fds.push(mounts);
    const users = idsOf(directory, user, 'uid_map', pid);
    const groups = idsOf(directory, user, 'gid_map', pid);
    const root = directoryAt(directory, 'root');
    if (root < 0) throw unopened(root, pid);
    fds.push(root);
    // It cannot come back from another one (SourceProcess.credentials()): so the ids are those of this root.
    if (userNamespaceOf(pid, directory) !== user) {
      const advice = 'it has gone into another user namespace at this moment: try again';
      throw failure(errnos.EAGAIN, 'open', { type: 'user', target: pid, advice });
    }
    // Last: what was not read through the directory is of the same process, if it still is there.
    const owner = ownerOf(directory, pid);
    fds.length = 0;
    const opened = binding.rootOpen(directory, root, mounts, users, groups, owner);
    if (typeof opened === 'number') throw unopened(opened, pid);
    return { root: opened, target: pid };
  } catch (error) {
    for (const fd of fds) binding.close(fd);
    throw error;
  }
}

/** For the caller to close. */
function mountsOf(target: Target): number {
  const fds = openTarget(target, ['mnt']);
  try {
    const mounts = binding.dup(fds.get('mnt') ?? -1);
    if (mounts >= 0) return mounts;
    throw failure(mounts, 'fcntl', { type: 'mnt', target: pidIn(target) });
  } finally {
    fds.release();
  }
}

/** A mount namespace, without any process of it: its own root. */
function ofMounts(target: Target): OpenedFiles {
  if (target instanceof Namespaces && !target.types.includes('mnt')) {
    const advice = 'openRoot() needs a process, or a handle or path with mnt';
    throw refusal(['mnt'], 'not among the namespaces of this target', { advice });
  }
  const name = target instanceof Namespaces ? undefined : own(target as { mnt?: string }).mnt;
  const mounts = mountsOf(target);
  const owner = ownerOfMounts(mounts);
  const ids = owner === undefined ? [] : none;
  const maker = owner === undefined ? ([-1, -1] as const) : ([owner, nobody] as const);
  const root = binding.rootOpen(-1, -1, mounts, ids, ids, maker);
  if (typeof root === 'number') throw unopened(root, name);
  return { root, target: name };
}

function unopened(errno: number, target: OpenedFiles['target']): Error {
  if (errno === errnos.ENOENT || errno === errnos.ESRCH) return ended(target);
  const advice =
    errno === errnos.ENOSYS
      ? '/proc is not mounted here, and files are opened through it'
      : errno === errnos.EPERM
        ? `CAP_SYS_ADMIN and CAP_SYS_CHROOT are missing, or the namespace is not in reach of them: ${runAsRoot()}`
        : errno === errnos.ETIMEDOUT
          ? heldUp
          : errno === errnos.EACCES && typeof target === 'number'
            ? (fuseOfAnother(target) ?? unreadable())
            : undefined;
  return failure(errno, typeof target === 'number' ? 'open' : 'setns', {
    type: 'mnt',
    target,
    advice,
  });
}

function ended(target: OpenedFiles['target']): Error {
  return failure(errnos.ESRCH, 'open', { target, advice: gone });
}

/** No id of ours is one of theirs, nor the other way round. */
const none: readonly number[] = [0, 0, 0];
const unmapped = 2 ** 32 - 1;
const nobody = 65_534;

/** Of the user namespace with that inode. Outside is in our numbers. */
function idsOf(directory: number, user: number, file: string, pid: number): readonly number[] {
  try {
    if (isOwnUser(user)) return [];
    const lines = idMapIn(readFileSync(`/proc/self/fd/${directory}/${file}`, 'utf8'));
    // Ids that are none of our user namespace either are shown as -1.
    const numbers = lines.filter(([, outside]) => outside !== unmapped).flat();
    return numbers.length === 0 ? none : numbers;
  } catch (error) {
    throw unknownIds(error, pid);
  }
}

function unknownIds(error: unknown, pid: number): Error {
  const { errno = errnos.ESRCH } = error as NodeJS.ErrnoException;
  if (errno === errnos.ENOENT || errno === errnos.ESRCH) return ended(pid);
  const advice = errno === errnos.EACCES ? unreadable() : undefined;
  return failure(errno, 'open', { type: 'user', target: pid, advice });
}

/** The ids with which the process works on files, in our numbers: proc_pid_status(5), the fourth of each line. */
function ownerOf(directory: number, pid: number): readonly [uid: number, gid: number] {
  try {
    const status = readFileSync(`/proc/self/fd/${directory}/status`, 'utf8');
    const ids = ['Uid', 'Gid'].map(name => numbersIn(status, name)[3] ?? -1);
    const [uid = -1, gid = -1] = ids.map(id => (id === unmapped ? -1 : id));
    return [uid, gid];
  } catch (error) {
    throw unknownIds(error, pid);
  }
}

function isOwnUser(inode: number | undefined): boolean {
  return `user:[${inode}]` === readlinkSync('/proc/self/ns/user');
}

/**
 * Who has made the user namespace that owns the mount namespace; undefined: it is ours. Root, whose files are
 * not to be told from ours, and who cannot be known is nobody.
 */
function ownerOfMounts(mounts: number): number | undefined {
  const owner = binding.getOwner(mounts);
  if (owner < 0) return nobody;
  try {
    if (isOwnUser([binding.getInode(owner)].flat()[0])) return undefined;
    const uid = binding.getOwnerUid(owner);
    return uid > 0 ? uid : nobody;
  } finally {
    binding.close(owner);
  }
}
