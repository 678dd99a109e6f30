/** Reading and writing whole files. */
import { setTimeout as sleep } from 'node:timers/promises';
import { valuesUntilAborted } from '../base/abort.ts';
import { invalidType, invalidValue } from '../base/errors.ts';
import type { Calls } from './calls.ts';
import { flagsOf, modeOf } from './numbers.ts';
import {
  bytesOf,
  type InsidePath,
  type ReadFileOptions,
  shownAs,
  type WriteFileOptions,
} from './options.ts';

const most = 2 ** 31 - 1; // bytes, Node's own limit for readFile
const chunk = 4 << 20; // bytes that one call reads or writes at most

export async function readFile(
  calls: Calls,
  path: InsidePath,
  options: ReadFileOptions,
): Promise<Buffer> {
  const { signal, special, fileSystems } = options;
  const shown = shownAs(path);
  const { value, fd, data } = await calls.call({
    operation: 'readFile',
    syscall: 'open',
    shown,
    path: bytesOf(path),
    numbers: [flagsOf(options.flag ?? 'r'), Number(special ?? false)],
    fileSystems,
    signal,
  });
  if (fd < 0) return data;
  try {
    if (value > most) throw tooLarge(value);
    // Of known size, then as much as that; else up to the end.
    const known = value > 0 ? Buffer.allocUnsafeSlow(value) : undefined;
    const parts = [data];
    let done = data.length;
    for (;;) {
      const length = known ? Math.min(chunk, value - done) : chunk;
      const part = length > 0 ? await read(calls, fd, length, -1, shown, signal) : undefined;
      if (part === undefined || part.length === 0) break;
      if (known) part.copy(known, done);
      else parts.push(part);
      done += part.length;
      if (done > most) throw tooLarge(done);
    }
    return known?.subarray(0, done) ?? Buffer.concat(parts);
  } finally {
    await tidied(calls.closeFile(fd, shown), signal);
  }
}

function tooLarge(size: number): Error {
  const error = new RangeError(`File size (${size}) is greater than 2 GiB`);
  return Object.assign(error, { code: 'ERR_FS_FILE_TOO_LARGE' });
}

async function read(
  calls: Calls,
  fd: number,
  length: number,
  position: number,
  shown: string,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const numbers = [position, length, 1];
  const request = { operation: 'read', syscall: 'read', shown, fd, numbers, signal } as const;
  const { data, value } = await calls.call(request);
  return data.subarray(0, value);
}

type Data =
  | string
  | NodeJS.ArrayBufferView
  | Iterable<string | NodeJS.ArrayBufferView>
  | AsyncIterable<string | NodeJS.ArrayBufferView>;

export async function writeFile(
  calls: Calls,
  path: InsidePath,
  data: Data,
  options: WriteFileOptions,
): Promise<void> {
  const { signal, atomic, fileSystems } = options;
  const flags = flagsOf(options.flag ?? 'w');
  const mode = modeOf(options.mode ?? 0o666);
  const shown = shownAs(path);
  const bytes = bytesOf(path);
  const content = partsOf(data, options.encoding ?? 'utf8', signal);
  if (atomic) {
    if ((options.flag ?? 'w') !== 'w') throw invalidValue('flag', "'w' with atomic", options.flag);
    return replace(calls, bytes, shown, content, mode, options);
  }
  const { fd } = await calls.call({
    operation: 'open',
    syscall: 'open',
    shown,
    path: bytes,
    numbers: [flags, mode, Number(options.special ?? false)],
    fileSystems,
    signal,
  });
  try {
    await writeAll(calls, fd, content, shown, signal);
  } catch (error) {
    await tidied(calls.closeFile(fd, shown), signal);
    throw error;
  }
  // A server's refusal may be heard here only.
  await calls.call({ operation: 'close', syscall: 'close', shown, fd });
}

async function replace(
  calls: Calls,
  path: Buffer,
  shown: string,
  content: Content,
  mode: number,
  { signal, fileSystems }: WriteFileOptions,
): Promise<void> {
  const made = await calls.call({
    operation: 'replace',
    syscall: 'open',
    shown,
    path,
    numbers: [mode],
    fileSystems,
    signal,
  });
  const { fd, second } = made;
  const end = made.data.indexOf(0);
  const [temporary, name] = [made.data.subarray(0, end), made.data.subarray(end + 1)];
  let failed = true;
  try {
    await writeAll(calls, fd, content, shown, signal);
    await calls.call({
      operation: 'commit',
      syscall: 'rename',
      shown,
      path: temporary,
      other: name,
      fd,
      second,
      fileSystems,
      signal,
    });
    failed = false;
  } finally {
    const undone = failed ? calls.abandon(second, temporary, fileSystems) : Promise.resolve();
    const closed = () => {
      calls.replaced();
      return Promise.all([calls.closeFile(fd), calls.closeFile(second)]);
    };
    await tidied(undone.then(closed, closed), signal);
  }
}

/** Of an aborted call the end is not waited for, where it may never come. */
export async function tidied(
  end: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const quiet = end.then(
    () => {},
    () => {},
  );
  await (signal?.aborted ? Promise.race([quiet, sleep(100, undefined, { ref: false })]) : quiet);
}

type Content = Iterable<Buffer> | AsyncIterable<Buffer>;

async function writeAll(
  calls: Calls,
  fd: number,
  content: Content,
  shown: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const part of content) {
    for (let at = 0; at < part.length; at += chunk) {
      const data = part.subarray(at, at + chunk);
      await calls.call({
        operation: 'write',
        syscall: 'write',
        shown,
        fd,
        numbers: [-1],
        data,
        signal,
      });
    }
  }
}

function partsOf(data: Data, encoding: BufferEncoding, signal: AbortSignal | undefined): Content {
  if (typeof data === 'string' || ArrayBuffer.isView(data)) return [partOf(data, encoding)];
  const many = data as { [Symbol.asyncIterator]?: unknown; [Symbol.iterator]?: unknown } | null;
  if (many?.[Symbol.asyncIterator] === undefined && many?.[Symbol.iterator] === undefined) {
    const wanted =
      'of type string or an instance of Buffer, TypedArray, DataView, or an iterable of these';
    throw invalidType('data', wanted, data);
  }
  return eachPart(signal ? valuesUntilAborted(data, signal) : data, encoding);
}

async function* eachPart(
  data: Exclude<Data, string | NodeJS.ArrayBufferView>,
  encoding: BufferEncoding,
): AsyncGenerator<Buffer> {
  for await (const part of data) yield partOf(part, encoding);
}

function partOf(part: string | NodeJS.ArrayBufferView, encoding: BufferEncoding): Buffer {
  if (typeof part === 'string') return Buffer.from(part, encoding);
  if (ArrayBuffer.isView(part)) return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  throw invalidType('data', 'made of strings, Buffers, TypedArrays or DataViews', part);
}
