/**
 * From a process to open fds of its namespaces. It is opened once, by pidfd or by its directory in /proc, and
 * everything is taken from that: a recycled pid is never entered half-way.
 */
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, invalidType, invalidValue } from '../base/errors.ts';
import { answersByPidfd } from '../base/kernel.ts';
import { kindOf, type NamespaceType } from '../base/namespace-types.ts';
import { goneAdvice, openProcess as openDirectory, openOwnThread } from '../base/proc.ts';
import { lookAdvice, namespacesOf, openAt } from '../base/waiting-files.ts';
import { type Fds, openEach } from './fds.ts';
import { knownTypes } from './known-types.ts';
import { checkStart } from './process-identity.ts';

export const pidMost: number = 2 ** 22; // PID_MAX_LIMIT, linux/threads.h
const pidfdThread = 0o200; // PIDFD_THREAD, Linux 6.9

/** pidfd_open is not to be had: by the kernel (before Linux 5.3), a filter, or for such a target. */
const noPidfd: readonly number[] = [errnos.EINVAL, errnos.ENOSYS, errnos.EPERM];

/** How the namespaces behind a pidfd are opened; undefined: not in this way. */
export type ByPidfd = (pidfd: number, types: readonly NamespaceType[]) => Fds | undefined;

export interface Process {
  readonly pid: number;
  /** The pid is from the kernel, and means a child of ours whatever /proc shows. */
  readonly isChild: boolean;
  readonly startTime: number | undefined;
}

export function checkPid(pid: unknown): void {
  if (typeof pid !== 'number') throw invalidType('pid', 'a number', pid);
  if (Number.isInteger(pid) && pid >= 1 && pid <= pidMost) return;
  throw invalidValue('pid', `an integer from 1 to ${pidMost}`, pid);
}

/** `byPidfd`: a way that waits for nobody, where the ioctls of a pidfd can. */
export function openProcess(
  { pid, isChild, startTime }: Process,
  types: readonly NamespaceType[],
  byPidfd?: ByPidfd,
): Fds {
  checkPid(pid);
  // A pidfd of that number is somebody else's, if /proc does not number processes as we do.
  ownProc ??= binding.isOwnProc() === 1;
  // It waits for nobody, and may be one that no other process may look into.
  const isSelf = ownProc && pid === process.pid;
  if (ownProc || isChild) {
    const looked = { pid, startTime, isOurs: !ownProc };
    const waitless = pidfdsWait && !isSelf ? byPidfd : undefined;
    const fds =
      (waitless && inside(looked, types, waitless)) ??
      viaIoctls(looked, types, pidfdsWait && !isSelf);
    if (fds) return fds;
  }
  const directory = openDirectory(pid, isChild);
  try {
    refuseKernelThread(pid);
    checkStart(pid, startTime);
    return viaProc(pid, types, isSelf ? ownOpener(directory) : openerAt(directory, types));
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

/** `isOurs`: it is no thread of the kernel. */
interface Looked {
  readonly pid: number;
  readonly startTime: number | undefined;
  readonly isOurs: boolean;
}

function openPidfd(pid: number): number {
  const pidfd = binding.pidfdOpen(pid, 0);
  const isThread = pidfd === errnos.ENOENT || pidfd === errnos.EINVAL; // not the first of its process
  return isThread ? binding.pidfdOpen(pid, pidfdThread) : pidfd;
}

/** What `open` makes of a pidfd of that process, which is closed then. */
function viaPidfd(
  pidfd: number,
  { pid, startTime, isOurs }: Looked,
  open: ByPidfd,
  types: readonly NamespaceType[],
): Fds | undefined {
  try {
    if (!isOurs) refuseKernelThread(pid);
    checkStart(pid, startTime, pidfd);
    return open(pidfd, types);
  } finally {
    binding.close(pidfd);
  }
}

/** undefined where there is no pidfd, or `open` wants another way. */
function inside(looked: Looked, types: readonly NamespaceType[], open: ByPidfd): Fds | undefined {
  const pidfd = openPidfd(looked.pid);
  return pidfd < 0 ? undefined : viaPidfd(pidfd, looked, open, types);
}

type Opener = (type: NamespaceType) => number;

/** `given`: an fd of each of `types`, until -errno of one that cannot be opened. */
function openerOf(types: readonly NamespaceType[], given: readonly number[]): Opener {
  return type => given[types.indexOf(type)] ?? errnos.ESRCH;
}

/** By a process that can be killed, or, where nobody can be made to wait, by this thread. */
function openerBy(pidfd: number, types: readonly NamespaceType[], waits: boolean): Opener {
  return waits
    ? openerOf(types, namespacesOf(pidfd, types))
    : type => binding.pidfdNamespace(pidfd, kindOf[type].flag);
}

/** undefined where this kernel has none, or this kind of target wants another way. */
function viaIoctls(
  looked: Looked,
  types: readonly NamespaceType[],
  waits = pidfdsWait,
): Fds | undefined {
  if (!pidfdIoctls) return undefined;
  const pidfd = openPidfd(looked.pid);
  if (noPidfd.includes(pidfd)) return undefined;
  if (pidfd < 0) throw failure(pidfd, 'pidfd_open', { target: looked.pid });
  const open = () => {
    const opener = openerBy(pidfd, types, waits);
    return openEach(types, type => {
      const fd = opener(type);
      if (fd >= 0) return fd;
      throw processFailure(fd, 'ioctl', looked.pid, type);
    });
  };
  try {
    return viaPidfd(pidfd, looked, open, types);
  } catch (error) {
    if ((error as { errno?: number }).errno !== errnos.ENOTTY) throw error;
    pidfdIoctls = false;
    return undefined;
  }
}

function openerAt(directory: number, types: readonly NamespaceType[]): Opener {
  const names = types.map(type => `ns/${type}`);
  return openerOf(types, openAt(directory, names));
}

/** Without a process for it. */
function ownOpener(directory: number): Opener {
  return type => binding.openNamespaceAt(directory, type);
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
  const fds =
    viaIoctls({ pid, startTime: undefined, isOurs: true }, types) ??
    viaProc(pid, types, openerAt(directory, types));
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
  const pid = binding.gettid();
  const fds = viaIoctls({ pid, startTime: undefined, isOurs: true }, types, false);
  if (fds !== undefined) return fds;
  const directory = openOwnThread();
  try {
    return viaProc(pid, types, ownOpener(directory));
  } finally {
    binding.close(directory);
  }
}
