/** Node's own FileHandles and streams, on files of a container. */
import fs, { type ReadStream, type WriteStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { abortError, onAbort } from '../base/abort.ts';
import { errnos } from '../base/errnos.ts';
import { fileFailure } from '../base/errors.ts';
import { builtin } from '../base/lazy-builtins.ts';
import type { Calls } from './calls.ts';
import { tidied } from './contents.ts';
import { refusedChange } from './failures.ts';
import { flagsOf, modeOf } from './numbers.ts';
import { bytesOf, type InsidePath, type OpenOptions, shownAs } from './options.ts';

const { promisify } = builtin('node:util')();

const unnamed = 0o20000000; // O_TMPFILE but for O_DIRECTORY, which Node does not name

/**
 * Node gives a FileHandle for a path only: so the file is opened by us, and once more by Node, through our
 * own /proc, which leads to that very file.
 */
export async function openHandle(
  calls: Calls,
  path: InsidePath,
  flag: unknown,
  mode: unknown,
  options: OpenOptions,
): Promise<FileHandle> {
  const flags = flagsOf(flag ?? 'r');
  const shown = shownAs(path);
  const { fd, value, system } = await calls.call({
    operation: 'open',
    syscall: 'open',
    shown,
    path: bytesOf(path),
    numbers: [flags, modeOf(mode ?? 0o666), Number(options.special ?? false)],
    fileSystems: options.fileSystems,
    signal: options.signal,
  });
  try {
    const { O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW, O_DIRECTORY } = fs.constants;
    const again = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW | O_DIRECTORY | unnamed);
    const handle = await openAgain(fd, again, (flags & O_CREAT) !== 0);
    return value === 0 ? handle : withoutChanges(handle, { shown, system, target: calls.target });
  } catch (error) {
    const { errno = errnos.ENOENT } = error as NodeJS.ErrnoException;
    const advice =
      errno === errnos.ENOENT ? 'it is opened through /proc, which has to be mounted' : undefined;
    throw fileFailure(errno, 'open', { path: shown }, { target: calls.target, advice });
  } finally {
    await tidied(calls.closeFile(fd, shown), options.signal);
  }
}

