/**
 * `linux-namespaces/syscalls`: the system calls themselves, for what the rest of the library does not
 * do. Each answers as the kernel does, with a failure as a `NamespaceError` that carries its errno.
 * File descriptors that they return are the caller's to close (`fs.closeSync`); all are close-on-exec.
 */
import { constants } from 'node:os';
import { binding } from '../base/binding.ts';
import { moved } from '../callback/context.ts';
import { checkWayHome } from '../callback/thread.ts';
import { creationAdvice } from '../create/failures.ts';
import { errnos } from '../base/errnos.ts';
import { checkTypes, failure, invalidType, invalidValue, NamespaceError } from '../base/errors.ts';
import { requirePermission } from '../base/permission.ts';
import { isType, kindOf, kinds, maskOf, type NamespaceType, typesIn } from '../base/namespace-types.ts';

export type { NamespaceType };
export { NamespaceError };

/** For `pidfdOpen`: `pid` is the id of any thread, and the fd stands for that thread (Linux 6.9). */
export const PIDFD_THREAD = 0o200;
/** For `pidfdOpen`: waiting for the process by this fd does not block (Linux 5.10). */
export const PIDFD_NONBLOCK = 0o4000;

/**
 * Moves the calling thread, and no other, into the namespace that `fd` holds; or, by a pidfd, into
 * those of a process, in all of `types` or in none. Without `types`, `fd` has to be a namespace, of
 * whatever type.
 *
 * What it does lasts for the rest of the running code. In a callback of `withNamespaces` also for what
 * that starts from then on, and it is over where the callback is; anywhere else it is for good, and the
 * place that `outside` goes to. That is so for net, uts, ipc and cgroup. `pid` is where the thread's
 * children will be, and in a foreign one the thread can start no further thread; `mnt` wants a thread
 * that has its own root and cwd (after `unshare('mnt')`) and resets both: neither is undone by anything
 * but a call back. `user` and `time` no thread of Node can join.
 *
 * Refused, EINVAL: `mnt` together with another type, for the kernel would then move the root and the
 * cwd of every thread of this process.
 *
 * setns(2). Linux 3.0 (net, ipc, uts), 3.8 (user, mnt, pid), 4.6 (cgroup), 5.8 (time, and pidfds).
 */
export function setns(fd: number, types?: NamespaceType | readonly NamespaceType[]): void {
  checkInteger('fd', fd);
  const wanted = types === undefined ? [nsType(fd)] : checkList(types);
  if (wanted.includes('mnt') && wanted.length > 1) {
    const advice =
      'with another type in the same call, the kernel would move the root and cwd of every thread of this process: one call for mnt, one for the others';
    throw failure(errnos.EINVAL, 'setns', { type: 'mnt', advice });
  }
  prepare(wanted);
  const done = binding.setns(fd, maskOf(wanted));
  if (done < 0) {
    const type = wanted.find(type => kindOf[type].refusal !== undefined) ?? wanted[0];
    throw failure(done, 'setns', { type, advice: joiningAdvice(done, wanted) });
  }
  moved(wanted);
}

/**
 * Moves the calling thread, and no other, into new namespaces: of all of `types`, or of none. How long
 * it stays there is as with `setns`. With `pid` and `time` the thread stays, and its children will be in
 * the new ones; with `mnt` the thread has a root and cwd of its own from then on, so that
 * `process.chdir` and files opened by the thread pool part ways. `user` no thread of Node can create.
 *
 * unshare(2). Linux 2.6.16 (mnt), 2.6.19 (uts, ipc), 2.6.24 (net), 3.8 (pid), 4.6 (cgroup), 5.6 (time).
 */
export function unshare(types: NamespaceType | readonly NamespaceType[]): void {
  const wanted = checkList(types);
  prepare(wanted);
  const done = binding.unshare(maskOf(wanted));
  if (done < 0) {
    const type = wanted.length === 1 ? wanted[0] : undefined;
    const advice =
      done === errnos.EINVAL && wanted.includes('user')
        ? 'user: cannot be created by a thread of Node (the kernel wants a process of one thread); use spawn() with unshare'
        : creationAdvice(done, wanted);
    throw failure(done, 'unshare', { type, advice });
  }
  moved(wanted);
}

/** What `clone` made: `pidfd` is the caller's to close. */
export interface Cloned {
  readonly pid: number;
  readonly pidfd: number;
}

/**
 * Runs the program `file` (a path, as for execve(2)) as a child of this process in new namespaces of
 * `types`, with our standard input and output. As the kernel makes them: no ids, names, mounts or
 * interfaces are set up; `spawn` with `unshare` does that. `args` are those after the program's name,
 * `env` is process.env by default. With `pid` it is the first process; with `time` it is in the new one.
 *
 * Somebody has to wait for it, `waitid` does; else its entry stays until this process ends.
 * Throws with `syscall` 'execve' where the program cannot be run.
 *
 * clone3(2), Linux 5.3; clone(2) where there is none, but for `time`.
 */
