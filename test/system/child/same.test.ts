// Arguments, errors and the order of events, beside node:child_process: cases/node.md and its neighbours.

import { createHook } from 'node:async_hooks';
import * as node from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as ours from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { folder, outcome } from './fixtures/targets.ts';

// Arguments that no type allows are what this is about.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Module = Record<'spawn' | 'exec' | 'execFile' | 'fork', any>;
const own = ours as unknown as Module;
const script = join(folder, 'nothing.cjs');

const fields = (error: Error & { code?: string; spawnargs?: string[] }) => ({
  code: error.code,
  type: error instanceof TypeError,
  spawnargs: error.spawnargs,
});

/** What a call gives: what it throws, the error event, or how the child ends, with its output. */
async function result(run: (module: Module) => unknown, module: Module): Promise<unknown> {
  try {
    const given = run(module) as node.ChildProcess;
    if (!(given instanceof node.ChildProcess)) return await given;
    let output = '';
    given.stdout?.on('data', data => (output += data));
    return await new Promise(resolve => {
      given.on('error', error => resolve(fields(error)));
      given.on('close', (...how) => resolve([how, output]));
    });
  } catch (error) {
    const { spawnargs: _, ...thrown } = fields(error as Error);
    return { thrown };
  }
}

type Call = readonly [name: string, run: (module: Module) => unknown];
const echo = '/bin/echo';
const fn = () => {};
const long = 'x'.repeat(300);
const calls: readonly Call[] = [
  ...[
    [[], null],
    [null, null],
    [[], []],
    [{}, []],
    [null, { argv0: 'x' }],
    [[], fn],
    [fn],
    [5],
    [[], true],
    [[], 0],
    [null],
    [],
  ].map(args => [`spawn ${show(args)}`, (m: Module) => m.spawn(echo, ...args)] as const),
  ...[
    [[], []],
    [[], {}, 'x'],
    [null, null, null],
    [null, null, fn],
    ['x'],
    [[], 5],
    [{}, {}],
    [{}, fn],
    [fn, fn],
    [[], fn, fn],
    [[], null, fn],
    [undefined, {}, fn],
    [{}, []],
    [[], {}, null],
    [{}, null, fn],
    [[], false],
  ].map(args => [`execFile ${show(args)}`, (m: Module) => m.execFile(echo, ...args)] as const),
  ...[[{}, 'x'], ['x'], [5], [null, fn], [fn, fn], [[], fn], ['x', fn], [{}, null], [true], []].map(
    args => [`exec ${show(args)}`, (m: Module) => m.exec('echo a', ...args)] as const,
  ),
  ...[
    [[], []],
    [null, null],
    [5],
    [[], 's'],
    [[], null],
    [undefined, {}],
    [{}, {}],
    [fn],
    [{}, []],
  ].map(args => [`fork ${show(args)}`, (m: Module) => m.fork(script, ...args)] as const),
  ...[
    'A=B',
    5,
    true,
    0,
    '',
    false,
    null,
    {},
    Object.create({ FOO: 'BAR' }),
    new Map([['a', 'b']]),
  ].map(
    env =>
      [
        `env ${show(env)}`,
        (m: Module) => m.spawn('/usr/bin/env', ['-u', 'PWD', 'env'], { env }),
      ] as const,
  ),
  ...[[null, undefined], [1, true, 1n, Number.NaN], [['a', 'b']], [undefined, 'a']].map(
    args => [`arguments ${show(args)}`, (m: Module) => m.spawn('echo', args)] as const,
  ),
  [
    'an argument with a null byte in what is no string',
    m => m.spawn('echo', [Buffer.from('a\0b'), 'c']),
  ],
  ['E2BIG', m => m.spawn('true', ['x'.repeat(3 << 20)])],
  ['E2BIG of the environment', m => m.exec(':', { env: { A: 'x'.repeat(200_000) } })],
  ['cwd: a file', m => m.spawn('true', [], { cwd: '/etc/passwd' })],
  ['cwd: a long name', m => m.spawn('true', [], { cwd: `/${long}` })],
  ['cwd: nothing, with spawnargs', m => m.spawn('true', ['a'], { cwd: '/no/such' })],
  ['cwd: a URL with a null byte', m => m.spawn('pwd', { cwd: new URL('file:///tmp%00x') })],
  ['cwd: bytes with a null byte', m => m.spawn('pwd', { cwd: Buffer.from('/tmp\0x') })],
  ['no program, with spawnargs', m => m.spawn('no-such', ['a', 'b'], { argv0: 'q' })],
  ['a long name', m => m.spawn(long)],
  ['a long name with a slash', m => m.spawn(`/${long}`)],
  ['promisified exec: a signal that is none', m => promisify(m.exec)('true', { signal: {} })],
  ['promisified exec: nothing', m => promisify(m.exec)('')],
  ['promisified execFile: no name', m => promisify(m.execFile)(5)],
  ['promisified execFile: no program', m => promisify(m.execFile)('no-such').catch(fields)],
  ['number of parameters', m => [m.spawn, m.exec, m.execFile, m.fork].map(call => call.length)],
  [
    'hasRef',
    async m => {
      const child = m.spawn('sleep', ['100']);
      const seen = [child._handle.hasRef()];
      for (const name of ['unref', 'ref'] as const) {
        child[name]();
        seen.push(child._handle.hasRef());
      }
      child.kill();
      await once(child, 'exit');
      return seen;
    },
  ],
];

function show(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    ['function', 'symbol', 'bigint', 'undefined'].includes(typeof part) ? typeof part : part,
  );
}

