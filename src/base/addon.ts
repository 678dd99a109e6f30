/**
 * What is in the addon, as the napi functions of native have it. They return a value >= 0, or -errno,
 * unless it is said otherwise.
 */

import type { ChildBinding } from './addon-child.ts';
import type {
  Looked,
  Names,
  NamespaceScan,
  NetlinkAnswer,
  OwnerScan,
  ProcessScan,
  ProcessTexts,
  StatesRead,
} from './addon-looks.ts';

export interface Created {
  readonly error: number;
  readonly step: string;
  readonly fds: readonly number[];
}

/** `init`: the fd whose closing ends the first process of a new pid namespace, or -1. */
export interface Held extends Created {
  /** Of `create`: which step; of `open`: which type. */
  readonly detail: number;
  /** What a program has written to its stderr that was to map ids: as much as is worth reading. */
  readonly words: string;
  readonly init: number;
}

/** `error`: 0, an EAI_* number of the C library, or 1 with the errno in `system`. */
interface Answer {
  readonly error: number;
  readonly system: number;
}
export interface AddressesAnswer extends Answer {
  readonly addresses: { address: string; family: number }[];
}
export interface ServiceAnswer extends Answer {
  readonly hostname: string;
  readonly service: string;
}

/** The root of a container, in the addon; and a call on its files that runs. */
export type OpenedRoot = { readonly __root: unique symbol };
export type RunningCall = { readonly __call: unique symbol };
/** native/root/operation.h says what there is for which operation. */
export interface CallResult {
  /** >= 0, or -errno. */
  readonly value: number;
  /** No thread was to be had: nothing has been done. */
  readonly refused: boolean;
  /** The process has exited, or its root is another one. */
  readonly gone: boolean;
  readonly fd: number;
  readonly second: number;
  /** Of a call that failed: a word for why, or nothing. */
  readonly data: Buffer;
  /** Where in a tree it failed. */
  readonly at: Buffer;
  /** The file system that holds no files, on which something was to be changed. */
  readonly system: Buffer;
  /** Something was to be changed whose owner is no id of the container. */
  readonly foreign: boolean;
}

