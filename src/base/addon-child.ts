/** The part of the addon that is about children and their terminals: what its functions take and give. */

/** What became of a spawn that failed. `setup`: before the program was to be executed. */
export interface SpawnFailure {
  readonly error: number;
  /** The system call. */
  readonly step: string;
  /** Of setns the CLONE_NEW* flag, of capabilities the number. */
  readonly detail: number;
  readonly setup: boolean;
  /** What a program has written to its stderr that was to map ids: as much as is worth reading. */
  readonly words: string;
}
/** Of a child that the thread waits for; native/child/blocking.h. */
export interface SyncRequest {
  readonly input: Uint8Array | undefined;
  /** Milliseconds; 0: none. */
  readonly timeout: number;
  /** Bytes; 0: any number. */
  readonly maxBuffer: number;
  readonly killSignal: number;
}
export interface SyncResult {
  readonly pid: number;
  /** 0, or -errno: the child may have ended well all the same. */
  readonly failed: number;
  readonly ended: boolean;
  readonly code: number;
  readonly signal: number;
  readonly output: (Buffer | null)[];
}
/** A child that runs, in the addon. */
export type Child = { readonly __child: unique symbol };
/** A file that is watched, and belongs to the addon until it is closed. */
export type WatchedFile = { readonly __file: unique symbol };
/** native/launcher/launch.h says what the fields mean. */
export interface LaunchRequest {
  /** Bytes that need be no UTF-8. */
  readonly file: string | Uint8Array;
  readonly args: string | Uint8Array;
  readonly env: string | Uint8Array;
  readonly cwd: string | undefined;
  readonly rootPath: string | undefined;
  /** A struct launch_create, native/launcher/create.h. */
  readonly create: Uint8Array | undefined;
  /** An fd for each, or -1: closed, -2: a pipe, -3: /dev/null, -4: a socket that handles pass. */
  readonly stdio: Int32Array;
  readonly flags: number;
  readonly unshare: number;
  readonly joins: Int32Array;
  readonly types: Int32Array;
  readonly rootFd: number;
  /** Of the working directory, where that is not `cwd`; or -1. */
  readonly cwdFd: number;
  readonly cgroups: Int32Array;
  readonly umask: number;
  readonly parentSignal: number;
  /** uid, gid: real, effective, saved of each. */
  readonly ids: Uint32Array;
  readonly groups: Uint32Array;
  /** Inheritable, permitted, effective, bounding, ambient. */
  readonly capabilities: BigUint64Array;
  /** Soft and hard of 16 resources; empty: as ours. */
  readonly limits: BigUint64Array;
  readonly oomScore: string | undefined;
  readonly label: string | undefined;
  readonly labelFile: string | undefined;
}
export interface SpawnRequest extends LaunchRequest {
  /** Of a terminal; 0: none. */
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds. */
  readonly wait: number;
  /** fds, or -1: nodeProgram() and preloadedObject() in the launcher's place, which call `entered`. */
  readonly program: number;
  readonly preload: number;
}
export interface ExecuteRequest extends LaunchRequest {
  /** Descriptors that stay open where they are, ascending. */
  readonly kept: Int32Array;
  /** Signals that are ignored, and blocked; the soft RLIMIT_NOFILE or 0; O_NONBLOCK of 0 to 2. */
  readonly inherited: BigUint64Array;
  /** The exit code where a step fails before the exec. */
  readonly failed: number;
  /** A struct launch_words. */
  readonly words: Uint8Array;
}
/** `terminal`: an fd of our end; -1: there is none, or not yet. */
export type Spawned = { readonly ends: readonly number[] } & (
  | {
      readonly pid: number;
      readonly child: Child;
      readonly terminal: number;
      /** It may not be the program yet. */
      readonly isStarting: boolean;
    }
  | SpawnFailure
);

export interface ChildBinding {
  spawn(
    request: SpawnRequest,
    ended: (code: number, signal: number) => void,
    failed: (failure: SpawnFailure) => void,
    moved: ((pid: number) => void) | undefined,
    entered?: (pid: number, types: number) => void,
    terminal?: (fd: number) => void,
  ): Spawned;
  /** Waits for the end of the child, and for that of its output. */
  spawnSync(request: SpawnRequest, how: SyncRequest): SyncResult | SpawnFailure;
  /** This process becomes the launcher: returns only what failed. */
  execute(request: ExecuteRequest): SpawnFailure;
  /** Takes the fd. `listener` is called with what it is ready for: 1 reading, 2 writing, < 0 a failure. */
  watchFile(fd: number, listener: (events: number) => void): WatchedFile | number;
  /** For 1 and 2, or 0; what is watched for something keeps the event loop alive. */
  watchFor(file: WatchedFile, events: number): number;
  watchedClose(file: WatchedFile): void;
  /** Of a terminal: as much as there is and fits, more than 0; EAGAIN; all else is the end. */
  watchedRead(file: WatchedFile, bytes: Uint8Array): number;
  watchedWrite(file: WatchedFile, bytes: Uint8Array): number;
  watchedSetSize(file: WatchedFile, columns: number, rows: number): number;
  /** Of an fd of a terminal: struct termios, columns and rows, another open file of it. */
  terminalModes(fd: number): Buffer | number;
  terminalSetModes(fd: number, modes: Buffer): number;
  terminalSetRaw(fd: number, modes: Buffer): number;
  /** An fd of the pipe to a process that puts the modes back: a byte 1 when they are raw, 0 when not. */
  terminalKeepModes(fd: number): number | SpawnFailure;
  terminalSize(fd: number): readonly [columns: number, rows: number] | number;
  terminalOpenAgain(fd: number): number;
  /** Waits for so many milliseconds until it is the program, or has ended. false: neither. */
  childSettle(child: Child, milliseconds: number): boolean;
  childKill(child: Child, signal: number): number;
  /** After childKill: ends what was not ended because its signals were blocked then. true: ask once more. */
  childInsist(child: Child, last: boolean): boolean;
  childRef(child: Child): void;
  childUnref(child: Child): void;
  /**
   * What libuv does with a handle whose process it did not start: 0, it can be closed at any time; 1, only with
   * restoreFailed() right after both; 2, not known.
   */
  failedProcess(): 0 | 1 | 2;
  restoreFailed(): void;
}
