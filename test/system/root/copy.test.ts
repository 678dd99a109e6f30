/** Trees between inside and outside: what is kept, and what is not. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { openRoot } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { rejectionOf } from '../shared/support.ts';
import { firstId, makeFolder, makeImage, startContainer } from './fixtures/containers.ts';

const large = 4 << 20; // bytes

/** With something of everything in it. */
function fill(folder: string): void {
  mkdirSync(join(folder, 'sub/empty'), { recursive: true });
  writeFileSync(join(folder, 'plain'), 'plain');
  writeFileSync(join(folder, 'sub/private'), 'private', { mode: 0o600 });
  writeFileSync(join(folder, 'setuid'), 'program');
  chmodSync(join(folder, 'setuid'), 0o4755);
  writeFileSync(join(folder, 'large'), Buffer.alloc(3 << 20, 'large'));
  symlinkSync('/etc/nowhere', join(folder, 'link'));
  linkSync(join(folder, 'plain'), join(folder, 'sub/hard'));
  linkSync(join(folder, 'plain'), join(folder, 'sub/harder'));
  const holes = openSync(join(folder, 'holes'), 'w');
  writeSync(holes, 'middle', 2 << 20);
  writeSync(holes, 'end', large - 3);
  closeSync(holes);
  const end = openSync(join(folder, 'hole'), 'w');
  closeSync(end);
  execFileSync('truncate', ['-s', `${large}`, join(folder, 'hole')]);
  chownSync(join(folder, 'plain'), 33, 44);
  chmodSync(join(folder, 'sub/empty'), 0o1711);
  for (const name of ['plain', 'sub/empty', 'sub', '.']) utimesSync(join(folder, name), 1e9, 1.1e9);
  lutimesSync(join(folder, 'link'), 1e9, 1.2e9);
}

/** What a copy has to have, too. */
function describe(folder: string, owners: boolean) {
  return ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })].sort().map(name => {
    const path = join(folder, name);
    const stat = lstatSync(path, { bigint: true });
    const content = stat.isSymbolicLink()
      ? readlinkSync(path)
      : stat.isFile()
        ? [createHash('sha1').update(readFileSync(path)).digest('hex'), stat.size, stat.nlink]
        : '';
    const mode = owners ? stat.mode : stat.mode & ~0o6000n;
    const ids = owners ? [stat.uid, stat.gid] : [];
    const time = name === '.' ? 0n : stat.mtimeNs;
    return [name, mode.toString(8), time, ...ids, content].join(' ');
  });
}

test.each([false, true])('out and in again: owners kept: %s', async preserveOwners => {
  const image = makeImage();
  mkdirSync(join(image, 'tree'));
  fill(join(image, 'tree'));
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const outside = join(makeFolder(), 'copy');
  let seen = { files: 0, bytes: 0 };
  await root.copyOut('/tree', outside, { preserveOwners, progress: now => (seen = now) });
  const expected = describe(join(image, 'tree'), preserveOwners);
  expect(describe(outside, preserveOwners)).toEqual(expected);
  expect(seen.files).toBe(expected.length);
  expect(seen.bytes).toBeLessThan(4 << 20);
  await root.copyIn(outside, '/again', { preserveOwners });
  expect(describe(join(image, 'again'), preserveOwners)).toEqual(expected);
  for (const folder of [outside, join(image, 'again')]) {
    expect(statSync(join(folder, 'setuid')).mode & 0o7777).toBe(preserveOwners ? 0o4755 : 0o755);
    expect(statSync(join(folder, 'plain')).uid).toBe(preserveOwners ? 33 : 0);
    expect(statSync(join(folder, 'plain')).ino).toBe(statSync(join(folder, 'sub/hard')).ino);
    for (const name of ['holes', 'hole']) {
      expect(statSync(join(folder, name)).blocks * 512).toBeLessThan(1 << 20);
    }
  }
});

test('owners go through the maps of the user namespace', async () => {
  const { pid, merged } = await startContainer('user namespace');
  using root = openRoot(pid);
  const given = makeFolder('given-');
  writeFileSync(join(given, 'web'), '');
  chownSync(join(given, 'web'), 33, 44);
  const keep = { preserveOwners: true } as const;
  await root.copyIn(given, '/kept', keep);
  await root.copyIn(given, '/plain');
  const ids = (path: string) => {
    const { uid, gid } = statSync(path);
    return [uid, gid];
  };
  expect(ids(join(merged, 'kept/web'))).toEqual([firstId + 33, firstId + 44]);
  expect(ids(join(merged, 'plain/web'))).toEqual([firstId, firstId]);
  const out = makeFolder('out-');
  await root.copyOut('/kept', join(out, 'kept'), keep);
  await root.copyOut('/kept', join(out, 'plain'));
  expect(ids(join(out, 'kept/web'))).toEqual([33, 44]);
  expect(ids(join(out, 'plain/web'))).toEqual([0, 0]);
  // Who does not exist inside, cannot own anything there; who is nobody's there, is nobody here.
  chownSync(join(given, 'web'), 70_000, 0);
  const error = await rejectionOf(root.copyIn(given, '/none', keep));
  expect(error).toMatchObject({ code: 'EINVAL', path: `${given}/web`, dest: '/none' });
  expect((await rejectionOf(root.chown('/plain/web', 70_000, 0))).code).toBe('EINVAL');
  chownSync(join(merged, 'kept/web'), 7, 7);
  expect(await root.stat('/kept/web')).toMatchObject({ uid: 65534, gid: 65534 });
});

