/** A stream of tar, into a directory of a container: each entry is put there by the rules of copies. */

import { constants } from 'node:fs';
import { abortError, onAbort } from '../base/abort.ts';
import { chunk } from '../base/chunks.ts';
import { errnos } from '../base/errnos.ts';
import { fileFailure, invalidType } from '../base/errors.ts';
import type { Calls } from './calls.ts';
import { copyFlags } from './copies.ts';
import { bytesOf, type ExtractOptions, type InsidePath, optionsOf, shownAs } from './options.ts';
import type { Request } from './request.ts';
import type { Entry, Parser, Said } from './tar.ts';

export type Archive = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const names = [
  'signal',
  'special',
  'preserveOwners',
  'fileSystems',
] as const satisfies (keyof ExtractOptions)[];
const { O_DIRECTORY, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } = constants;
const O_PATH = 0o10000000;
const atOnce = 1 << 20; // bytes of a file that is put in one call
const directoriesMost = 1_000_000; // whose mode and times are set in the end

const kinds: Readonly<Partial<Record<Said['type'], number>>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  link: 0,
  fifo: S_IFIFO,
  'character-device': S_IFCHR,
  'block-device': S_IFBLK,
};

export async function extract(
  calls: Calls,
  archive: Archive,
  path: InsidePath,
  options?: ExtractOptions,
): Promise<void> {
  const { special, ...others } = { ...options };
  const all = optionsOf<ExtractOptions>(options && others, {}, names);
  const bytes = bytesOf(path);
  const shown = shownAs(path);
  const isStream = Symbol.asyncIterator in Object(archive) || Symbol.iterator in Object(archive);
  if (!isStream || typeof archive === 'string') {
    throw invalidType('archive', 'a stream or an iterable of Buffers', archive);
  }
  const { signal } = all;
  const tar = chunk<typeof import('./tar.ts')>('tar');
  const { fd } = await calls.call({
    operation: 'open',
    syscall: 'open',
    shown,
    path: bytes,
    numbers: [O_PATH | O_DIRECTORY, 0, 0],
    signal,
  });
  const root = calls.within(fd);
  const parser = tar.parse();
  let broken: Error | undefined; // the iterator throws it, where no entry is being read
  parser.on('error', error => {
    broken = error;
  });
  const abort = () => parser.destroy(abortError(signal as AbortSignal));
  const end = signal && onAbort(signal, abort);
  if (signal?.aborted) abort(); // as it was opened
  const unpacking = new Unpacking(root, shown, { ...all, special });
  const fed = feed(archive, parser, tar.drained);
  fed.catch(() => {}); // the parser ends with the same error
  try {
    for await (const entry of parser) {
      const said = tar.saidBy(entry.header);
      if (said === undefined) {
        const advice = 'an archive of sparse files or of a kind that is not understood';
        throw unpacking.failure(errnos.EINVAL, Buffer.from(entry.header.name), advice);
      }
      await unpacking.put(said, entry);
    }
    await fed;
    await unpacking.finish();
  } catch (error) {
    parser.destroy();
    // It is not waited for: it may never give anything more.
    (archive as { destroy?: () => void }).destroy?.();
    throw signal?.aborted
      ? abortError(signal)
      : asFailure(isDestroyed(error) ? (broken ?? error) : error, unpacking);
  } finally {
    end?.();
    root.close();
  }
}

/** What an entry says when the parser has ended before it was read. */
function isDestroyed(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'STREAM_DESTROYED';
}

/** What the library says of a broken archive. */
function asFailure(error: unknown, unpacking: Unpacking): unknown {
  const { message = '', code } = Object(error) as NodeJS.ErrnoException;
  if (code !== undefined || !/tar header|Unexpected end|[Hh]eader/.test(message)) return error;
  return unpacking.failure(errnos.EINVAL, undefined, `this is no whole archive of tar: ${message}`);
}

async function feed(
  archive: Archive,
  parser: Parser,
  drained: (parser: Parser) => Promise<void>,
): Promise<void> {
  try {
    for await (const bytes of archive) {
      if (parser.destroyed) return;
      if (parser.write(bytes)) continue;
      await drained(parser);
    }
    parser.end();
  } catch (error) {
    parser.destroy(error as Error);
    throw error;
  }
}

class Unpacking {
  readonly #root: Calls;
  readonly #shown: string;
  readonly #options: ExtractOptions;
  readonly #flags: number;
  readonly #made: Said[] = [];

  constructor(root: Calls, shown: string, options: ExtractOptions) {
    this.#root = root;
    this.#shown = shown;
    this.#options = options;
    this.#flags = copyFlags({ preserveOwners: options.preserveOwners, special: true });
  }

