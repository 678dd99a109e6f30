// What cannot be sent, what does not come back, and what ends the worker: each promise settles, with
// an error that says why, and nothing is left.
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { evaluate, type NamespaceWorker, openWorker, WorkerError } from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { all, makeImage, type Started, startTarget } from '../child/fixtures/targets.ts';
import { fdCount, rejectionOf } from '../shared/support.ts';

declare const fs: typeof import('node:fs');

let target: Started;
let worker: NamespaceWorker;
beforeAll(async () => {
  target = await startTarget(all, { root: makeImage(), keep: true });
  worker = await openWorker(target.pid, 'all');
});
afterAll(() => worker?.close());

describe('a function that cannot be sent', () => {
  const outer = 5;
  const { bound } = { bound: (() => 1).bind(null) };
  const accessor = {
    get it() {
      return 1;
    },
  };
  test.each([
    ['a closure', () => outer, /outer/],
    ['native code', Math.max, /native/],
    ['a bound function', bound, /native|bound/],
    ['a class', class {}, /class/],
    ['a getter', Object.getOwnPropertyDescriptor(accessor, 'it')?.get, /getter/],
    ['no function', 'text', /function/],
  ] as const)('%s', async (_, fn, message) => {
    for (const call of [
      () => worker.evaluate(fn as never),
      () => evaluate(target.pid, 'all', fn as never),
    ]) {
      const error = await rejectionOf(call());
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(message);
      expect(error.code).toMatch(/^ERR_INVALID_ARG/);
    }
    expect(await worker.evaluate(() => 'goes on')).toBe('goes on');
  });

  test('methods can', async () => {
    const methods = {
      async plain(a: number) {
        return a + 1;
      },
      'a b'() {
        return 2;
      },
    };
    expect(await worker.evaluate(methods.plain, 1)).toBe(2);
    expect(await worker.evaluate(methods['a b'])).toBe(2);
  });
});

