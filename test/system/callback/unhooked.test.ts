// What V8 goes on with after a promise without a word to any hook.

import fs, { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespaces } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { home, lab, place, Track, withLoad } from '../shared/lab.ts';

type At = (label: string) => void;
type FromAsync = (items: unknown, map?: unknown, self?: unknown) => Promise<unknown[]>;
interface Stack {
  use<T>(value: T): T;
  adopt<T>(value: T, dispose: (value: T) => unknown): T;
  defer(dispose: () => unknown): void;
  move(): Stack;
  disposeAsync(): Promise<void>;
}
const { Array: array, AsyncDisposableStack } = globalThis as unknown as {
  Array: { fromAsync?: FromAsync };
  AsyncDisposableStack?: new () => Stack;
};
/** As a program calls it: what stands there by then. */
const fromAsync: FromAsync = (...args) => (array.fromAsync as FromAsync)(...args);

let blue: Namespaces;
beforeAll(async () => {
  blue = await lab();
  blue.run(() => {}); // from then on Node's functions are replaced
});
afterAll(() => blue.close());

const thenable = (at: At, value: unknown) => ({
  // biome-ignore lint/suspicious/noThenProperty: it is what is tested
  then(done: (value: unknown) => void) {
    at('thenable');
    setImmediate(() => done(value));
  },
});

/** What items there can be, and what comes of them. */
const sources: Record<string, (at: At) => [items: unknown, made: unknown[]]> = {
  'an async generator': at => [
    (async function* () {
      for (let i = 0; i < 3; i++) {
        await sleep(1);
        at('in the generator');
        yield i;
      }
    })(),
    [0, 1, 2],
  ],
  promises: at => [
    [sleep(1, 'a'), thenable(at, 'b'), 'c'],
    ['a', 'b', 'c'],
  ],
  'an iterator': at => [
    {
      *[Symbol.iterator]() {
        at('first');
        yield sleep(1, 1);
        at('second');
        yield 2;
      },
    },
    [1, 2],
  ],
  'like an array': at => [
    {
      length: 2,
      get 0() {
        at('0');
        return sleep(1, 'x');
      },
      get 1() {
        at('1');
        return thenable(at, 'y');
      },
    },
    ['x', 'y'],
  ],
  'an async iterator of thenables': at => {
    let left = 2;
    const next = () => {
      at('next');
      return thenable(at, { done: left === 0, value: left-- });
    };
    return [{ [Symbol.asyncIterator]: () => ({ next }) }, [2, 1]];
  },
  text: () => ['xyz', ['x', 'y', 'z']],
};

describe.runIf(array.fromAsync)('Array.fromAsync [from Node 22 on]', () => {
  test('all kinds of items', async () => {
    for (const [name, source] of Object.entries(sources)) {
      async function make(at: At): Promise<void> {
        const self = {};
        const [items, made] = source(at);
        const joined = await fromAsync(
          items,
          function (this: unknown, value: unknown, i: number) {
            expect(this).toBe(self);
            at(`map ${i}`);
            return thenable(at, `${value} ${i}`);
          },
          self,
        );
        at('after');
        expect(joined).toEqual(made.map((value, i) => `${value} ${i}`));
        expect(await fromAsync(source(at)[0])).toEqual(made);
        at('after that');
      }
      const [inside, outside] = [new Track(), new Track()];
      await withLoad(() => Promise.all([blue.run(make, inside.at), make(outside.at)]));
      inside.expectAll(blue.inode('net'), 6);
      outside.expectAll(home, 6);
      expect(inside.steps.length, name).toBe(outside.steps.length);
    }
  });

  test('what throws ends the iterator, there', async () => {
    const track = new Track();
    await blue.run(async () => {
      async function* values() {
        try {
          yield 1;
        } finally {
          track.at('finally');
          await sleep(1);
          track.at('at its end');
        }
      }
      const fail = () => {
        throw new Error('mine');
      };
      await expect(fromAsync(values(), fail)).rejects.toThrow('mine');
    });
    track.expectAll(blue.inode('net'), 2);
    expect(track.steps).toHaveLength(2);
  });

  test('wrong arguments are a TypeError inside, too', async () => {
    const wrong: [items: unknown, map?: unknown][] = [
      [null],
      [undefined],
      [[], 5],
      [{ [Symbol.asyncIterator]: 5 }],
      [{ [Symbol.asyncIterator]: () => 5 }],
      [{ [Symbol.iterator]: () => ({}) }],
    ];
    for (const args of wrong) {
      await expect(fromAsync(...args)).rejects.toThrow(TypeError);
      await expect(blue.run(() => fromAsync(...args))).rejects.toThrow(TypeError);
    }
  });
});

