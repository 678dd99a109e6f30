/**
 * From a target, as a caller names it, to open fds of its namespaces. A process is opened once, by
 * pidfd or by its directory in /proc, and everything is taken from that: a recycled pid is never
 * entered half-way.
 */

import { unreadable } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { checkTypes, failure, invalidType, invalidValue } from '../base/errors.ts';
import { answersByPidfd } from '../base/kernel.ts';
import { isType, kindOf, kinds, type NamespaceType, type Types } from '../base/namespace-types.ts';
import { has, own, property } from '../base/own-properties.ts';
import { goneAdvice, openProcess as openDirectory, openOwnThread } from '../base/proc.ts';
import { traced } from '../base/trace.ts';
import { lookAdvice, openAt } from '../base/waiting-files.ts';
import { type Fds, openEach } from './fds.ts';
import { knownTypes } from './known-types.ts';
import { Namespaces } from './namespaces.ts';
import {
  awaitStart,
  checkStart,
  isChild,
  livePid,
  type Owner,
  pidIn,
  startTimeIn,
} from './process-identity.ts';

/** Paths of namespaces, such as `{ net: '/run/netns/blue' }`. */
export type Paths = { readonly [type in NamespaceType]?: string };

/**
 * Whose namespaces: a pid (or the id of a thread) as our /proc shows it, something with a `pid` (a
 * ChildProcess, a Container), paths of namespaces, or an open handle.
 *
 * Our own pid means the main thread, wherever that is: in a callback inside, and for a Worker also where a callback of
 * the main thread happens to be. A handle that was opened before any callback is ours for good.
 */
export type Target = number | Owner | Paths | Namespaces;

export const pidMost: number = 2 ** 22; // PID_MAX_LIMIT, linux/threads.h
const pidfdThread = 0o200; // PIDFD_THREAD, Linux 6.9

/** pidfd_open is not to be had: by the kernel (before Linux 5.3), a filter, or for such a target. */
const noPidfd: readonly number[] = [errnos.EINVAL, errnos.ENOSYS, errnos.EPERM];

/**
 * Opens namespaces of `target`, so that they stay reachable whatever becomes of it. The result has to
 * be closed.
 *
 * Opening a process needs the right to look into it (ptrace(2), PTRACE_MODE_READ): root's or its owner's.
 * Throws `NamespaceError`: ESRCH where there is no such process, or it has exited; EACCES where it may not be looked
 * into; ETIMEDOUT where it keeps who looks waiting for a second; EINVAL for a path that is no namespace or one of
 * another type.
 */
export function openNamespaces(target: Target, types: Types): Namespaces {
  return Namespaces.of(openTarget(target, checkTypes(types)));
}

/** Opens the namespaces of `target`; the caller owns one use of the result. */
export function openTarget(target: Target, types: Types): Fds {
  return traced(
    'openTarget',
    () => open(target, types),
    fds => ({ pid: pidOf(target), ...fds.inodes() }),
  );
}

function open(target: Target, types: Types): Fds {
  if (target instanceof Namespaces) return openHandle(target, types);
  awaitStart(target);
  if (typeof target === 'number') return openProcess(target, types);
  if (typeof target !== 'object' || target === null) {
    throw invalidType('target', 'a pid, an object with a pid, paths, or Namespaces', target);
  }
  if (isOwner(target)) {
    return openProcess(livePid(target), types, isChild(target), startTimeIn(target));
  }
  return openPaths(own(target), types);
}

/** Has it a pid, and not a path by that name? */
function isOwner(target: Owner | Paths): target is Owner {
  return has(target, 'pid') && typeof property(target, 'pid') !== 'string';
}

/** undefined: it is no process. What is wrong with it, `openTarget` says. */
export function pidOf(target: Target | undefined): number | undefined {
  if (target instanceof Namespaces) return undefined;
  awaitStart(target);
  return pidIn(target);
}

/**
 * As `pidOf`, of what is about to be opened by it: throws for a number that is no pid, and for a child that has
 * ended, whose pid may be another's by now.
 */
export function processOf(target: Target | undefined): number | undefined {
  const pid = pidOf(target);
  if (pid === undefined) return undefined;
  if (typeof target === 'object') livePid(target as Owner);
  checkPid(pid);
  return pid;
}

