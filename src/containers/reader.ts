/**
 * Reads state files. Whoever wrote them, what is in them is not believed: no file is followed to
 * elsewhere, waited for, or larger than it should be, and every field has to be of its type. What
 * cannot be read becomes one of the problems of the list, and nothing else is lost by it.
 */
import fs, { constants } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { promisify } from 'node:util';
import { binding } from '../binding.ts';
import { errnos } from '../errnos.ts';
import { failure, type NamespaceError } from '../errors.ts';

/** Bytes of one file: state is some kilobytes of it, and an environment may be long. */
const fileMost = 2 * 2 ** 20;
/** Entries of one directory. */
const entriesMost = 5_000;
/** Files and directories that are open at the same time. */
const openMost = 16;
/** As the kernel does. */
const linksMost = 40;

// The bare functions: a FileHandle costs as much as what is done with it here.
const [open, fstat, read, close] = [
  promisify(fs.open),
  promisify(fs.fstat),
  promisify(fs.read),
  promisify(fs.close),
];

export class Reader {
  readonly problems: NamespaceError[] = [];
  /** The directory that paths are below; empty for `/`. */
  readonly root: string;
  #open = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(root = '/') {
    this.root = posix.resolve(root).replace(/^\/$/, '');
  }

  /** undefined where there is no such file, or it cannot be read, which is a problem then. */
  async text(path: string, most: number = fileMost): Promise<string | undefined> {
    await this.#turn();
    try {
      return await readBounded(path, most);
    } catch (error) {
      this.#failed(error, path);
      return undefined;
    } finally {
      this.#next();
    }
  }

  async json(path: string, most?: number): Promise<unknown> {
    const text = await this.text(path, most);
    if (text === undefined) return undefined;
    return this.parse(text, path);
  }

  parse(text: string, path: string): unknown {
    if (text.length > harmless && isDeep(text)) {
      this.problem(path, `it is nested deeper than ${depthMost} levels, as no engine does`);
      return undefined;
    }
    try {
      return JSON.parse(text);
    } catch {
      this.problem(path, 'it is no JSON: half-written, or damaged');
      return undefined;
    }
  }

  /** The names in a directory; none where there is no such directory, or it cannot be read. */
  async names(path: string): Promise<string[]> {
    await this.#turn();
    try {
      const { error, step, texts } = await binding.directoryNames(path, entriesMost);
      if (error < 0) this.#failed(failure(error, step, { target: path }), path);
      return texts.split('\0').slice(0, -1);
    } finally {
      this.#next();
    }
  }

  /** Is there such a file? Anything that keeps us from knowing is a no. */
  async has(path: string): Promise<boolean> {
    try {
      await readlink(path);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).errno === errnos.EINVAL;
    }
  }

  /**
   * Where a path of the host is found: below the root directory, with its links followed as the host
   * would follow them.
   */
  async locate(path: string): Promise<string> {
    if (this.root === '') return path;
    let done = '';
    const todo = path.split('/');
    for (let links = 0; todo.length > 0; ) {
      const name = todo.shift() as string;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        done = posix.dirname(done).replace(/^[/.]$/, '');
        continue;
      }
      const link = await readlink(`${this.root}${done}/${name}`).catch(() => undefined);
      if (link === undefined || ++links > linksMost) {
        done += `/${name}`;
        continue;
      }
      if (link.startsWith('/')) done = '';
      todo.unshift(...link.split('/'));
    }
    return this.root + done;
  }

  /** A path that an engine wrote, as it is reached from here. */
  outside(path: string | undefined): string | undefined {
    if (path === undefined || !posix.isAbsolute(path)) return undefined;
    return this.root + posix.normalize(path);
  }

  /** A path that was reached from here, as an engine knows it. */
  inside(path: string): string {
    return path.slice(this.root.length);
  }

  /** What is in a file, or missing there, is not what it should be. */
  problem(path: string, advice: string): void {
    this.problems.push(failure(errnos.EINVAL, 'read', { target: path, advice }));
  }

  /** Nothing is said about what is not there. */
  #failed(error: unknown, path: string): void {
    const { errno = errnos.EINVAL, syscall = 'open' } = error as NodeJS.ErrnoException;
    if (errno === errnos.ENOENT || errno === errnos.ENOTDIR) return;
    const advice = adviceFor[errno];
    this.problems.push(failure(errno, syscall, { target: path, advice }));
  }

  async #turn(): Promise<void> {
    if (this.#open < openMost) this.#open++;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#open--;
  }
}

/**
 * Parsing takes seconds, which nothing else gets, where megabytes are nothing but depth; a file that
 * is no longer than this takes some milliseconds whatever is in it.
 */
const harmless = 2 ** 14;
const depthMost = 100;

function isDeep(json: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === quote) quoted = !quoted;
    else if (quoted) i += code === backslash ? 1 : 0;
    else if (code === 0x5b || code === 0x7b) depth++;
    else if (code === 0x5d || code === 0x7d) depth--;
    if (depth > depthMost) return true;
  }
  return false;
}

const [quote, backslash] = [0x22, 0x5c];

/** What to do about an errno, or what it means here. */
export const adviceFor: Record<number, string> = {
  [errnos.EACCES]: 'run as root, or as the user whose engine it is',
  [errnos.EFBIG]: 'no engine writes as much',
  [errnos.ELOOP]: 'a link is not followed there',
};

async function readBounded(path: string, most: number): Promise<string> {
  // O_NONBLOCK: a FIFO is opened, and refused, without waiting for its writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = await open(path, flags);
  try {
    const stats = await fstat(fd);
    if (!stats.isFile()) {
      throw failure(errnos.EINVAL, 'open', { target: path, advice: 'this is no regular file' });
    }
    if (stats.size > most) throw failure(errnos.EFBIG, 'read', { target: path });
    const buffer = Buffer.allocUnsafe(stats.size + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await read(fd, buffer, length, buffer.length - length, null);
      length += bytesRead;
      // It has grown: engines write anew and rename.
      if (length === buffer.length) throw failure(errnos.EINVAL, 'read', { target: path });
      if (bytesRead === 0 || length === stats.size) return buffer.toString('utf8', 0, length);
    }
  } finally {
    await close(fd);
  }
}
