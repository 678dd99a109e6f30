// Whatever is thrown inside, and however odd, arrives as something, and the worker goes on.
import { runInNewContext } from 'node:vm';
import { type NamespaceWorker, openWorker } from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';

let worker: NamespaceWorker;
beforeAll(async () => {
  worker = await openWorker({ unshare: ['uts'] }, 'all', { timeout: seconds(20) });
});
afterAll(() => worker.close());
afterEach(async () => {
  expect(await worker.evaluate(() => 'goes on')).toBe('goes on');
});

const thrownBy = async (fn: () => unknown): Promise<unknown> => {
  try {
    await worker.evaluate(fn);
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

describe('an error', () => {
  test.each([
    '__proto__',
    'toString',
    'hasOwnProperty',
    'constructor',
    'valueOf',
    '',
    'Object',
    'AggregateError',
    'DOMException',
  ])('named %j', async name => {
    const error = await worker
      .evaluate((name: string) => {
        throw Object.assign(new RangeError('x'), { name });
      }, name)
      .catch(error => error);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name, message: 'x' });
  });

  test.each<[string, () => unknown, (error: Error & Record<string, unknown>) => void]>([
    [
      'that is its own cause',
      () => {
        const error = new Error('x');
        error.cause = error;
        throw error;
      },
      error => expect(error.cause).toBe(error),
    ],
    [
      'with 100,000 causes',
      () => {
        let error = new Error('0');
        for (let i = 1; i <= 100_000; i++) error = new Error(`${i}`, { cause: error });
        throw error;
      },
      error => expect((error.cause as Error).message).toBe('99999'),
    ],
    [
      'of errors that have it',
      () => {
        const error = new AggregateError([new TypeError('one'), 2, undefined]);
        error.errors.push(error);
        throw error;
      },
      error => {
        expect(error).toBeInstanceOf(AggregateError);
        const errors = error['errors'] as unknown[];
        expect(errors.slice(0, 3)).toEqual([new TypeError('one'), 2, undefined]);
        expect(errors[3]).toBe(error);
      },
    ],
    [
      'of another kind, with a field called errors',
      () => {
        throw Object.assign(new TypeError('x'), { errors: [{ path: '/a' }] });
      },
      error => {
        expect(error).toBeInstanceOf(TypeError);
        expect(error['errors']).toEqual([{ path: '/a' }]);
      },
    ],
    [
      'whose getters throw',
      () => {
        const get = () => {
          throw new Error('from the getter');
        };
        const error = new Error('x');
        for (const name of ['stack', 'name', 'message', 'cause', 'code', 'errors']) {
          Object.defineProperty(error, name, { get, enumerable: true });
        }
        throw error;
      },
      error => expect(error['code']).toBe('could not be read'),
    ],
    [
      'whose getters give something else each time',
      () => {
        let count = 0;
        throw Object.defineProperty(new Error('x'), 'code', {
          get: () => (count++ % 2 === 0 ? 1 : () => 1),
          enumerable: true,
        });
      },
      error => expect(error).toBeInstanceOf(Error),
    ],
    [
      'whose parts are no texts',
      () => {
        const parts = { name: Symbol('n'), message: { toString: () => 'm' }, stack: undefined };
        throw Object.assign(new Error(), parts);
      },
      error => expect([error.name, error.message]).toEqual(['Symbol(n)', 'm']),
    ],
    [
      'with an own __proto__',
      () => {
        const fields = JSON.parse('{"__proto__":{"polluted":1},"code":"E"}');
        const error = new Error('x');
        for (const [name, value] of Object.entries(fields)) {
          Object.defineProperty(error, name, { value, enumerable: true });
        }
        throw error;
      },
      error => {
        expect(Object.getPrototypeOf(error)).toBe(Error.prototype);
        expect(error['code']).toBe('E');
        expect(error).not.toHaveProperty('polluted');
      },
    ],
    [
      'behind a Proxy whose traps throw',
      () => {
        const trap = () => {
          throw new Error('from the trap');
        };
        throw new Proxy(new Error('x'), { get: trap, ownKeys: trap, has: trap });
      },
      error => expect(error).toBeInstanceOf(Error),
    ],
    [
      'with fields that cannot be cloned',
      () => {
        throw Object.assign(new Error('x'), { fn() {}, symbol: Symbol('s'), weak: new WeakMap() });
      },
      error =>
        expect(error).toMatchObject({
          fn: 'function that could not be cloned',
          symbol: 'symbol that could not be cloned',
          weak: 'object that could not be cloned',
        }),
    ],
    [
      'of another realm',
      () => process.getBuiltinModule('node:vm').runInNewContext("throw new Error('theirs')"),
      error => expect(error.message).toBe('theirs'),
    ],
  ])('%s', async (_, fn, look) => {
    look((await thrownBy(fn)) as Error & Record<string, unknown>);
  });
});

