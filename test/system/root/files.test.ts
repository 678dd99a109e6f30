import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { type ContainerRoot, evaluate, NamespaceError, openRoot } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { fdCount, rejectionOf, threads, until } from '../shared/support.ts';
import { firstId, makeImage, startContainer, ways } from './fixtures/containers.ts';

async function open(way: (typeof ways)[number], image = makeImage()) {
  const container = await startContainer(way, image);
  return { ...container, root: openRoot(container.pid) };
}

describe.each(ways)('%s', way => {
  test('1.8a to 1.8c: one file, read and appended to in three ways', async () => {
    const { pid, merged, root } = await open(way);
    const path = join(merged, 'etc/hosts');
    const evaluated = () =>
      evaluate(pid, way === 'user namespace' ? ['user', 'mnt'] : ['mnt'], () =>
        process.getBuiltinModule('node:fs').readFileSync('/etc/hosts', 'utf8'),
      );
    const before = '127.0.0.1 inside\n';
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(await root.readFile('/etc/hosts', 'utf8')).toBe(before);
    expect(await evaluated()).toBe(before);
    const appended = root.appendFile('/etc/hosts', '127.0.0.1 example.com\n');
    if (way === 'read-only') {
      expect(await rejectionOf(appended)).toMatchObject({ code: 'EROFS', path: '/etc/hosts' });
    } else {
      await appended;
    }
    const after = way === 'read-only' ? before : `${before}127.0.0.1 example.com\n`;
    expect(readFileSync(path, 'utf8')).toBe(after);
    expect(await root.readFile('/etc/hosts', 'utf8')).toBe(after);
    expect(await evaluated()).toBe(after);
    root.close();
  });

  if (way === 'read-only') return;
  test("what is made belongs to the container's root", async () => {
    const { merged, root } = await open(way);
    await root.writeFile('/tmp/file', 'x');
    await root.writeFile('/tmp/atomic', 'x', { atomic: true });
    await root.mkdir('/tmp/a/b', { recursive: true });
    await root.symlink('file', '/tmp/link');
    const outside = way === 'user namespace' ? firstId : 0;
    for (const name of ['file', 'atomic', 'a', 'a/b', 'link']) {
      const { uid, gid } = lstatSync(join(merged, 'tmp', name));
      expect([name, uid, gid]).toEqual([name, outside, outside]);
      const seen = await root.lstat(`/tmp/${name}`);
      expect([name, seen.uid, seen.gid]).toEqual([name, 0, 0]);
    }
    await root.chown('/tmp/file', 33, -1);
    expect(statSync(join(merged, 'tmp/file'))).toMatchObject({ uid: outside + 33, gid: outside });
    expect(await root.stat('/tmp/file')).toMatchObject({ uid: 33, gid: 0 });
    root.close();
  });
});

async function filled(): Promise<{ root: ContainerRoot; merged: string }> {
  const { root, merged } = await open('chroot');
  return { root, merged };
}

test('a file: read, written, appended to, opened, streamed', async () => {
  const { root, merged } = await filled();
  const path = join(merged, 'tmp/file');
  await root.writeFile('/tmp/file', 'abc', { mode: 0o600 });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await root.appendFile('tmp/file', new Uint8Array([100, 101]));
  expect(readFileSync(path, 'utf8')).toBe('abcde');
  for (const flag of [undefined, null]) {
    await root.appendFile('/tmp/file', '', { flag } as object); // none given: nothing is cut off
    expect(readFileSync(path, 'utf8')).toBe('abcde');
  }
  expect(await root.readFile('/tmp/file')).toEqual(Buffer.from('abcde'));
  expect(await root.readFile('/tmp/file', { encoding: 'hex' })).toBe('6162636465');
  expect(await rejectionOf(root.writeFile('/tmp/file', '', { flag: 'wx' }))).toMatchObject({
    code: 'EEXIST',
  });
  const handle = await root.open('/tmp/file', 'r+');
  expect(await handle.readFile('utf8')).toBe('abcde');
  await handle.write('X', 0);
  await handle.close();
  expect(await text(root.createReadStream('/tmp/file', { start: 1, end: 3 }))).toBe('bcd');
  await finished(root.createWriteStream('/tmp/file', { flags: 'a' }).end('!'));
  expect(readFileSync(path, 'utf8')).toBe('Xbcde!');
  async function* parts() {
    yield 'one ';
    yield Buffer.from('two');
  }
  await root.writeFile('/tmp/parts', parts());
  expect(readFileSync(join(merged, 'tmp/parts'), 'utf8')).toBe('one two');
  const stream = root.createReadStream('/tmp/none');
  const [error] = await new Promise<[Error]>(done => stream.once('error', e => done([e])));
  expect(error).toMatchObject({ code: 'ENOENT', path: '/tmp/none', syscall: 'open' });
  root.close();
});