function openHandle(handle: Namespaces, types: Types): Fds {
  const fds = handle.fds();
  const chosen = types === 'all' ? fds.types.filter(type => differs(fds.get(type), type)) : types;
  for (const type of chosen) handle.fd(type); // throws where it has none
  return chosen.length === fds.types.length
    ? fds.retain()
    : openEach(chosen, type => must(binding.dup(handle.fd(type)), 'fcntl', type));
}

function openPaths(paths: Paths, types: Types): Fds {
  for (const [type, path] of Object.entries(paths)) {
    if (!isType(type)) throw invalidValue('target', 'a pid or paths by type of namespace', paths);
    if (typeof path !== 'string') throw invalidType(`target.${type}`, 'a path', path);
    if (path === '' || path.includes('\0')) {
      throw invalidValue(`target.${type}`, 'a path, not empty and without null bytes', path);
    }
  }
  const given = kinds.map(kind => kind.name).filter(type => paths[type] !== undefined);
  if (given.length === 0) throw invalidValue('target', 'a pid or paths by type', paths);
  const wanted = types === 'all' ? given : types;
  const fds = openEach(wanted, type => openPath(paths[type], type));
  return types === 'all' ? keepDifferent(fds) : fds;
}

function openPath(path: string | undefined, type: NamespaceType): number {
  if (path === undefined) throw invalidValue('types', 'among those that the target names', type);
  const fd = binding.openNamespace(path);
  if (fd < 0) {
    const ofProcess = fd === errnos.EACCES && path.startsWith('/proc/') ? unreadable() : undefined;
    const advice = fd === errnos.EINVAL ? 'this file is no namespace' : ofProcess;
    throw failure(fd, 'open', { type, target: path, advice });
  }
  const flag = binding.getType(fd);
  if (flag === kindOf[type].flag) return fd;
  binding.close(fd);
  const actual = kinds.find(kind => kind.flag === flag)?.name ?? 'another type';
  throw failure(flag < 0 ? flag : errnos.EINVAL, 'ioctl', {
    type,
    target: path,
    advice: `this namespace is ${actual}, not ${type}`,
  });
}

function checkPid(pid: unknown): void {
  if (typeof pid !== 'number') throw invalidType('pid', 'a number', pid);
  if (Number.isInteger(pid) && pid >= 1 && pid <= pidMost) return;
  throw invalidValue('pid', `an integer from 1 to ${pidMost}`, pid);
}

/** `isChild`: the pid is from the kernel, and means a child of ours whatever /proc shows. */
function openProcess(pid: number, types: Types, isChild = false, startTime?: number): Fds {
  checkPid(pid);
  const wanted = types === 'all' ? knownTypes() : types;
  // A pidfd of that number is somebody else's, if /proc does not number processes as we do.
  ownProc ??= binding.isOwnProc() === 1;
  const viaFd = (ownProc ? !pidfdsWait : isChild) && viaPidfd(pid, wanted, !ownProc, startTime);
  if (viaFd) return types === 'all' ? keepDifferent(viaFd) : viaFd;
  const directory = openDirectory(pid, isChild);
  try {
    refuseKernelThread(pid);
    checkStart(pid, startTime);
    const fds = viaProc(pid, wanted, openerAt(directory, wanted));
    return types === 'all' ? keepDifferent(fds) : fds;
  } finally {
    binding.close(directory);
  }
}

/** Does /proc number processes as we do? It may have been mounted in another pid namespace. */
let ownProc: boolean | undefined;
/** Has this kernel the ioctls that open a namespace through a pidfd (Linux 6.11)? */
let pidfdIoctls = true;
/** Do they wait for a process that is held up in an exec, as its files in /proc do? */
const pidfdsWait = !answersByPidfd();

