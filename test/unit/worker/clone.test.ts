// Our reader of structured clones against V8's: the same values of what V8 writes; of anything else an
// error, in little time and memory, where V8's own takes gigabytes or ends the process.
import { isDeepStrictEqual } from 'node:util';
import v8 from 'node:v8';
import { describe, expect, test } from 'vitest';
import { cloneVersion, readClone } from '../../../src/worker/clone.ts';
import { Malformed } from '../../../src/worker/clone-bytes.ts';
import { makeProtocol } from '../../../src/worker/protocol.ts';

const most = 1 << 23;
const { encode, views } = makeProtocol(v8);
const head = 16;
const write = (value: unknown) =>
  Buffer.from(encode('value', 1, value, false, 2 ** 28)).subarray(head);
const read = (bytes: Buffer, limit = most) => readClone(bytes, limit, views);

test('this Node writes the version that we read', () => {
  expect([...write(null).subarray(0, 2)]).toEqual([0xff, cloneVersion]);
});

test('a view of each kind that this Node has', () => {
  const kinds = Object.getOwnPropertyNames(globalThis)
    .map(name => Reflect.get(globalThis, name))
    .filter(kind => typeof kind?.BYTES_PER_ELEMENT === 'number' && kind !== Buffer);
  expect(kinds.length).toBeGreaterThanOrEqual(11);
  for (const kind of [...kinds, DataView]) {
    const view = new kind(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer);
    const back = read(write({ view })) as { view: typeof view };
    expect(back.view.constructor).toBe(kind);
    expect(Buffer.from(back.view.buffer).toString('hex')).toBe('0102030405060708');
  }
});

/** A number for each call, the same in each run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Any value that can be cloned, some of it more than once. */
function clonable(random: (below: number) => number, depth = 0, seen: object[] = []): unknown {
  const deeper = () => clonable(random, depth + 1, seen);
  const some = <T>(make: () => T): T[] => Array.from({ length: random(4) }, make);
  const noted = <T extends object>(object: T): T => {
    seen.push(object);
    return object;
  };
  const leaves = [
    () => undefined,
    () => null,
    () => random(2) === 1,
    () => random(1000) - 500,
    () => random(2 ** 31) * 2,
    () => -(2 ** 31) + random(2),
    () => random(1000) / 7,
    () => [-0, NaN, Infinity, -Infinity, 2 ** 53][random(5)],
    () => (BigInt(random(1000)) - 500n) ** BigInt(random(20)),
    () => 'é'.repeat(random(5)),
    () => '€\ud800\0'.repeat(random(5)),
    () => 'x'.repeat(random(300)),
    () => noted(new Date(random(1e9))),
    () => noted(new RegExp('a[/]b', ['', 'g', 'imsuy', 'd'][random(4)])),
    () => noted(Object([true, 5, 'boxed', 7n][random(4)]) as object),
    () => noted(Buffer.from(some(() => random(256)))),
    () => noted(new Uint16Array(some(() => random(65536)))),
    () => noted(new DataView(new ArrayBuffer(random(9)))),
    () => noted(new Uint8Array(some(() => 7)).buffer),
    () => seen[random(seen.length)],
  ];
  const branches = [
    () => {
      const object: Record<string, unknown> = noted({});
      for (const key of some(
        () => ['a', 'bé', '€', '7', 'constructor', 'then'][random(6)] as string,
      ))
        object[key] = deeper();
      return object;
    },
    () => {
      const array: unknown[] = noted([]);
      array.push(...some(deeper));
      return array;
    },
    () => {
      const array: unknown[] = noted([]);
      for (const i of some(() => random(3000))) array[i] = deeper();
      array.length += random(2000);
      if (random(2) === 1) (array as unknown as Record<string, unknown>)['extra'] = deeper();
      return array;
    },
    () => noted(new Array(3).fill(1)),
    () => {
      const map = noted(new Map<unknown, unknown>());
      for (const key of some(deeper)) map.set(key, deeper());
      return map;
    },
    () => {
      const set = noted(new Set<unknown>());
      for (const value of some(deeper)) set.add(value);
      return set;
    },
    () => {
      const type = [Error, TypeError, URIError][random(3)] ?? Error;
      return noted(new type('message', { cause: deeper() }));
    },
    () => noted(new RangeError()),
  ];
  const kinds = depth < 5 ? [...leaves, ...branches, ...branches] : leaves;
  return kinds[random(kinds.length)]?.();
}