  async put(said: Said, content: Entry): Promise<void> {
    const path = this.#below(said.name, said.name);
    const kind = kinds[said.type];
    if (kind === undefined) throw this.failure(errnos.EINVAL, said.name, `it is a ${said.type}`);
    const isSpecial = kind === S_IFIFO || kind === S_IFCHR || kind === S_IFBLK;
    if (path.length === 0 || (isSpecial && this.#options.special === 'skip'))
      return drop(said, content);
    if (isSpecial && !this.#options.special) {
      const advice =
        "a FIFO or a device: take it with `special: true`, or leave it out with 'skip'";
      throw this.failure(errnos.EINVAL, said.name, advice);
    }
    if (kind === S_IFREG) return this.#file(path, said, content);
    const other = said.linkname ?? Buffer.alloc(0);
    const target = said.type === 'link' ? this.#below(other, said.name) : other;
    await drop(said, content);
    const { value } = await this.#put(path, said, kind, { other: target });
    if (kind !== S_IFDIR || value !== 1) return;
    if (this.#made.push({ ...said, name: path }) >= directoriesMost) await this.finish();
  }

  /** Modes and times of the directories that we made, when all is in them. */
  async finish(): Promise<void> {
    for (let said = this.#made.pop(); said !== undefined; said = this.#made.pop()) {
      await this.#call('attributes', said.name, said.name, this.#numbers(said, S_IFDIR), {});
    }
  }

  /** The names in a path, below the directory. One that leads up is refused. */
  #below(name: Buffer, entry: Buffer): Buffer {
    const parts = name
      .toString('latin1')
      .split('/')
      .filter(part => part !== '' && part !== '.');
    if (parts.includes('..') || name.includes(0)) {
      throw this.failure(errnos.EINVAL, entry, 'a name with `..` leads out of the archive');
    }
    return Buffer.from(parts.join('/'), 'latin1');
  }

  async #file(path: Buffer, said: Said, content: Entry): Promise<void> {
    if (said.size <= atOnce) {
      const parts: Uint8Array[] = [];
      for await (const part of content) parts.push(part);
      await this.#put(path, said, S_IFREG, { data: Buffer.concat(parts) });
      return;
    }
    const { value, fd, second, data } = await this.#put(path, said, S_IFREG, {}, 1);
    const end = data.indexOf(0);
    const [made, name] = [data.subarray(0, end), data.subarray(end + 1)];
    try {
      if (value === keep) return await drop(said, content);
      try {
        let at = 0;
        for await (const part of content) {
          // What is nothing but zeros becomes a hole, as most of it was one: archives show none.
          if (at + part.length === said.size || !isZero(part)) {
            await this.#call('write', undefined, said.name, [at], { fd, data: Buffer.from(part) });
          }
          at += part.length;
        }
        const more = { fd, second, other: name };
        await this.#call('putEnd', made, said.name, this.#numbers(said, S_IFREG), more);
      } catch (error) {
        if (made.length > 0)
          await this.#root.abandon(second, made, this.#options.fileSystems).catch(() => {});
        throw error;
      }
    } finally {
      for (const open of [fd, second])
        if (open >= 0) await this.#root.closeFile(open).catch(() => {});
      this.#root.replaced();
    }
  }

  async #put(path: Buffer, said: Said, kind: number, more: Partial<Request>, writes = 0) {
    const numbers = [...this.#numbers(said, kind), writes];
    const put = () => this.#call('put', path, said.name, numbers, more);
    try {
      return await put();
    } catch (error) {
      const slash = path.lastIndexOf(0x2f);
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT' && said.type !== 'link';
      if (!isMissing || slash < 0) throw error;
      // Archives need not have their directories, nor have them first.
      await this.#call('mkdir', path.subarray(0, slash), said.name, [0o755, 1], {});
      return await put();
    }
  }

  #numbers(said: Said, kind: number): number[] {
    const seconds = Math.floor(said.mtime);
    const nanoseconds = Math.floor((said.mtime - seconds) * 1e9);
    const { mode, uid, gid, major = 0, minor = 0 } = said;
    const all = kind === 0 ? 0 : kind | (mode & 0o7777);
    return [this.#flags, all, uid, gid, seconds, nanoseconds, major, minor];
  }

  #call(
    operation: Request['operation'],
    path: Buffer | undefined,
    name: Buffer,
    numbers: readonly number[],
    more: Partial<Request>,
  ) {
    const shown = name.toString();
    const { signal, fileSystems } = this.#options;
    const at = { syscall: 'untar', shown, shownOther: this.#shown, signal, fileSystems };
    return this.#root.call({ operation, path, numbers, ...at, ...more });
  }

  failure(errno: number, name: Buffer | undefined, advice: string): Error {
    const files = { path: name?.toString(), dest: this.#shown };
    return fileFailure(errno, 'untar', files, { target: this.#root.target, advice });
  }
}

const keep = 3; // Naming::kKeep of native/root/copy_name.h

const zeros = Buffer.alloc(1 << 16);

function isZero(part: Uint8Array): boolean {
  for (let at = 0; at < part.length; at += zeros.length) {
    const some = part.subarray(at, at + zeros.length);
    if (zeros.compare(some, 0, some.length, 0, some.length) !== 0) return false;
  }
  return true;
}

/** A directory has none, whatever its size says: to POSIX that is a limit. It would be waited for. */
async function drop({ type }: Said, content: Entry): Promise<void> {
  if (type === 'directory') return;
  for await (const _ of content) {
    // Nobody wants it.
  }
}