const globs = fs as unknown as {
  glob(...args: unknown[]): void;
  globSync(pattern: string): string[];
};
const search = (...args: unknown[]) => globs.glob(...args);

test.runIf('glob' in fs)('fs.glob with a callback [from Node 22 on]', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-glob-'));
  try {
    for (const name of ['a/b/c', 'd/e/f']) mkdirSync(join(folder, name), { recursive: true });
    const pattern = `${folder}/*/*/*`;
    const find = (at: At, ...options: unknown[]) =>
      new Promise<string[]>((resolve, reject) => {
        const done = (error: Error | null, found: string[]) => {
          at('done');
          if (error) reject(error);
          else resolve(found.sort());
        };
        search(pattern, ...options, done);
      });
    for (const [where, run] of [
      [blue.inode('net'), (search: () => unknown) => blue.run(search)],
      [home, (search: () => unknown) => search()],
    ] as const) {
      const track = new Track();
      const exclude = () => {
        track.at('exclude');
        return false;
      };
      const found = await run(() => find(track.at, { exclude }));
      expect(found).toEqual(globs.globSync(pattern).sort());
      expect(await run(() => find(track.at))).toEqual(found);
      track.expectAll(where, 8);
    }
    const code = (run: () => unknown) => {
      try {
        return run();
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    };
    for (const wrong of [[5], [pattern, 5], [[pattern, 5], {}]]) {
      const call = () => search(...wrong, () => {});
      expect(code(() => blue.run(call))).toBe(code(call));
    }
    expect(code(() => blue.run(search, pattern))).toBe('ERR_INVALID_ARG_TYPE');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe.runIf(AsyncDisposableStack)('AsyncDisposableStack [from Node 24 on]', () => {
  const Stack = AsyncDisposableStack as new () => Stack;

  /** Two of each kind, as the first to be called comes in the stack of the caller. */
  function fill(stack: Stack, at: At): Stack {
    for (const turn of ['first', 'second']) {
      const value = { turn };
      const dispose = async (what: string) => {
        at(`${what}, ${turn}`);
        await sleep(1);
        at(`${what}, ${turn}, its end`);
      };
      stack.defer(() => dispose('defer'));
      expect(stack.adopt(value, ({ turn }) => dispose(`adopt ${turn}`))).toBe(value);
      const later = { [Symbol.asyncDispose]: () => dispose('use') };
      expect(stack.use(later)).toBe(later);
      const now = {
        [Symbol.dispose](this: unknown) {
          expect(this).toBe(now);
          at(`use, at once, ${turn}`);
          return new Promise(() => {}); // not waited for
        },
      };
      expect(stack.use(now)).toBe(now);
      expect(stack.use(null)).toBe(null);
    }
    return stack;
  }
  const steps = 14;

  test('what is filled inside is disposed of inside, whoever does it, and outside outside', async () => {
    const [inside, across, moved] = [new Track(), new Track(), new Track()];
    await blue.run(async () => {
      await fill(new Stack(), inside.at).disposeAsync();
      inside.at('after');
    });
    inside.expectAll(blue.inode('net'), steps + 1);
    const stack = blue.run(() => fill(new Stack(), across.at));
    const other = blue.run(() => fill(new Stack(), moved.at)).move();
    await withLoad(() => stack.disposeAsync());
    across.expectAll(blue.inode('net'), steps);
    await other.disposeAsync();
    expect(place()).toBe(home);
    moved.expectAll(blue.inode('net'), steps);
    for (const { steps: seen } of [across, moved]) expect(seen).toHaveLength(steps);

    const outside = new Track();
    const ours = fill(new Stack(), outside.at);
    await blue.run(async () => {
      const inside = place();
      await ours.disposeAsync();
      expect(place()).toBe(inside);
    });
    outside.expectAll(home, steps);
  });

  test('also where the namespaces have been closed meanwhile', async () => {
    const own = await lab('own');
    const inode = own.inode('net');
    const track = new Track();
    const stack = own.run(() => fill(new Stack(), track.at));
    own.close();
    await sleep(5);
    await stack.disposeAsync();
    track.expectAll(inode, steps);
  });

  test('wrong arguments are refused as ever', () => {
    const stack = new Stack() as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const wrong of [5, 'x', {}, { [Symbol.asyncDispose]: 5 }]) {
      expect(() => blue.run(() => stack['use']?.(wrong))).toThrow(TypeError);
    }
    expect(() => stack['defer']?.()).toThrow(TypeError);
    expect(() => stack['adopt']?.(1)).toThrow(TypeError);
    expect(() => stack['defer']?.call({}, () => {})).toThrow(TypeError);
  });
});