export interface Binding extends ChildBinding {
  pidfdOpen(pid: number, flags: number): number;
  pidfdNamespace(pidfd: number, flag: number): number;
  openDirectory(path: string): number;
  openNamespaceAt(directory: number, name: string): number;
  openNamespace(path: string): number;
  isKernelThread(pid: number): number;
  isOwnProc(): number;
  pipe(): readonly [reading: number, writing: number] | number;
  /** How many bytes wait in it to be read. */
  unread(fd: number): number;
  close(fd: number): number;
  dup(fd: number): number;
  gettid(): number;
  setns(fd: number, flags: number): number;
  unshare(flags: number): number;
  getType(fd: number): number;
  getParent(fd: number): number;
  getOwner(fd: number): number;
  getOwnerUid(fd: number): number;
  getInode(fd: number): readonly [inode: number, device: number] | number;
  getId(fd: number): bigint | number;
  warmThreadPool(): number;
  /**
   * Pairs of CLONE_NEW* and an fd: where this thread lives, while callbacks may take it elsewhere. For what
   * looks at this process in /proc. Of the main thread; from another, nothing happens.
   */
  leaveOutside(...pairs: number[]): number;
  comeBack(): void;
  /** Of the process of the pidfd: pairs of CLONE_NEW* and an fd by which this thread comes back. -errno: nothing is open. */
  openInside(pidfd: number, ...pairs: number[]): readonly number[] | number;
  die(lastWords: string): never;
  /** The addon closes with a Worker what it opened for it, unless told that it is somebody else's. */
  letGo(fd: number): void;
  /** Bytes that V8 takes its objects for having besides: more, or fewer. */
  weigh(bytes: number): void;
  create(
    flags: number,
    names: readonly string[],
    hostname: string | undefined,
    domainname: string | undefined,
    loopback: boolean,
  ): Promise<Created>;
  /** `types` are CLONE_NEW* flags, `create` a struct launch_create. */
  hold(
    types: readonly number[],
    names: readonly string[],
    create: Uint8Array,
    root: string | undefined,
    init: boolean,
  ): Promise<Held>;
  bindFile(fd: number, path: string): number;
  unbindFile(path: string, leftovers: boolean): number;
  addFile(fd: number, directory: string, path: string): Promise<number>;
  clone(
    types: number,
    file: string,
    args: readonly string[],
    env: readonly string[],
  ): {
    readonly error: number;
    readonly step: string;
    readonly pid: number;
    readonly pidfd: number;
  };
  wait(pidfd: number): Promise<{ error: number; code: number; signal: number }>;
  getaddrinfo(host: string, family: number, hints: number): Promise<AddressesAnswer>;
  getnameinfo(address: string, port: number): Promise<ServiceAnswer>;
  /** `limits`: of `lookingLimits()`, src/base/limits.ts. */
  scanNamespaces(types: number, holders: boolean, limits: Float64Array): Promise<NamespaceScan>;
  listProcesses(pids: Int32Array, limits: Float64Array): Promise<ProcessScan>;
  /** native/inspect/process_files.h says what of which name. */
  readProcesses(
    pids: Int32Array,
    names: readonly string[],
    limits: Float64Array,
  ): Promise<ProcessTexts>;
  listSocketOwners(limits: Float64Array): Promise<OwnerScan>;
  userNames(uids: Uint32Array): Promise<Names>;
  /** Of a user or a group with that name; -1 where there is none. */
  idOf(name: string, group: boolean): Promise<Looked & { readonly id: number }>;
  /**
   * The contents of files, one after the other: at most `most` bytes of each; or where that is negative what is
   * in a directory, at most so many names: a path, `''`, and the names, each with a zero byte, and one more. EFBIG
   * where there are more. Of `parts`, unless it is empty: nothing of a file that has neither this in it nor `\\u`; of
   * a directory those below it, at each level that are like a pattern: `runtime-*\/*`. With an owner: the paths are
   * below `base`, and all together waited for `timeout` milliseconds.
   * native/containers/state_files.h.
   */
  readStates(
    base: string,
    paths: readonly string[],
    owner: number,
    most: Int32Array,
    parts: readonly string[],
    timeout: number,
  ): Promise<StatesRead>;
  /** How many lists and objects are open at once in a text, at most. */
  jsonDepth(json: string): number;
  /** To a unix socket, which takes no file descriptors. native/containers/state_files.h. */
  connectSocket(
    base: string,
    path: string,
    owner: number,
    trusted: boolean,
    timeout: number,
  ): Promise<Looked & { readonly fd: number }>;
  /** In the network namespace that the fd holds. */
  netlinkDump(
    net: number,
    protocols: Int32Array,
    messages: readonly Uint8Array[],
    limits: Float64Array,
  ): Promise<NetlinkAnswer>;
  openForWriting(path: string): number;
  /** A file of a process, through an fd of /proc/PID: at most so many bytes, within so many milliseconds. */
  readOfProcess(directory: number, name: string, most: number, wait: number): Buffer | number;
  /** The same to be opened, in this order, until -errno of one that cannot be: at most 16. */
  openOfProcess(
    directory: number,
    names: readonly string[],
    flags: number,
    wait: number,
  ): readonly number[] | number;
  /** The same of namespaces, CLONE_NEW* by CLONE_NEW*, by the ioctls of a pidfd. */
  namespacesOfPidfd(pidfd: number, types: Int32Array, wait: number): readonly number[] | number;
  /**
   * Takes all fds: of the process and of its root, or -1 for both. Of the ids, each three: inside, outside, how
   * many; none: they are ours.
   */
  rootOpen(
    process: number,
    root: number,
    mounts: number,
    users: readonly number[],
    groups: readonly number[],
    /** The uid and gid of the process: whose is made what cannot be the id 0's. */
    owner: readonly [uid: number, gid: number],
  ): OpenedRoot | number;
  /** Takes the fd of a directory of the root, which becomes a root of its own. */
  rootWithin(root: OpenedRoot, directory: number): OpenedRoot | number;
  rootClose(root: OpenedRoot): void;
  rootCall(
    root: OpenedRoot,
    operation: number,
    path: Buffer | undefined,
    other: Buffer | undefined,
    numbers: readonly number[],
    fd: number,
    second: number,
    data: Buffer | undefined,
    /** Names of such file systems on which it may be, each with a 0 behind it. */
    systems: Buffer | undefined,
    ask: ((question: Buffer) => void) | undefined,
  ): readonly [call: RunningCall, done: Promise<CallResult>];
  rootStop(call: RunningCall, leave: boolean): void;
  /** Of what `ask` was called with. */
  rootAnswer(call: RunningCall, answer: Buffer): void;
  rootProgress(call: RunningCall): readonly [files: number, bytes: number];
  /** fds that stay open, of what a worker is made of. */
  nodeProgram(): number;
  preloadedObject(): number;
  /**
   * native/callback/procfs_binding.cc: 0: any thread may ask; 1, or where it is in procfs: it matters which; less: it
   * cannot be told without `wait`.
   */
  lookAtPath(path: string | Uint8Array, follow: boolean, wait: boolean): number | string;
  lookAtFd(fd: number): number | string;
  lookWaiting(of: string | Uint8Array | number, follow: boolean): Promise<number | string>;
  holdDebugger(serve: () => void): boolean;
  releaseDebugger(): void;
}