test('2,000 values come as they were written', () => {
  for (let seed = 0; seed < 2000; seed++) {
    const value = [clonable(seeded(seed))]; // undefined alone is no clone
    const back = read(write(value));
    expect(isDeepStrictEqual(back, value), `seed ${seed}`).toBe(true);
  }
});

test('circles, an error that is its own cause, buffers that can grow', () => {
  const circle: Record<string, unknown> = { list: [] };
  (circle['list'] as unknown[]).push(circle, new Map([[circle, circle]]));
  const back = read(write(circle)) as typeof circle;
  expect((back['list'] as unknown[])[0]).toBe(back);
  expect(((back['list'] as unknown[])[1] as Map<unknown, unknown>).get(back)).toBe(back);
  const error = new Error('own');
  error.cause = error;
  const again = read(write(error)) as Error;
  expect(again.cause).toBe(again);
  const Resizable = ArrayBuffer as new (length: number, options: object) => ArrayBuffer;
  const memory = read(write(new Resizable(3, { maxByteLength: 99 }))) as ArrayBuffer;
  expect([memory.byteLength, Reflect.get(memory, 'maxByteLength')]).toEqual([3, 99]);
});

test('names of Object.prototype are properties as others, and change nothing', () => {
  const text = '{"__proto__":{"polluted":1},"constructor":2,"toString":3,"hasOwnProperty":4}';
  const value = JSON.parse(text) as object;
  const back = read(write(value)) as object;
  expect(JSON.stringify(back)).toBe(text);
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  const list = Object.assign([1], { push: 5, concat: 6 });
  expect(read(write(list))).toEqual(list);
});

const varint = (value: number) => {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
};
const start = Buffer.from([0xff, cloneVersion]);
type Part = Buffer | string;
const clone = (...parts: (Part | Part[])[]) =>
  Buffer.concat([start, ...parts.flat().map(part => Buffer.from(part as string, 'latin1'))]);
/** An array of so many times the same. */
const many = (unit: Buffer | string, bytes = most - 64) => {
  const count = Math.floor(bytes / unit.length);
  const units = Buffer.alloc(count * unit.length, unit as string);
  return clone('A', varint(count), units, '$\0', varint(count));
};
const sparse = Buffer.concat([
  Buffer.from('a'),
  varint(2 ** 25 - 1),
  Buffer.from('@\0'),
  varint(2 ** 25 - 1),
]);
const nested = (depth: number, before: string, after: string) =>
  clone(before.repeat(depth), '_', after.repeat(depth));
const names = Array.from({ length: 900_000 }, (_, i) => `"\x07k${String(i).padStart(6, '0')}_`);
const bigints = Array.from({ length: 400_000 }, (_, i) => {
  const bytes = Buffer.from(`Z\x20\x01${'\0'.repeat(15)}`, 'latin1');
  bytes.writeUInt32LE(i + 1, 10); // the high half; the low one, which is hashed, is the same
  return bytes;
});

