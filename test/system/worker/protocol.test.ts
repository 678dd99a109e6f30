// The protocol against whoever has got hold of a worker, and writes what he likes at any time: what is
// pending settles, and with nothing of another call; nothing is read for nobody; our memory, loop and
// prototypes stay as they are.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { evaluate, type NamespaceWorker, openWorker } from 'linux-namespaces';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { rejectionOf } from '../shared/support.ts';
import { firstCall, frame, header, kinds, raw, writes } from './fixtures/frames.ts';

const sandbox = { unshare: ['uts'] } as const;
let worker: NamespaceWorker;
beforeEach(async () => {
  worker = await openWorker({ ...sandbox }, 'all', {
    timeout: seconds(20),
    maxResultBytes: 1 << 20,
  });
});
afterEach(async () => {
  await worker.close();
  expect(Reflect.ownKeys(Object.prototype).length).toBe(12);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

const forever = () => new Promise<never>(() => {});
/** What became of a call. */
const fate = (call: Promise<unknown>) =>
  call.then(
    value => ({ value }),
    error => ({ error }),
  );

const packed = (more: object) =>
  frame('error', firstCall, { name: 'Error', message: 'm', stack: 's', fields: {}, ...more });

describe('ends the worker, and rejects what is pending', () => {
  test.each<[string, () => Buffer]>([
    ['an answer that nobody has asked for', () => frame('value', 77, 1)],
    ['an answer to the start, once more', () => frame('ready', 1)],
    ['an answer to what was answered', () => frame('value', 1, 1)],
    ['an answer to a call that comes later', () => frame('value', firstCall + 5, 1)],
    ['an answer to no number', () => raw('value', NaN, '1')],
    ['an answer to a number between two', () => raw('value', firstCall + 0.5, '1')],
    ['an unknown kind', () => header(99, firstCall, 0)],
    ['the largest kind', () => header(2 ** 32 - 1, firstCall, 0)],
    ['a request', () => frame('call', firstCall, [0])],
    ['settings', () => frame('settings', firstCall, {})],
    ['the end of an iterator that is none', () => frame('done', firstCall, 1)],
    ['a start', () => frame('ready', firstCall)],
    ['an iterator with a body', () => raw('iterator', firstCall, 'x')],
    ['more than a result may have', () => header(kinds.value, firstCall, (1 << 20) + 1)],
    ['all that a header can say', () => header(kinds.value, firstCall, 2 ** 32 - 1)],
    ['more than an error may have', () => header(kinds.error, firstCall, (1 << 20) + 1)],
    ['no JSON', () => raw('value', firstCall, '{')],
    ['an object as JSON', () => raw('value', firstCall, '{"a":1}')],
    ['an array as JSON', () => raw('value', firstCall, '[[[]]]')],
    ['the protocol of 0.1', () => raw('value', firstCall, '["value",2,1]')],
    ['much JSON', () => raw('value', firstCall, `"${'x'.repeat(100_000)}"`)],
    ['JSON of a million objects', () => raw('value', firstCall, `[${'{},'.repeat(300_000)}0]`)],
    ['a clone that ends in the middle', () => raw('value', firstCall, '\xff\x0fo')],
    ['a clone of the future', () => raw('value', firstCall, '\xff\x7fo{\0')],
    ['a clone with more behind it', () => raw('value', firstCall, '\xff\x0f__')],
    ['an error that is a number', () => frame('error', firstCall, 1)],
    ['an error that is null', () => frame('error', firstCall, null)],
    ['an error without a body', () => frame('error', firstCall)],
    ['an error that is a text as JSON', () => raw('error', firstCall, '"x"')],
    ['an error that is an array', () => frame('error', firstCall, ['name'])],
    ['an error with a name that is none', () => packed({ name: 5 })],
    ['an error with a message that is none', () => packed({ message: { toString: 1 } })],
    ['an error with a stack that is none', () => packed({ stack: null })],
    ['an error without fields', () => packed({ fields: null })],
    ['an error with fields that are a list', () => packed({ fields: [1] })],
    ['an error with a cause that is none', () => packed({ cause: 5 })],
    ['an error of errors that are none', () => packed({ errors: [1] })],
    ['noise', () => Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n')],
    ['zeros', () => Buffer.alloc(1 << 16)],
    ['a right answer, and noise', () => Buffer.concat([frame('value', 99), Buffer.alloc(99, 255)])],
  ])('%s', async (_, bytes) => {
    const pending = rejectionOf(worker.evaluate(forever));
    const writing = fate(writes(worker, bytes()));
    expect(await pending).toMatchObject({ code: 'EPROTO' });
    await writing;
    expect(await rejectionOf(worker.evaluate(() => 1))).toMatchObject({ code: 'EPROTO' });
    const { pid = 0 } = worker;
    await worker.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('settles its own call, and the worker goes on', () => {
  const cyclic: Record<string, unknown> = {
    name: 'TypeError',
    message: 'm',
    stack: 's',
    fields: {},
  };
  cyclic['cause'] = cyclic;
  cyclic['errors'] = [cyclic];
  const promising = JSON.parse('{"then":"x"}');
  const proto = JSON.parse('{"__proto__":{"polluted":1},"constructor":2,"toString":3,"then":4}');
  let deep: unknown;
  for (let i = 0; i < 1100; i++) deep = { deep };

  test.each<[string, () => Buffer, (seen: { value?: unknown; error?: Error }) => void]>([
    [
      'an error named __proto__',
      () => packed({ name: '__proto__' }),
      ({ error }) => {
        expect(error).toBeInstanceOf(Error);
        expect(error?.name).toBe('__proto__');
      },
    ],
    [
      'an error named constructor',
      () => packed({ name: 'constructor' }),
      ({ error }) => expect(error).toBeInstanceOf(Error),
    ],
    [
      'an error with fields of Object.prototype',
      () => packed({ fields: proto }),
      ({ error }) => {
        expect(Object.getPrototypeOf(error)).toBe(Error.prototype);
        // biome-ignore lint/suspicious/noThenProperty: what a hostile program sends
        expect(error).toMatchObject({ constructor: 2, toString: 3, then: 4 });
        expect(error).not.toHaveProperty('polluted');
      },
    ],
    [
      'an error that is its own cause and one of its errors',
      () => frame('error', firstCall, cyclic),
      ({ error }) => {
        expect(error?.cause).toBe(error);
        expect((error as AggregateError).errors).toEqual([error]);
      },
    ],
    [
      'a DOMException of any name',
      () => packed({ name: '__proto__', exception: true }),
      ({ error }) => expect(error).toBeInstanceOf(DOMException),
    ],
    [
      'a value that looks like a promise',
      () => frame('value', firstCall, promising),
      ({ value }) => expect(value).toEqual(promising),
    ],
    [
      'a value with names of Object.prototype',
      () => frame('value', firstCall, proto),
      ({ value }) => expect(Object.getPrototypeOf(value)).toBe(Object.prototype),
    ],
    [
      'a value that lies too deep',
      () => frame('value', firstCall, deep),
      ({ error }) => expect(error).toMatchObject({ name: 'DataCloneError' }),
    ],
    [
      'an error with a field that lies too deep',
      () => packed({ fields: { deep } }),
      ({ error }) => expect(error).toMatchObject({ name: 'DataCloneError' }),
    ],
    [
      'a value that takes much more memory than it has bytes',
      () => raw('value', firstCall, `\xff\x0fA\xff\xff\x0f${'o{\0'.repeat(2 ** 18 - 1)}`),
      ({ error }) => expect(error).toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' }),
    ],
    [
      'a value in pieces of one byte',
      () => frame('value', firstCall, 'x'),
      ({ value }) => expect(value).toBe('x'),
    ],
    [
      'an iterator where there is none',
      () => frame('iterator', firstCall),
      ({ value }) => expect(value).toHaveProperty('next'),
    ],
  ])('%s', async (_, bytes, look) => {
    const pending = fate(worker.evaluate(forever));
    expect(await writes(worker, bytes())).toBe('written');
    look((await pending) as { value?: unknown; error?: Error });
    expect(await worker.evaluate(() => 'goes on')).toBe('goes on');
  });
});

/** Of a process of its own, which has nothing else in its memory. */
function measure(script: string): { seen: unknown; rss: number } {
  const source = `
    import { openWorker } from 'linux-namespaces';
    const worker = await openWorker({ unshare: ['uts'] }, 'all', { maxResultBytes: 1 << 20 });
    const write = ${writes};
    const before = process.memoryUsage().rss;
    let rss = before;
    setInterval(() => { rss = Math.max(rss, process.memoryUsage().rss); }, 5);
    let seen;
    ${script}
    rss = Math.max(rss, process.memoryUsage().rss, process.resourceUsage().maxRSS * 1024);
    console.log(JSON.stringify({ seen, rss: rss - before }));
    process.exit();`;
  // V8 has to collect garbage before there is much of it, however busy the machine is.
  const flags = ['--max-old-space-size=100', '--max-semi-space-size=8', '--input-type=module'];
  const output = execFileSync(process.execPath, [...flags, '-e', source], {
    encoding: 'utf8',
    cwd: process.cwd(),
    timeout: seconds(60),
  });
  return JSON.parse(output);
}

describe('memory', () => {
  test('what nobody waits for is not even kept: 64 MiB of objects as JSON', () => {
    const { seen, rss } = measure(`
      const bytes = Buffer.alloc(64 << 20, '{},');
      bytes.fill(0, 0, 16);
      bytes.writeUInt32LE(6, 0); bytes.writeUInt32LE(bytes.length - 16, 4); bytes.writeDoubleLE(77, 8);
      seen = await write(worker, bytes).catch(error => error.code);`);
    expect(seen).toBe('EPROTO');
    expect(rss).toBeLessThan(200e6); // 64 of it are that buffer, as much its clone for the worker
  });

  test('a frame that comes byte by byte takes no more than its length', () => {
    const { seen, rss } = measure(`
      seen = await worker.evaluate(() => {
        const { writeSync } = process.getBuiltinModule('node:fs');
        const head = Buffer.alloc(16);
        head.writeUInt32LE(6, 0); head.writeUInt32LE(100_000, 4); head.writeDoubleLE(2, 8);
        writeSync(3, head);
        writeSync(3, '"');
        for (let i = 0; i < 99_998; i++) {
          try { writeSync(3, 'x'); } catch { i--; }
        }
        writeSync(3, '"');
        return new Promise(() => {});
      }).catch(error => error.message);`);
    expect(seen).toMatch(/broke the protocol.*more text than/);
    expect(rss).toBeLessThan(60e6);
  });

  test('100 calls that are all answered with what takes most: the loop turns between them', () => {
    const { seen, rss } = measure(`
      const calls = Array.from({ length: 100 }, () => worker.evaluate(() => new Promise(() => {})).catch(error => error.code));
      let turns = 0;
      setInterval(() => turns++, 1);
      const frame = Buffer.alloc(1 << 20).fill('o{\\0', 22);
      frame.writeUInt32LE(6, 0); frame.writeUInt32LE(frame.length - 16, 4);
      frame.write('\\xff\\x0fA\\xff\\xff\\x0f', 16, 'latin1');
      worker.evaluate(frame => {
        const { writeSync } = process.getBuiltinModule('node:fs');
        for (let id = 2; id < 102; id++) {
          frame.writeDoubleLE(id, 8);
          for (let at = 0; at < frame.length; ) {
            try { at += writeSync(3, frame, at); } catch {}
          }
        }
      }, frame).catch(() => {});
      const codes = new Set(await Promise.all(calls));
      seen = { codes: [...codes], turned: turns > 20 };`);
    expect(seen).toEqual({ codes: ['ERR_BUFFER_TOO_LARGE'], turned: true });
    expect(rss).toBeLessThan(250e6);
  });
});

describe('maxResultBytes', () => {
  test('what is larger rejects by name, and the worker goes on', async () => {
    const error = await rejectionOf(worker.evaluate(() => Buffer.alloc(1 << 20)));
    expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_BUFFER_TOO_LARGE' });
    expect(error.message).toMatch(/1048576 bytes.*maxResultBytes/);
    expect(await worker.evaluate(() => Buffer.alloc((1 << 20) - 100).length)).toBe((1 << 20) - 100);
    expect((await worker.evaluate(() => Buffer.alloc((1 << 20) - 100))).length).toBe(
      (1 << 20) - 100,
    );
    const values = await worker.evaluate(async function* () {
      yield 1;
      yield 'x'.repeat(1 << 20);
    });
    expect((await values.next()).value).toBe(1);
    expect(await rejectionOf(values.next())).toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
  });

  test('an error is one in any case: its own, or that it is too large', async () => {
    await using small = await openWorker({ ...sandbox }, 'all', { maxResultBytes: 1 });
    expect(await small.evaluate(() => 5)).toBe(5);
    expect(await rejectionOf(small.evaluate(() => 55))).toMatchObject({
      code: 'ERR_BUFFER_TOO_LARGE',
    });
    const thrown = await rejectionOf(
      small.evaluate(() => {
        throw Object.assign(new TypeError('own'), { code: 'OWN' });
      }),
    );
    expect(thrown).toMatchObject({ name: 'TypeError', message: 'own', code: 'OWN' });
    const large = await rejectionOf(
      small.evaluate(() => {
        throw Object.assign(new Error('x'), { field: Buffer.alloc(1 << 20) });
      }),
    );
    expect(large).toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
  });

  test('is 8 MiB with the target’s credentials and 256 MiB with ours; evaluate takes it, too', async () => {
    const sizes = [(1 << 23) - 100, (1 << 23) + 1];
    const make = (size: number) => Buffer.alloc(size);
    const of = async (call: (size: number) => Promise<Buffer>) =>
      Promise.all(sizes.map(size => fate(call(size).then(bytes => bytes.length))));
    const theirs = { types: ['uts'], credentials: 'target' } as const;
    const [fits, large] = await of(size => evaluate(process.pid, theirs, make, size));
    expect(fits).toEqual({ value: sizes[0] });
    expect(large).toMatchObject({ error: { code: 'ERR_BUFFER_TOO_LARGE' } });
    const all = sizes.map(value => ({ value }));
    const own = { types: ['uts'], credentials: 'inherit' } as const;
    expect(await of(size => evaluate(process.pid, own, make, size))).toEqual(all);
    const more = { ...theirs, maxResultBytes: 1 << 24 } as const;
    expect(await of(size => evaluate(process.pid, more, make, size))).toEqual(all);
    expect(await of(size => evaluate({ ...sandbox }, 'all', make, size))).toEqual(all);
  });

  test.each([0, -1, 1.5, 2 ** 28 + 1, NaN, '1'])('%s is a TypeError', async maxResultBytes => {
    const options = { maxResultBytes } as never;
    expect(await rejectionOf(openWorker({ ...sandbox }, 'all', options))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    const types = { types: 'all', maxResultBytes } as never;
    expect(await rejectionOf(evaluate({ ...sandbox }, types, () => 1))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
});

test('evaluate takes the options of a worker: timeout and signal', async () => {
  const timeout = 300;
  expect(
    await rejectionOf(evaluate({ ...sandbox }, { types: 'all', timeout }, forever)),
  ).toMatchObject({ code: 'ETIMEDOUT' });
  const controller = new AbortController();
  const { signal } = controller;
  const call = rejectionOf(evaluate({ ...sandbox }, { types: 'all', signal }, forever));
  await sleep(50);
  controller.abort('why');
  expect(await call).toMatchObject({ code: 'ABORT_ERR', cause: 'why' });
  const streams = { types: 'all', stdout: true } as never;
  expect(await rejectionOf(evaluate({ ...sandbox }, streams, forever))).toBeInstanceOf(TypeError);
});
