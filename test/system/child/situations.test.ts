// What people do with nsenter and docker exec, on a container that has nothing but one static program.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync, symlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exec, execFile, type SpawnOptions, spawn } from 'linux-namespaces';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeImage, outcome, probe, reportOf, startTarget } from './fixtures/targets.ts';

let pid: number;
let image: string;

beforeAll(async () => {
  image = makeImage();
  symlinkSync('work', join(image, 'link'));
  const target = await startTarget(['mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup'], {
    root: image,
    env: { PATH: '/bin', THEIRS: 'yes', SPACED: 'a = b\nc' },
    keep: true,
  });
  pid = target.pid;
  execFileSync('nsenter', ['-t', `${pid}`, '-u', 'hostname', 'blue']);
  execFileSync('nsenter', [
    '-t',
    `${pid}`,
    '-n',
    'sh',
    '-c',
    'ip link set lo up; ip addr add 10.9.8.7/24 dev lo',
  ]);
});

const run = promisify(execFile);

describe('the machine’s tools on a container without any', () => {
  test('ip addr in its network', async () => {
    const { stdout } = await run('ip', ['-o', 'addr'], { target: pid, namespaces: ['net'] });
    expect(stdout).toContain('10.9.8.7/24');
    expect(execFileSync('ip', ['-o', 'addr']).toString()).not.toContain('10.9.8.7/24');
  });

  test('ss -nlpt: who listens', async () => {
    const script = `require('net').createServer().listen(7654, '10.9.8.7', () => console.log('ready'))`;
    const listener = spawn(process.execPath, ['-e', script], {
      target: pid,
      namespaces: ['net', 'pid'],
    });
    await once(listener.stdout, 'data');
    const { stdout } = await run('ss', ['-nlpt'], { target: pid, namespaces: ['net'] });
    expect(stdout).toMatch(new RegExp(`10\\.9\\.8\\.7:7654.*pid=${listener.pid},`));
    listener.kill();
    await once(listener, 'exit');
  });

  test('hostname', async () => {
    const { stdout } = await promisify(exec)('hostname', { target: pid, namespaces: ['uts'] });
    expect(stdout).toBe('blue\n');
    expect(hostname()).not.toBe('blue');
  });

  test('ps of its processes, by its pid namespace and a /proc of it', async () => {
    const { stdout } = await run('sh', ['-c', 'mount -t proc proc /proc && ps -eo pid,args'], {
      target: pid,
      namespaces: ['pid'],
      unshare: ['mnt'],
    });
    expect(stdout).toMatch(/^\s+1 \/bin\/probe wait$/m);
    expect(stdout).not.toContain('vitest');
  });
});

describe('a program of the container, in all of its namespaces', () => {
  test('its root, its environment, / as cwd, a session of its own, no file of ours', async () => {
    const report = await reportOf(spawn('probe', ['report'], { target: pid }));
    expect(report).toMatchObject({ cwd: '/', fds: [0, 1, 2], leader: true, ppid: 0 });
    expect(report.env).toEqual({ PATH: '/bin', THEIRS: 'yes', SPACED: 'a = bc', '': '' });
    expect(report.pid).toBeLessThan(100);
  });

  test('env: one’s own, the target’s, one on top of the other', async () => {
    const env = async (env: object) =>
      (await reportOf(spawn('/bin/probe', ['report'], { target: pid, env: env as never }))).env;
    expect(await env({ MINE: '1' })).toEqual({ MINE: '1', '': '' });
    expect(await env(['target', { MINE: '1', THEIRS: undefined }])).toEqual({
      PATH: '/bin',
      SPACED: 'a = bc',
      MINE: '1',
      '': '',
    });
    const ours = await reportOf(spawn(probe, ['report'], { target: pid, namespaces: ['net'] }));
    expect(ours.env['PATH']).toBe(process.env['PATH']);
  });

  test('env: the target’s is for its own programs, with its mnt or its root', async () => {
    const at = (place: object) => () =>
      spawn(probe, ['report'], { target: pid, ...place } as Parameters<typeof spawn>[2]);
    const refused = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };
    for (const place of [
      { namespaces: ['net'], env: 'target' },
      { namespaces: ['net'], env: ['target'] },
      { namespaces: ['net'], env: [{ PATH: '/bin' }, 'target'] },
      { namespaces: [], env: 'target' },
      { namespaces: ['net'], root: '/', env: 'target' },
      { namespaces: ['net', 'pid'], credentials: 'target', env: 'target' },
      // A process of the host's: its root and its mounts are ours.
      { target: process.pid, namespaces: ['mnt'], env: 'target' },
      { target: process.pid, namespaces: [], root: 'target', env: 'target' },
    ]) {
      expect(at(place), JSON.stringify(place)).toThrow(expect.objectContaining(refused));
    }
    const child = spawn('/bin/probe', ['report'], {
      target: pid,
      namespaces: ['net'],
      root: 'target',
      env: 'target',
    });
    expect((await reportOf(child)).env['THEIRS']).toBe('yes');
    // Nothing is asked for: with mounts that are ours already, so is the environment.
    const plain = at({ target: process.pid, namespaces: ['mnt'] })();
    expect((await reportOf(plain)).env['PATH']).toBe(process.env['PATH']);
  });

  test('cwd is resolved inside; one that is missing is an error that names the step', async () => {
    const report = await reportOf(
      spawn('/bin/probe', ['report'], { target: pid, cwd: '/link/../work/.' }),
    );
    expect(report.cwd).toBe('/work');
    const relative = await reportOf(spawn('/bin/probe', ['report'], { target: pid, cwd: 'work' }));
    expect(relative.cwd).toBe('/work');
    await expect(outcome(spawn('probe', [], { target: pid, cwd: '/usr' }))).rejects.toMatchObject({
      name: 'NamespaceError',
      code: 'ENOENT',
      syscall: 'chdir',
      path: 'probe',
      target: pid,
    });
  });

  test('a program that only the machine has is not found', async () => {
    await expect(outcome(spawn('ls', [], { target: pid }))).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'spawn ls',
    });
    await expect(run('/bin/sh', ['-c', 'true'], { target: pid })).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  test('root: a path, in the mount namespace that was joined or in ours', async () => {
    const inside = spawn('/probe', ['report'], { target: pid, namespaces: ['mnt'], root: '/bin' });
    await expect(outcome(inside)).rejects.toMatchObject({ code: 'ENOENT' }); // /bin of the machine’s tree
    const real = realpathSync(image);
    const ours = await reportOf(
      spawn('/bin/probe', ['report'], { root: real, cwd: '/work', env: {} }),
    );
    expect(ours.cwd).toBe('/work');
  });
});

test('a variable by the name of something of JavaScript’s own is a variable like any other', async () => {
  const named = { ['__proto__']: 'one', constructor: 'two', PATH: '/bin' };
  const target = await startTarget(['mnt'], { env: named });
  const at = { target: target.pid, namespaces: ['mnt'] } as const;
  const seen = async (env: SpawnOptions['env']) => {
    const { env: all } = await reportOf(spawn(probe, ['report'], { ...at, env }));
    return [Object.entries(all).find(([name]) => name === '__proto__')?.[1], all['constructor']];
  };
  expect(await seen('target')).toEqual(['one', 'two']);
  expect(await seen(['target', { ['__proto__']: 'ours' }])).toEqual(['ours', 'two']);
});
