/**
 * Loads the addon and says what is in it. No other file imports it.
 * The functions return a value >= 0, or -errno; see `native/`.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Created {
  readonly error: number;
  readonly step: string;
  readonly fds: readonly number[];
}

/** `init`: the fd whose closing ends the first process of a new pid namespace, or -1. */
export interface Held extends Created {
  /** Of `create`: which step; of `open`: which type. */
  readonly detail: number;
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

/** What became of a spawn that failed. `setup`: before the program was to be executed. */
export interface SpawnFailure {
  readonly error: number;
  /** The system call. */
  readonly step: string;
  /** Of setns the CLONE_NEW* flag, of capabilities the number. */
  readonly detail: number;
  readonly setup: boolean;
}
/** A child that runs, in the addon. */
export type Child = { readonly __child: unique symbol };
/** native/launcher/launch.h says what the fields mean. */
export interface SpawnRequest {
  readonly file: string;
  readonly args: string;
  readonly env: string;
  readonly cwd: string | undefined;
  readonly rootPath: string | undefined;
  /** A struct launch_create, native/launcher/create.h. */
  readonly create: Uint8Array | undefined;
  /** An fd for each, or -1: closed, -2: a pipe, -3: /dev/null. */
  readonly stdio: Int32Array;
  readonly flags: number;
  readonly unshare: number;
  readonly joins: Int32Array;
  readonly types: Int32Array;
  readonly rootFd: number;
  readonly cgroup: number;
  readonly umask: number;
  /** uid, gid: real, effective, saved of each. */
  readonly ids: Uint32Array;
  readonly groups: Uint32Array;
  /** Inheritable, permitted, effective, bounding, ambient. */
  readonly capabilities: BigUint64Array;
  /** Milliseconds. */
  readonly wait: number;
}
export type Spawned = { readonly ends: readonly number[] } & (
  | { readonly pid: number; readonly child: Child }
  | SpawnFailure
);

export interface Binding {
  pidfdOpen(pid: number, flags: number): number;
  pidfdNamespace(pidfd: number, flag: number): number;
  openDirectory(path: string): number;
  openNamespaceAt(directory: number, name: string): number;
  openNamespace(path: string): number;
  isKernelThread(pid: number): number;
  isOwnProc(): number;
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
  die(lastWords: string): never;
  /** The addon closes with a Worker what it opened for it, unless told that it is somebody else's. */
  letGo(fd: number): void;
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
  openForWriting(path: string): number;
  spawn(
    request: SpawnRequest,
    ended: (code: number, signal: number) => void,
    failed: (failure: SpawnFailure) => void,
  ): Spawned;
  childKill(child: Child, signal: number): number;
  childRef(child: Child): void;
  childUnref(child: Child): void;
  holdDebugger(serve: () => void): boolean;
  releaseDebugger(): void;
}

const load = createRequire(import.meta.url);
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The addon. Loaded by its first use, which puts it in the place of this stand-in for every importer. */
export let binding: Binding = new Proxy({} as Binding, {
  get(_standIn, name) {
    binding = loadAddon();
    return binding[name as keyof Binding];
  },
});

function loadAddon(): Binding {
  try {
    return (load('node-gyp-build') as (folder: string) => Binding)(root);
  } catch (error) {
    throw new Error(
      `linux-namespaces has no addon that loads on ${process.platform}-${process.arch}; with a C++ compiler, make and Python: npm rebuild linux-namespaces (${(error as Error).message.split('\n')[0]})`,
      { cause: error },
    );
  }
}
