/**
 * Files, asynchronously: `node:fs` in callbacks, promises, streams and FileHandles has the thread pool
 * work for it. While callbacks are alive, what the kernel answers by thread is asked for by this thread.
 *
 * All of these functions, however and whenever a program came by them, end in those of one internal
 * object, `process.binding('fs')`, which are therefore the ones to be replaced.
 */
import fs from 'node:fs';
import { refusal } from '../../base/errors.ts';
import { builtin } from '../../base/lazy-builtins.ts';
import { threadKinds } from '../../base/namespace-types.ts';
import { answer, isByThread, isByThreadAfterAll, type Subject } from './by-thread.ts';
import { patch } from './patch.ts';

const { getSystemErrorMap } = builtin('node:util')();

type Call = (...args: unknown[]) => unknown;
type Path = string | Uint8Array;

interface Request {
  oncomplete(error: Error | null, result?: unknown): void;
  /** Of fs.readFile: what reads on, by functions that cannot be replaced. */
  context?: ReadFile;
}
interface ReadFile {
  callback(error: Error | null, data?: unknown): void;
  encoding?: BufferEncoding;
  signal?: AbortSignal;
  /** As the caller gave them; from Node 24 on. */
  options?: object;
}
export interface FsBinding {
  [name: string]: Call;
}
interface Special {
  kUsePromises: symbol;
  FSReqCallback: new () => Request;
}

/** Which arguments are paths; of `ends` a link at the end is itself what is meant. */
const paths: Record<string, number[]> = {
  access: [0],
  chmod: [0],
  chown: [0],
  copyFile: [0, 1],
  open: [0],
  openFileHandle: [0],
  readdir: [0],
  readdirRecursive: [0],
  realpath: [0],
  stat: [0],
  statfs: [0],
  utimes: [0],
};
const ends: Record<string, number[]> = {
  lchown: [0],
  link: [0, 1],
  lstat: [0],
  lutimes: [0],
  mkdir: [0],
  mkdtemp: [0],
  readlink: [0],
  rename: [0, 1],
  rmdir: [0],
  symlink: [1],
  unlink: [0],
};
const fds = ['fstat', 'read', 'readBuffers', 'writeBuffer', 'writeBuffers', 'writeString'];

const { readFileSync, readSync, readvSync, statSync, writeSync, writevSync } = fs;

let watching = false;

export function isWatching(): boolean {
  return watching;
}

/** Functions of Node, and what stands in their place while hooks are on: these are called a lot. */
const swaps: { owner: FsBinding; name: string; original: Call; watched: Call }[] = [];

/** While hooks are on. */
export function guardFiles(): void {
  watching = true;
  for (const { owner, name, original, watched } of swaps) {
    if (owner[name] === original) owner[name] = watched;
  }
}

export function unguardFiles(): void {
  watching = false;
  // But for what somebody has put around ours since: that stays, and does nothing.
  for (const { owner, name, original, watched } of swaps) {
    if (owner[name] === watched) owner[name] = original;
  }
}

export function isolateFiles(): FsBinding {
  const internal = openBinding();
  for (const [table, follow] of [
    [paths, true],
    [ends, false],
  ] as const) {
    for (const [name, indexes] of Object.entries(table)) {
      if (name === 'readdirRecursive' && !(name in internal)) continue; // from Node 26 on
      watch(internal, name, args => indexes.map(i => ({ of: args[i] as Path, follow })));
    }
  }
  for (const name of fds) {
    watch(internal, name, args => [{ of: args[0] as number, follow: true }]);
  }
  return internal;
}

function openBinding(): FsBinding {
  const { noDeprecation } = process;
  process.noDeprecation = true; // --pending-deprecation
  try {
    type Access = { binding(name: string): FsBinding };
    return (process as unknown as Access).binding('fs');
  } catch (cause) {
    const types = threadKinds.map(kind => kind.name);
    const reason = "callbacks need process.binding('fs'), which Node's permission model withholds";
    const advice = 'run without --permission, or use spawn() or evaluate()';
    throw Object.assign(refusal(types, reason, { advice }), { cause });
  } finally {
    process.noDeprecation = noDeprecation as boolean;
  }
}

