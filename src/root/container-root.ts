/** `ContainerRoot`: the files of a container, in the words of `node:fs/promises`. */
import type { BigIntStats, Dirent, ReadStream, Stats, WriteStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { archive } from './archive.ts';
import type { Calls } from './calls.ts';
import { readFile, writeFile } from './contents.ts';
import { copy } from './copies.ts';
import { entriesOf, statsOf } from './entries.ts';
import { type Archive, extract } from './extract.ts';
import { idOf, modeOf } from './numbers.ts';
import {
  type Abortable,
  type ArchiveOptions,
  bytesOf,
  type ChangeOptions,
  type CopyOptions,
  decoded,
  type ExtractOptions,
  given,
  type InsidePath,
  type MkdirOptions,
  type NameOptions,
  type OpenOptions,
  type ReaddirOptions,
  type ReadFileOptions,
  type RmOptions,
  type StatOptions,
  shownAs,
  type WriteFileOptions,
} from './options.ts';
import type { operations, Request } from './request.ts';
import type * as results from './results.ts';
import { openHandle, readStream, writeStream } from './streams.ts';

type Data = Parameters<typeof writeFile>[2];

/**
 * The files of a container, from outside, as the processes in it see them. Paths start at its root,
 * whatever the links in it say; ids are those of its own user namespace; what is made belongs to its
 * root. Functions, options, results and errors are those of `node:fs/promises`; errors are
 * `NamespaceError`s that show the path inside. From `openRoot`.
 */
export class ContainerRoot {
  readonly #calls: Calls;

  /** @internal */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Reads a whole file: as much as it has when it is opened. Not more than 2 GiB. */
  readFile(path: InsidePath, options?: results.ContentAsBytes): Promise<Buffer>;
  readFile(path: InsidePath, options: results.ContentAsText): Promise<string>;
  readFile(path: InsidePath, options?: results.AnyContent): Promise<string | Buffer>;
  async readFile(path: InsidePath, options?: results.AnyContent): Promise<string | Buffer> {
    const all = given<ReadFileOptions>('readFile', options);
    const content = await readFile(this.#calls, path, all);
    return all.encoding ? content.toString(all.encoding) : content;
  }

  /** Writes a file. With `atomic`, whole or not at all. */
  async writeFile(
    path: InsidePath,
    data: Data,
    options?: WriteFileOptions | BufferEncoding | null,
  ): Promise<void> {
    await writeFile(this.#calls, path, data, given<WriteFileOptions>('writeFile', options));
  }

  /** Writes at the end of a file. */
  async appendFile(
    path: InsidePath,
    data: Data,
    options?: Omit<WriteFileOptions, 'atomic'> | BufferEncoding | null,
  ): Promise<void> {
    const all = given<WriteFileOptions>('appendFile', options);
    await writeFile(this.#calls, path, data, { ...all, flag: all.flag ?? 'a' });
  }

  /** Opens a file. What is done with the `FileHandle` is done by Node, on its thread pool. */
  async open(
    path: InsidePath,
    flags: string | number = 'r',
    mode: number | string = 0o666,
    options?: OpenOptions,
  ): Promise<FileHandle> {
    return openHandle(this.#calls, path, flags, mode, given<OpenOptions>('open', options));
  }

  createReadStream(
    path: InsidePath,
    options?: Parameters<typeof readStream>[2] | BufferEncoding,
  ): ReadStream {
    return readStream(this.#calls, path, given('createReadStream', options));
  }

  createWriteStream(
    path: InsidePath,
    options?: Parameters<typeof writeStream>[2] | BufferEncoding,
  ): WriteStream {
    return writeStream(this.#calls, path, given('createWriteStream', options));
  }

  /** Lists a directory; with `recursive`, all that is below it, without following links. */
  readdir(path: InsidePath, options?: results.NamesAsText): Promise<string[]>;
  readdir(path: InsidePath, options: results.NamesAsBytes): Promise<Buffer[]>;
  readdir(path: InsidePath, options: results.EntriesAsText): Promise<Dirent[]>;
  readdir(path: InsidePath, options: results.EntriesAsBytes): Promise<Dirent<Buffer>[]>;
  readdir(path: InsidePath, options?: results.AnyNames): Promise<results.Listed>;
  async readdir(path: InsidePath, options?: results.AnyNames): Promise<unknown[]> {
    const all = given<ReaddirOptions>('readdir', options);
    const numbers = [Number(all.recursive ?? false)];
    const { data } = await this.#call('list', 'scandir', path, { numbers, signal: all.signal });
    return entriesOf(data, shownAs(path), all);
  }

  stat(path: InsidePath, options?: results.StatAsNumbers): Promise<Stats>;
  stat(path: InsidePath, options: results.StatAsBigInts): Promise<BigIntStats>;
  stat(path: InsidePath, options?: StatOptions): Promise<Stats | BigIntStats>;
  stat(path: InsidePath, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.#stat('stat', path, options);
  }

  lstat(path: InsidePath, options?: results.StatAsNumbers): Promise<Stats>;
  lstat(path: InsidePath, options: results.StatAsBigInts): Promise<BigIntStats>;
  lstat(path: InsidePath, options?: StatOptions): Promise<Stats | BigIntStats>;
  lstat(path: InsidePath, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.#stat('lstat', path, options);
  }

  async #stat(syscall: string, path: InsidePath, options: StatOptions | undefined) {
    const { bigint, signal } = given<StatOptions>('stat', options);
    const numbers = [Number(syscall === 'stat')];
    const { data } = await this.#call('stat', syscall, path, { numbers, signal });
    return statsOf(data, bigint ?? false);
  }

  readlink(path: InsidePath, options?: results.NameAsText): Promise<string>;
  readlink(path: InsidePath, options: results.NameAsBytes): Promise<Buffer>;
  readlink(path: InsidePath, options?: results.AnyName): Promise<string | Buffer>;
  readlink(path: InsidePath, options?: results.AnyName): Promise<string | Buffer> {
    return this.#name('readlink', path, options);
  }

  /** The path of a file from the container's root on, with no link in it. */
  realpath(path: InsidePath, options?: results.NameAsText): Promise<string>;
  realpath(path: InsidePath, options: results.NameAsBytes): Promise<Buffer>;
  realpath(path: InsidePath, options?: results.AnyName): Promise<string | Buffer>;
  realpath(path: InsidePath, options?: results.AnyName): Promise<string | Buffer> {
    return this.#name('realpath', path, options);
  }

  async #name(operation: 'readlink' | 'realpath', path: InsidePath, options: results.AnyName) {
    const { encoding, signal } = given<NameOptions>('name', options);
    const { data } = await this.#call(operation, operation, path, { signal });
    return decoded(data, encoding);
  }

  /** With `recursive`, gives the first directory that it made, if it made one. */
  mkdir(path: InsidePath, options: results.MkdirOfAll): Promise<string | undefined>;
  mkdir(path: InsidePath, options?: results.MkdirOfOne): Promise<void>;
  mkdir(path: InsidePath, options?: results.AnyMkdir): Promise<string | undefined>;
  async mkdir(path: InsidePath, options?: results.AnyMkdir): Promise<unknown> {
    const isMode = typeof options === 'number' || typeof options === 'string';
    const all = given<MkdirOptions>('mkdir', isMode ? { mode: options } : options);
    const recursive = all.recursive ?? false;
    const numbers = [modeOf(all.mode ?? 0o777), Number(recursive)];
    const { value } = await this.#call('mkdir', 'mkdir', path, { numbers, ...asked(all) });
    if (!recursive || value === 0) return undefined;
    return resolve('/', bytesOf(path).subarray(0, value).toString());
  }

  /**
   * Removes a file; with `recursive`, a directory and all that is below it: by open directories, so that
   * nothing elsewhere is removed, whatever is moved or linked there meanwhile.
   */
  async rm(path: InsidePath, options?: RmOptions): Promise<void> {
    const { recursive, force, ...all } = given<RmOptions>('rm', options);
    const numbers = [Number(recursive ?? false)];
    await this.#call('remove', 'rm', path, { numbers, ...asked(all) }).catch(error => {
      if (!force || error.code !== 'ENOENT') throw error;
    });
  }

  async rename(oldPath: InsidePath, newPath: InsidePath, options?: ChangeOptions): Promise<void> {
    const other = bytesOf(newPath, 'newPath');
    const all = asked(given<ChangeOptions>('change', options));
    await this.#call('rename', 'rename', oldPath, { other, shownOther: shownAs(newPath), ...all });
  }

  /** Follows links, as in Node. */
  async chmod(path: InsidePath, mode: number | string, options?: ChangeOptions): Promise<void> {
    const more = asked(given<ChangeOptions>('change', options));
    await this.#call('chmod', 'chmod', path, { numbers: [modeOf(mode)], ...more });
  }

  /** Ids as the container sees them; -1 leaves one as it is. Follows links, as in Node. */
  async chown(path: InsidePath, uid: number, gid: number, options?: ChangeOptions): Promise<void> {
    const numbers = [idOf(uid, 'uid'), idOf(gid, 'gid')];
    const more = asked(given<ChangeOptions>('change', options));
    await this.#call('chown', 'chown', path, { numbers, ...more });
  }

  /** `target` is written as it is, and means a file of the container to a process that follows it there. */
  async symlink(target: InsidePath, path: InsidePath, options?: ChangeOptions): Promise<void> {
    const other = bytesOf(target, 'target');
    const more = asked(given<ChangeOptions>('change', options));
    await this.#calls.call({
      operation: 'symlink',
      syscall: 'symlink',
      shown: shownAs(target),
      shownOther: shownAs(path),
      path: bytesOf(path),
      other,
      ...more,
    });
  }

  /** Whether there is such a file; a link that leads nowhere is none. */
  async exists(path: InsidePath, options?: Abortable): Promise<boolean> {
    const { signal } = given<Abortable>('exists', options);
    try {
      await this.stat(path, { signal });
      return true;
    } catch (error) {
      if (absent.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }

  /**
   * Copies a file or a tree from the container to `outside`, a path of ours, with modes, times, links (hard
   * ones within the tree too) and holes. `outside` is the copy's own path; a directory that is
   * there already is copied into. Not copied: extended attributes and access lists.
   */
  async copyOut(inside: InsidePath, outside: InsidePath, options?: CopyOptions): Promise<void> {
    await copy(this.#calls, 'out', inside, outside, options);
  }

  /** The same from `outside`, a path of ours, to `inside`. */
  async copyIn(outside: InsidePath, inside: InsidePath, options?: CopyOptions): Promise<void> {
    await copy(this.#calls, 'in', outside, inside, options);
  }

  /**
   * A directory or file as a stream of tar, to be piped or read: owners are those inside. File capabilities and
   * other extended attributes are not in it, nor fractions of seconds. What is wrong is its 'error'.
   */
  archive(path: InsidePath, options?: ArchiveOptions): Readable {
    return archive(this.#calls, path, options);
  }

  /**
   * Unpacks a stream of tar into a directory that is there, each entry by the rules of `copyIn`: nothing is
   * written outside of that directory, whatever names and links the archive has.
   */
  async extract(source: Archive, path: InsidePath, options?: ExtractOptions): Promise<void> {
    await extract(this.#calls, source, path, options);
  }

  #call(
    operation: keyof typeof operations,
    syscall: string,
    path: InsidePath,
    more: Partial<Request>,
  ): ReturnType<Calls['call']> {
    const bytes = bytesOf(path);
    return this.#calls.call({ operation, syscall, shown: shownAs(path), path: bytes, ...more });
  }

  /** Lets go of the container. Calls that run finish, and what has been opened stays open. */
  close(): void {
    this.#calls.close();
  }

  /** @internal When no call is under way any more, also of those that were aborted. */
  settled(): Promise<void> {
    return this.#calls.settled();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What a request takes over from the options of a call that changes something. */
function asked({ signal, fileSystems }: ChangeOptions): Partial<Request> {
  return { signal, fileSystems };
}

const absent = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'];