describe('more than it may take', () => {
  test.each<[string, () => Buffer]>([
    ['{},{},...', () => many('o{\0')],
    ['[],[],...', () => many('A\0$\0\0')],
    ['empty strings', () => many('"\0')],
    ['dates', () => many(`D${'\0'.repeat(8)}`)],
    ['Maps', () => many(';:\0')],
    ['errors', () => many('r.')],
    ['regular expressions', () => many('R"\0\0')],
    ['ArrayBuffers', () => many('B\0')],
    ['views', () => many('\\\x01\0')],
    ['boxed values', () => many('y')],
    ['sparse arrays, of 256 MB each for V8', () => many(sparse)],
    ['a buffer that may grow', () => clone('~\0', varint(2 ** 31))],
    ['one object of a million names', () => clone('o', names, '{', varint(names.length))],
  ])('%s', (_, make) => {
    const bytes = make();
    const before = process.memoryUsage().rss;
    let error: unknown;
    try {
      read(bytes);
    } catch (thrown) {
      error = thrown;
    }
    if (error !== undefined) expect(error).toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });

  test('what takes 2 GB of V8 takes nothing: 95 bytes of lengths', () => {
    const bytes = clone('A\x08', Array(8).fill(sparse), '$\0\x08');
    expect(bytes.length).toBeLessThan(100);
    const before = process.memoryUsage().rss;
    const arrays = read(bytes) as unknown[][];
    expect(arrays.map(array => array.length)).toEqual(Array(8).fill(2 ** 25 - 1));
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6);
  });

  test('what ends the process of V8 ends in an error: arrays that each claim the rest', () => {
    const all = Buffer.alloc(most, '_');
    start.copy(all);
    for (let at = 2, i = 0; i < 500; i++, at += 5) {
      all[at] = 0x41;
      const left = most - at - 5;
      for (let k = 0; k < 4; k++)
        all[at + 1 + k] = ((left >>> (7 * k)) & 0x7f) | (k < 3 ? 0x80 : 0);
    }
    expect(() => read(all)).toThrow();
  });

  test.each([
    ['arrays', 'A\x01', '$\0\x01'],
    ['objects', 'o"\x01a', '{\x01'],
    ['Maps', ';_', ':\x02'],
    ['Sets', "'", ',\x01'],
    ['causes', 'rc', '.'],
  ])('100,000 levels of %s', (_, before, after) => {
    expect(read(nested(900, before, after))).toBeTypeOf('object');
    expect(() => read(nested(100_000, before, after))).toThrow(/levels deep/);
  });

  test('keys that are all compared with each other end in time', () => {
    const bytes = clone("'", bigints, ',', varint(bigints.length));
    const begun = performance.now();
    expect(() => read(bytes)).toThrow(/took more than/);
    expect(performance.now() - begun).toBeLessThan(20_000); // it would be minutes
  });

  test('a number of 10,000,000 digits is one', () => {
    const value = 10n ** 3_000_000n;
    expect(read(write(value)) === value).toBe(true);
  });
});

describe('what nobody of ours would write', () => {
  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['no value', start],
    ['another version', Buffer.from([0xff, 14, 0x5f])],
    ['a version of the future', Buffer.from([0xff, 16, 0x5f])],
    ['more behind it', clone('__')],
    ['an unknown tag', clone('!')],
    ['an object of the host that is none', clone('\\\x63\0')],
    ['a view of half an element', clone('\\\x04\x03abc')],
    ['shared memory', clone('u\0')],
    ['memory that was handed over', clone('t\0')],
    ['a module of WebAssembly', clone('w\0')],
    ['a view of an ArrayBuffer', clone('B\x04abcdVB\0\x04\0')],
    ['a reference to nothing', clone('^\0')],
    ['a reference to what is not there yet', clone('R^\0\0')],
    ['a string behind the end', clone('"\x7fabc')],
    ['half a character', clone('c\x03abc')],
    ['a length of 35 bits', clone('"\xff\xff\xff\xff\x7f')],
    ['an endless number', clone(Buffer.from([0x49, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]))],
    ['a key that is an object', clone('oo{\0_{\x01')],
    ['another number of properties', clone('o"\x01a_{\x05')],
    ['another length', clone('A\x01_$\0\x02')],
    ['a second length', clone('A\0"\x06lengthI\x08$\x01\0')],
    ['an element behind the end', clone('a\x01I\x08_@\x01\x01')],
    ['a regular expression that is none', clone('R"\x01(\0')],
    ['flags of none', clone('R"\x01a', varint(2 ** 31))],
    ['the linear flag, which is not standard', clone('R"\x01a', varint(64))],
    ['a message that is no string', clone('rmI\0.')],
    ['a part of an error that there is not', clone('rz.')],
    ['a buffer smaller than itself', clone('~\x08\x04abcdefgh')],
  ])('%s', (_, bytes) => {
    expect(() => read(bytes)).toThrow(Malformed);
  });

  test('20,000 messages with some bytes changed: a value, or an error that is meant', () => {
    let values = 0;
    for (let seed = 0; seed < 20_000; seed++) {
      const random = seeded(seed);
      const bytes = Buffer.from(write([clonable(random)]));
      for (let i = random(3); i >= 0; i--) bytes[random(bytes.length)] = random(256);
      const cut = random(4) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
      try {
        read(cut);
        values++;
      } catch (error) {
        const meant =
          error instanceof Malformed ||
          error instanceof DOMException ||
          (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE';
        expect(meant, `seed ${seed}: ${error}`).toBe(true);
      }
    }
    expect(values).toBeGreaterThan(100);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
