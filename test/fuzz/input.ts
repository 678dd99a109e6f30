/** Takes choices from the bytes of an input, one after the other; when they are used up, all are 0. */

export class Input {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  below(most: number): number {
    return this.byte() % most;
  }

  word(): number {
    return (this.byte() | (this.byte() << 8) | (this.byte() << 16) | (this.byte() << 24)) >>> 0;
  }

  /** Also such as are next to a limit. */
  number(): number {
    const kind = this.below(8);
    const word = this.word();
    if (kind < 3) return this.below(200) - 2;
    if (kind === 3) return word;
    if (kind === 4) return 2 ** (word % 54) - ((word >>> 8) % 3);
    if (kind === 5) return -word;
    if (kind === 6) return word / 7;
    return [Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** 32 - 1, 2 ** 32][word % 5] as number;
  }

  text(most = 20): string {
    const length = this.below(most);
    const names = [
      '',
      'cause',
      'stack',
      'message',
      'errors',
      'toString',
      '__proto__',
      'constructor',
    ];
    if (length === 0) return names[this.below(names.length)] as string;
    const codes = Array.from({ length }, () => {
      const byte = this.byte();
      return byte < 0xf0 ? byte : 0xd800 + (byte & 0xf) * 0x100; // surrogates without a partner
    });
    return String.fromCharCode(...codes);
  }

  /** What is left, in pieces. */
  pieces(): Buffer[] {
    const pieces: Buffer[] = [];
    const size = 1 + this.byte();
    for (; this.left > 0; this.#at += size)
      pieces.push(this.#bytes.subarray(this.#at, this.#at + size));
    return pieces;
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}

/** Anything that a structured clone carries. */
export function clonable(input: Input, depth = 0): unknown {
  const kind = input.below(depth > 4 ? 8 : 16);
  const many = () => Array.from({ length: input.below(5) }, () => clonable(input, depth + 1));
  switch (kind) {
    case 0:
      return input.number();
    case 1:
      return input.text();
    case 2:
      return [true, false, null, undefined][input.below(4)];
    case 3:
      return BigInt(input.word()) * (input.below(2) === 0 ? 1n : -(2n ** 70n));
    case 4:
      return new Date(input.word());
    case 5:
      return Buffer.from(input.text());
    case 6:
      return input.text(200).repeat(input.below(100));
    case 7:
      return /a+/gi;
    case 8:
      return many();
    case 9:
      return new Map(many().map(value => [input.text(), value]));
    case 10:
      return new Set(many());
    case 11:
      return new Uint8Array(input.below(20)).fill(input.byte());
    case 12:
      return new Float64Array(input.below(5)).fill(input.number());
    case 13:
      return new BigInt64Array(input.below(3)).fill(-5n);
    default:
      return Object.fromEntries(many().map(value => [input.text(), value]));
  }
}