/** undefined where this kernel or this kind of target wants the other way. */
function viaPidfd(
  pid: number,
  types: readonly NamespaceType[],
  isOurs = false,
  startTime?: number,
): Fds | undefined {
  if (!pidfdIoctls) return undefined;
  let pidfd = binding.pidfdOpen(pid, 0);
  if (pidfd === errnos.ENOENT || pidfd === errnos.EINVAL) {
    pidfd = binding.pidfdOpen(pid, pidfdThread); // a thread, not the first of its process
  }
  if (noPidfd.includes(pidfd)) return undefined;
  if (pidfd < 0) throw failure(pidfd, 'pidfd_open', { target: pid });
  try {
    if (!isOurs) refuseKernelThread(pid);
    checkStart(pid, startTime, pidfd);
    return openEach(types, type => {
      const fd = binding.pidfdNamespace(pidfd, kindOf[type].flag);
      if (fd >= 0) return fd;
      throw processFailure(fd, 'ioctl', pid, type);
    });
  } catch (error) {
    if ((error as { errno?: number }).errno !== errnos.ENOTTY) throw error;
    pidfdIoctls = false;
    return undefined;
  } finally {
    binding.close(pidfd);
  }
}

type Opener = (type: NamespaceType) => number;

/** All at once: those after one that cannot be opened are not asked for. */
function openerAt(directory: number, types: readonly NamespaceType[]): Opener {
  const names = types.map(type => `ns/${type}`);
  const files = openAt(directory, names);
  return type => files[types.indexOf(type)] ?? errnos.ESRCH;
}

function viaProc(pid: number, types: readonly NamespaceType[], open: Opener): Fds {
  return openEach(types, type => {
    const fd = open(type);
    if (fd >= 0) return fd;
    // A zombie's directory is there, with nothing behind its links.
    throw processFailure(fd === errnos.ENOENT ? errnos.ESRCH : fd, 'open', pid, type);
  });
}

/**
 * The inode of the user namespace of a process that is held by its directory. That it is of this process, and of none
 * that has got its pid, is proved by what is read through the directory afterwards.
 */
export function userNamespaceOf(pid: number, directory: number): number {
  const types = ['user'] as const;
  const viaFd = pidfdsWait ? undefined : viaPidfd(pid, types, true);
  const fds = viaFd ?? viaProc(pid, types, openerAt(directory, types));
  const inode = binding.getInode(fds.get('user') ?? -1);
  fds.release();
  if (typeof inode === 'number') throw failure(inode, 'statx', { type: 'user', target: pid });
  return inode[0];
}

/** Its namespaces are those of the machine: nobody means them by a kernel thread's pid. */
function refuseKernelThread(pid: number): void {
  const answer = binding.isKernelThread(pid);
  if (answer < 0) throw failure(answer, 'open', { target: pid });
  if (answer === 0) return;
  const advice = 'a thread of the kernel has no namespaces of its own';
  throw failure(errnos.EINVAL, 'pidfd_open', { target: pid, advice });
}

function processFailure(errno: number, syscall: string, pid: number, type: NamespaceType): Error {
  if (!knownTypes().includes(type)) {
    const advice = `this kernel has no ${type} namespaces`;
    return failure(errnos.ENOENT, syscall, { type, target: pid, advice });
  }
  const advice = errno === errnos.ESRCH ? goneAdvice(pid) : lookAdvice(errno);
  return failure(errno, syscall, { type, target: pid, advice });
}

/** The namespaces of the calling thread, as it is now, whatever its number is in /proc. */
export function openThread(types: readonly NamespaceType[]): Fds {
  const tid = binding.gettid();
  const fds = viaPidfd(tid, types, true);
  if (fds !== undefined) return fds;
  const directory = openOwnThread();
  try {
    return viaProc(tid, types, type => binding.openNamespaceAt(directory, type));
  } finally {
    binding.close(directory);
  }
}

/** Drops, and closes, what is ours already. */
function keepDifferent(fds: Fds): Fds {
  try {
    const types = fds.types.filter(type => differs(fds.get(type), type));
    return openEach(types, type => must(binding.dup(fds.get(type) ?? -1), 'fcntl', type));
  } finally {
    fds.release();
  }
}

function differs(fd: number | undefined, type: NamespaceType): boolean {
  const ours = openThread([type]);
  try {
    const theirs = binding.getInode(fd ?? -1);
    const own = binding.getInode(ours.get(type) ?? -1);
    return String(theirs) !== String(own);
  } finally {
    ours.release();
  }
}

function must(value: number, syscall: string, type: NamespaceType): number {
  if (value < 0) throw failure(value, syscall, { type });
  return value;
}
