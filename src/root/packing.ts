/** Walks through a directory of a container, and writes what it finds into an archive. */
import { type BigIntStats, constants, type Stats } from 'node:fs';
import type { CallResult } from '../base/addon.ts';
import { errnos } from '../base/errnos.ts';
import { fileFailure } from '../base/errors.ts';
import type { Calls } from './calls.ts';
import { entriesOf, statsOf } from './entries.ts';
import type { ArchiveOptions } from './options.ts';
import type { Pack, Said } from './tar.ts';

type Tar = typeof import('./tar.ts');

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
const O_PATH = 0o10000000;
const chunk = 1 << 20; // bytes
const deviceMost = 0o777777; // that a header has digits for
const linksMost = 100_000; // files with several names that are remembered

/** Where the walk is: a directory, and what of it is still to come. */
interface Level {
  readonly path: Buffer;
  readonly name: Buffer;
  readonly device: bigint;
  readonly entries: Buffer[];
}

/** One archive: what it looks at, and what it writes. */
export class Packing {
  readonly #calls: Calls;
  readonly #shown: string;
  readonly #options: ArchiveOptions & { signal: AbortSignal };
  readonly #stream: Pack;
  readonly #tar: Tar;
  readonly #links = new Map<string, Buffer>();
  #root: Calls;
  #system: bigint | undefined;
  #special: ArchiveOptions['special'];

  constructor(
    calls: Calls,
    shown: string,
    options: ArchiveOptions & { signal: AbortSignal },
    stream: Pack,
    tar: Tar,
  ) {
    this.#calls = calls;
    this.#root = calls;
    this.#shown = shown;
    this.#options = options;
    this.#stream = stream;
    this.#tar = tar;
    this.#special = options.special;
  }

  async run(path: Buffer): Promise<void> {
    const [, parent = '', name = ''] = /^(.*?)([^/]*)\/*$/s.exec(path.toString('latin1')) ?? [];
    const isName = name !== '' && name !== '.' && name !== '..';
    // What is no directory is seen from the one that it is in.
    const isDirectory = !isName || path.at(-1) === 0x2f || (await this.#isDirectory(path));
    const top = isDirectory ? path : Buffer.from(parent || '.', 'latin1');
    this.#root = this.#calls.within(await this.#openDirectory(top));
    try {
      if (isDirectory) {
        if (await this.#isRoot()) this.#special ??= 'skip';
        const prefix = isName ? `${name}/` : './';
        await this.#walk(Buffer.from(prefix, 'latin1'));
      } else {
        const bytes = Buffer.from(name, 'latin1');
        await this.#entry(bytes, bytes, undefined);
      }
    } finally {
      this.#root.close();
    }
  }

  async #walk(prefix: Buffer): Promise<void> {
    const top = await this.#entry(Buffer.from('.'), prefix, undefined);
    const levels = top ? [top] : [];
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const name = level.entries.pop();
      if (name === undefined) {
        levels.pop();
        continue;
      }
      const path = Buffer.concat([level.path, slash, name]);
      const below = await this.#entry(path, Buffer.concat([level.name, name]), level.device);
      if (below !== undefined) levels.push(below);
    }
  }

  /** Writes an entry. Of a directory gives what is in it. `above` is the file system that it is in. */
  async #entry(path: Buffer, name: Buffer, above: bigint | undefined): Promise<Level | undefined> {
    const ifThere = (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && above !== undefined) return undefined; // gone since it was listed
      throw error;
    };
    const found = await this.#call('stat', 'lstat', path, [0]).catch(ifThere);
    if (found === undefined) return undefined;
    const stat = statsOf(found.data, true) as BigIntStats;
    this.#system ??= stat.dev;
    const said = {
      name: stat.isDirectory() && name.at(-1) !== 0x2f ? Buffer.concat([name, slash]) : name,
      mode: Number(stat.mode),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      mtime: Number(stat.mtimeMs / 1000n),
      size: 0,
    };
    if (stat.isDirectory()) {
      await this.#write({ ...said, type: 'directory' });
      const leftOut =
        above !== undefined &&
        ((stat.dev !== above && found.value === 1) ||
          (this.#options.oneFileSystem && stat.dev !== this.#system));
      if (leftOut) return undefined;
      const listed = await this.#call('list', 'scandir', path, [0]).catch(ifThere);
      if (listed === undefined) return undefined;
      const entries = entriesOf(listed.data, '', { encoding: 'buffer' }).reverse() as Buffer[];
      return { path, name: said.name, device: stat.dev, entries };
    }
    const key = `${stat.dev}:${stat.ino}`;
    const linkname = stat.nlink > 1n ? this.#links.get(key) : undefined;
    if (linkname !== undefined) {
      await this.#write({ ...said, type: 'link', linkname });
      return undefined;
    }
    if (stat.isFile()) {
      const numbers = [O_NOFOLLOW | O_NONBLOCK, 0];
      const opened = await this.#call('readFile', 'open', path, numbers).catch(ifThere);
      if (opened === undefined) return undefined;
      await this.#file(opened, said);
    } else if (stat.isSymbolicLink()) {
      const read = await this.#call('readlink', 'readlink', path).catch(ifThere);
      if (read === undefined) return undefined;
      await this.#write({ ...said, type: 'symlink', linkname: read.data });
    } else if (!(await this.#other(said, stat))) return undefined;
    if (stat.nlink > 1n && this.#links.size < linksMost) this.#links.set(key, name);
    return undefined;
  }

  /** FIFOs, devices and sockets. There are no sockets in archives. */
  async #other(said: Omit<Said, 'type'>, stat: BigIntStats): Promise<boolean> {
    if (this.#special === 'skip' || (this.#special && stat.isSocket())) return false;
    if (!this.#special) {
      const advice =
        "a FIFO, a device or a socket: take it with `special: true`, or leave it out with 'skip'";
      throw this.#failure(errnos.EINVAL, said.name, advice);
    }
    const type = stat.isFIFO()
      ? 'fifo'
      : stat.isBlockDevice()
        ? 'block-device'
        : 'character-device';
    // As the C library packs them, which is how Node gives them.
    const rdev = stat.rdev;
    const major = Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n));
    const minor = Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n));
    if (Math.max(major, minor) > deviceMost) {
      const advice = 'its device has a number for which tar has not enough digits';
      throw this.#failure(errnos.EOVERFLOW, said.name, advice);
    }
    await this.#write({ ...said, type, major, minor });
    return true;
  }