describe('what is no error', () => {
  test.each<[string, () => unknown, unknown]>([
    [
      'undefined',
      () => {
        throw undefined;
      },
      undefined,
    ],
    [
      'null',
      () => {
        throw null;
      },
      null,
    ],
    [
      'a symbol',
      () => {
        throw Symbol('s');
      },
      'symbol that could not be cloned',
    ],
    [
      'a function',
      () => {
        throw () => 1;
      },
      'function that could not be cloned',
    ],
    [
      'a Proxy whose every trap throws',
      () => {
        const trap = () => {
          throw new Error('from the trap');
        };
        throw new Proxy({}, { get: trap, ownKeys: trap, getPrototypeOf: trap, has: trap });
      },
      'object that could not be cloned',
    ],
    [
      'what names itself an error',
      () => {
        throw { name: 'TypeError', message: 'm', stack: 's', fields: {}, value: 1 };
      },
      { name: 'TypeError', message: 'm', stack: 's', fields: {}, value: 1 },
    ],
  ])('%s', async (_, fn, wanted) => {
    expect(await thrownBy(fn)).toEqual(wanted);
  });
});

describe('a result that cannot be sent', () => {
  test.each<[string, () => unknown, object]>([
    ['a function in it', () => [() => 1], { name: 'DataCloneError' }],
    ['a promise in it', () => [Promise.resolve()], { name: 'DataCloneError' }],
    ['a symbol', () => Symbol('s'), { name: 'DataCloneError' }],
    [
      'a getter that throws',
      () => ({
        get x() {
          throw new RangeError('from the getter');
        },
      }),
      { name: 'RangeError', message: 'from the getter' },
    ],
    [
      'shared memory',
      () => new SharedArrayBuffer(8),
      { message: '#<SharedArrayBuffer> could not be cloned.' },
    ],
    [
      'too deep for V8',
      () => {
        let deep: unknown;
        for (let i = 0; i < 100_000; i++) deep = [deep];
        return deep;
      },
      { name: 'DataCloneError' },
    ],
    [
      'too deep for us',
      () => {
        let deep: unknown;
        for (let i = 0; i < 1500; i++) deep = [deep];
        return deep;
      },
      { name: 'DataCloneError' },
    ],
  ])('%s', async (_, fn, wanted) => {
    expect(await thrownBy(fn)).toMatchObject(wanted);
  });

  test('what is of another realm is cloned as ours, and an error of one is one', async () => {
    const value = await worker.evaluate(() =>
      require('node:vm').runInNewContext(
        '[new Uint8Array([1, 2]), new BigInt64Array([5n]), new DataView(new ArrayBuffer(3)), new Map([[1, new Date(5)]])]',
      ),
    );
    const view = new DataView(new ArrayBuffer(3));
    expect(value).toEqual([
      Uint8Array.of(1, 2),
      BigInt64Array.of(5n),
      view,
      new Map([[1, new Date(5)]]),
    ]);
    const error = await thrownBy(() => {
      throw require('node:vm').runInNewContext(
        "Object.assign(new TypeError('m', { cause: new Error('c') }), { code: 'E' })",
      );
    });
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: 'm', code: 'E', cause: { message: 'c' } });
    const foreign: Uint8Array = runInNewContext('new Uint8Array(3)');
    expect(await worker.evaluate(bytes => bytes.length, foreign)).toBe(3);
  });

  test('an argument that lies too deep', async () => {
    let deep: unknown;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    await expect(worker.evaluate((_: unknown) => 1, deep)).rejects.toMatchObject({
      name: 'DataCloneError',
    });
  });

  test('and those that look as if they could not', async () => {
    const huge = await worker.evaluate(() => {
      const array: unknown[] = [];
      array.length = 2 ** 32 - 1;
      array[5] = 'x';
      return array;
    });
    expect([huge.length, Object.keys(huge)]).toEqual([2 ** 32 - 1, ['5']]);
    const digits = await worker.evaluate(() => 2n ** 33_000_000n); // 10^7 of them
    expect(digits === 2n ** 33_000_000n).toBe(true);
  });
});