describe('arguments and results', () => {
  test('everything that structured clone can', async () => {
    const given = {
      map: new Map<unknown, unknown>([[1, new Set(['a'])]]),
      date: new Date(5),
      regexp: /x/gi,
      big: 2n ** 70n,
      buffer: Buffer.from('bytes'),
      floats: new Float64Array([1.5, -0]),
      view: new DataView(new ArrayBuffer(3)),
      memory: new Uint8Array([1, 2, 3]).buffer,
      nothing: undefined,
      hole: [1, undefined, 3],
      error: new RangeError('inner', { cause: 'why' }),
    };
    const circle: Record<string, unknown> = { ...given };
    circle['self'] = circle;
    const back = await worker.evaluate((value: typeof circle) => value, circle);
    expect(back['self']).toBe(back);
    expect(Buffer.isBuffer(back['buffer'])).toBe(true);
    for (const key of Object.keys(given)) {
      expect(back[key], key).toEqual((given as Record<string, unknown>)[key]);
    }
    // Its memory is its own, not that of the message.
    expect((back['floats'] as Float64Array).buffer.byteLength).toBe(16);
  });

  test('plain values, which travel another way, exactly too', async () => {
    const long = 'ü'.repeat(5000);
    const values = [
      0,
      -0,
      NaN,
      Infinity,
      2 ** 53,
      1e-300,
      true,
      null,
      undefined,
      1n,
      '',
      'ü\ud800\0"',
    ];
    for (const value of [...values, long, `${long}\udfff`, '\u2028', '[1]', '    ']) {
      const [back, count] = await worker.evaluate(
        (...all: unknown[]) => [all[0], all.length] as const,
        value,
      );
      expect([back, count]).toEqual([value, 1]); // toEqual tells -0 from 0
      expect(await worker.evaluate((given: unknown) => given, value)).toBe(value);
    }
    const sparse = await worker.evaluate(() => Array(2));
    expect(0 in sparse).toBe(false);
    expect(await worker.evaluate((a: unknown, b: unknown) => [a, b].length, 1, undefined)).toBe(2);
  });

  test('more functions than are remembered', async () => {
    const fn = (n: number) => new Function(`return ${n}`) as () => number;
    for (let n = 0; n < 1100; n++) expect(await worker.evaluate(fn(n))).toBe(n);
    expect(await worker.evaluate(fn(0))).toBe(0);
    expect(await worker.evaluate(fn(1099))).toBe(1099);
  });

  test('20 MB there and back', async () => {
    const bytes = Buffer.alloc(20 << 20, 'x');
    await using worker = await openWorker(target.pid, 'all', { maxResultBytes: 1 << 26 });
    const back = await worker.evaluate((given: Buffer) => Buffer.concat([given, given]), bytes);
    expect(back.length).toBe(40 << 20);
    expect(back.equals(Buffer.concat([bytes, bytes]))).toBe(true);
  });

  test('1 GB is refused before it is copied, either way', async () => {
    const before = process.memoryUsage().rss;
    const large = new Uint8Array(2 ** 30);
    const error = await rejectionOf(worker.evaluate((given: Uint8Array) => given.length, large));
    expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_BUFFER_TOO_LARGE' });
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 29);
    const back = await rejectionOf(worker.evaluate(() => new Uint8Array(2 ** 30)));
    expect(back).toMatchObject({ name: 'RangeError', code: 'ERR_BUFFER_TOO_LARGE' });
    expect(await worker.evaluate(() => 1)).toBe(1);
  });

  test('what cannot be cloned', async () => {
    const given = worker.evaluate(
      (fn: unknown) => fn,
      () => 1,
    );
    expect(await rejectionOf(given)).toMatchObject({ name: 'DataCloneError' });
    const back = worker.evaluate(() => ({ fn: () => 1 }));
    expect(await rejectionOf(back)).toMatchObject({ name: 'DataCloneError' });
    expect(await worker.evaluate(() => 1)).toBe(1);
  });

  // The types of Node know nothing of it.
  type Wasm = Record<'Module' | 'Memory', new (given: object) => object>;
  const { Module, Memory } = Reflect.get(globalThis, 'WebAssembly') as Wasm;
  const emptyModule = () => new Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  const detached = <V extends NodeJS.ArrayBufferView>(view: V): V => {
    structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
    return view;
  };
  test.each<[string, () => unknown]>([
    ['shared memory', () => new SharedArrayBuffer(4)],
    ['that of WebAssembly', () => new Memory({ initial: 1, maximum: 1, shared: true })],
    ['a view of detached memory', () => detached(new Uint16Array(2))],
    ['another', () => detached(new DataView(new ArrayBuffer(2)))],
    ['a module', emptyModule],
    ['one in another object', () => ({ a: [emptyModule()], b: new Map() })],
  ])('nor can %s, and the worker goes on', async (_, make) => {
    const meanwhile = worker.evaluate(() => new Promise(done => setTimeout(done, 20, 2)));
    const given = worker.evaluate((value: unknown) => [value], make());
    expect(await rejectionOf(given)).toMatchObject({ name: 'DataCloneError' });
    expect(await meanwhile).toBe(2);
    expect(await worker.evaluate(() => 1)).toBe(1);
  });

  test('shared memory as a result', async () => {
    const back = worker.evaluate(() => ({ memory: new SharedArrayBuffer(4) }));
    expect(await rejectionOf(back)).toMatchObject({ name: 'DataCloneError' });
    expect(await worker.evaluate(() => 1)).toBe(1);
  });
});

