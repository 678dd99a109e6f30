/**
 * Reads a structured clone, in the format of V8's ValueSerializer, that anybody may have written. V8's
 * own reader believes what it reads: 95 bytes (lengths of sparse arrays) make it take 2 GB, and a few
 * hundred arrays in one another, each of which claims the rest of the message, end the process. This
 * one makes nothing that is not there, and counts what it makes.
 */
import { CloneBytes, cost, malformed } from './clone-bytes.ts';
import type { View } from './protocol.ts';

/** The only version that we, and so a worker, write: from Node 20 on. */
export const cloneVersion = 15;

/** How deep values can lie in one another: a reader that recurses ends somewhere. */
const depthMost = 1000;

/** Characters of a regular expression: V8 reads it at once, and takes some 100 bytes for each. */
const patternMost = 1 << 16;

/**
 * How long it may take to fill Maps and Sets, in milliseconds: who chooses the keys can make each
 * of them be compared with all others. Without that, one of 16 MiB takes a tenth of it.
 */
const collectionsMost = 2000;

/** A body of at most `most` bytes. Throws `Malformed`, or an error for its caller: there is too much. */
export function readClone(bytes: Buffer, most: number, views: readonly View[]): unknown {
  return new Reader(bytes, most, views).readAll();
}

const errorClasses: Record<string, ErrorConstructor> = {
  E: EvalError,
  R: RangeError,
  F: ReferenceError,
  S: SyntaxError,
  T: TypeError,
  U: URIError,
};

/** By the bit of V8's JSRegExp::Flag. */
const regExpFlags = ['g', 'i', 'm', 'y', 'u', 's', undefined, 'd', 'v'];

class Reader extends CloneBytes {
  readonly #views: readonly View[];
  #depth = 0;
  #entries = 0;
  readonly #begun: number = performance.now();
  /** All objects, in the order in which they begin: what a reference names. */
  readonly #objects: unknown[] = [];
  /** Of properties. */
  readonly #names = new Set<string>();

  constructor(bytes: Buffer, most: number, views: readonly View[]) {
    super(bytes, most);
    this.#views = views;
  }

  readAll(): unknown {
    if (this.byte() !== 0xff || this.varint() !== cloneVersion) throw malformed('another version');
    const value = this.#value();
    if (this.at !== this.bytes.length) throw malformed('more behind it');
    return value;
  }