test('flush: what a stream has written is on disk before it is closed', async () => {
  const { root, merged } = await filled();
  const stream = root.createWriteStream('/tmp/file', { flush: true });
  await finished(stream.end('abc'));
  expect(readFileSync(join(merged, 'tmp/file'), 'utf8')).toBe('abc');
  root.close();
});

test('the mode of a file, as stat gives it, is one that can be given', async () => {
  const { root, merged } = await filled();
  writeFileSync(join(merged, 'tmp/file'), '');
  chmodSync(join(merged, 'tmp/file'), 0o4751);
  const { mode } = await root.stat('/tmp/file');
  expect(mode).toBe(0o104751);
  await root.writeFile('/tmp/other', '', { mode });
  await root.chmod('/tmp/other', mode);
  await root.mkdir('/tmp/folder', { mode: (await root.stat('/tmp')).mode & ~0o077 });
  await (await root.open('/tmp/third', 'w', mode)).close();
  expect(statSync(join(merged, 'tmp/other')).mode).toBe(mode);
  expect(statSync(join(merged, 'tmp/folder')).mode & 0o777).toBe(0o700);
  expect(statSync(join(merged, 'tmp/third')).mode & 0o777).toBe(0o751);
  for (const wrong of [-1, 2 ** 32, 0.5]) {
    expect(await rejectionOf(root.chmod('/tmp/other', wrong))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  }
  root.close();
});

test('times of any century are those that Node gives, and are in an archive', async () => {
  const { root, merged } = await filled();
  const file = join(merged, 'tmp/file');
  const exact = { bigint: true } as const;
  // Before 1970, after 2038, 2106 and 2242 (headers of tar), 2262 (nanoseconds in 64 bits): as far as kept.
  for (const seconds of [-1.5, 2 ** 31, 2 ** 32, 2 ** 33, 10_000_000_000, 15_032_385_535]) {
    writeFileSync(file, '');
    utimesSync(file, seconds, seconds);
    expect(await root.stat('/tmp/file', exact), `${seconds}`).toEqual(statSync(file, exact));
    expect(await root.stat('/tmp/file'), `${seconds}`).toEqual(statSync(file));
    await root.extract(root.archive('/tmp/file'), '/etc');
    const [copy, kept] = [statSync(join(merged, 'etc/file')), statSync(file)];
    expect(copy.mtimeMs, `${seconds}`).toBe(Math.floor(kept.mtimeMs / 1000) * 1000);
  }
  root.close();
});

test('a large file, and one of no size, are read whole', async () => {
  const { root, merged } = await filled();
  const large = Buffer.alloc(9 << 20, 'large');
  writeFileSync(join(merged, 'tmp/large'), large);
  expect(large.equals(await root.readFile('/tmp/large'))).toBe(true);
  await root.writeFile('/tmp/copy', large);
  expect(large.equals(readFileSync(join(merged, 'tmp/copy')))).toBe(true);
  root.close();
  // Of procfs it can only be seen by reading how long a file is.
  const own = openRoot(process.pid);
  expect(await own.readFile('/proc/version', 'utf8')).toBe(readFileSync('/proc/version', 'utf8'));
  own.close();
});

test('with atomic, the old file or the new one, with its mode and owner; a link stays one', async () => {
  const { root, merged } = await filled();
  const path = join(merged, 'tmp/file');
  writeFileSync(path, 'old');
  chmodSync(path, 0o640);
  symlinkSync('/tmp/file', join(merged, 'tmp/link'));
  const { ino } = statSync(path);
  await root.writeFile('/tmp/link', 'new', { atomic: true });
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(statSync(path).ino).not.toBe(ino);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(lstatSync(join(merged, 'tmp/link')).isSymbolicLink()).toBe(true);
  async function* broken() {
    yield 'half';
    throw new Error('no more');
  }
  const error = await rejectionOf(root.writeFile('/tmp/file', broken(), { atomic: true }));
  expect(error.message).toBe('no more');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(join(merged, 'tmp')).sort()).toEqual(['file', 'link']);
  await expect(root.appendFile('/tmp', 'x')).rejects.toThrow(/EISDIR/);
  // What has begun is finished.
  async function* closing() {
    yield 'last ';
    root.close();
    yield 'word';
  }
  await root.writeFile('/tmp/file', closing(), { atomic: true });
  expect(readFileSync(path, 'utf8')).toBe('last word');
});