  async #file({ value, fd, data }: CallResult, said: Omit<Said, 'type'>): Promise<void> {
    if (fd < 0) return this.#write({ ...said, type: 'file', size: data.length }, data);
    try {
      if (value === 0) throw this.#failure(errnos.EFBIG, said.name, 'a file of unknown size');
      const sink = await this.#begin({ ...said, type: 'file', size: value });
      for (let left = value; left > 0; ) {
        const numbers = [-1, Math.min(chunk, left), 1];
        const part = await this.#root.call({
          operation: 'read',
          syscall: 'read',
          shown: this.#shown,
          fd,
          numbers,
          signal: this.#options.signal,
        });
        if (part.value === 0) {
          throw this.#failure(errnos.ESTALE, said.name, 'it has become shorter while it was read');
        }
        left -= part.value;
        const bytes = part.data.subarray(0, part.value);
        if (!sink.write(bytes)) await this.#tar.drained(sink);
      }
      sink.end();
      await sink.done;
    } finally {
      await this.#root.closeFile(fd).catch(() => {});
    }
  }

  async #write(said: Said, data?: Buffer): Promise<void> {
    const { header, before } = this.#tar.headerOf(said);
    for (const bytes of before) this.#stream.push(bytes);
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      const sink =
        data === undefined
          ? this.#stream.entry(header, done)
          : this.#stream.entry(header, data, done);
      sink.on('error', () => {}); // `done` has it
    });
  }

  async #begin(said: Said) {
    const { header, before } = this.#tar.headerOf(said);
    for (const bytes of before) this.#stream.push(bytes);
    const { promise: done, resolve, reject } = settling();
    const sink = this.#stream.entry(header, error => (error ? reject(error) : resolve()));
    sink.on('error', () => {});
    return Object.assign(sink, { done });
  }

  async #isDirectory(path: Buffer): Promise<boolean> {
    const { data } = await this.#callOn(this.#calls, 'stat', 'lstat', path, [0]);
    return (statsOf(data, false) as Stats).isDirectory();
  }

  async #isRoot(): Promise<boolean> {
    const [here, root] = await Promise.all([
      this.#call('stat', 'lstat', Buffer.from('.'), [0]),
      this.#callOn(this.#calls, 'stat', 'lstat', slash, [0]),
    ]);
    const key = (data: Buffer) => {
      const { dev, ino } = statsOf(data, true);
      return `${dev}:${ino}`;
    };
    return key(here.data) === key(root.data);
  }

  async #openDirectory(path: Buffer): Promise<number> {
    const { fd } = await this.#callOn(this.#calls, 'open', 'open', path, [
      O_PATH | O_DIRECTORY,
      0,
      0,
    ]);
    return fd;
  }

  #call(operation: Operation, syscall: string, path: Buffer, numbers?: number[]) {
    return this.#callOn(this.#root, operation, syscall, path, numbers);
  }

  #callOn(
    calls: Calls,
    operation: Operation,
    syscall: string,
    path: Buffer,
    numbers: number[] = [],
  ) {
    const below = calls === this.#calls ? '' : path.toString().replace(/^\.(?=\/|$)/, '');
    const shown = below === '' ? this.#shown : `${this.#shown.replace(/\/+$/, '')}${below}`;
    const { signal } = this.#options;
    return calls.call({ operation, syscall, shown, path, numbers, signal });
  }

  #failure(errno: number, name: Buffer, advice: string): Error {
    const { target } = this.#calls;
    return fileFailure(errno, 'tar', { path: name.toString() }, { target, advice });
  }
}

type Operation = 'stat' | 'list' | 'readlink' | 'readFile' | 'open';

const slash = Buffer.from('/');

function settling() {
  let resolve = () => {};
  let reject = (_: unknown) => {};
  const promise = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}