function watch(
  internal: FsBinding,
  name: string,
  subjectsOf: (args: unknown[]) => Subject[],
): void {
  const { kUsePromises, FSReqCallback } = internal as unknown as Special;
  const before = internal[name] as Call;
  patch(
    internal,
    name,
    original =>
      function (this: unknown, ...args: unknown[]) {
        if (!watching) return original.apply(this, args);
        const at = args.findIndex(arg => arg === kUsePromises || arg instanceof FSReqCallback);
        if (at === -1) return original.apply(this, args); // synchronous
        const request = args[at] as Request | symbol;
        const whole = typeof request === 'object' ? wholeFile(name, args, request) : undefined;
        if (name === 'fstat' && whole === undefined) return original.apply(this, args);
        const subjects = subjectsOf(args);
        const here = isByThread(subjects);
        if (here === false) return original.apply(this, args);
        const ask = whole ?? (() => askHere(internal, name, original, args, at));
        const pool = () => original.apply(this, args);
        if (typeof request === 'symbol') {
          return here
            ? promised(ask)
            : isByThreadAfterAll(subjects).then(h => (h ? promised(ask) : pool()));
        }
        const done = whole === undefined ? settle(request) : finish(request);
        if (here) return answer(ask, done);
        void isByThreadAfterAll(subjects).then(h => (h ? answer(ask, done) : pool()));
      },
  );
  swaps.push({ owner: internal, name, original: before, watched: internal[name] as Call });
}

function promised<T>(ask: () => T): Promise<T> {
  return new Promise((resolve, reject) =>
    answer(ask, (error, result) => (error ? reject(error) : resolve(result as T))),
  );
}

/** As native code does it: no second argument where there is no result. */
function settle(request: Request): (error: Error | null, result?: unknown) => void {
  return (error, result) => {
    if (error !== null) request.oncomplete(error);
    else if (result === undefined) request.oncomplete(null);
    else request.oncomplete(null, result);
  };
}

/** The call that `args` are for, without its request: what the synchronous functions do. */
function askHere(
  internal: FsBinding,
  name: string,
  original: Call,
  args: unknown[],
  at: number,
): unknown {
  const [fd, second, third, fourth, fifth] = args as [number, never, never, never, unknown];
  const position = (typeof fifth === 'number' && fifth < 0 ? null : fifth) as number | null;
  switch (name) {
    case 'openFileHandle':
      return openHandle(original, args as [Path, number, number]);
    case 'read':
      return readSync(fd, second, third, fourth, position);
    case 'readBuffers':
      return readvSync(fd, second, third);
    case 'writeBuffer':
      return writeSync(fd, second, third, fourth, position);
    case 'writeBuffers':
      return writevSync(fd, second, third);
    case 'writeString':
      return writeSync(fd, second, third, fourth);
    case 'lstat':
    case 'stat': {
      const throwIfNoEntry = args[at + 1] ?? true;
      return copied(original.call(internal, ...args.slice(0, at), undefined, throwIfNoEntry));
    }
    case 'mkdir':
      return makeDirectory(original, args as [Path, number, boolean]);
    default:
      return copied(original.call(internal, ...args.slice(0, at)));
  }
}

/** Not by `open`: in a Worker, what that opens is closed once more at the Worker's end. */
function openHandle(original: Call, [path, flags, mode]: [Path, number, number]): unknown {
  const failed: { errno?: number } = {};
  const handle = original(path, flags, mode, undefined, failed);
  if (failed.errno === undefined) return handle;
  const [code, words] = getSystemErrorMap().get(failed.errno) ?? [
    `${failed.errno}`,
    'unknown error',
  ];
  const fields = { errno: failed.errno, code, syscall: 'open', path: `${path}` };
  throw Object.assign(new Error(`${code}: ${words}, open '${path}'`), fields);
}

/** procfs makes none. Node, asked for the parents too, would ask again and again. */
function makeDirectory(original: Call, [path, mode, recursive]: [Path, number, boolean]): unknown {
  try {
    return original(path, mode, false);
  } catch (error) {
    const there = recursive && (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (there && statSync(path as string).isDirectory()) return undefined;
    throw error;
  }
}

/** Synchronous calls give numbers in one array, the same each time. */
function copied(result: unknown): unknown {
  return result instanceof Float64Array || result instanceof BigInt64Array
    ? result.slice()
    : result;
}

/** fs.readFile(path, callback) and (fd, callback) are done with at their first step. */
function wholeFile(name: string, args: unknown[], request: Request): (() => unknown) | undefined {
  const { context } = request;
  if (typeof context?.callback !== 'function') return undefined;
  if (name !== 'open' && name !== 'fstat') return undefined;
  const options = { ...context.options, encoding: context.encoding, signal: undefined };
  const flag = name === 'open' ? (args[1] as never) : undefined;
  return () => readFileSync(args[0] as Path as string, { ...options, flag } as object);
}

function finish({ context }: Request): (error: Error | null, result?: unknown) => void {
  const { callback, signal } = context as ReadFile;
  return (error, data) => {
    // Node's own error, for an abort that it would have seen between two steps.
    if (signal?.aborted) fs.readFile('/', { signal }, error => callback(error));
    else if (error !== null) callback(error);
    else callback(null, data);
  };
}
