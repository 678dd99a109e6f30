/** Failures of a spawn before the program ran: which step, of which namespace, and what to do. */

import type { SpawnFailure } from '../base/addon-child.ts';
import { adminMissing } from '../base/advice.ts';
import { errnos } from '../base/errnos.ts';
import { type Circumstances, failure, type NamespaceError } from '../base/errors.ts';
import { type NamespaceType, typesIn } from '../base/namespace-types.ts';
import { filterHint, runAsRoot } from '../base/own-rights.ts';
import { fuseOfAnother } from '../base/proc.ts';
import { creationAdvice, type Making, refusedInside, startAdvice } from '../create/advice.ts';
import { creationStep } from '../create/failures.ts';
import type { Files } from '../create/launcher-request.ts';
import { capabilityName } from './capabilities.ts';

/** What a message needs to know of the call. */
export interface CallInfo {
  /** The pid or path of the target. */
  readonly target: number | string | undefined;
  readonly joined: readonly NamespaceType[];
  readonly created: readonly NamespaceType[];
  /** By which the cgroups of the target are joined. */
  readonly cgroupFiles: readonly string[];
  /** Of the root directory of the target; -1: it is not entered by that. */
  readonly rootFd: number;
  /** What the created ones are bound to. */
  readonly files?: Files | undefined;
}

const admin = adminMissing('it');
const advices: Record<
  string,
  (errno: number, call: CallInfo, detail: number) => string | undefined
> = {
  setns(errno, { joined }, detail) {
    const [type] = typesIn(detail);
    if (errno === errnos.EPERM) {
      const missing = type === 'mnt' ? `${admin}, or it and CAP_SYS_CHROOT in ours` : admin;
      return joined.includes('user')
        ? `${missing}: it belongs to another user namespace than the one that was joined`
        : filterHint() === ''
          ? `${missing}, or in ours: ${runAsRoot()}, or join user as well as its owner`
          : `${missing}, or in ours, or ${filterHint()}`;
    }
    if (errno === errnos.EINVAL && type === 'pid')
      return 'only pid namespaces below ours can be joined';
    return undefined;
  },
  unshare: (errno, call) => creationAdvice(errno, makingOf(call)),
  clone(errno, { joined }) {
    if (errno === errnos.ESRCH) return 'what was to start it was killed, maybe for want of memory';
    const gone = errno === errnos.ENOMEM && joined.includes('pid');
    return gone
      ? 'the first process of this pid namespace has ended: nothing can start in it'
      : undefined;
  },
  open: errno => (errno === errnos.ENOENT ? '/proc and /dev/null have to be there' : undefined),
  pwrite64: () =>
    "its label (AppArmor, SELinux) could not be taken over, so nothing was run; credentials: 'inherit' leaves ours",
  openat2: errno =>
    errno === errnos.EMFILE || errno === errnos.ENFILE || errno === errnos.ENOSPC
      ? 'there are too many files or terminals: the sysctl kernel.pty.max'
      : 'for a terminal, a devpts has to be at /dev/pts, inside or here (Linux 5.6)',
  fchdir: entering,
  chroot(errno, call) {
    if (errno === errnos.EPERM) return 'CAP_SYS_CHROOT is missing';
    const isNone = errno === errnos.ENOENT || errno === errnos.ENOTDIR;
    return isNone ? 'options.root has to be a directory' : entering(errno, call);
  },
  chdir: entering,
  getcwd(errno) {
    if (errno === errnos.ENOENT) return 'the working directory has been deleted';
    return errno === errnos.EXDEV
      ? 'options.cwd leads out of the root that was asked for'
      : undefined;
  },
  setgroups: errno =>
    errno === errnos.EPERM
      ? 'CAP_SETGID is missing, or the user namespace denies it (/proc/PID/setgroups)'
      : undefined,
  setresgid: errno => ids(errno, 'CAP_SETGID', 'gid'),
  setresuid: errno => ids(errno, 'CAP_SETUID', 'uid'),
  prctl: (errno, _, detail) =>
    errno === errnos.EPERM
      ? `CAP_SETPCAP is missing, or ${capabilityName(detail)} is not ours to give`
      : undefined,
  capset: errno =>
    errno === errnos.EPERM ? 'no process can give capabilities that it does not have' : undefined,
  keyctl: errno =>
    errno === errnos.EDQUOT
      ? 'each child with the credentials of its target has a keyring: raise the sysctl kernel.keys.maxkeys'
      : undefined,
  sendto: errno =>
    errno === errnos.E2BIG
      ? 'a child can be given 192 KiB of groups, paths and maps: options.groups takes others than those of the target'
      : undefined,
  write: (errno, { cgroupFiles }, detail) =>
    `the cgroup of the target could not be joined: ${cgroupFiles[detail]}${
      errno === errnos.ENOSPC ? ' (its cpuset is empty)' : ''
    }`,
};

/** What a file system of a user namespace (FUSE) says, of who is unknown in there or not let in. */
function entering(errno: number, { target, rootFd }: CallInfo): string | undefined {
  if (errno === errnos.EACCES && typeof target === 'number') {
    return rootFd < 0 ? undefined : fuseOfAnother(target);
  }
  return errno === errnos.EOVERFLOW
    ? 'this file system knows only ids of its user namespace: options.uid and gid have to be such ones'
    : undefined;
}

function ids(errno: number, capability: string, id: string): string | undefined {
  if (errno === errnos.EPERM) return `${capability} is missing`;
  return errno === errnos.EINVAL ? `this ${id} does not exist in the user namespace` : undefined;
}

function makingOf({ created, joined }: CallInfo): Making {
  return { created, inside: joined.includes('user') };
}

/** What is known of a failure besides its number: also what is not one of the target's. */
export function circumstancesOf(
  {
    step,
    error,
    detail,
    words = '',
  }: Pick<SpawnFailure, 'step' | 'error' | 'detail'> & { words?: string },
  call: CallInfo,
): Circumstances & { syscall: string } {
  const { target } = call;
  const making = makingOf(call);
  if (step === 'create')
    return { target, ...creationStep(error, detail, making, call.files, words) };
  const type = step === 'setns' ? typesIn(detail)[0] : undefined;
  const advice =
    startAdvice(error, step) ??
    (step === 'unshare' || step === 'setns' ? undefined : refusedInside(error, step, making)) ??
    advices[step]?.(error, call, detail);
  return { syscall: step, type, target, advice };
}

/** With the `path` that Node gives the error of a spawn. */
export function childFailure(failed: SpawnFailure, file: string, call: CallInfo): NamespaceError {
  const { syscall, ...circumstances } = circumstancesOf(failed, call);
  return Object.assign(failure(failed.error, syscall, circumstances), { path: file });
}

/** enum launch_missing of native/launcher/launch.h. */
export const missingWords: readonly (string | undefined)[] = [
  undefined,
  'the file is there, and the interpreter that its first line names (#!) is not: all of that line counts, a carriage return at its end too',
  'the file is there, and the loader that it names (such as /lib64/ld-linux-x86-64.so.2) is not: it was built for another C library, or another machine',
  'the file is there, and its interpreter or its loader is not',
];

/** Of a program that was to be executed, and for which Node has an error of its own. */
export function executionAdvice({ error, step, detail }: SpawnFailure): string | undefined {
  return step === 'execve' && error === errnos.ENOENT ? missingWords[detail] : undefined;
}

/** Such an error, which says more then. */
export function advised<E extends Error>(error: E, advice: string | undefined): E {
  if (advice === undefined) return error;
  return Object.assign(error, { message: `${error.message}; ${advice}`, advice });
}
