/**
 * The parts of which a structured clone is made, read from bytes that anybody may have written: never
 * behind their end, and with a count of the memory that is taken for them.
 */

/** Nothing that a worker of ours would write. */
export class Malformed extends Error {}

export function malformed(what: string): Malformed {
  return new Malformed(`a clone with ${what}`);
}

const characters = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

/** What a value takes, about, in bytes; those of which it consists come on top of it. */
export const cost = {
  slot: 8,
  number: 16,
  string: 24,
  object: 64,
  entry: 48,
  memory: 256,
  compiled: 4096,
} as const;

/** Memory may have as much as the message for each of its bytes. */
const expansion = 4;

export class CloneBytes {
  protected readonly bytes: Buffer;
  protected at = 0;
  readonly #most: number;
  #left: number;
  readonly #texts: string[] = [];

  constructor(bytes: Buffer, most: number) {
    this.bytes = bytes;
    this.#most = most;
    this.#left = expansion * Math.max(most, 1 << 16);
  }

  protected charge(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    throw Object.assign(
      new RangeError(
        `a result of ${this.bytes.length} bytes would take more memory than ${expansion} times maxResultBytes (${this.#most})`,
      ),
      { code: 'ERR_BUFFER_TOO_LARGE' },
    );
  }

  protected byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw malformed('less than it says');
    return byte;
  }

  /** A character, which says what follows. Zeros in front of it align that. */
  protected tag(): string {
    for (;;) {
      const tag = this.byte();
      if (tag !== 0) return characters[tag] as string;
    }
  }

  protected isNext(tag: string): boolean {
    while (this.bytes[this.at] === 0) this.at++;
    if (characters[this.bytes[this.at] ?? 0] !== tag) return false;
    this.at++;
    return true;
  }

  protected varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const byte = this.byte();
    if (byte > 0xf) throw malformed('a number of more than 32 bits');
    return value + byte * 2 ** 28;
  }

  /** Where `length` raw bytes begin. */
  protected raw(length: number): number {
    const from = this.at;
    if (length > this.bytes.length - from) throw malformed('less than it says');
    this.charge(length);
    this.at = from + length;
    return from;
  }

  protected copy(length: number): ArrayBuffer {
    const from = this.raw(length);
    this.charge(cost.memory);
    return new Uint8Array(this.bytes.subarray(from, from + length)).buffer;
  }

  protected double(): number {
    this.charge(cost.number);
    return this.bytes.readDoubleLE(this.raw(8));
  }

  /** With one byte for each character, or two. */
  protected text(tag: '"' | 'c'): string {
    const length = this.varint();
    const from = this.raw(length);
    if (tag === '"') return this.bytes.toString('latin1', from, from + length);
    if (length % 2 !== 0) throw malformed('half a character');
    return this.bytes.toString('utf16le', from, from + length);
  }

  /**
   * The text that comes, with one byte for each character, where it is among those that came last: to
   * compare is less work than to make it again. Otherwise nothing is read.
   */
  protected knownText(): string | undefined {
    const length = this.bytes[this.at] ?? 0;
    const from = this.at + 1;
    const known = this.#texts[this.#slot(from, length)];
    if (known === undefined || known.length !== length) return undefined;
    for (let i = 0; i < length; i++) {
      if (known.charCodeAt(i) !== this.bytes[from + i]) return undefined;
    }
    this.at = from + length;
    return known;
  }

  /** Remembers the text that was read last. */
  protected know(text: string): void {
    if (text.length <= 64) this.#texts[this.#slot(this.at - text.length, text.length)] = text;
  }

  #slot(from: number, length: number): number {
    return (
      (length + 31 * (this.bytes[from] ?? 0) + 7 * (this.bytes[from + length - 1] ?? 0)) & 0xff
    );
  }

  /** Where V8 wants a string, any value may stand: none of the others makes sense. */
  protected string(tag: string): string {
    if (tag !== '"' && tag !== 'c') throw malformed('no string where there must be one');
    this.charge(cost.string);
    return this.text(tag);
  }

  protected bigint(): bigint {
    const bits = this.varint();
    const length = bits >>> 1;
    this.charge(cost.string);
    const from = this.raw(length);
    if (length === 0) return 0n;
    const digits = Buffer.from(this.bytes.subarray(from, from + length)).reverse();
    const value = BigInt(`0x${digits.toString('hex')}`);
    return bits & 1 ? -value : value;
  }
}
