import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { createNamespaces, type NamespaceError, openNamespaces, spawn } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import {
  all,
  inodesOf,
  outcome,
  probe,
  reportOf,
  startTarget,
  subsets,
} from './fixtures/targets.ts';

const own = inodesOf('self');

/** The namespaces of a child while it runs; on a slow machine 'spawn' comes before the exec. */
async function placeOf(child: ReturnType<typeof spawn>) {
  try {
    await once(child, 'spawn');
    await expect.poll(() => readlinkSync(`/proc/${child.pid}/exe`)).not.toContain('memfd:');
    return inodesOf(child.pid as number);
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

test('as root every one of the 255 subsets is joined, and nothing else', {
  timeout: seconds(120),
}, async () => {
  const target = await startTarget(all);
  const theirs = inodesOf(target.pid);
  for (const type of all) expect(theirs[type]).not.toBe(own[type]);
  for (const namespaces of subsets(all)) {
    const child = spawn(probe, ['wait'], {
      target: target.pid,
      namespaces,
      stdio: 'ignore',
      root: '/',
      env: {},
    });
    const wanted = Object.fromEntries(
      all.map(type => [type, (namespaces.includes(type) ? theirs : own)[type]]),
    );
    expect(await placeOf(child), namespaces.join()).toEqual(wanted);
  }
});

test('the same by an open handle, and by paths', async () => {
  const target = await startTarget(all);
  const theirs = inodesOf(target.pid);
  using handle = openNamespaces(target.pid, all);
  const paths = Object.fromEntries(all.map(type => [type, `/proc/${target.pid}/ns/${type}`]));
  for (const place of [handle, paths]) {
    const child = spawn(probe, ['wait'], { target: place, stdio: 'ignore', namespaces: all });
    expect(await placeOf(child)).toEqual(theirs);
  }
  expect(await placeOf(handle.spawn(probe, ['wait'], { stdio: 'ignore' }))).toEqual(theirs);
});

test("'all' leaves out what is ours already, the user namespace too", async () => {
  const target = await startTarget(['net', 'uts']);
  const child = spawn(probe, ['wait'], { target: target.pid, stdio: 'ignore' });
  expect(await placeOf(child)).toEqual(inodesOf(target.pid));
  const again = spawn(probe, ['wait'], { target: process.pid, namespaces: all, stdio: 'ignore' });
  expect(await placeOf(again)).toEqual(own);
});

test('a new pid namespace: the program is its first process, and a direct child of ours', async () => {
  const child = spawn(probe, ['report'], { unshare: ['pid', 'net'] });
  const report = await reportOf(child);
  expect(report.pid).toBe(1);
  expect(report.ppid).toBe(0);
});

test('every subset of the types can be created', { timeout: seconds(120) }, async () => {
  for (const unshare of subsets(all)) {
    const child = spawn(probe, ['wait'], { unshare, stdio: 'ignore' });
    const place = await placeOf(child);
    for (const type of all) {
      expect(place[type] !== own[type], `${type} of ${unshare}`).toBe(unshare.includes(type));
    }
  }
});

test('join, then create: also pid in pid', async () => {
  const target = await startTarget(all);
  const theirs = inodesOf(target.pid);
  const child = spawn(probe, ['wait'], {
    target: target.pid,
    unshare: ['pid', 'net'],
    stdio: 'ignore',
    root: '/',
  });
  const place = await placeOf(child);
  for (const type of all) {
    const created = type === 'pid' || type === 'net';
    expect(place[type] === theirs[type], type).toBe(!created);
    expect(place[type]).not.toBe(own[type]);
  }
});

test('in a callback, a child starts where the callback runs', async () => {
  using lab = await createNamespaces(['net', 'uts']);
  const child = lab.run(() => spawn(probe, ['wait'], { stdio: 'ignore' }));
  const place = await placeOf(child);
  expect(place.net).toBe(`net:[${lab.inode('net')}]`);
  expect(place.uts).toBe(`uts:[${lab.inode('uts')}]`);
  expect(place.ipc).toBe(own.ipc);
});

test('the parent of the user namespace, for what went one level deeper', async () => {
  const target = await startTarget(['user', 'net', 'pid'], {
    program: ['sh', '-c', `unshare -U -r ${probe} wait & wait`],
  });
  const { stdout } = await outcome(spawn('pgrep', ['-P', String(target.pid)]));
  const inner = Number(stdout);
  const child = spawn(probe, ['wait'], {
    target: inner,
    namespaces: ['net'],
    userParent: true,
    stdio: 'ignore',
  });
  const place = await placeOf(child);
  expect(place.user).toBe(inodesOf(target.pid).user);
  expect(place.user).not.toBe(inodesOf(inner).user);
  expect(place.net).toBe(inodesOf(inner).net);
});

test('an unprivileged owner: subsets with user work, of the others it says what is missing', {
  timeout: seconds(120),
}, async () => {
  const target = await startTarget(all, { uid: 65534 });
  const theirs = inodesOf(target.pid);
  const script = new URL('fixtures/owner.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, String(target.pid), probe], {
    uid: 65534,
    gid: 65534,
  });
  const { stdout, stderr } = await outcome(child);
  expect(stderr).toBe('');
  const results: { namespaces: string[]; place?: object; error?: NamespaceError }[] =
    JSON.parse(stdout);
  expect(results).toHaveLength(255);
  for (const { namespaces, place, error } of results) {
    const name = namespaces.join();
    if (namespaces.includes('user')) {
      const wanted = Object.fromEntries(
        all.map(type => [type, (namespaces.includes(type as never) ? theirs : own)[type]]),
      );
      expect(place ?? error, name).toEqual(wanted);
    } else {
      expect(error, name).toMatchObject({ code: 'EPERM', syscall: 'setns' });
      expect(namespaces, name).toContain(error?.type);
      expect(error?.message, name).toContain('CAP_SYS_ADMIN is missing');
    }
  }
});
