/**
 * Reads state files. What is in them is not believed, whoever wrote it: no file is followed to
 * elsewhere, waited for, or larger than it should be, and every field has to be of its type. What
 * cannot be read becomes one of the problems of the list, and nothing else is lost by it.
 */
import { posix } from 'node:path';
import { binding } from '../base/binding.ts';
import { chunk } from '../base/chunks.ts';
import { errnos } from '../base/errnos.ts';
import { failure, type NamespaceError } from '../base/errors.ts';
import { Limiter } from '../base/limiter.ts';
import { state as limits } from '../base/limits.ts';
import { isDeep, wholePath, withoutSlash } from './fields.ts';
import { linkAt, locatedIn } from './located.ts';
import { adviceFor } from './reading-advice.ts';

/** What readers that belong together share. */
interface Shared {
  readonly problems: NamespaceError[];
  readonly files: Limiter;
  /** Bytes that were read, by the user whose they are. */
  readonly taken: Map<number, number>;
}

export interface Directory {
  readonly path: string;
  readonly names: string[];
}

/** What the addon is asked for; src/base/addon.ts. */
interface Ask {
  readonly path: string;
  readonly most: number;
  readonly part: string;
}

interface Wanted extends Ask {
  readonly resolve: (text: string | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class Reader {
  /** The directory that paths are below; empty for `/`. */
  readonly root: string;
  readonly #shared: Shared;
  readonly #base: string | undefined;
  readonly #owner: number;
  #silent = false;
  #wanted: Wanted[] = [];

  constructor(root = '/', of?: { shared: Shared; base: string; owner: number }) {
    // That of another is whole already; the empty one would be our working directory.
    this.root = of ? root : posix.resolve(root).replace(/^\/$/, '');
    this.#shared = of?.shared ?? {
      problems: [],
      files: new Limiter(limits.open),
      taken: new Map(),
    };
    this.#base = of?.base;
    this.#owner = of?.owner ?? -1;
  }

  get problems(): NamespaceError[] {
    return this.#shared.problems;
  }

  /**
   * For what a user owns, below `base`, which has to be that user's: no link in there is followed, what
   * is neither the user's nor root's is refused, and a file system that does not answer is waited for
   * once, for `limits.timeout`.
   */
  of(base: string, owner: number): Reader {
    return new Reader(this.root, { shared: this.#shared, base, owner });
  }

  /** undefined where there is no such file, or it cannot be read, which is a problem then. */
  text(path: string, most: number = limits.file): Promise<string | undefined> {
    return this.#read({ path, most, part: '' });
  }

  /**
   * Of JSON; '' where this name, or the last part of it, is certainly in none of its strings. To bring a
   * hundred over to JavaScript takes longer than to read them; engines write no escapes into names.
   */
  async textsWith(paths: readonly string[], name: string): Promise<(string | undefined)[]> {
    const last = name.slice(name.lastIndexOf('/') + 1);
    const part = /^[\w.-]+$/.test(last) ? last : '';
    const asks = paths.map(path => ({ path, most: limits.file, part }));
    return (await Promise.all(slices(asks).map(some => this.#readSome(some)))).flat();
  }

  async json(path: string, most?: number): Promise<unknown> {
    const text = await this.text(path, most);
    return text === undefined ? undefined : this.jsonOf(text, path, most);
  }

  /** Of a text that was read from there. Where it is none, it may have been written just then. */
  async jsonOf(text: string, path: string, most?: number): Promise<unknown> {
    try {
      if (text.length <= limits.harmless) return JSON.parse(text);
    } catch {
      const again = await this.text(path, most);
      return again === undefined ? undefined : this.parse(again, path);
    }
    return this.parse(text, path);
  }

  parse(text: string, path: string): unknown {
    if (text.length > limits.harmless && isDeep(text)) {
      this.problem(path, `it is nested deeper than ${limits.depth} levels, as no engine does`);
      return undefined;
    }
    try {
      return JSON.parse(text);
    } catch {
      this.problem(path, 'it is no JSON: half-written, or damaged');
      return undefined;
    }
  }

  /** Settings of Docker's: it takes an empty file, and one with a byte order mark. */
  async settings(path: string): Promise<unknown> {
    const json = (await this.text(path, limits.settings))?.replace(/^\ufeff/, '').trim();
    return json ? this.parse(json, path) : undefined;
  }

  /** The settings of an engine: undefined where none of these names is in there, which need no parser then. */
  async toml(path: string, ...names: readonly string[]): Promise<unknown> {
    const text = await this.text(path, limits.settings);
    if (text === undefined) return undefined;
    if (!text.includes('\\') && !names.some(name => text.includes(name))) return {};
    try {
      return chunk<typeof import('./toml.ts')>('toml').parseToml(text);
    } catch {
      this.problem(path, 'it is no TOML: half-written, or damaged');
      return undefined;
    }
  }

  /** The names in a directory; none where there is no such directory, or it cannot be read. */
  async names(path: string): Promise<string[]> {
    return (await this.directories(path))[0]?.names ?? [];
  }

  /** That directory; with `levels` those below it, at each level those that are like a pattern of fnmatch(3). */
  async directories(path: string, ...levels: readonly string[]): Promise<Directory[]> {
    const text = await this.#read({ path, most: -limits.entries, part: levels.join('/') });
    const all: Directory[] = [];
    const words = text?.split('\0') ?? [];
    for (let i = 0, end = 0; i < words.length - 1; i = end + 1) {
      end = words.indexOf('', i + 1);
      const below = words[i];
      all.push({ path: below ? `${path}/${below}` : path, names: words.slice(i + 1, end) });
    }
    return all;
  }

  /** Of the rows of a list no more than of the names in a directory. */
  cut(rows: readonly unknown[], path: string, most: number = limits.entries): readonly unknown[] {
    if (rows.length > most) this.#failed(errnos.EFBIG, 'read', path);
    return rows.slice(0, most);
  }

  /** Is there such a file? Anything that keeps us from knowing is a no. */
  async has(path: string): Promise<boolean> {
    if (this.#base !== undefined) {
      const names = await this.names(posix.dirname(path));
      return names.includes(posix.basename(path));
    }
    const link = await linkAt(path);
    return typeof link === 'string' || link === errnos.EINVAL;
  }

  /** Is `base` that user's? Also where nothing is known of it, as no answer comes. */
  async isOwn(): Promise<boolean> {
    const [base, path, owner] = this.place(this.#base ?? '/');
    const entries = Int32Array.of(-1);
    const read = await this.#shared.files.run(() =>
      binding.readStates(base, [path], owner, entries, [''], limits.timeout),
    );
    return read.error !== errnos.EPERM && read.failed[0]?.[1] !== errnos.EPERM;
  }

  /** Where the addon finds a path. */
  place(path: string): readonly [base: string, path: string, owner: number] {
    if (this.#base === undefined) return [path, '', -1];
    const inside = posix.relative(this.#base, path);
    return [this.#base, inside, this.#owner];
  }

  /** Where a path of the host is found. */
  async locate(path: string): Promise<string> {
    return this.root === '' ? withoutSlash(path) : locatedIn(this.root, path);
  }

  /** A path that an engine wrote, as it is reached from here. */
  outside(path: string | undefined): string | undefined {
    const whole = wholePath(path);
    return whole && this.root + withoutSlash(posix.normalize(whole));
  }

  /** A path that was reached from here, as an engine knows it. */
  inside(path: string): string {
    return path.slice(this.root.length);
  }

  /** Is it for another reason than that there is no such file, that nothing was read there? */
  hasFailed(path: string): boolean {
    return this.#silent || this.problems.some(problem => problem.target === path);
  }

  /** What is in a file, or missing there, is not what it should be. */
  problem(path: string, advice: string): void {
    this.problems.push(failure(errnos.EINVAL, 'read', { target: path, advice }));
  }

  /** What is asked for in one turn is read in one call: a thread for each file takes longer than the files. */
  #read(ask: Ask): Promise<string | undefined> {
    if (this.#silent) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      if (this.#wanted.push({ ...ask, resolve, reject }) === 1) {
        queueMicrotask(() => this.#readWanted());
      }
    });
  }

  #readWanted(): void {
    for (const some of slices(this.#wanted.splice(0))) {
      this.#readSome(some).then(
        texts => {
          for (const [i, { resolve }] of some.entries()) resolve(texts[i]);
        },
        error => {
          for (const { reject } of some) reject(error);
        },
      );
    }
  }

  /** For each what was read. */
  #readSome(some: readonly Ask[]): Promise<readonly (string | undefined)[]> {
    return this.#shared.files.run(async () => {
      if (this.#silent) return some.map(() => undefined);
      const [base, , owner] = this.place(some[0]?.path ?? '/');
      const paths = some.map(({ path }) => (owner < 0 ? path : this.place(path)[1]));
      const most = Int32Array.from(some, one => one.most);
      const parts = some.map(one => one.part);
      const read = await binding.readStates(base, paths, owner, most, parts, limits.timeout);
      if (read.error < 0) {
        for (const { path } of some) this.#failed(read.error, read.step, path);
        return some.map(() => undefined);
      }
      for (const [at, errno, step, below] of read.failed) {
        this.#failed(errno, step, `${some[at]?.path}${below && '/'}${below}`);
      }
      return some.map(({ path }, i) =>
        owner < 0 ? read.texts[i] : this.#take(path, read.texts[i]),
      );
    });
  }

  /** A user can fill a disk with what is read here: of all that is that user's there is a most. */
  #take(path: string, text: string | undefined): string | undefined {
    const all = (this.#shared.taken.get(this.#owner) ?? 0) + (text?.length ?? 0);
    this.#shared.taken.set(this.#owner, all);
    if (all > limits.ofUser) {
      this.#failed(errnos.EFBIG, 'read', path);
      this.#silent = true;
    }
    return this.#silent ? undefined : text;
  }

  #failed(errno: number, syscall: string, target: string): void {
    if (this.#silent || errno === errnos.ENOENT || errno === errnos.ENOTDIR) return;
    this.#silent = errno === errnos.ETIMEDOUT || errno === errnos.EAGAIN;
    const isKnown = this.problems.some(one => one.target === target && one.errno === errno);
    if (isKnown) return;
    this.problems.push(failure(errno, syscall, { target, advice: adviceFor[errno] }));
  }
}

function slices<T>(all: readonly T[]): T[][] {
  const some: T[][] = [];
  for (let i = 0; i < all.length; i += limits.atOnce) some.push(all.slice(i, i + limits.atOnce));
  return some;
}
