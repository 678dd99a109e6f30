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
import { lookAdvice, openAt } from '../base/waiting-files.ts';
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
  readonly isChild?: boolean;
  readonly startTime?: number | undefined;
}

export function checkPid(pid: unknown): void {
  if (typeof pid !== 'number') throw invalidType('pid', 'a number', pid);
  if (Number.isInteger(pid) && pid >= 1 && pid <= pidMost) return;
  throw invalidValue('pid', `an integer from 1 to ${pidMost}`, pid);
}

/** `byPidfd`: a way that waits for nobody, where this kernel has no such ioctls. */
export function openProcess(
  { pid, isChild = false, startTime }: Process,
  types: readonly NamespaceType[],
  byPidfd?: ByPidfd,
): Fds {
  checkPid(pid);
  // A pidfd of that number is somebody else's, if /proc does not number processes as we do.
  ownProc ??= binding.isOwnProc() === 1;
  if (ownProc || isChild) {
    const looked = { pid, startTime, isOurs: !ownProc };
    const found = ownProc && pidfdsWait ? undefined : viaIoctls(looked, types);
    if (found) return found;
    const pidfd = byPidfd ? openPidfd(pid) : -1;
    const opened = byPidfd && pidfd >= 0 ? viaPidfd(pidfd, looked, byPidfd, types) : undefined;
    if (opened) return opened;
  }
  const directory = openDirectory(pid, isChild);
  try {
    refuseKernelThread(pid);
    checkStart(pid, startTime);
    return viaProc(pid, types, openerAt(directory, types));
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
  readonly startTime?: number | undefined;
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

/** undefined where this kernel has none, or this kind of target wants another way. */
function viaIoctls(looked: Looked, types: readonly NamespaceType[]): Fds | undefined {
  if (!pidfdIoctls) return undefined;
  const pidfd = openPidfd(looked.pid);
  if (noPidfd.includes(pidfd)) return undefined;
  if (pidfd < 0) throw failure(pidfd, 'pidfd_open', { target: looked.pid });
  const open = () =>
    openEach(types, type => {
      const fd = binding.pidfdNamespace(pidfd, kindOf[type].flag);
      if (fd >= 0) return fd;
      throw processFailure(fd, 'ioctl', looked.pid, type);
    });
  try {
    return viaPidfd(pidfd, looked, open, types);
  } catch (error) {
    if ((error as { errno?: number }).errno !== errnos.ENOTTY) throw error;
    pidfdIoctls = false;
    return undefined;
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
  const viaFd = pidfdsWait ? undefined : viaIoctls({ pid, isOurs: true }, types);
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
  const pid = binding.gettid();
  const fds = viaIoctls({ pid, isOurs: true }, types);
  if (fds !== undefined) return fds;
  const directory = openOwnThread();
  try {
    return viaProc(pid, types, type => binding.openNamespaceAt(directory, type));
  } finally {
    binding.close(directory);
  }
}