describe('what is thrown', () => {
  test('an error with its class, stack, cause and fields', async () => {
    const error = await rejectionOf(
      worker.evaluate(() => {
        const cause = new RangeError('inner');
        throw Object.assign(new TypeError('outer', { cause }), { code: 'E_CODE', extra: [1] });
      }),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: 'outer', code: 'E_CODE', extra: [1] });
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.stack).toMatch(/^TypeError: outer\n {4}at .*evaluate:/);
    expect(error.stack).not.toContain('[eval]');
  });

  test('an error of Node’s, an AggregateError, a DOMException, one of a class of its own', async () => {
    const missing = await rejectionOf(worker.evaluate(() => fs.promises.readFile('/none')));
    expect(missing).toMatchObject({ code: 'ENOENT', errno: -2, syscall: 'open', path: '/none' });
    const several = await rejectionOf(
      worker.evaluate(() => Promise.any([Promise.reject(new Error('one')), Promise.reject(2)])),
    );
    expect(several).toBeInstanceOf(AggregateError);
    expect((several as unknown as AggregateError).errors).toEqual([new Error('one'), 2]);
    const exception = await rejectionOf(
      worker.evaluate(() => AbortSignal.abort().throwIfAborted()),
    );
    expect(exception).toBeInstanceOf(DOMException);
    expect(exception.name).toBe('AbortError');
    const whole = await rejectionOf(
      worker.evaluate(() => {
        const cause = new RangeError('why');
        throw Object.assign(new DOMException('x', { name: 'DataError', cause }), { extra: [1] });
      }),
    );
    expect(whole).toBeInstanceOf(DOMException);
    expect(whole).toMatchObject({ name: 'DataError', message: 'x', code: 0, extra: [1] });
    expect(whole.cause).toEqual(new RangeError('why'));
    expect(whole.stack).toMatch(/^DataError: x\n[\s\S]* at eval \(evaluate:/);
    const named = await rejectionOf(
      worker.evaluate(() => {
        throw Object.assign(new Error('x'), { name: 'OwnError', fn: () => 1 });
      }),
    );
    expect(named).toMatchObject({ name: 'OwnError', message: 'x' });
  });

  test.each([[undefined], [null], [5], ['text'], [{ a: [1] }]])('no error: %j', async value => {
    const thrown = await worker
      .evaluate((given: unknown) => {
        throw given;
      }, value)
      .then(
        () => 'nothing',
        error => error,
      );
    expect(thrown).toEqual(value);
  });

  test('something that cannot be cloned', async () => {
    const thrown = await worker
      .evaluate(() => {
        throw () => 1;
      })
      .catch(error => error);
    expect(thrown).toMatch(/function that could not be cloned/);
  });
});

describe('streams of results', () => {
  test('each value as it is asked for; an end by the caller ends it inside', async () => {
    const values = await worker.evaluate(async function* (count: number) {
      try {
        for (let i = 0; i < count; i++) {
          (globalThis as Record<string, unknown>)['made'] = i;
          yield { i };
        }
      } finally {
        (globalThis as Record<string, unknown>)['ended'] = true;
      }
    }, 1000);
    const seen: unknown[] = [];
    for await (const value of values) if (seen.push(value) === 3) break;
    expect(seen).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
    const state = await worker.evaluate(() => {
      const { made, ended } = globalThis as Record<string, unknown>;
      return { made, ended };
    });
    expect(state).toEqual({ made: 2, ended: true });
    expect(await values.next()).toEqual({ done: true, value: undefined });
  });

  test('a file of the container, a throw in the middle, and a worker that ends with its stream', async () => {
    const chunks: Buffer[] = [];
    const file = await worker.evaluate(() => fs.createReadStream('/bin/probe'));
    for await (const chunk of file) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).subarray(1, 4).toString()).toBe('ELF');

    const broken = await evaluate(target.pid, 'all', async function* () {
      yield process.pid;
      throw new RangeError('in the middle');
    });
    expect((await broken.next()).value).toBeGreaterThan(0);
    expect(await rejectionOf(broken.next())).toMatchObject({ name: 'RangeError' });
    expect((await broken.next()).done).toBe(true);
  });

  test('a stream that is ended before its first value: the worker ends too', async () => {
    const before = children();
    const values = await evaluate(target.pid, 'all', async function* () {
      yield 1;
    });
    expect(children()).toHaveLength(before.length + 1);
    expect(await values.return?.()).toEqual({ done: true, value: undefined });
    expect(children()).toEqual(before);
  });

  test('and one that is destroyed before it, which throws into it', async () => {
    const before = children();
    const values = await evaluate(target.pid, 'all', async function* () {
      yield 1;
    });
    expect(children()).toHaveLength(before.length + 1);
    const stream = Readable.from(values);
    const failed = rejectionOf(once(stream, 'data'));
    stream.destroy(new Error('mine'));
    expect((await failed).message).toBe('mine');
    if (!stream.closed) await once(stream, 'close');
    expect(children()).toEqual(before);
  });
});