describe('refused, taken, thrown and emitted as by node:child_process', () => {
  writeFileSync(script, '');
  test.each(calls)('%s', async (_, run) => {
    const theirs = await result(run, node);
    expect(await result(run, own)).toEqual(theirs);
  });

  // Node 22 and newer pass on an empty argument in its place, but for the sync forms.
  test('an argument that cannot become a string is refused', async () => {
    const cannot = () => {
      throw new RangeError('it cannot');
    };
    for (const [argument, type] of [
      [Symbol('x'), TypeError],
      [Object.create(null), TypeError],
      [{ toString: cannot }, RangeError],
      [{ [Symbol.toPrimitive]: cannot }, RangeError],
    ] as const) {
      const args = ['a', argument] as string[];
      expect(() => ours.spawn('echo', args)).toThrow(type);
      expect(() => ours.execFile('echo', args)).toThrow(type);
      expect(() => ours.spawnSync('echo', args)).toThrow(type);
      expect(() => node.spawnSync('echo', args)).toThrow(type);
    }
  });

  test('an env that is a string is refused beside a target: it is a misspelt one', () => {
    const options = { target: process.pid, env: 'Target' } as never;
    expect(() => ours.spawn('true', [], options)).toThrow(/options.env/);
  });

  test('the methods of a handle too', async () => {
    const handle = ours.openNamespaces(process.pid, ['net']) as unknown as Module & ours.Namespaces;
    try {
      for (const args of [[null], [[], null], [[], []]]) {
        const of = (m: Module) => m.spawn(echo, ...args);
        expect(await result(of, handle)).toEqual(await result(of, node));
      }
    } finally {
      handle.close();
    }
  });
});

const isZombie = (pid: number) => /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

// What is there when the poll begins is what decides: the end and the output at once.
test.each([
  ['stdout', {}],
  ['stderr', {}],
  ['stdout', { unshare: ['pid'] }],
] as const)("'exit' comes after the output that was there before: %s %j", async (name, options) => {
  for (const program of ['echo x', 'head -c 60000 /dev/zero']) {
    const command = name === 'stderr' ? `${program} >&2` : program;
    const child = ours.spawn('sh', ['-c', command], options);
    const events: string[] = [];
    child[name].on('data', () => events.push('data'));
    child.on('exit', () => events.push('exit'));
    while (!isZombie(child.pid as number)); // the event loop stands still meanwhile
    await once(child, 'close');
    expect(events.at(0)).toBe('data');
    expect(events.at(-1)).toBe('exit');
  }
});

test('a child is one PROCESSWRAP, as Node’s, and that is freed', async () => {
  const seen = new Set<number>();
  const left = new Set<number>();
  const hook = createHook({
    init: (id, type) => {
      if (type !== 'PROCESSWRAP') return;
      seen.add(id);
      left.add(id);
    },
    destroy: id => left.delete(id),
  }).enable();
  try {
    for (let i = 0; i < 5; i++) await outcome(ours.spawn('true'));
    await outcome(ours.spawn('true', [], { unshare: ['pid'] }));
    for (const start of [
      () => ours.spawn('/no/such'),
      () => ours.spawn('true', [], { cwd: '/no/such' }),
      () => ours.spawn('true', [], { uid: -1 }),
      () => ours.spawn('true', ['x'.repeat(1 << 20)]),
    ]) {
      await expect((async () => outcome(start()))()).rejects.toThrow();
    }
    const unwatched = ours.spawn('cat');
    unwatched.unref();
    unwatched.kill();
    await once(unwatched, 'close');
    await expect.poll(() => left.size).toBe(0);
  } finally {
    hook.disable();
  }
  expect(seen.size).toBe(11);
});

test('handles that Node has closed leave its memory whole', async () => {
  const program = `
    const { spawn } = await import(process.argv[1]);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 60; i++) await new Promise(done => spawn('/no/such').on('error', done));
      for (let i = 0; i < 20; i++) await new Promise(done => spawn('true').on('close', done));
      gc();
      await new Promise(setImmediate);
      gc();
    }
    console.log('whole');`;
  const args = ['--expose-gc', '--input-type=module', '-e', program];
  const child = node.spawn('setarch', [
    '-R', // so that what is freed is used again alike
    process.execPath,
    ...args,
    import.meta.resolve('linux-namespaces'),
  ]);
  expect(await outcome(child)).toMatchObject({ stdout: 'whole\n', stderr: '' });
});

// The addon is loaded by the first child.
test.each(['pipe', 'ignore'])(
  'the first child without free files: an error event, stdio %s',
  async stdio => {
    const program = `
    import { closeSync, openSync } from 'node:fs';
    const { spawn } = await import(process.argv[1]);
    const fds = [];
    try { for (;;) fds.push(openSync('/dev/null')); } catch {}
    const said = await new Promise(resolve => {
      const child = spawn('true', { stdio: '${stdio}' });
      child.on('error', ({ code }) => resolve(code));
      child.on('exit', resolve);
    });
    for (const fd of fds) closeSync(fd);
    spawn('true').on('exit', code => console.log(said, code));`;
    for (const name of ['node:child_process', 'linux-namespaces']) {
      const module = name.startsWith('node:') ? name : import.meta.resolve(name);
      const limited = ['-c', 'ulimit -n 100; exec "$0" "$@"', process.execPath];
      const child = node.spawn('sh', [...limited, '--input-type=module', '-e', program, module]);
      const { stdout, stderr } = await outcome(child);
      expect({ stdout, stderr }).toEqual({ stdout: 'EMFILE 0\n', stderr: '' });
    }
  },
);
