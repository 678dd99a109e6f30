/** Node's own FileHandles and streams, on files of a container. */
import fs, { type ReadStream, type WriteStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { fileFailure } from '../errors.ts';
import type { Calls } from './calls.ts';
import { tidied } from './contents.ts';
import { bytesOf, flagsOf, type InsidePath, modeOf, type OpenOptions, shownAs } from './options.ts';

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
  const { fd } = await calls.call({
    operation: 'open',
    syscall: 'open',
    shown,
    path: bytesOf(path),
    numbers: [flags, modeOf(mode ?? 0o666), Number(options.special ?? false)],
    signal: options.signal,
  });
  try {
    const { O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW } = fs.constants;
    const again = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW);
    return await fs.promises.open(`/proc/self/fd/${fd}`, again);
  } catch (error) {
    const { errno = -2 } = error as NodeJS.ErrnoException;
    const advice = errno === -2 ? 'it is opened through /proc, which has to be mounted' : undefined;
    throw fileFailure(errno, 'open', { path: shown }, { target: calls.target, advice });
  } finally {
    await tidied(calls.closeFile(fd, shown), options.signal);
  }
}

type StreamOptions = OpenOptions & { fs?: unknown; fd?: unknown };

/** Node's streams take the calls that they make from us. */
export function readStream(
  calls: Calls,
  path: InsidePath,
  options: StreamOptions & Parameters<typeof fs.createReadStream>[1] & object,
): ReadStream {
  const shown = shownAs(path);
  bytesOf(path);
  const own = { ...options, fd: undefined, fs: callsFor(calls, path, shown, options) };
  return fs.createReadStream(shown, own as never);
}

export function writeStream(
  calls: Calls,
  path: InsidePath,
  options: StreamOptions & Parameters<typeof fs.createWriteStream>[1] & object,
): WriteStream {
  const shown = shownAs(path);
  bytesOf(path);
  const own = { ...options, fd: undefined, fs: callsFor(calls, path, shown, options) };
  return fs.createWriteStream(shown, own as never);
}

type Answer = (error: Error | null, ...values: unknown[]) => void;

function answer(promise: Promise<readonly unknown[]>, callback: Answer): void {
  promise.then(
    values => callback(null, ...values),
    error => callback(error),
  );
}

function callsFor(calls: Calls, path: InsidePath, shown: string, options: StreamOptions): object {
  const { signal, special } = options;
  return {
    open(_path: unknown, flag: unknown, mode: unknown, callback: Answer) {
      const opened = calls.call({
        operation: 'open',
        syscall: 'open',
        shown,
        path: bytesOf(path),
        numbers: [flagsOf(flag), modeOf(mode ?? 0o666), Number(special ?? false)],
        signal,
      });
      answer(
        opened.then(({ fd }) => [fd]),
        callback,
      );
    },
    read(
      fd: number,
      buffer: Buffer,
      offset: number,
      length: number,
      position: number | bigint | null | undefined,
      callback: Answer,
    ) {
      const numbers = [Number(position ?? -1), length, 0];
      const got = calls.call({ operation: 'read', syscall: 'read', shown, fd, numbers, signal });
      answer(
        got.then(({ data, value }) => [data.copy(buffer, offset, 0, value), buffer]),
        callback,
      );
    },
    write(
      fd: number,
      buffer: Buffer,
      offset: number,
      length: number,
      position: number | null | undefined,
      callback: Answer,
    ) {
      const put = calls.call({
        operation: 'write',
        syscall: 'write',
        shown,
        fd,
        numbers: [Number(position ?? -1)],
        data: Buffer.from(buffer.buffer, buffer.byteOffset + offset, length),
        signal,
      });
      answer(
        put.then(({ value }) => [value, buffer]),
        callback,
      );
    },
    close(fd: number, callback: Answer) {
      answer(
        calls.closeFile(fd, shown).then(() => []),
        callback,
      );
    },
  };
}