export function clone(
  types: NamespaceType | readonly NamespaceType[],
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Cloned {
  requirePermission();
  const wanted = checkList(types);
  const texts = [file, ...args];
  for (const text of texts) {
    if (typeof text !== 'string') throw invalidType('file and args', 'strings', text);
    if (text.includes('\0')) throw invalidValue('file and args', 'without null bytes', text);
  }
  const pairs = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const { error, step, pid, pidfd } = binding.clone(maskOf(wanted), file, texts, pairs);
  if (error === 0) return { pid, pidfd };
  if (step === 'execve') throw failure(error, step, { target: file });
  const type = wanted.length === 1 ? wanted[0] : undefined;
  const advice =
    error === errnos.ENOSYS
      ? 'time is made by clone3(2) alone, which a filter or an old kernel refuses'
      : creationAdvice(error, wanted);
  throw failure(error, step, { type, advice });
}

/**
 * Waits for the end of a child that `clone` made, and reaps it. Not for those of `spawn`, which are
 * waited for already (ECHILD). The event loop stays alive meanwhile.
 *
 * waitid(2), P_PIDFD. Linux 5.4.
 */
export async function waitid(
  pidfd: number,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  checkInteger('pidfd', pidfd);
  const { error, code, signal } = await binding.wait(pidfd);
  if (error < 0) throw failure(error, 'waitid');
  if (signal === 0) return { code, signal: null };
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  return { code: null, signal: names.find(([, number]) => number === signal)?.[0] ?? null };
}

/**
 * Opens a process, so that its pid cannot come to mean another one.
 *
 * pidfd_open(2). Linux 5.3.
 */
export function pidfdOpen(pid: number, flags = 0): number {
  checkInteger('pid', pid);
  checkInteger('flags', flags);
  const fd = binding.pidfdOpen(pid, flags);
  if (fd < 0) throw failure(fd, 'pidfd_open', { target: pid });
  return given(fd);
}

/**
 * Opens the namespace of a process, by its pidfd.
 *
 * ioctl PIDFD_GET_*_NAMESPACE. Linux 6.11; on older ones, `openNamespace('/proc/PID/ns/...')`.
 */
export function pidfdNamespace(pidfd: number, type: NamespaceType): number {
  checkInteger('pidfd', pidfd);
  checkType(type);
  const fd = ask(binding.pidfdNamespace(pidfd, kindOf[type].flag), type, {
    [errnos.ESRCH]: 'the process has exited',
    [errnos.EACCES]: 'CAP_SYS_PTRACE is missing in the user namespace of the process',
    [errnos.ENOTTY]: 'this is no pidfd, or the kernel is older than Linux 6.11',
  });
  return given(fd);
}

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

/** The caller's from now on: the addon does not close it with a Worker. */
function given(fd: number): number {
  binding.letGo(fd);
  return fd;
}

const notOne = { [errnos.ENOTTY]: 'this is no namespace' };

function ask(
  answer: number,
  type: NamespaceType | undefined,
  advice: Readonly<Record<number, string>>,
): number {
  if (answer < 0) throw failure(answer, 'ioctl', { type, advice: advice[answer] });
  return answer;
}

/** A thread of the pool is born where its maker is, and stays there: they are all made before. */
function prepare(types: readonly NamespaceType[]): void {
  checkWayHome(types);
  const warm = binding.warmThreadPool();
  if (warm < 0) throw failure(warm, 'uv_queue_work');
}

function joiningAdvice(errno: number, types: readonly NamespaceType[]): string | undefined {
  if (errno === errnos.EPERM) {
    return 'CAP_SYS_ADMIN is missing, in our own user namespace or in the one that owns the namespace: run as root';
  }
  if (errno === errnos.ESRCH) return 'the process has exited';
  const other = types.find(type => kindOf[type].refusal !== undefined);
  if (other === undefined) return undefined;
  return `${other}: ${kindOf[other].refusal}; use spawn() or evaluate()`;
}

function checkInteger(name: string, value: unknown): void {
  if (typeof value !== 'number') throw invalidType(name, 'a number', value);
  if ((value | 0) !== value) throw invalidValue(name, 'an integer of 32 bits', value);
}

const names = kinds.map(kind => kind.name).join(', ');

function checkType(type: unknown): void {
  if (isType(type)) return;
  throw invalidValue('type', `one of ${names}`, type);
}

function checkList(types: unknown): readonly NamespaceType[] {
  if (typeof types !== 'string') return checkTypes(types) as readonly NamespaceType[];
  if (!isType(types)) throw invalidValue('types', `made of ${names}`, types);
  return [types];
}
