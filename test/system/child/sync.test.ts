// spawnSync, execSync and execFileSync beside node:child_process's own, and into namespaces.
import * as node from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import * as ours from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { all, cgroup2, folder, probe, startTarget } from './fixtures/targets.ts';

// Arguments that no type allows are among what this is about.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Module = Record<'spawnSync' | 'execSync' | 'execFileSync', any>;
const own = ours as unknown as Module;
type Row = readonly [name: string, run: (module: Module) => unknown];

/** What can be the same twice. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return `buffer ${value.length} ${value.toString().slice(0, 100)}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const message = value instanceof Error && { message: value.message, name: value.name };
  const fields = Object.entries({ ...value, ...message }).map(([name, field]) => [
    name,
    name === 'pid' ? Number(field) > 0 : Object.is(field, value) ? 'itself' : plain(field),
  ]);
  return Object.fromEntries(fields);
}

function result(run: Row[1], module: Module): unknown {
  try {
    return { returned: plain(run(module)) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Of a wrong argument the words are ours.
    return code?.startsWith('ERR_') ? { code } : { thrown: plain(error), message };
  }
}

const fn = () => {};
const sh =
  (command: string, options?: object): Row[1] =>
  m =>
    m.spawnSync('sh', ['-c', command], options);
const inFile =
  (run: (m: Module, fd: number) => unknown): Row[1] =>
  m => {
    const file = join(folder, 'sync-output');
    const fd = openSync(file, 'w+');
    try {
      return [run(m, fd), readFileSync(file, 'utf8')];
    } finally {
      closeSync(fd);
    }
  };

const rows: readonly Row[] = [
  ['a program', m => m.spawnSync('echo', ['a'])],
  ['a code', sh('exit 3')],
  ['a signal', sh('kill -9 $$')],
  ['a program without arguments', m => m.spawnSync('true')],
  ['options in the place of arguments', m => m.spawnSync('pwd', { cwd: '/' })],
  ['stdout and stderr', sh('echo o; echo e >&2')],
  ['encoding utf8', sh('printf "\\303\\244"', { encoding: 'utf8' })],
  ['encoding hex', sh('echo a', { encoding: 'hex' })],
  ['encoding buffer', sh('echo a', { encoding: 'buffer' })],
  ['encoding null', sh('echo a', { encoding: null })],
  ['input: a string', m => m.spawnSync('cat', { input: 'text' })],
  ['input: a Buffer', m => m.spawnSync('cat', { input: Buffer.from('bytes') })],
  [
    'input: a view',
    m => m.spawnSync('cat', { input: new Uint16Array([0x4141, 0x4242]).subarray(1) }),
  ],
  ['input: a DataView', m => m.spawnSync('cat', { input: new DataView(new ArrayBuffer(3)) })],
  ['input: empty', m => m.spawnSync('cat', { input: '' })],
  ['input: in hex', m => m.spawnSync('cat', { input: '6162', encoding: 'hex' })],
  [
    'input: more than a pipe holds',
    m => m.spawnSync('wc', ['-c'], { input: 'x'.repeat(3_000_000), encoding: 'utf8' }),
  ],
  ['input: back again', m => m.spawnSync('cat', { input: 'x'.repeat(900_000) }).stdout.length],
  ['input: a number', m => m.spawnSync('cat', { input: 5 })],
  [
    'input beside a stdin that is no pipe',
    m => m.spawnSync('cat', { input: 'x', stdio: ['ignore', 'pipe', 'pipe'] }),
  ],
  ['no input', m => m.spawnSync('cat')],
  ['maxBuffer', sh('echo 0123456789; exec sleep 1000', { maxBuffer: 5 })],
  [
    'maxBuffer: of both together',
    sh('echo 12345; echo 12345 >&2; exec sleep 1000', { maxBuffer: 11 }),
  ],
  ['maxBuffer: just enough', sh('echo 12345', { maxBuffer: 6 })],
  ['maxBuffer: none', sh('head -c 3000000 /dev/zero', { maxBuffer: Number.POSITIVE_INFINITY })],
  [
    'maxBuffer: the default',
    m => plain(m.spawnSync('head', ['-c', '1048576', '/dev/zero']).status),
  ],
  ['maxBuffer: wrong', m => m.spawnSync('true', { maxBuffer: -1 })],
  ['timeout', m => m.spawnSync('sleep', ['1000'], { timeout: 50 })],
  [
    'timeout, killSignal',
    m => m.spawnSync('sleep', ['1000'], { timeout: 50, killSignal: 'SIGINT' }),
  ],
  [
    'timeout, killSignal as a number',
    m => m.spawnSync('sleep', ['1000'], { timeout: 50, killSignal: 9 }),
  ],
  ['timeout: a handler', sh('trap "exit 7" TERM; while :; do sleep 0.01; done', { timeout: 300 })],
  ['timeout: not needed', m => m.spawnSync('true', { timeout: 100_000 })],
  ['timeout: the output before it', sh('echo before; exec sleep 1000', { timeout: 300 })],
  ['timeout: wrong', m => m.spawnSync('true', { timeout: 1.5 })],
  ['timeout: of no type', m => m.spawnSync('true', { timeout: '5' })],
  ['maxBuffer: of no type', m => m.spawnSync('true', { maxBuffer: '5' })],
  ['gid: no integer', m => m.spawnSync('true', { gid: 1.5 })],
  ['killSignal: wrong', m => m.spawnSync('true', { killSignal: 'SIGNONE' })],
  ['killSignal: of no type', m => m.spawnSync('true', { killSignal: {} })],
  ['shell', m => m.spawnSync('echo $((1 + 1))', { shell: true })],
  ['shell: another', m => m.spawnSync('echo $0', { shell: '/bin/bash' })],
  ['shell: of no type', m => m.spawnSync('true', { shell: 5 })],
  ['argv0', m => m.spawnSync('sh', ['-c', 'echo x'], { argv0: 'other' })],
  [
    'env',
    m =>
      m.spawnSync('/usr/bin/env', {
        env: Object.create({ A: '1' }, { B: { value: '2', enumerable: true } }),
      }),
  ],
  ['env: a null byte', m => m.spawnSync('true', { env: { A: '\0' } })],
  ['cwd: a URL', m => m.spawnSync('pwd', { cwd: new URL('file:///') })],
  ['cwd: a URL with a null byte', m => m.spawnSync('pwd', { cwd: new URL('file:///tmp%00x') })],
  ['cwd: of no type', m => m.spawnSync('pwd', { cwd: 5 })],
  ['no such program', m => m.spawnSync('no-such', ['a'])],
  ['not executable', m => m.spawnSync('/etc/passwd')],
  ['a long name', m => m.spawnSync('x'.repeat(300))],
  ['E2BIG', m => m.spawnSync('true', ['x'.repeat(3 << 20)]).error.code],
  ['uid and gid', m => m.spawnSync('id', { uid: 1, gid: 1 })],
  ['uid: -1', m => m.spawnSync('id', { uid: -1 })],
  ['uid: of no type', m => m.spawnSync('id', { uid: 'x' })],
  ['detached', m => m.spawnSync('true', { detached: true })],
  ['detached: of no type', m => m.spawnSync('true', { detached: 5 })],
  ['stdio: ignore', sh('echo x; readlink /proc/self/fd/0 >&2', { stdio: 'ignore' })],
  ['stdio: some', sh('echo o; echo e >&2', { stdio: [null, 'pipe', 'ignore'] })],
  ['stdio: an fd', inFile((m, fd) => m.spawnSync('echo', ['x'], { stdio: ['pipe', fd, 'pipe'] }))],
  [
    'stdio: a stream',
    inFile((m, fd) => m.spawnSync('echo', ['x'], { stdio: ['pipe', { fd }, 'pipe'] })),
  ],
  [
    'stdio: more',
    sh('echo 3 >&3; echo 4 >&4', { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'ignore'] }),
  ],
  ['stdio: ipc', m => m.spawnSync('true', { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] })],
  ['stdio: wrong', m => m.spawnSync('true', { stdio: 'wrong' })],
  ['stdio: wrong in an array', m => m.spawnSync('true', { stdio: ['pipe', {}] })],
  ['stdio: a bad fd', m => m.spawnSync('true', { stdio: ['ignore', 999, 'ignore'] })],
  ['arguments: no text', m => m.spawnSync('echo', [null, 1, true])],
  ['arguments: a null byte', m => m.spawnSync('echo', ['\0'])],
  ['no name', m => m.spawnSync('')],
  ['a name of no type', m => m.spawnSync(5)],
  ['options: null', m => m.spawnSync('true', [], null)],
  ['options: an array', m => m.spawnSync('true', [], [])],
  ['execFileSync', m => m.execFileSync('echo', ['x'])],
  ['execFileSync: a code', m => m.execFileSync('sh', ['-c', 'echo o; exit 2'], { stdio: 'pipe' })],
  [
    'execFileSync: stderr',
    m => m.execFileSync('sh', ['-c', 'echo e >&2; exit 2'], { stdio: 'pipe', encoding: 'utf8' }),
  ],
  ['execFileSync: no such program', m => m.execFileSync('no-such', ['a'])],
  ['execFileSync: a function', m => m.execFileSync('echo', ['x'], fn)],
  ['execFileSync: timeout', m => m.execFileSync('sleep', ['1000'], { timeout: 50 })],
  ['execFileSync: inherit', m => m.execFileSync('true', { stdio: 'inherit' })],
  ['execSync', m => m.execSync('echo $((1 + 1))')],
  ['execSync: a code', m => m.execSync('echo o; exit 2', { stdio: 'pipe' })],
  ['execSync: a signal', m => m.execSync('kill -15 $$', { stdio: 'pipe' })],
  ['execSync: encoding', m => m.execSync('echo x', { encoding: 'utf8' })],
  ['execSync: input', m => m.execSync('cat', { input: 'x' })],
  ['execSync: a shell', m => m.execSync('echo $0', { shell: '/bin/bash' })],
  ['execSync: maxBuffer', m => m.execSync('echo 0123456789; exec sleep 1000', { maxBuffer: 5 })],
  ['execSync: no command', m => m.execSync('')],
  ['number of parameters', m => [m.spawnSync, m.execFileSync, m.execSync].map(call => call.length)],
];

describe('the same as node:child_process', () => {
  test.each(rows)('%s', (_, run) => {
    expect(result(run, own)).toEqual(result(run, node));
  });

  test('the input is more than the program reads: EPIPE', () => {
    const { error, status } = ours.spawnSync('true', { input: 'x'.repeat(3_000_000) });
    expect([(error as NodeJS.ErrnoException).code, status]).toEqual(['EPIPE', 0]);
  });

  test('stderr is ours where nothing is said of stdio', () => {
    const script = `import { execSync } from ${JSON.stringify(import.meta.resolve('linux-namespaces'))}; execSync('echo e >&2');`;
    const { stderr } = node.spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    expect(String(stderr)).toBe('e\n');
  });
});

describe('in namespaces', () => {
  const net = (pid: number) => readlinkSync(`/proc/${pid}/ns/net`);

  test('a target, new ones, a handle', async () => {
    const target = await startTarget(all);
    const options = { target: target.pid, namespaces: ['net'], encoding: 'utf8' } as const;
    const look = ['/proc/self/ns/net'];
    expect(ours.spawnSync('readlink', look, options).stdout.trim()).toBe(net(target.pid));
    expect(ours.execSync('readlink /proc/self/ns/net', options).trim()).toBe(net(target.pid));
    const made = ours.execFileSync('readlink', look, { unshare: ['net'], encoding: 'utf8' });
    expect(made.trim()).not.toBe(net(process.pid));
    const handle = ours.openNamespaces(target.pid, ['net']);
    try {
      expect(handle.execSync('readlink /proc/self/ns/net').toString().trim()).toBe(net(target.pid));
      expect(handle.execFileSync('readlink', look).toString().trim()).toBe(net(target.pid));
      const { stdout } = handle.spawnSync('readlink', look, { encoding: 'utf8' });
      expect(stdout.trim()).toBe(net(target.pid));
    } finally {
      handle.close();
    }
  });

  test('every type, and its rights', async () => {
    const target = await startTarget(all);
    const { status, error } = ours.spawnSync(probe, ['exit', '4'], {
      target: target.pid,
      root: '/',
    });
    expect({ status, error }).toEqual({ status: 4, error: undefined });
  });

  test('inside a callback: where that is', async () => {
    const target = await startTarget(['net']);
    const { stdout } = ours.withNamespaces(target.pid, ['net'], () =>
      ours.spawnSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }),
    );
    expect(stdout.trim()).toBe(net(target.pid));
  });

  test('a step that fails is the error of the result, or thrown by the others', () => {
    const options = { unshare: ['net'], cwd: '/no/such' } as const;
    const wanted = {
      syscall: 'chdir',
      code: 'ENOENT',
      name: 'NamespaceError',
      path: 'true',
      spawnargs: ['a'],
    };
    const { error, status, signal, output, pid } = ours.spawnSync('true', ['a'], options);
    expect(error).toMatchObject(wanted);
    expect({ status, signal, output, pid }).toEqual({
      status: null,
      signal: null,
      output: null,
      pid: 0,
    });
    expect(() => ours.execFileSync('true', ['a'], options)).toThrow(
      expect.objectContaining(wanted),
    );
  });

  test('cwd: an empty path is none, as for Node’s sync forms', () => {
    const options = { cwd: '' };
    expect(node.spawnSync('true', options).error).toMatchObject({ code: 'ENOENT' });
    expect(ours.spawnSync('true', options).error).toMatchObject({
      code: 'ENOENT',
      syscall: 'chdir',
    });
    expect(() => ours.execSync('true', options)).toThrow('chdir ENOENT');
  });

  test('no target: thrown', () => {
    expect(() => ours.spawnSync('true', { target: 2 ** 22 })).toThrow(/ESRCH/);
    for (const target of [2 ** 22 + 1, 0, -1, 1.5, Number.NaN]) {
      expect(() => ours.spawnSync('true', { target })).toThrow(TypeError);
      expect(() => ours.spawn('true', { target })).toThrow(TypeError);
    }
  });

  test('the first process of a pid namespace: timeout ends it', () => {
    const options = { unshare: ['pid'], timeout: 50 } as const;
    const { error, signal, status } = ours.spawnSync('sleep', ['1000'], options);
    expect([(error as NodeJS.ErrnoException).code, signal, status]).toEqual([
      'ETIMEDOUT',
      'SIGTERM',
      null,
    ]);
  });
});

describe('timeout', () => {
  test('a child that ignores the signal', () => {
    const { error, signal } = ours.spawnSync(
      'sh',
      ['-c', 'trap "" TERM; while :; do sleep 0.1; done'],
      { timeout: 50 },
    );
    expect([(error as NodeJS.ErrnoException).code, signal]).toEqual(['ETIMEDOUT', 'SIGKILL']);
  });

  test('a program that is not there, which is no matter of time', () => {
    const { error } = ours.spawnSync('/no/such', [], { timeout: 1 });
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'spawnSync /no/such' });
  });

  const tree = cgroup2();
  test.skipIf(tree === undefined)(
    'a start that stands still, in a frozen cgroup [cgroup 2]',
    async () => {
      const group = join(tree as string, `linux-namespaces-sync-${process.pid}`);
      mkdirSync(group);
      try {
        const target = await startTarget(['net']);
        writeFileSync(join(group, 'cgroup.procs'), String(target.pid));
        writeFileSync(join(group, 'cgroup.freeze'), '1');
        const { error, status, pid } = ours.spawnSync(probe, ['exit', '0'], {
          target: target.pid,
          cgroup: 'target',
          timeout: 200,
        });
        expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: `spawnSync ${probe}` });
        expect([status, pid]).toEqual([null, 0]);
        target.stop();
      } finally {
        writeFileSync(join(group, 'cgroup.freeze'), '0');
        await expect.poll(() => readFileSync(join(group, 'cgroup.procs'), 'utf8')).toBe('');
        rmdirSync(group);
      }
    },
  );

  test.skipIf(tree === undefined)(
    'none, and who was to start it is killed while it stands still: it has ended [cgroup 2]',
    async () => {
      const group = join(tree as string, `linux-namespaces-sync-killed-${process.pid}`);
      mkdirSync(group);
      let script: node.ChildProcess | undefined;
      try {
        const target = await startTarget(['pid']);
        writeFileSync(join(group, 'cgroup.procs'), String(target.pid));
        writeFileSync(join(group, 'cgroup.freeze'), '1');
        const options = { target: target.pid, namespaces: ['pid'], cgroup: 'target' };
        const source = `import { spawnSync } from 'linux-namespaces';
          const { pid, status, error } = spawnSync('true', [], ${JSON.stringify(options)});
          console.log(status === 0, pid === 0 || error !== undefined || status === null);`;
        const line = ['--input-type=module', '-e', source];
        script = node.spawn(process.execPath, line, {
          stdio: ['ignore', 'pipe', 'inherit'],
          timeout: seconds(30),
          killSignal: 'SIGKILL',
        });
        const said = text(script.stdout as Readable);
        const others = () =>
          readFileSync(join(group, 'cgroup.procs'), 'utf8')
            .trim()
            .split('\n')
            .map(Number)
            .filter(pid => pid !== target.pid);
        await expect.poll(() => others().length).toBe(1);
        process.kill(others()[0] as number, 'SIGKILL');
        expect(await said).toBe('false true\n');
        target.stop();
      } finally {
        script?.kill('SIGKILL');
        writeFileSync(join(group, 'cgroup.freeze'), '0');
        await expect.poll(() => readFileSync(join(group, 'cgroup.procs'), 'utf8')).toBe('');
        rmdirSync(group);
      }
    },
  );

  test('somebody else holds the output', () => {
    const program = ['-c', 'sleep 600 & echo $!; exit 3'];
    const held = ours.spawnSync('sh', program, { timeout: 3000, encoding: 'utf8' });
    process.kill(Number(held.stdout), 'SIGKILL');
    const { code } = held.error as NodeJS.ErrnoException;
    expect([code, held.status]).toEqual(['ETIMEDOUT', 3]);
  });
});

test('a Worker, killOnParentExit, and nothing left', async () => {
  const { Worker } = await import('node:worker_threads');
  const module = JSON.stringify(import.meta.resolve('linux-namespaces'));
  const script = `import { parentPort } from 'node:worker_threads'; import { readdirSync, readFileSync } from 'node:fs';
    import { spawnSync } from ${module};
    const fds = () => readdirSync('/proc/self/fd').length;
    spawnSync('true');
    const before = fds();
    const codes = [{}, { unshare: ['pid'] }, { killOnParentExit: true }, { cwd: '/no' }, { timeout: 1 }, { maxBuffer: 1 }]
      .map(options => spawnSync('sh', ['-c', 'echo abc; exit 2'], options).status);
    const children = readdirSync('/proc/self/task').map(tid => readFileSync('/proc/self/task/' + tid + '/children', 'utf8')).join('');
    parentPort.postMessage({ codes: codes.slice(0, 4), children: children.split(' ').filter(Boolean).length, more: fds() - before });`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  const [said] = await once(worker, 'message');
  expect(said).toMatchObject({ codes: [2, 2, 2, null], more: 0 });
  await worker.terminate();
});
