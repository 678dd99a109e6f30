/** What this process may do, and what confines it, as far as errors have to say it. */

import { readFileSync } from 'node:fs';
import { errnos } from './errnos.ts';
import { isSince } from './kernel.ts';
import { fieldIn } from './status-fields.ts';

/** Numbers of capabilities(7). */
const capabilities = {
  CAP_NET_ADMIN: 12,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
} as const;

/** A line of /proc/PID/status of the calling thread; '' where that cannot be read. */
function status(name: string): string {
  const known = lines.get(name);
  if (known !== undefined) return known;
  const text = textOf('/proc/thread-self/status') ?? '';
  const line = fieldIn(text, name);
  if (remembered !== undefined) lines.set(name, line);
  return line;
}

let remembered: Map<string, string | undefined> | undefined;
/** Of the status, while it is remembered. */
const lines = new Map<string, string>();

/** Who asks for hundreds of errors at once that may come to be need not read the same files for each. */
export function remembering<T>(work: () => T): T {
  remembered = new Map();
  try {
    return work();
  } finally {
    remembered = undefined;
    lines.clear();
  }
}

/** undefined where it cannot be read. */
export function textOf(path: string): string | undefined {
  if (remembered?.has(path)) return remembered.get(path);
  let text: string | undefined;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch {}
  remembered?.set(path, text);
  return text;
}

export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** Is that uid root's, or that of who asks? */
export function isOwn(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

/** In our own user namespace. */
export function hasCapability(name: keyof typeof capabilities): boolean {
  return ((BigInt(`0x${status('CapEff') || '0'}`) >> BigInt(capabilities[name])) & 1n) === 1n;
}

/** May it look into every process of the machine? As root of a user namespace of its own it may not. */
export function seesAllProcesses(): boolean {
  const isInitial = /^0\s+0\s+4294967295$/.test(textOf('/proc/self/uid_map') ?? '');
  return isInitial && hasCapability('CAP_SYS_PTRACE');
}

export function hasNoNewPrivs(): boolean {
  return status('NoNewPrivs') === '1';
}

/** As every container engine puts one around a container; systemd's SystemCallFilter= is one too. */
function isFiltered(): boolean {
  return status('Seccomp') === '2';
}

/** What to tell who lacks a right: nobody who is root is told to become that. */
export function runAsRoot(): string {
  return isRoot()
    ? 'this root has not all rights, as in a container: give it the capability (--cap-add, --privileged), or do it outside'
    : 'run as root';
}

/** Most profiles let through what the capabilities allow; pivot_root(2) for one Docker's does not. */
function filter(): string {
  const capability = hasCapability('CAP_SYS_ADMIN') ? '' : ' or --cap-add SYS_ADMIN';
  return `a seccomp filter is in force (Seccomp: 2 in /proc/self/status), as container engines and systemd (SystemCallFilter=) set one, and refuses this system call: --security-opt seccomp=PROFILE${capability} lets it through, or do it outside`;
}

/** Since which Linux they are there; the others that are asked for, since 5.9 at the latest. */
const since = new Map<string, readonly [number, number]>([['mount_setattr', [5, 12]]]);

function isThere(syscall: string): boolean {
  return isSince(...(since.get(syscall) ?? [5, 9]));
}

/** The kernel itself never refuses these for want of a right. */
const free: ReadonlySet<string> = new Set([
  'memfd_create',
  'close_range',
  'pidfd_open',
  'execveat',
  'statx',
  'recvmsg',
]);
/** These only for want of CAP_SYS_ADMIN. */
const privileged: ReadonlySet<string> = new Set([
  'unshare',
  'mount',
  'mount_setattr',
  'move_mount',
  'open_tree',
  'umount2',
  'pivot_root',
  'sethostname',
  'setdomainname',
]);

/**
 * Whether it is a filter that has refused a call: ENOSYS of what this kernel has, EPERM where no right is
 * missing. `hasRights`: in the user namespace in which it was made.
 */
export function filterAdvice(
  errno: number,
  syscall: string,
  hasRights: boolean,
): string | undefined {
  if (errno !== errnos.ENOSYS && errno !== errnos.EPERM) return undefined;
  const known =
    free.has(syscall) || privileged.has(syscall) || syscall === 'setns' || syscall === 'openat2';
  const isCertain =
    errno === errnos.ENOSYS
      ? known && isThere(syscall)
      : free.has(syscall) || (privileged.has(syscall) && hasRights);
  return isCertain && isFiltered() ? filter() : undefined;
}

/** What may be the reason besides, and is of the same cause: engines' filters let through what the capabilities allow. '' without any. */
export function filterHint(): string {
  if (!isFiltered()) return '';
  const way = hasCapability('CAP_SYS_ADMIN')
    ? 'which may refuse it: --security-opt seccomp=PROFILE'
    : 'which refuses it: --cap-add SYS_ADMIN is the way past it with most';
  return `a seccomp filter is in force (Seccomp: 2 in /proc/self/status), as container engines and systemd (SystemCallFilter=) set one, ${way}, or do it outside`;
}

/** AppArmor's profile, where it is enforced: it refuses with EACCES. */
export function profileAdvice(errno: number): string | undefined {
  if (errno !== errnos.EACCES) return undefined;
  const profile =
    textOf('/proc/thread-self/attr/apparmor/current') ?? textOf('/proc/thread-self/attr/current');
  const [, name] = /^(.+) \(enforce\)$/.exec(profile ?? '') ?? [];
  return name === undefined
    ? undefined
    : `AppArmor confines this process by the profile ${name}: --security-opt apparmor=unconfined, or do it outside`;
}
