/** What spawn, exec, execFile and fork take and return: the types of node:child_process with ours. */
import type {
  ChildProcess,
  ChildProcessByStdio,
  ExecException,
  ExecFileException,
  PromiseWithChild,
} from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { ExecFileOptions, ExecOptions, ForkOptions, SpawnOptions } from './options.ts';

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

type StdioOf<O> = O extends { readonly stdio: infer S } ? S : 'pipe';

export type ChildOf<O> = ChildProcessByStdio<
  StreamOf<Entry<StdioOf<O>, '0'>, Writable>,
  StreamOf<Entry<StdioOf<O>, '1'>, Readable>,
  StreamOf<Entry<StdioOf<O>, '2'>, Readable>
>;

// biome-ignore format: one signature a line
export interface Spawn {
  <const O extends SpawnOptions = {}>(file: string, options?: O): ChildOf<O>;
  <const O extends SpawnOptions = {}>(file: string, args?: readonly string[] | null, options?: O): ChildOf<O>;
}

type AsBuffer = { encoding: 'buffer' | null };
type OutputOf<O> = O extends { encoding: infer E }
  ? E extends 'buffer' | null
    ? Buffer
    : E extends BufferEncoding | undefined
      ? string
      : string | Buffer
  : string;
type Output<T> = { stdout: T; stderr: T };
/** Called with the output at the end. */
export type Done<E, O> = (error: E | null, stdout: OutputOf<O>, stderr: OutputOf<O>) => void;

// biome-ignore format: one signature a line
export interface Exec {
  (command: string, callback?: Done<ExecException, {}>): ChildProcess;
  <const O extends ExecOptions>(command: string, options: O | null | undefined, callback?: Done<ExecException, O>): ChildProcess;
  __promisify__(command: string): PromiseWithChild<Output<string>>;
  __promisify__(command: string, options: ExecOptions & AsBuffer): PromiseWithChild<Output<Buffer>>;
  __promisify__(command: string, options?: ExecOptions | null): PromiseWithChild<Output<string>>;
}

// biome-ignore format: one signature a line
export interface ExecFile {
  (file: string, callback?: Done<ExecFileException, {}>): ChildProcess;
  (file: string, args: readonly string[] | null | undefined, callback?: Done<ExecFileException, {}>): ChildProcess;
  <const O extends ExecFileOptions>(file: string, options: O, callback?: Done<ExecFileException, O>): ChildProcess;
  <const O extends ExecFileOptions>(file: string, args: readonly string[] | null | undefined, options: O | null | undefined, callback?: Done<ExecFileException, O>): ChildProcess;
  __promisify__(file: string, args?: readonly string[] | null): PromiseWithChild<Output<string>>;
  __promisify__(file: string, args: readonly string[] | null | undefined, options: ExecFileOptions & AsBuffer): PromiseWithChild<Output<Buffer>>;
  __promisify__(file: string, args: readonly string[] | null | undefined, options?: ExecFileOptions | null): PromiseWithChild<Output<string>>;
  __promisify__(file: string, options: ExecFileOptions & AsBuffer): PromiseWithChild<Output<Buffer>>;
  __promisify__(file: string, options: ExecFileOptions): PromiseWithChild<Output<string>>;
}

// biome-ignore format: one signature a line
export interface Fork {
  (modulePath: string | URL, options?: ForkOptions): ChildProcess;
  (modulePath: string | URL, args?: readonly string[] | null, options?: ForkOptions): ChildProcess;
}
