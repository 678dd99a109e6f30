// New namespaces instead of a container's: everything in them is the worker's own.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluate, openWorker } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { all, inodesOf, makeImage } from '../child/fixtures/targets.ts';
import { rejectionOf } from '../shared/support.ts';
import { run } from './fixtures/attack.ts';

declare const fs: typeof import('node:fs');
declare const os: typeof import('node:os');
declare const http: typeof import('node:http');

test('all eight, in a root of its own', async () => {
  const image = makeImage();
  await using worker = await openWorker(
    { unshare: all, idMap: 'root', hostname: 'box', loopback: true, mountProc: true, root: image },
    'all',
  );
  const ours = inodesOf('self');
  const place = inodesOf(worker.pid ?? 0);
  for (const type of all) expect(place[type], type).not.toBe(ours[type]);
  const seen = await worker.evaluate(async () => {
    const server = http.createServer((_, response) => response.end('here'));
    await new Promise<void>(done => server.listen(80, '127.0.0.1', done));
    const answer = await (await fetch('http://127.0.0.1')).text();
    server.close();
    return {
      answer,
      hostname: os.hostname(),
      pid: process.pid,
      uid: process.getuid?.(),
      root: fs.readdirSync('/').sort(),
      processes: fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)),
    };
  });
  expect(seen).toEqual({
    answer: 'here',
    hostname: 'box',
    pid: 1,
    uid: 0,
    root: ['bin', 'dev', 'etc', 'proc', 'tmp', 'work'],
    processes: ['1'],
  });
  expect(hostname()).not.toBe('box');
});

test('some types: the others stay ours', async () => {
  const place = await evaluate({ unshare: ['net', 'uts', 'time'], monotonic: 1000 }, 'all', () => ({
    net: fs.readlinkSync('/proc/self/ns/net'),
    mnt: fs.readlinkSync('/proc/self/ns/mnt'),
    time: fs.readlinkSync('/proc/self/ns/time'),
    uptime: Number(process.hrtime.bigint() / 1_000_000_000n),
  }));
  const ours = inodesOf('self');
  expect(place.net).not.toBe(ours.net);
  expect(place.time).not.toBe(ours.time);
  expect(place.mnt).toBe(ours.mnt);
  const now = Number(readFileSync('/proc/uptime', 'utf8').split('.')[0]);
  expect(place.uptime).toBeGreaterThan(now + 900);
});

test('by a user without privileges', async () => {
  const source = `
    import { openWorker } from 'linux-namespaces';
    const worker = await openWorker(
      { unshare: ['user', 'net', 'uts', 'ipc', 'pid', 'mnt'], idMap: 'root', mountProc: true, hostname: 'mine' }, 'all');
    console.log(await worker.evaluate(() => [os.hostname(), process.pid, process.getuid()].join()));
    await worker.close();`;
  const { stdout, stderr } = await run(process.execPath, source, { uid: 65534, gid: 65534 });
  expect({ stdout, stderr }).toEqual({ stdout: 'mine,1,0\n', stderr: '' });
});

test('what makes no sense', async () => {
  const wrong: [unknown, unknown, unknown, RegExp][] = [
    [{ unshare: ['net'] }, ['mnt'], {}, /target.unshare/],
    [{ unshare: ['net'] }, 'all', { credentials: 'target' }, /credentials/],
    [{ unshare: ['net'] }, 'all', { cgroup: 'target' }, /cgroup/],
    [{ unshare: 'all' }, 'all', {}, /array/],
    [{ unshare: ['nets'] }, 'all', {}, /cgroup/],
    [{ unshare: ['net'], hostname: 'x' }, 'all', {}, /uts/],
  ];
  for (const [target, types, options, message] of wrong) {
    const error = await rejectionOf(openWorker(target as never, types as never, options as never));
    expect(error, JSON.stringify(target)).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(message);
  }
  const root = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
  rmSync(root, { recursive: true });
  const error = await rejectionOf(openWorker({ unshare: ['mnt'], root }, 'all'));
  expect(error).toMatchObject({ name: 'NamespaceError', code: 'ENOENT' });
});