/** Of all our threads. */
function children(): string[] {
  const { readdirSync, readFileSync } = process.getBuiltinModule('node:fs');
  return readdirSync('/proc/self/task').flatMap(tid => {
    try {
      return readFileSync(`/proc/self/task/${tid}/children`, 'utf8').split(' ').filter(Boolean);
    } catch {
      return []; // the thread has ended
    }
  });
}

describe('the end of a worker', () => {
  let own: NamespaceWorker;
  const open = async (options?: Parameters<typeof openWorker>[2]) => {
    own = await openWorker(target.pid, 'all', options);
    return own;
  };
  afterEach(() => own?.close());

  test('process.exit inside', async () => {
    await open();
    const both = [own.evaluate(() => new Promise(() => {})), own.evaluate(() => process.exit(7))];
    for (const promise of both) {
      const error = await rejectionOf(promise);
      expect(error).toBeInstanceOf(WorkerError);
      expect(String(error)).toMatch(/^WorkerError: the worker ended/);
      expect(Object.keys(error)).toEqual(['code', 'exitCode', 'signal', 'stderr']);
      expect(error).toMatchObject({ code: 'ERR_WORKER_EXITED', exitCode: 7, signal: null });
    }
    expect(await rejectionOf(own.evaluate(() => 1))).toMatchObject({ exitCode: 7 });
  });

  test('an unhandled rejection and an uncaught error inside: its last words', async () => {
    for (const fn of [
      () => {
        void Promise.reject(new Error('nobody minded'));
        return new Promise(() => {});
      },
      () => {
        setImmediate(() => {
          throw new Error('nobody minded');
        });
        return new Promise(() => {});
      },
    ]) {
      await open({ stderr: true });
      own.stderr.resume();
      const error = await rejectionOf(own.evaluate(fn));
      expect(error).toMatchObject({ code: 'ERR_WORKER_EXITED', exitCode: 1 });
      expect(error.message).toContain('Error: nobody minded');
      expect((error as unknown as { stderr: string }).stderr).toContain('nobody minded');
      await own.close();
    }
  });

  test('a signal', async () => {
    await open();
    const promise = own.evaluate(() => process.kill(process.pid, 'SIGTERM'));
    const pending = own.evaluate(() => new Promise(() => {}));
    await promise.catch(() => {});
    expect(await rejectionOf(pending)).toMatchObject({ exitCode: null, signal: 'SIGTERM' });
  });

  test('an endless loop: timeout', async () => {
    await open({ timeout: 2000 });
    const error = await rejectionOf(
      own.evaluate(() => {
        for (;;);
      }),
    );
    expect(error).toBeInstanceOf(WorkerError);
    expect(error).toMatchObject({ name: 'WorkerError', code: 'ETIMEDOUT' });
    expect(await rejectionOf(own.evaluate(() => 1))).toMatchObject({ code: 'ETIMEDOUT' });
  });

  test('a call that takes too long, whatever timers the caller has', async () => {
    vi.useFakeTimers();
    try {
      await open({ timeout: 2000 });
      const error = await rejectionOf(own.evaluate(() => new Promise(() => {})));
      expect(error).toMatchObject({ code: 'ETIMEDOUT' });
    } finally {
      vi.useRealTimers();
    }
  });

  test('an AbortSignal: before, at the start, and later', async () => {
    const early = AbortSignal.abort('because');
    const error = await rejectionOf(open({ signal: early }));
    expect(error).toBeInstanceOf(WorkerError);
    expect(error).toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: 'because',
    });
    const starting = new AbortController();
    const opened = rejectionOf(openWorker(target.pid, 'all', { signal: starting.signal }));
    setImmediate(() => starting.abort());
    expect(await opened).toMatchObject({ name: 'AbortError' });
    const later = new AbortController();
    await open({ signal: later.signal });
    const pending = rejectionOf(
      own.evaluate(() => {
        for (;;);
      }),
    );
    later.abort();
    expect(await pending).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
  });

  test('too much heap', async () => {
    await open({ resourceLimits: { maxOldGenerationSizeMb: 40 }, stderr: true });
    own.stderr.resume();
    const error = await rejectionOf(
      own.evaluate(() => {
        const all: unknown[] = [];
        for (;;) all.push(new Array(1000).fill({}));
      }),
    );
    expect(error).toMatchObject({ code: 'ERR_WORKER_OUT_OF_MEMORY' });
  });

  test('close rejects what is pending, and can be called again', async () => {
    await open();
    const pending = rejectionOf(own.evaluate(() => new Promise(() => {})));
    await Promise.all([own.close(), own.close()]);
    expect(await pending).toBeInstanceOf(WorkerError);
    expect(await pending).toMatchObject({ code: 'ERR_WORKER_NOT_RUNNING' });
    expect(await rejectionOf(own.evaluate(() => 1))).toMatchObject({
      code: 'ERR_WORKER_NOT_RUNNING',
    });
  });

  test('it ends with this process, in an endless loop too', async () => {
    const { run } = await import('./fixtures/attack.ts');
    const { stdout } = await run(
      process.execPath,
      `import { openWorker } from 'linux-namespaces';
       const worker = await openWorker(${target.pid}, 'all');
       worker.evaluate(() => { for (;;); }).catch(() => {});
       console.log(worker.pid);
       setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);`,
    );
    const pid = Number(stdout);
    expect(pid).toBeGreaterThan(1);
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    const state = /^State:\s+(\S)/m.exec(
      process.getBuiltinModule('node:fs').readFileSync(`/proc/${pid}/status`, 'utf8'),
    )?.[1];
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

test('stdout and stderr: ours by default, the caller’s by request, whole', async () => {
  const { run } = await import('./fixtures/attack.ts');
  const source = `import { openWorker } from 'linux-namespaces';
    const worker = await openWorker(${target.pid}, 'all');
    await worker.evaluate(() => { console.log('out', process.pid > 0); console.error('err'); });
    await worker.evaluate(() => { for (let i = 0; i < 5000; i++) console.log(i); });
    await worker.close();`;
  const { stdout, stderr } = await run(process.execPath, source);
  expect(stdout).toBe(`out true\n${Array.from({ length: 5000 }, (_, i) => `${i}\n`).join('')}`);
  expect(stderr).toBe('err\n');
  await using own = await openWorker(target.pid, 'all', { stdout: true });
  const first = new Promise(done => own.stdout.once('data', text => done(String(text))));
  await own.evaluate(() => console.log('mine'));
  expect(await first).toBe('mine\n');
});

test('wrong arguments are a TypeError', async () => {
  for (const [options, message] of [
    [{ credentials: 'theirs' }, /'inherit'/],
    [{ cgroup: 'ours' }, /cgroup/],
    [{ timeout: -1 }, /timeout/],
    [{ timeout: 2 ** 31 }, /timeout/],
    [{ timeout: Number.POSITIVE_INFINITY }, /timeout/],
    [{ signal: {} }, /AbortSignal/],
    [{ stdout: 1 }, /boolean/],
    [{ resourceLimits: { maxOldGenerationSizeMb: 'x' } }, /maxOldGeneration/],
    [{ env: 'target' }, /env/],
    [{ env: { A: 'a\0b' } }, /env\['A'\]/],
    [{ env: { 'A\0B': 'a' } }, /null bytes/],
    [5, /object/],
  ] as const) {
    const error = await rejectionOf(openWorker(target.pid, 'all', options as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(message);
  }
  expect(await rejectionOf(openWorker(target.pid, ['nets' as never]))).toBeInstanceOf(TypeError);
  expect(await rejectionOf(openWorker('x' as never, 'all'))).toBeInstanceOf(TypeError);
  expect(await rejectionOf(openWorker(2 ** 22 - 1, 'all'))).toMatchObject({ code: 'ESRCH' });
});

test('nothing is left: no process, no fd', async () => {
  const count = () => fdCount();
  const cycle = async () => {
    await evaluate(target.pid, 'all', () => 1);
    const own = await openWorker(target.pid, 'all');
    own.evaluate(() => process.exit(1)).catch(() => {});
    await own.close();
    await rejectionOf(openWorker(2 ** 22 - 1, 'all'));
  };
  await cycle();
  const fds = count(); // of which the first cycle may still be closing some
  for (let i = 0; i < 5; i++) await cycle();
  await expect.poll(count, { timeout: 10_000 }).toBeLessThanOrEqual(fds);
});