  #make<T>(object: T, bytes: number): T {
    this.charge(bytes);
    this.#objects.push(object);
    return object;
  }

  #value(): unknown {
    if (++this.#depth > depthMost) {
      const text = `what lies more than ${depthMost} levels deep could not be cloned.`;
      throw new DOMException(text, 'DataCloneError');
    }
    const value = this.#read(this.tag());
    this.#depth--;
    return value;
  }

  #read(tag: string): unknown {
    switch (tag) {
      case '_':
        return undefined;
      case '0':
        return null;
      case 'T':
        return true;
      case 'F':
        return false;
      case 'I': {
        const zigzag = this.varint();
        return (zigzag >>> 1) ^ -(zigzag & 1);
      }
      case 'U':
        return this.varint();
      case 'N':
        return this.double();
      case 'Z':
        return this.bigint();
      case '"':
      case 'c':
        return this.string(tag);
      case '^': {
        const object = this.#objects[this.varint()];
        if (object === undefined) throw malformed('a reference to nothing');
        return object;
      }
      case 'o':
        return this.#properties(this.#make({}, cost.object), '{');
      case 'A':
        return this.#dense();
      case 'a':
        return this.#sparse();
      case ';':
        return this.#map();
      case "'":
        return this.#set();
      case 'D':
        return this.#make(new Date(this.double()), cost.memory);
      case 'y':
        return this.#make(Object(true), cost.object);
      case 'x':
        return this.#make(Object(false), cost.object);
      case 'n':
        return this.#make(Object(this.double()), cost.object);
      case 'z':
        return this.#make(Object(this.bigint()), cost.object);
      case 's':
        return this.#make(Object(this.string(this.tag())), cost.object);
      case 'R':
        return this.#regExp();
      case 'r':
        return this.#error();
      case 'B':
        return this.#make(this.copy(this.varint()), cost.object);
      case '~':
        return this.#resizable();
      case '\\':
        return this.#view();
    }
    throw malformed(`tag ${tag}`);
  }

  /** Up to the tag `end`, and their number. */
  #properties<T extends object>(object: T, end: string): T {
    let count = 0;
    for (; !this.isNext(end); count++) {
      const key = this.#key();
      if (typeof key === 'number') {
        const follows = Array.isArray(object) && key === object.length;
        if (!follows) this.charge(2 * cost.entry);
      } else if (key === 'length' && Array.isArray(object)) throw malformed('a second length');
      set(object, key, this.#value());
    }
    if (this.varint() !== count) throw malformed('another number of properties');
    return object;
  }

  /** V8 keeps a name once, however many objects have it. */
  #key(): string | number {
    const tag = this.tag();
    this.charge(cost.slot);
    if (tag === '"') {
      const known = this.knownText();
      if (known !== undefined) return known;
    }
    const key = tag === '"' || tag === 'c' ? this.text(tag) : this.#read(tag);
    if (typeof key !== 'string' && typeof key !== 'number') throw malformed('a key that is none');
    if (typeof key === 'string' && !this.#names.has(key)) {
      this.charge(cost.string + key.length + 2 * cost.entry);
      this.#names.add(key);
    }
    if (tag === '"') this.know(key as string);
    return key;
  }

  #dense(): unknown[] {
    const array: unknown[] = this.#make([], cost.object);
    const length = this.varint();
    for (let i = 0; i < length; i++) {
      this.charge(cost.slot);
      if (!this.isNext('-')) array[i] = this.#value(); // or nothing
    }
    return this.#lengthOf(this.#properties(array, '$'), length);
  }

  #sparse(): unknown[] {
    const array: unknown[] = this.#make([], cost.object);
    const length = this.varint();
    return this.#lengthOf(this.#properties(array, '@'), length);
  }

  /** V8 has memory for all elements of an array, unless that once had very many. */
  #lengthOf(array: unknown[], length: number): unknown[] {
    if (this.varint() !== length || array.length > length) throw malformed('another length');
    if (length - array.length > 1024) array.length = 2 ** 32 - 1;
    array.length = length;
    return array;
  }

  #entry(): void {
    this.charge(cost.entry);
    if ((++this.#entries & 0xff) !== 0) return;
    if (performance.now() - this.#begun < collectionsMost) return;
    const text = `a Map or Set took more than ${collectionsMost} ms, and could not be cloned.`;
    throw new DOMException(text, 'DataCloneError');
  }

  #map(): Map<unknown, unknown> {
    const map = this.#make(new Map<unknown, unknown>(), cost.memory);
    let count = 0;
    for (; !this.isNext(':'); count += 2) {
      this.#entry();
      map.set(this.#value(), this.#value());
    }
    if (this.varint() !== count) throw malformed('another number of entries');
    return map;
  }

  #set(): Set<unknown> {
    const set = this.#make(new Set<unknown>(), cost.memory);
    let count = 0;
    for (; !this.isNext(','); count++) {
      this.#entry();
      set.add(this.#value());
    }
    if (this.varint() !== count) throw malformed('another number of entries');
    return set;
  }

  #regExp(): RegExp {
    const pattern = this.string(this.tag());
    const bits = this.varint();
    if (pattern.length > patternMost) throw malformed('a regular expression of that length');
    let flags = '';
    for (let bit = 0; bit < 32; bit++) {
      if (((bits >>> bit) & 1) === 1) flags += regExpFlags[bit] ?? '?';
    }
    this.charge(cost.compiled);
    try {
      return this.#make(new RegExp(pattern, flags), cost.object);
    } catch (error) {
      if (error instanceof SyntaxError) throw malformed('no regular expression');
      throw error;
    }
  }

  #error(): Error {
    let part = this.tag();
    const Class = errorClasses[part];
    if (Class !== undefined) part = this.tag();
    const error = this.#make(new (Class ?? Error)(), cost.compiled);
    const define = (name: string, value: unknown) =>
      Object.defineProperty(error, name, { value, configurable: true, writable: true });
    Reflect.deleteProperty(error, 'stack');
    for (; part !== '.'; part = this.tag()) {
      if (part === 'm') define('message', this.string(this.tag()));
      else if (part === 'c') define('cause', this.#value());
      else if (part === 's') define('stack', this.string(this.tag()));
      else throw malformed('another part of an error');
    }
    return error;
  }

  #resizable(): ArrayBuffer {
    const length = this.varint();
    const maxByteLength = this.varint();
    if (maxByteLength < length) throw malformed('more than there can be');
    this.charge(maxByteLength - length + cost.memory);
    const from = this.raw(length);
    const Resizable = ArrayBuffer as new (length: number, options: object) => ArrayBuffer;
    const memory = this.#make(new Resizable(length, { maxByteLength }), cost.memory);
    new Uint8Array(memory).set(this.bytes.subarray(from, from + length));
    return memory;
  }

  /** As the Writer of protocol.ts has written it. */
  #view(): NodeJS.ArrayBufferView {
    const kind = this.varint();
    const memory = this.copy(this.varint());
    if (kind === this.#views.length) return this.#make(Buffer.from(memory), cost.memory);
    const View = this.#views[kind];
    const { BYTES_PER_ELEMENT: size = 1 } = (View ?? {}) as { BYTES_PER_ELEMENT?: number };
    if (View === undefined || memory.byteLength % size !== 0) throw malformed('no such view');
    return this.#make(new View(memory), cost.memory);
  }
}

/** As an own property, whatever it is called. */
function set(object: object, key: string | number, value: unknown): void {
  if (key in object) {
    const property = { value, configurable: true, enumerable: true, writable: true };
    Object.defineProperty(object, key, property);
  } else (object as Record<string | number, unknown>)[key] = value;
}
