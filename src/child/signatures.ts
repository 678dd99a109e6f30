/** What spawn, exec, execFile and fork take and return: the types of node:child_process with ours. */
import type {
  ChildProcess,
  ChildProcessByStdio,
  ExecException,
  ExecFileException,
  PromiseWithChild,
  StdioOptions,
} from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Inferring } from '../base/inferring.ts';
import type { ExecFileOptions, ExecOptions, ForkOptions, SpawnOptions } from './options.ts';
import type { Terminal } from './terminal.ts';
import type { TerminalOptions } from './terminal-options.ts';

/** The stream of one entry of `stdio`, or null where there is none. */
type StreamOf<Entry, Stream> = Entry extends 'pipe' | 'overlapped' | null | undefined
  ? Stream
  : Entry extends 'ignore' | 'inherit' | 'ipc' | number | object
    ? null
    : Stream | null;

type Entry<Stdio, I extends '0' | '1' | '2'> = Stdio extends readonly unknown[]
  ? Stdio extends { [index in I]: infer E }
    ? E
    : number extends Stdio['length']
      ? Stdio[number] | undefined
      : undefined
  : Stdio;

/** The child that `stdio: S` and `terminal: T` give. */
export type ChildOf<S, T = undefined> = [T] extends [undefined | false]
  ? ChildProcessByStdio<
      StreamOf<Entry<S, '0'>, Writable>,
      StreamOf<Entry<S, '1'>, Readable>,
      StreamOf<Entry<S, '2'>, Readable>
    >
  : [T] extends [true | object]
    ? ChildProcessByStdio<null, null, null> & { readonly terminal: Terminal }
    : ChildProcess & { readonly terminal?: Terminal };

type Spawned<Options, S, T> = Inferring<Options, { stdio: S; terminal: T }>;
type TerminalOption = boolean | TerminalOptions | undefined;

// biome-ignore format: one signature a line
export interface Spawn<Options = SpawnOptions> {
  <const S extends StdioOptions | undefined = 'pipe', const T extends TerminalOption = undefined>(file: string, options?: Spawned<Options, S, T>): ChildOf<S, T>;
  <const S extends StdioOptions | undefined = 'pipe', const T extends TerminalOption = undefined>(file: string, args?: readonly string[] | null, options?: Spawned<Options, S, T>): ChildOf<S, T>;
}

export type Encoding = string | null | undefined;
export type OutputOf<E> = E extends 'buffer' | null
  ? Buffer
  : E extends BufferEncoding | undefined
    ? string
    : string | Buffer;
export type Encoded<Options, E> = Inferring<Options, { encoding: E }>;
type Output<E> = { stdout: OutputOf<E>; stderr: OutputOf<E> };
/** Called with the output at the end. */
type Done<Failure, E> = (error: Failure | null, stdout: OutputOf<E>, stderr: OutputOf<E>) => void;

// biome-ignore format: one signature a line
export interface Exec<Options = ExecOptions> {
  (command: string, callback?: Done<ExecException, 'utf8'>): ChildProcess;
  <const E extends Encoding = 'utf8'>(command: string, options: Encoded<Options, E> | null | undefined, callback?: Done<ExecException, E>): ChildProcess;
}

// biome-ignore format: one signature a line
export interface PromisifiedExec {
  __promisify__<const E extends Encoding = 'utf8'>(command: string, options?: Encoded<ExecOptions, E> | null): PromiseWithChild<Output<E>>;
}

// biome-ignore format: one signature a line
export interface ExecFile<Options = ExecFileOptions> {
  (file: string, callback?: Done<ExecFileException, 'utf8'>): ChildProcess;
  (file: string, args: readonly string[] | null | undefined, callback?: Done<ExecFileException, 'utf8'>): ChildProcess;
  <const E extends Encoding = 'utf8'>(file: string, options: Encoded<Options, E>, callback?: Done<ExecFileException, E>): ChildProcess;
  <const E extends Encoding = 'utf8'>(file: string, args: readonly string[] | null | undefined, options: Encoded<Options, E> | null | undefined, callback?: Done<ExecFileException, E>): ChildProcess;
}

// biome-ignore format: one signature a line
export interface PromisifiedExecFile {
  __promisify__<const E extends Encoding = 'utf8'>(file: string, args?: readonly string[] | null, options?: Encoded<ExecFileOptions, E> | null): PromiseWithChild<Output<E>>;
  __promisify__<const E extends Encoding = 'utf8'>(file: string, options: Encoded<ExecFileOptions, E>): PromiseWithChild<Output<E>>;
}

// biome-ignore format: one signature a line
export interface Fork<Options = ForkOptions> {
  (modulePath: string | URL, options?: Options): ChildProcess;
  (modulePath: string | URL, args?: readonly string[] | null, options?: Options): ChildProcess;
}
