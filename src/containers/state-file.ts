/** A file of JSON that has a container's name in it, and all else: read as a whole only where that is wanted. */
import type { Reader } from './reader.ts';

export class StateFile {
  readonly #reader: Reader;
  readonly #path: string;
  /** What there is where there is no such file. */
  readonly #instead: string | undefined;
  #reading: Promise<string | undefined> | undefined;
  #parsing: Promise<unknown> | undefined;

  constructor(reader: Reader, path: string, instead?: string) {
    this.#reader = reader;
    this.#path = path;
    this.#instead = instead;
  }

  /** undefined where it cannot be read, or is no JSON, which is a problem then. */
  async value(): Promise<unknown> {
    this.#reading ??= this.#reader.text(this.#path);
    const text = (await this.#reading) ?? this.#instead;
    if (text === undefined) return undefined;
    this.#parsing ??= this.#reader.jsonOf(text, this.#path);
    return this.#parsing;
  }

  /** The same; and undefined where this name, or the last part of it, is certainly in none of its strings. */
  async valueWith(name: string): Promise<unknown> {
    if (this.#reading === undefined) {
      const text = await this.#reader.textWith(this.#path, name);
      if (text === '') return undefined;
      this.#reading ??= Promise.resolve(text);
    }
    return this.value();
  }
}
