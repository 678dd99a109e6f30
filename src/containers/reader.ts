/**
 * Reads state files. What is in them is not believed, whoever wrote it: no file is followed to
 * elsewhere, waited for, or larger than it should be, and every field has to be of its type. What
 * cannot be read becomes one of the problems of the list, and nothing else is lost by it.
 */
import { readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Names as Found } from '../base/addon-looks.ts';
import { binding } from '../base/binding.ts';
import { chunk } from '../base/chunks.ts';
import { errnos } from '../base/errnos.ts';
import { failure, type NamespaceError } from '../base/errors.ts';
import { Limiter } from '../base/limiter.ts';
import { state as limits } from '../base/limits.ts';

/** What readers that belong together share. */
interface Shared {
  readonly problems: NamespaceError[];
  readonly files: Limiter;
}

export class Reader {
  /** The directory that paths are below; empty for `/`. */
  readonly root: string;
  readonly #shared: Shared;
  readonly #base: string | undefined;
  readonly #owner: number;
  #silent = false;

  constructor(root = '/', of?: { shared: Shared; base: string; owner: number }) {
    this.root = posix.resolve(root).replace(/^\/$/, '');
    this.#shared = of?.shared ?? { problems: [], files: new Limiter(limits.open) };
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
  async text(path: string, most: number = limits.file): Promise<string | undefined> {
    if (this.#silent) return undefined;
    const found = await this.#shared.files.run(() =>
      binding.readState(...this.place(path), false, most, limits.timeout),
    );
    this.#remember(found, path);
    return found.error < 0 ? undefined : found.texts;
  }

  async json(path: string, most?: number): Promise<unknown> {
    const text = await this.text(path, most);
    if (text === undefined) return undefined;
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

  /** The settings of an engine. */
  async toml(path: string): Promise<unknown> {
    const text = await this.text(path, limits.settings);
    if (text === undefined) return undefined;
    try {
      return chunk<typeof import('./toml.ts')>('toml').parseToml(text);
    } catch {
      this.problem(path, 'it is no TOML: half-written, or damaged');
      return undefined;
    }
  }

  /** The names in a directory; none where there is no such directory, or it cannot be read. */
  async names(path: string): Promise<string[]> {
    if (this.#silent) return [];
    const found = await this.#shared.files.run(() =>
      binding.readState(...this.place(path), true, limits.entries, limits.timeout),
    );
    this.#remember(found, path);
    const some = found.error >= 0 || found.error === errnos.EFBIG;
    return some ? found.texts.split('\0').slice(0, -1) : [];
  }

  /** Is there such a file? Anything that keeps us from knowing is a no. */
  async has(path: string): Promise<boolean> {
    if (this.#base !== undefined) {
      const names = await this.names(posix.dirname(path));
      return names.includes(posix.basename(path));
    }
    try {
      await readlink(path);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).errno === errnos.EINVAL;
    }
  }

  /** Where the addon finds a path. */
  place(path: string): readonly [base: string, path: string, owner: number] {
    if (this.#base === undefined) return [path, '', -1];
    const inside = posix.relative(this.#base, path);
    return [this.#base, inside, this.#owner];
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
      if (link === undefined || ++links > limits.links) {
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
  #remember({ error, step }: Found, path: string): void {
    if (error >= 0 || error === errnos.ENOENT || error === errnos.ENOTDIR || this.#silent) return;
    this.#silent = error === errnos.ETIMEDOUT || error === errnos.EAGAIN;
    this.problems.push(failure(error, step, { target: path, advice: adviceFor[error] }));
  }
}

function isDeep(json: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === quote) quoted = !quoted;
    else if (quoted) i += code === backslash ? 1 : 0;
    else if (code === 0x5b || code === 0x7b) depth++;
    else if (code === 0x5d || code === 0x7d) depth--;
    if (depth > limits.depth) return true;
  }
  return false;
}

const [quote, backslash] = [0x22, 0x5c];

/** What to do about an errno, or what it means here. */
export const adviceFor: Record<number, string> = {
  [errnos.EACCES]: 'run as root, or as the user whose engine it is',
  [errnos.EAGAIN]: 'too many file systems of users do not answer',
  [errnos.EFBIG]: 'no engine writes as much',
  [errnos.EINVAL]: 'this is no regular file',
  [errnos.ELOOP]: 'a link is not followed there',
  [errnos.EPERM]: 'it does not belong to the user whose engine it is',
  [errnos.ETIMEDOUT]: `the file system did not answer within ${limits.timeout} ms`,
  [errnos.EXDEV]: 'this is outside of what the user has',
};
