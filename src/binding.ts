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
    loopback: boolean,
  ): Promise<Created>;
  getaddrinfo(host: string, family: number, hints: number): Promise<AddressesAnswer>;
  getnameinfo(address: string, port: number): Promise<ServiceAnswer>;
  holdDebugger(serve: () => void): boolean;
  releaseDebugger(): void;
}

const load = createRequire(import.meta.url);
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The addon. Loaded by its first use, which puts it in the place of this stand-in for every importer. */
export let binding: Binding = new Proxy({} as Binding, {
  get(_standIn, name) {
    binding = (load('node-gyp-build') as (folder: string) => Binding)(root);
    return binding[name as keyof Binding];
  },
});