/** Of a file that we have just made, and as a user, its mode may keep us from that: 0444 from writing. */
async function openAgain(fd: number, flags: number, isMade: boolean): Promise<FileHandle> {
  const open = () => fs.promises.open(`/proc/self/fd/${fd}`, flags);
  try {
    return await open();
  } catch (error) {
    if (!isMade || (error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    const chmod = promisify(fs.fchmod);
    const { mode } = await promisify(fs.fstat)(fd);
    await chmod(fd, mode | 0o600);
    return await open().finally(() => chmod(fd, mode));
  }
}

/** A handle that was opened for reading could still change mode, owner and times. */
function withoutChanges(
  handle: FileHandle,
  at: { shown: string; system: Buffer; target: number | string | undefined },
): FileHandle {
  for (const name of ['chmod', 'chown', 'utimes'] as const) {
    const value = () => Promise.reject(refusedChange(errnos.EPERM, name, { path: at.shown }, at));
    Object.defineProperty(handle, name, { value, configurable: true, writable: true });
  }
  return handle;
}

/** Without what we put in its place. */
type Ours = keyof OpenOptions | 'fs' | 'fd';
type Nodes<F extends (...args: never[]) => unknown> = Exclude<Parameters<F>[1], string | undefined>;
type ReadOptions = OpenOptions & Omit<Nodes<typeof fs.createReadStream>, Ours>;
type WriteOptions = OpenOptions & Omit<Nodes<typeof fs.createWriteStream>, Ours>;

/** Node's streams take the calls that they make from us. */
export function readStream(calls: Calls, path: InsidePath, options: ReadOptions): ReadStream {
  const own = new FileCalls(calls, path, options);
  return own.ending(fs.createReadStream(shownAs(path), own.instead(options) as never));
}

export function writeStream(calls: Calls, path: InsidePath, options: WriteOptions): WriteStream {
  const own = new FileCalls(calls, path, options);
  return own.ending(fs.createWriteStream(shownAs(path), own.instead(options) as never));
}

type Callback = (error: Error | null, ...values: unknown[]) => void;

const unset = {
  flags: undefined,
  mode: undefined,
  encoding: undefined,
  autoClose: undefined,
  emitClose: undefined,
  start: undefined,
  end: undefined,
  highWaterMark: undefined,
  flush: undefined,
};

/** The calls that a stream makes. */
class FileCalls {
  readonly #calls: Calls;
  readonly #path: Buffer;
  readonly #shown: string;
  readonly #special: boolean;
  readonly #fileSystems: readonly string[] | undefined;
  readonly #signal: AbortSignal | undefined;
  #running = 0;
  #abort = () => {};
  /** The one error of a stream that was aborted: of two, Node makes an AggregateError. */
  #aborted: Error | undefined;

  constructor(calls: Calls, path: InsidePath, { special, fileSystems, signal }: OpenOptions) {
    this.#calls = calls;
    this.#path = bytesOf(path);
    this.#shown = shownAs(path);
    this.#special = special ?? false;
    this.#fileSystems = fileSystems;
    this.#signal = signal;
  }

  /** The options for Node, which looks for what is not there on Object.prototype. The signal is ours: it ends a call, or what no call is under way for. */
  instead(options: OpenOptions): object {
    const own = {
      open: this.#open.bind(this),
      read: this.#read.bind(this),
      write: this.#write.bind(this),
      fsync: this.#sync.bind(this),
      close: this.#close.bind(this),
    };
    return { ...unset, ...options, fd: undefined, signal: undefined, fs: own };
  }

  ending<S extends ReadStream | WriteStream>(stream: S): S {
    const signal = this.#signal;
    if (signal === undefined) return stream;
    this.#abort = () => {
      if (!signal.aborted || this.#running > 0) return;
      this.#aborted ??= abortError(signal);
      stream.destroy(this.#aborted);
    };
    const end = signal.aborted ? () => {} : onAbort(signal, this.#abort);
    (stream as NodeJS.EventEmitter).once('close', end);
    return stream;
  }

  async #answer(
    done: Promise<readonly unknown[]>,
    callback: Callback,
    buffer?: Buffer,
  ): Promise<void> {
    this.#running++;
    let answer: () => void;
    try {
      const values = await done;
      answer = () => callback(null, ...values);
    } catch (error) {
      const failure = this.#aborted ?? (error as Error);
      if (this.#signal?.aborted) this.#aborted = failure;
      // Node's writeAll() looks at the buffer also where nothing was written (EAGAIN).
      answer = () => callback(failure, 0, buffer);
    }
    this.#running--;
    process.nextTick(answer); // what it throws is the stream's, and no rejection of ours
    process.nextTick(() => this.#abort()); // while the call ran, and did not end by that
  }

  #open(_path: unknown, flag: unknown, mode: unknown, callback: Callback): void {
    const opened = this.#calls.call({
      operation: 'open',
      syscall: 'open',
      shown: this.#shown,
      path: this.#path,
      numbers: [flagsOf(flag), modeOf(mode ?? 0o666), Number(this.#special)],
      fileSystems: this.#fileSystems,
      signal: this.#signal,
    });
    void this.#answer(
      opened.then(({ fd }) => [fd]),
      callback,
    );
  }

  #read(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | bigint | null | undefined,
    callback: Callback,
  ): void {
    const got = this.#calls.call({
      operation: 'read',
      syscall: 'read',
      shown: this.#shown,
      fd,
      numbers: [Number(position ?? -1), length, 0],
      signal: this.#signal,
    });
    void this.#answer(
      got.then(({ data, value }) => [data.copy(buffer, offset, 0, value), buffer]),
      callback,
      buffer,
    );
  }

  #write(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | null | undefined,
    callback: Callback,
  ): void {
    const put = this.#calls.call({
      operation: 'write',
      syscall: 'write',
      shown: this.#shown,
      fd,
      numbers: [Number(position ?? -1)],
      data: Buffer.from(buffer.buffer, buffer.byteOffset + offset, length),
      signal: this.#signal,
    });
    void this.#answer(
      put.then(({ value }) => [value, buffer]),
      callback,
      buffer,
    );
  }

  /** With the option `flush`, before it is closed. */
  #sync(fd: number, callback: Callback): void {
    const done = this.#calls.call({ operation: 'sync', syscall: 'fsync', shown: this.#shown, fd });
    void this.#answer(
      done.then(() => []),
      callback,
    );
  }

  #close(fd: number, callback: Callback): void {
    void this.#answer(
      this.#calls.closeFile(fd, this.#shown).then(() => []),
      callback,
    );
  }
}