const two = 'hundreds of files, which take two threads';
test.each(['chroot', 'user namespace'] as const)(`${two}: %s`, async way => {
  const { pid, merged } = await startContainer(way);
  using root = openRoot(pid);
  const given = makeFolder('given-');
  const folders = ['.', 'a', 'a/b', 'c'];
  const names = Array.from({ length: 300 }, (_, i) => `f${i}`);
  for (const folder of folders) {
    mkdirSync(join(given, folder), { recursive: true });
    for (const name of names) {
      const content = `${folder}/${name}`.repeat(Number(name.slice(1)));
      writeFileSync(join(given, folder, name), content);
    }
    linkSync(join(given, folder, 'f7'), join(given, folder, 'hard'));
  }
  for (const folder of folders) utimesSync(join(given, folder), 1e9, 1.1e9);
  const threads = readdirSync('/proc/self/task').length;
  let seen = { files: 0, bytes: 0 };
  await root.copyIn(given, '/tmp/copy', { progress: now => (seen = now) });
  const expected = describe(given, false);
  const copy = join(merged, 'tmp/copy');
  expect(describe(copy, false)).toEqual(expected);
  expect(seen.files).toBe(expected.length);
  const owner = way === 'chroot' ? 0 : firstId;
  for (const folder of folders) {
    for (const name of names) expect(statSync(join(copy, folder, name)).uid).toBe(owner);
  }
  await root.copyOut('/tmp/copy', join(given, '../out'));
  expect(describe(join(given, '../out'), false)).toEqual(expected);
  rmSync(join(given, '../out'), { recursive: true });
  // What fails on either thread has its own name, and ends all.
  for (const name of ['f0', 'f299']) {
    const there = join(merged, `tmp/${name}`);
    mkdirSync(join(there, `a/${name}`), { recursive: true });
    // What belongs to nobody inside is not written to.
    for (const folder of ['.', 'a', `a/${name}`]) chownSync(join(there, folder), owner, owner);
    expect(await rejectionOf(root.copyIn(given, `/tmp/${name}`))).toMatchObject({
      code: 'EISDIR',
      path: join(given, 'a', name),
    });
  }
  await expect.poll(() => readdirSync('/proc/self/task').length).toBeLessThanOrEqual(threads);
});

test('onto what is there: files are replaced, directories filled, and keep what they are', async () => {
  const { pid, merged } = await startContainer('chroot');
  using root = openRoot(pid);
  const given = makeFolder('given-');
  mkdirSync(join(given, 'dir'));
  writeFileSync(join(given, 'dir/new'), 'new');
  writeFileSync(join(given, 'file'), 'new');
  const into = join(merged, 'tmp/into');
  mkdirSync(join(into, 'dir'), { recursive: true, mode: 0o700 });
  writeFileSync(join(into, 'dir/old'), 'old');
  writeFileSync(join(into, 'file'), 'old');
  linkSync(join(into, 'file'), join(into, 'other'));
  chmodSync(join(into, 'dir'), 0o500);
  symlinkSync('/tmp/into', join(merged, 'tmp/link'));
  await root.copyIn(given, '/tmp/link');
  expect(readdirSync(join(into, 'dir')).sort()).toEqual(['new', 'old']);
  expect(statSync(join(into, 'dir')).mode & 0o777).toBe(0o500);
  expect(readFileSync(join(into, 'file'), 'utf8')).toBe('new');
  expect(readFileSync(join(into, 'other'), 'utf8')).toBe('old');
  // One is not put in the place of the other.
  const mixed: [string, string, string][] = [
    [join(given, 'file'), '/tmp/into/dir', 'EISDIR'],
    [join(given, 'dir'), '/tmp/into/file', 'ENOTDIR'],
    [join(given, 'file'), '/', 'EISDIR'],
    [join(given, 'file'), '/tmp/none/x', 'ENOENT'],
    [join(given, 'none'), '/tmp/x', 'ENOENT'],
  ];
  for (const [from, to, code] of mixed) {
    expect(await rejectionOf(root.copyIn(from, to))).toMatchObject({ code, path: from, dest: to });
  }
});

test('neither onto itself, nor into itself', async () => {
  const { pid, merged } = await startContainer('chroot');
  using root = openRoot(pid);
  const hosts = join(merged, 'etc/hosts');
  expect((await rejectionOf(root.copyOut('/etc/hosts', hosts))).code).toBe('EINVAL');
  expect((await rejectionOf(root.copyIn(join(merged, 'etc'), '/etc'))).code).toBe('EINVAL');
  expect((await rejectionOf(root.copyOut('/', join(merged, 'tmp/all')))).code).toBe('EINVAL');
  expect(readFileSync(hosts, 'utf8')).toBe('127.0.0.1 inside\n');
});

test('a path of ours is from the working directory on, and a link of ours is copied as one', async () => {
  const { pid, merged } = await startContainer('chroot');
  using root = openRoot(pid);
  const folder = makeFolder();
  const before = process.cwd();
  try {
    process.chdir(folder);
    const copying = root.copyOut('/etc/hosts', 'hosts');
    process.chdir(before);
    await copying;
  } finally {
    process.chdir(before);
  }
  expect(readFileSync(join(folder, 'hosts'), 'utf8')).toContain('inside');
  symlinkSync('hosts', join(folder, 'link'));
  await root.copyIn(join(folder, 'link'), '/tmp/link');
  expect(readlinkSync(join(merged, 'tmp/link'))).toBe('hosts');
});
