/** Whose is what is made, and what comes out of a container: cases B10, B16, B20 and B21. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRoot, spawn } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { read, rejectionOf, runScript, start, until } from '../shared/support.ts';
import { firstId, makeFolder, makeImage, startContainer } from './fixtures/containers.ts';

const keep = { preserveOwners: true } as const;
const mode = (path: string) => statSync(path).mode & 0o7777;

test('B10: root of a user namespace makes no set-user-ID program of our root', async () => {
  const { pid, merged } = await startContainer('user namespace');
  mkdirSync(join(merged, 'tree'));
  for (const [name, uid, gid] of [
    ['root', firstId, firstId],
    ['web', firstId + 33, firstId + 33],
    ['ours', 0, 0], // known to nobody inside
  ] as const) {
    writeFileSync(join(merged, 'tree', name), '#!/bin/sh\n');
    chownSync(join(merged, 'tree', name), uid, gid);
    chmodSync(join(merged, 'tree', name), 0o6755);
  }
  chmodSync(join(merged, 'tree'), 0o2775);
  using root = openRoot(pid);
  const out = join(makeFolder(), 'out');
  await root.copyOut('/tree', out, keep);
  expect(statSync(join(out, 'root'))).toMatchObject({ uid: 0, gid: 0 });
  expect(statSync(join(out, 'web'))).toMatchObject({ uid: 33, gid: 33 });
  for (const name of ['root', 'web', 'ours']) expect(mode(join(out, name)), name).toBe(0o755);
  // Of a directory it says whose the new files are.
  expect(mode(out)).toBe(0o2775);
  // The other way round it is a program of the container's root.
  chmodSync(join(out, 'root'), 0o6755);
  await root.copyIn(out, '/back', keep);
  expect(statSync(join(merged, 'back/root'))).toMatchObject({ uid: firstId, mode: 0o106755 });
});

test('B10: where ids are the same inside and outside, the bits are kept', async () => {
  const image = makeImage();
  writeFileSync(join(image, 'tmp/file'), '');
  chmodSync(join(image, 'tmp/file'), 0o6755);
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const out = join(makeFolder(), 'out');
  await root.copyOut('/tmp/file', out, keep);
  expect(mode(out)).toBe(0o6755);
});

test('B16: where nobody is 0, what is made belongs to the process', async () => {
  const folder = makeFolder();
  mkdirSync(join(folder, 't'));
  for (const name of ['.', 't']) chmodSync(join(folder, name), 0o777);
  // As bwrap, and Flatpak with it: one id, which is not 0; and a tmpfs of that user namespace.
  const script = `mount -t tmpfs tmpfs ${folder}/t && chmod 777 ${folder}/t &&
    exec unshare -U --map-user=4321 --map-group=4321 sleep 1000000`;
  await using target = start('setpriv', [
    ...'--reuid=1000 --regid=1000 --clear-groups unshare -Urm sh -c'.split(' '),
    script,
  ]);
  await until('it to sleep', () => read(`/proc/${target.pid}/comm`) === 'sleep');
  using root = openRoot(target.pid);
  for (const at of [folder, join(folder, 't')]) {
    const calls = {
      file: () => root.writeFile(join(at, 'file'), 'x'),
      atomic: () => root.writeFile(join(at, 'atomic'), 'x', { atomic: true }),
      directory: () => root.mkdir(join(at, 'directory')),
      link: () => root.symlink('x', join(at, 'link')),
      copy: () => root.copyIn('/etc/hostname', join(at, 'copy')),
    };
    for (const [name, call] of Object.entries(calls)) {
      await call();
      expect(await root.lstat(join(at, name)), name).toMatchObject({ uid: 4321, gid: 4321 });
      expect(statSync(`/proc/${target.pid}/root${at}`).isDirectory()).toBe(true);
    }
    await root.appendFile(join(at, 'file'), 'y');
    await root.rename(join(at, 'file'), join(at, 'moved'));
    await root.rm(join(at, 'directory'), { recursive: true });
  }
  expect(statSync(join(folder, 'moved'))).toMatchObject({ uid: 1000, gid: 1000 });
});

test('B16: also where the process itself is nobody', async () => {
  const folder = makeFolder();
  chmodSync(folder, 0o777);
  const one = { inside: 4321, outside: 4321, length: 1 };
  const child = spawn('sleep', ['1000000'], {
    unshare: ['user', 'mnt'],
    idMap: { uid: [one], gid: [one] },
    killOnParentExit: true,
  });
  try {
    await until('it to sleep', () => read(`/proc/${child.pid}/comm`) === 'sleep');
    using root = openRoot(child);
    await root.writeFile(join(folder, 'file'), 'x');
    expect(await root.stat(join(folder, 'file'))).toMatchObject({ uid: 4321, gid: 4321 });
    // Its directory is ours; what is in there of ours is none of its.
    writeFileSync(join(folder, 'ours'), '');
    expect((await rejectionOf(root.chown(join(folder, 'ours'), 4321, 4321))).code).toBe('EPERM');
  } finally {
    child.kill('SIGKILL');
  }
});

test('B20: a user who may not is told what can [needs setpriv]', async () => {
  const folder = makeFolder();
  writeFileSync(join(folder, 'secret'), '', { mode: 0o600 });
  const user = '--reuid=1000 --regid=1000 --clear-groups'.split(' ');
  await using target = start('setpriv', [...user, 'unshare', '-Urm', 'sleep', '1000000']);
  await until('it to sleep', () => read(`/proc/${target.pid}/comm`) === 'sleep');
  const script = `import { openRoot } from 'linux-namespaces';
    const root = openRoot(${target.pid});
    for (const call of [
      () => root.readFile('${folder}/secret'),
      () => root.chown('${folder}/secret', 0, 0),
    ]) await call().catch(error => console.log(error.code, error.message));`;
  const [read_, chown] = runScript(script, ['setpriv', ...user]).split('\n');
  expect(read_).toMatch(/^EACCES .*evaluate\(\) and spawn\(\)/);
  expect(chown).toMatch(/^EPERM .*evaluate\(\) and spawn\(\)/);
});

test('a user makes a file that its mode keeps him from writing [needs setpriv]', () => {
  const folder = makeFolder();
  chmodSync(folder, 0o777);
  const script = `import { openRoot } from 'linux-namespaces';
    import { promises, statSync } from 'node:fs';
    const root = openRoot(process.pid);
    for (const [flags, mode] of [['w', 0o444], ['wx+', 0], ['a', 0o4444]]) {
      const said = [promises, root].map(async (api, i) => {
        const path = '${folder}/' + i + flags;
        const handle = await api.open(path, flags, mode);
        await handle.writeFile('written');
        await handle.close();
        return [statSync(path).mode.toString(8), statSync(path).size].join();
      });
      console.log(new Set(await Promise.all(said)).size);
    }`;
  const user = '--reuid=1000 --regid=1000 --clear-groups'.split(' ');
  expect(runScript(script, ['setpriv', ...user])).toBe('1\n1\n1\n');
});

test("a user who may not look into another's process is told what can [needs setpriv]", async () => {
  await using target = start('sleep', ['1000000']);
  const script = `import { openRoot } from 'linux-namespaces';
    try { openRoot(${target.pid}); } catch (error) { console.log(error.code, error.advice); }`;
  const user = '--reuid=1000 --regid=1000 --clear-groups'.split(' ');
  expect(runScript(script, ['setpriv', ...user])).toMatch(/^EACCES .*run as root or as its owner/);
});

test('B21: /proc/self and what leads there', async () => {
  const image = makeImage();
  execFileSync('ln', ['-s', '/proc/self/mounts', join(image, 'etc/mtab')]);
  mkdirSync(join(image, 'proc'), { recursive: true });
  await using target = start('unshare', [
    ...'--mount --pid --fork --kill-child sh -c'.split(' '),
    `mount -t proc proc ${image}/proc && exec chroot ${image} /bin/sleep 1000000`,
  ]);
  const pid = await until('it to sleep', () => {
    const below = read(`/proc/${target.pid}/task/${target.pid}/children`);
    return read(`/proc/${below}/comm`) === 'sleep' ? Number(below) : undefined;
  });
  using root = openRoot(pid);
  for (const path of ['/proc/self/mounts', '/proc/mounts', '/proc/net/tcp', '/etc/mtab']) {
    const error = await rejectionOf(root.readFile(path));
    expect(error, path).toMatchObject({ code: 'ENOENT', path });
    expect(error.message, path).toContain('as in /proc/1/mounts or /proc/1/net/tcp');
  }
  expect(await root.readFile('/proc/1/mounts', 'utf8')).toContain('/proc');
  expect(await root.readFile('/proc/1/net/tcp', 'utf8')).toContain('local_address');
  expect((await rejectionOf(root.readFile('/proc/none'))).message).not.toContain('/proc/1');
});