test('names: listed, resolved, made, moved, removed', async () => {
  const { root, merged } = await filled();
  expect(await root.mkdir('/a/b/c', { recursive: true })).toBe('/a');
  expect(await root.mkdir('a/b/c', { recursive: true })).toBe(undefined);
  await root.writeFile('/a/b/file', '');
  await root.symlink('/a/b', '/a/link');
  expect((await root.readdir('/a')).sort()).toEqual(['b', 'link']);
  expect((await root.readdir('/a', { recursive: true })).sort()).toEqual(
    readdirSync(join(merged, 'a'), { recursive: true }).sort(),
  );
  const entries = await root.readdir('/', { withFileTypes: true, recursive: true });
  const file = entries.find(entry => entry.name === 'file');
  expect(file?.isFile()).toBe(true);
  expect(file?.parentPath).toBe('/a/b');
  expect(await root.realpath('/a/link/../b/file')).toBe('/a/b/file');
  expect(await root.realpath('/../..')).toBe('/');
  expect(await root.readlink('/a/link')).toBe('/a/b');
  expect((await rejectionOf(root.readlink('/a/b/file'))).code).toBe('EINVAL');
  expect(await root.exists('/a/link/file')).toBe(true);
  expect(await root.exists('/a/link/none')).toBe(false);
  await root.rename('/a/link/file', '/a/moved');
  expect(existsSync(join(merged, 'a/moved'))).toBe(true);
  await root.chmod('/a/moved', '604');
  const [stat, lstat] = [await root.stat('/a/link'), await root.lstat('/a/link')];
  expect([stat.isDirectory(), lstat.isSymbolicLink()]).toEqual([true, true]);
  expect(await rejectionOf(root.rm('/a'))).toMatchObject({ code: 'ERR_FS_EISDIR', path: '/a' });
  await root.rm('/a/moved');
  await root.rm('/a/moved', { force: true });
  await root.rm('/a', { recursive: true });
  expect(existsSync(join(merged, 'a'))).toBe(false);
  for (const path of ['/', '//', '.', '..', 'etc/.', 'etc/..', '']) {
    await expect(root.rm(path, { recursive: true }), path).rejects.toBeInstanceOf(NamespaceError);
  }
  expect(readdirSync(merged).sort()).toEqual(['bin', 'etc', 'proc', 'tmp']);
  root.close();
});

test("stat gives Node's own Stats, with what Node itself finds", async () => {
  const { root, merged } = await filled();
  const path = join(merged, 'etc/hosts');
  const [ours, theirs] = [await root.stat('/etc/hosts'), statSync(path)];
  expect(ours).toEqual(theirs);
  expect(ours.mtime).toEqual(theirs.mtime);
  expect(Object.getPrototypeOf(ours)).toBe(Object.getPrototypeOf(theirs));
  const exact = { bigint: true } as const;
  expect(await root.lstat('/etc/hosts', exact)).toEqual(lstatSync(path, exact));
  // Before 1970 a time is a second before, and a part of one.
  utimesSync(path, new Date(-1500), new Date(-2750));
  expect(await root.stat('/etc/hosts')).toEqual(statSync(path));
  root.close();
});

test('errors are those of Node, with the path inside', async () => {
  const { root } = await filled();
  const calls: [() => Promise<unknown>, string, string][] = [
    [() => root.readFile('/etc/none'), 'ENOENT', "open '/etc/none'"],
    [() => root.readFile('/etc'), 'EISDIR', "open '/etc'"],
    [() => root.stat('/etc/hosts/x'), 'ENOTDIR', "stat '/etc/hosts/x'"],
    [() => root.stat('/etc/hosts/'), 'ENOTDIR', "stat '/etc/hosts/'"], // what is wrong with it is the slash
    [() => root.mkdir('/etc'), 'EEXIST', "mkdir '/etc'"],
    [() => root.readdir('/etc/hosts'), 'ENOTDIR', "scandir '/etc/hosts'"],
    [() => root.rename('/none', '/etc/y'), 'ENOENT', "rename '/none' -> '/etc/y'"],
    [() => root.symlink('x', '/etc/hosts'), 'EEXIST', "symlink 'x' -> '/etc/hosts'"],
    [() => root.readFile(`/${'x'.repeat(5000)}`), 'ENAMETOOLONG', 'name too long'],
  ];
  for (const [call, code, words] of calls) {
    const error = await rejectionOf(call());
    expect(error).toBeInstanceOf(NamespaceError);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('/proc/');
  }
  for (const path of ['a\0b', undefined, 7, new URL('file:///etc')]) {
    await expect(root.readFile(path as string)).rejects.toBeInstanceOf(TypeError);
  }
  for (const [options, code] of [
    [{ encoding: 'none' }, 'ERR_INVALID_ARG_VALUE'],
    [{ flag: 'q' }, 'ERR_INVALID_ARG_VALUE'],
    [{ flag: 2 ** 32 }, 'ERR_INVALID_ARG_VALUE'],
    [{ signal: {} }, 'ERR_INVALID_ARG_TYPE'],
    [7, 'ERR_INVALID_ARG_TYPE'],
  ] as const) {
    const error = await rejectionOf(root.readFile('/etc/hosts', options as never));
    expect(error).toMatchObject({ name: 'TypeError', code });
  }
  root.close();
});

