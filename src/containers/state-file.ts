/** A file of JSON that has a container's name in it, and all else: read as a whole only where that is wanted. */
import type { Reader } from './reader.ts';

export class StateFile {
  readonly #reader: Reader;
  readonly path: string;
  /** What there is where there is no such file. */
  readonly #instead: string | undefined;
  #reading: Promise<string | undefined> | undefined;
  #parsing: Promise<unknown> | undefined;

  constructor(reader: Reader, path: string, instead?: string) {
    this.#reader = reader;
    this.path = path;
    this.#instead = instead;
  }

  /** undefined where it cannot be read, or is no JSON, which is a problem then. */
  async value(): Promise<unknown> {
    this.#reading ??= this.#reader.text(this.path);
    const text = (await this.#reading) ?? this.#instead;
    if (text === undefined) return undefined;
    this.#parsing ??= this.#reader.jsonOf(text, this.path);
    return this.#parsing;
  }

  /** Those in which this name, or the last part of it, may be: they are read, all of a reader's in one go. */
  static async having(files: readonly StateFile[], name: string): Promise<Set<StateFile>> {
    const found = new Set(files.filter(file => file.#reading !== undefined));
    const unread = new Map<Reader, StateFile[]>();
    for (const file of files) {
      const some = unread.get(file.#reader);
      if (found.has(file)) continue;
      if (some === undefined) unread.set(file.#reader, [file]);
      else some.push(file);
    }
    const all = [...unread].map(async ([reader, some]) => {
      const paths = some.map(file => file.path);
      for (const [i, text] of (await reader.textsWith(paths, name)).entries()) {
        const file = some[i];
        if (file === undefined || text === '') continue;
        file.#reading ??= Promise.resolve(text);
        found.add(file);
      }
    });
    await Promise.all(all);
    return found;
  }
}
