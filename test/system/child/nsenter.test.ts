// Side by side with util-linux's nsenter, where it can do the same; and where it is known to go wrong.
import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ChildPlace, spawn } from 'linux-namespaces';
import { expect, test } from 'vitest';
import {
  makeImage,
  outcome,
  probe,
  type Report,
  reportOf,
  startTarget,
} from './fixtures/targets.ts';

/** Everything but what differs from process to process. */
function same({ pid: _, ...report }: Report) {
  return { ...report, argv: undefined, leader: undefined };
}

const cases: [string, string[], ChildPlace][] = [
  ['net', ['-n'], { namespaces: ['net'] }],
  ['uts, ipc, cgroup', ['-u', '-i', '-C'], { namespaces: ['uts', 'ipc', 'cgroup'] }],
  ['pid', ['-p'], { namespaces: ['pid'] }],
  ['time', ['-T'], { namespaces: ['time'] }],
  ['user: root inside', ['-U'], { namespaces: ['user'] }],
  ['user and net', ['-U', '-n'], { namespaces: ['user', 'net'] }],
  ['uid and gid', ['-n', '-S', '12', '-G', '34'], { namespaces: ['net'], uid: 12, gid: 34 }],
  ['mnt', ['-m'], { namespaces: ['mnt'], env: process.env as never, setsid: false }],
  ['all', ['-a'], { namespaces: 'all', env: process.env as never, setsid: false }],
];

test.each(cases)('the same as nsenter: %s', async (_, flags, place) => {
  const target = await startTarget(['user', 'mnt', 'net', 'pid', 'uts', 'ipc', 'cgroup', 'time']);
  const wanted = JSON.parse(
    execFileSync('nsenter', ['-t', `${target.pid}`, ...flags, probe, 'report'], {
      encoding: 'utf8',
    }),
  );
  const report = await reportOf(
    spawn(probe, ['report'], { target: target.pid, credentials: 'inherit', ...place }),
  );
  // nsenter leaves its own fds of namespaces to the program; ours has none.
  expect(report.fds).toEqual([0, 1, 2]);
  expect(same({ ...report, fds: [], ppid: 0 })).toEqual(same({ ...wanted, fds: [], ppid: 0 }));
});

test('the same as nsenter -r -w: the root of the target, without its mount namespace', async () => {
  const image = makeImage();
  const target = await startTarget(['mnt', 'pid'], { root: image });
  // The network is ours: newer versions want one namespace at least.
  const flags = ['-t', `${target.pid}`, '-n', '-r', '-w', '/bin/probe', 'report'];
  const wanted = JSON.parse(execFileSync('nsenter', flags, { encoding: 'utf8', cwd: '/' }));
  const report = await reportOf(
    spawn('/bin/probe', ['report'], {
      target: target.pid,
      namespaces: ['net'],
      root: 'target',
      setsid: false,
    }),
  );
  expect(same({ ...report, fds: [], ppid: 0, env: {} })).toEqual(
    same({ ...wanted, fds: [], ppid: 0, env: {} }),
  );
  expect(report.cwd).toBe('/');
});

test('the same exit codes, and for what cannot be executed the codes become errors', async () => {
  const target = await startTarget(['net', 'pid']);
  const nsenter = (...line: string[]) =>
    outcome(nodeSpawn('nsenter', ['-t', `${target.pid}`, '-n', '-p', ...line]));
  const own = (file: string, ...args: string[]) =>
    outcome(spawn(file, args, { target: target.pid }));
  for (const line of [
    ['exit', '0'],
    ['exit', '3'],
    ['exit', '126'],
    ['exit', '127'],
    ['die', '15'],
    ['die', '9'],
  ]) {
    const [{ code, signal }, theirs] = [await own(probe, ...line), await nsenter(probe, ...line)];
    expect({ code, signal }, line.join()).toEqual({ code: theirs.code, signal: theirs.signal });
  }
  expect(await nsenter('/no/such')).toMatchObject({ code: 127 });
  await expect(own('/no/such')).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'spawn /no/such',
  });
  expect(await nsenter('/etc/passwd')).toMatchObject({ code: 126 });
  await expect(own('/etc/passwd')).rejects.toMatchObject({ code: 'EACCES' });
});

test('where nsenter orphans the program on SIGTERM, ours ends it', async () => {
  const target = await startTarget(['pid', 'mnt']);
  const nsenter = nodeSpawn('nsenter', ['-t', `${target.pid}`, '-p', '-m', probe, 'wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(nsenter.stdout as NodeJS.ReadableStream, 'data');
  const orphan = Number(readFileSync(`/proc/${nsenter.pid}/task/${nsenter.pid}/children`, 'utf8'));
  nsenter.kill('SIGTERM');
  await once(nsenter, 'exit');
  expect(() => process.kill(orphan, 0)).not.toThrow(); // nsenter's way
  process.kill(orphan, 'SIGKILL');
  const child = spawn(probe, ['wait'], { target: target.pid, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(() => process.kill(child.pid as number, 0)).toThrow(/ESRCH/);
});