test('names that are no UTF-8', async () => {
  const { root, merged } = await filled();
  const name = Buffer.from([0xff, 0xfe, 0x80]);
  const inside = Buffer.concat([Buffer.from('/tmp/'), name]);
  await root.writeFile(inside, 'bytes');
  expect(await root.readFile(inside, 'utf8')).toBe('bytes');
  expect(await root.readdir('/tmp', 'buffer')).toEqual([name]);
  const [entry] = await root.readdir('/tmp', { encoding: 'buffer', withFileTypes: true });
  expect(entry?.name).toEqual(name);
  expect(await root.realpath(inside, 'buffer')).toEqual(inside);
  await root.symlink(name, '/tmp/link');
  expect(await root.readlink('/tmp/link', 'buffer')).toEqual(name);
  expect(await root.readFile('/tmp/link', 'utf8')).toBe('bytes');
  const all = await root.readdir('/', { encoding: 'buffer', recursive: true });
  expect(all.some(path => path.equals(inside.subarray(1)))).toBe(true);
  await root.copyOut('/tmp', join(merged, 'copy'));
  expect(readdirSync(join(merged, 'copy'), 'buffer')).toContainEqual(name);
  await root.rename(inside, '/tmp/ascii');
  expect(readlinkSync(join(merged, 'tmp/link'), 'buffer')).toEqual(name);
  await root.rm('/tmp', { recursive: true });
  root.close();
});

test('an AbortSignal ends a call before and while it runs', async () => {
  const { root, merged } = await filled();
  const early = await rejectionOf(
    root.readFile('/etc/hosts', { signal: AbortSignal.abort('why') }),
  );
  expect(early).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'why' });
  for (let i = 0; i < 200; i++) {
    mkdirSync(join(merged, `tmp/${i}`));
    for (let j = 0; j < 20; j++) linkSync(join(merged, 'etc/hosts'), join(merged, `tmp/${i}/${j}`));
  }
  const abort = new AbortController();
  const outside = join(makeImage(), 'copy');
  const copy = rejectionOf(root.copyOut('/tmp', outside, { signal: abort.signal }));
  abort.abort();
  expect((await copy).name).toBe('AbortError');
  const failing = root.copyOut('/tmp', outside, {
    progress() {
      throw new Error('enough');
    },
  });
  await failing.catch(error => expect(error.message).toBe('enough'));
  root.close();
});

test('nothing stays open, and no thread', async () => {
  const { root, merged, pid } = await open('chroot');
  const use = async () => {
    await root.readFile('/etc/hosts');
    await root.writeFile('/tmp/a', 'x', { atomic: true });
    await root.readFile('/none').catch(() => {});
    await root.writeFile('/none/x', '').catch(() => {});
    await root.copyOut('/', join(merged, 'tmp/../../out')).catch(() => {});
    await root.readdir('/', { recursive: true });
    await text(root.createReadStream('/etc/hosts'));
    await (await root.open('/etc/hosts')).close();
    const again = openRoot({ pid });
    again.close();
    again.close();
  };
  await use();
  const [fds, tasks] = [fdCount(), threads().length];
  for (let i = 0; i < 20; i++) await use();
  await until('the threads to end', () => threads().length <= tasks);
  expect(fdCount()).toBe(fds);
  root.close();
  expect(fdCount()).toBe(fds - 4);
  expect(await rejectionOf(root.readFile('/etc/hosts'))).toMatchObject({ code: 'EBADF' });
  expect(() => openRoot(pid)[Symbol.dispose]()).not.toThrow();
  expect(fdCount()).toBe(fds - 4);
});
