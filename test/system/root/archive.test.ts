/** Streams of tar, out of a container and into it: beside tar(1), and with archives that mean ill. */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRoot } from 'linux-namespaces';
import { pack } from 'tar-stream';
import { expect, test } from 'vitest';
import { parse } from '../../../src/root/tar.ts';
import { fdCount, rejectionOf, until } from '../shared/support.ts';
import { firstId, makeFolder, makeImage, mount, startContainer } from './fixtures/containers.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');

/** With something of everything in it that an archive can have. */
function fill(folder: string): void {
  mkdirSync(join(folder, 'sub/empty'), { recursive: true });
  writeFileSync(join(folder, 'plain'), 'plain', { mode: 0o640 });
  writeFileSync(join(folder, 'nothing'), '');
  writeFileSync(join(folder, 'none'), 'none', { mode: 0 });
  writeFileSync(join(folder, 'large'), Buffer.alloc(3 << 20, 'large'));
  writeFileSync(join(folder, 'exact'), Buffer.alloc(1 << 20, 'exact'));
  writeFileSync(join(folder, 'n'.repeat(255)), 'long');
  mkdirSync(join(folder, ...Array(12).fill('deeper'.repeat(10))), { recursive: true });
  writeFileSync(join(folder, 'ünï'), 'unicode');
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9)]), 'latin');
  symlinkSync(Buffer.from('to/\xe9', 'latin1'), join(folder, 'latin link'));
  symlinkSync('/etc/nowhere', join(folder, 'link'));
  symlinkSync('l'.repeat(300), join(folder, 'long link'));
  linkSync(join(folder, 'plain'), join(folder, 'sub/hard'));
  execFileSync('mkfifo', [join(folder, 'sub/fifo')]);
  execFileSync('mknod', [join(folder, 'sub/char'), 'c', '1', '300']);
  chownSync(join(folder, 'plain'), 33, 2_000_000);
  chownSync(Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9)]), 2_000_000, 33);
  chmodSync(join(folder, 'sub/empty'), 0o1711);
  utimesSync(join(folder, 'nothing'), 1e9, 4e9);
  for (const name of ['plain', 'sub/empty', 'sub', '.']) utimesSync(join(folder, name), 1e9, 1.1e9);
}

/** What tar(1) can tell apart of two trees: names, types, modes, owners, times, links, content. */
function difference(one: string, other: string): string {
  const script = `list() {
      cd "$1" && find . -type d -printf '%p %y %m %U %G\n' -o -printf '%p %y %m %U %G %s %Ts %l %n\n' | LC_ALL=C sort
    }
    list "$0" > "$2"; (list "$1") | diff -a "$2" -
    find . -type f -exec cmp {} "$1/{}" ';' 2>&1`;
  const list = join(makeFolder(), 'list');
  const { stdout, stderr } = spawnSync('sh', ['-c', script, one, other, list], {
    encoding: 'latin1',
  });
  return stdout + stderr;
}

test('out: as tar(1) reads it, and back in: nothing is lost', async () => {
  const image = makeImage();
  mkdirSync(join(image, 'tree'));
  fill(join(image, 'tree'));
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const outside = makeFolder();
  const file = join(outside, 'archive.tar');
  await pipeline(root.archive('/tree', { special: true }), createWriteStream(file));
  execFileSync('tar', ['-xpf', file, '-C', outside], { stdio: ['ignore', 'ignore', 'pipe'] });
  expect(difference(join(image, 'tree'), join(outside, 'tree'))).toBe('');
  const whole = { preserveOwners: true, special: true } as const;
  await root.extract(createReadStream(file), '/tmp', whole);
  expect(difference(join(image, 'tree'), join(image, 'tmp/tree'))).toBe('');
  expect(statSync(join(image, 'tmp/tree/sub')).mtimeMs).toBe(1.1e12);
  // Once more: files are replaced, directories filled.
  writeFileSync(join(image, 'tmp/tree/plain'), 'other');
  await root.extract(createReadStream(file), '/tmp', whole);
  expect(difference(join(image, 'tree'), join(image, 'tmp/tree'))).toBe('');
});

test.each(['gnu', 'pax', 'ustar', 'v7'])('in: what tar(1) writes as %s', async format => {
  const image = makeImage();
  const given = makeFolder('given-');
  mkdirSync(join(given, 'tree/sub'), { recursive: true });
  for (const name of ['plain', 'ünï', 'sub/deep']) writeFileSync(join(given, 'tree', name), name);
  writeFileSync(join(given, 'tree/large'), Buffer.alloc(2_500_000, 'x'));
  if (format !== 'v7') writeFileSync(join(given, 'tree', `${'n'.repeat(80)}`), 'long');
  if (format !== 'v7' && format !== 'ustar')
    writeFileSync(join(given, 'tree', 'm'.repeat(200)), '');
  linkSync(join(given, 'tree/plain'), join(given, 'tree/sub/hard'));
  symlinkSync('../plain', join(given, 'tree/sub/link'));
  const latin = (name: string) => Buffer.from(join(given, 'tree', name), 'latin1');
  writeFileSync(latin('caf\xe9'), 'latin');
  linkSync(latin('caf\xe9'), latin('sub/hard \xe9'));
  symlinkSync(Buffer.from('../caf\xe9', 'latin1'), join(given, 'tree/sub/latin'));
  writeFileSync(join(given, 'tree/old'), '');
  // Which v7 and ustar have no digits for.
  if (format === 'gnu' || format === 'pax') utimesSync(join(given, 'tree/old'), -5, -5);
  chownSync(join(given, 'tree/plain'), 33, 44);
  utimesSync(join(given, 'tree/plain'), 1e9, 1e9);
  const archive = execFileSync('tar', ['-c', `--format=${format}`, '-C', given, 'tree'], {
    maxBuffer: 64 << 20,
  });
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  // In pieces of any size.
  const pieces = Array.from({ length: Math.ceil(archive.length / 777) }, (_, i) =>
    archive.subarray(i * 777, (i + 1) * 777),
  );
  await root.extract(pieces, '/tmp', { preserveOwners: true });
  expect(difference(join(given, 'tree'), join(image, 'tmp/tree'))).toBe('');
});

test('records of pax: for all entries, for one, and what are none', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const given = makeFolder('given-');
  for (const name of ['one', 'two']) writeFileSync(join(given, name), name);
  const tar = (format: string, ...names: string[]) =>
    execFileSync('tar', ['-c', `--format=${format}`, '-C', given, ...names]);
  /** An extended header of that type, with these records. */
  const header = (type: string, records: string) => {
    const blocks = Buffer.alloc(512 + 512 * Math.ceil(records.length / 512));
    tar('pax', 'one').copy(blocks, 0, 0, 512);
    blocks.write(records, 512);
    blocks.write(`${records.length.toString(8).padStart(11, '0')}\0`, 124);
    blocks.fill(' ', 148, 156).write(type, 156);
    const sum = blocks.subarray(0, 512).reduce((all, byte) => all + byte, 0);
    blocks.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return blocks;
  };
  const entries = tar('ustar', 'one', 'two');
  const ofAll = [header('g', '12 mtime=99\n'), header('g', '9 uid=33\n')];
  const archive = [...ofAll, header('x', '14 mtime=1000\n'), entries];
  await root.extract(archive, '/tmp', { preserveOwners: true });
  const found = (name: string) => statSync(join(image, 'tmp', name));
  expect([found('one').mtimeMs, found('one').uid]).toEqual([1e6, 33]);
  expect([found('two').mtimeMs, found('two').uid]).toEqual([99_000, 33]);
  // Each entry has a copy of those for all: many that mean nothing here would take it long.
  const many = Array.from({ length: 500 }, (_, i) => `11 key${i + 100}=\n`).join('');
  const parser = parse();
  for (const part of [header('g', many), header('x', '9 uid=33\n'), entries]) parser.write(part);
  parser.end();
  const kept: string[][] = [];
  for await (const entry of parser) {
    kept.push(Object.keys(entry.header.pax ?? {}));
    for await (const _ of entry);
  }
  expect(kept).toEqual([['uid'], []]);
  const sparse = [header('x', '22 GNU.sparse.major=1\n'), entries];
  expect(await rejectionOf(root.extract(sparse, '/tmp'))).toMatchObject({
    code: 'EINVAL',
    advice: expect.stringContaining('sparse'),
  });
  // The last: with a name for each record in what comes behind all of them, it would take minutes.
  const endless = `${'4 a\n'.repeat(100_000)}=`;
  for (const records of ['99 path=x\n', 'path=x\n', '10 path\nxx\n', '9 path=xx', endless]) {
    const before = process.cpuUsage();
    const error = await rejectionOf(root.extract([header('x', records), entries], '/tmp'));
    expect(error, records.slice(0, 20)).toMatchObject({
      code: 'EINVAL',
      advice: expect.stringContaining('no records of pax'),
    });
    expect(process.cpuUsage(before).user).toBeLessThan(2e6);
  }
});

test('owners are those inside, on both ways', async () => {
  const { pid, merged } = await startContainer('user namespace');
  using root = openRoot(pid);
  await root.mkdir('/tmp/d');
  await root.writeFile('/tmp/d/web', '');
  await root.chown('/tmp/d/web', 33, 44);
  const archive = Buffer.concat(await root.archive('/tmp/d').toArray());
  const list = execFileSync('tar', ['-tv', '--numeric-owner'], {
    input: archive,
    encoding: 'utf8',
  });
  expect(list).toMatch(/^\S+ 33\/44 .* d\/web$/m);
  await root.mkdir('/tmp/kept');
  await root.mkdir('/tmp/plain');
  await root.extract([archive], '/tmp/kept', { preserveOwners: true });
  await root.extract([archive], '/tmp/plain');
  expect(statSync(join(merged, 'tmp/kept/d/web'))).toMatchObject({
    uid: firstId + 33,
    gid: firstId + 44,
  });
  expect(statSync(join(merged, 'tmp/plain/d/web'))).toMatchObject({ uid: firstId, gid: firstId });
});

test('one file, a link, the whole root, and what is left out', async () => {
  const image = makeImage();
  mount(join(image, 'proc'), '-t', 'proc', 'proc');
  symlinkSync('/etc/hosts', join(image, 'tmp/link'));
  execFileSync('mkfifo', [join(image, 'tmp/fifo')]);
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const list = async (...args: Parameters<typeof root.archive>) => {
    const input = Buffer.concat(await root.archive(...args).toArray());
    return execFileSync('tar', ['-t'], { input, encoding: 'utf8' }).trim().split('\n').sort();
  };
  expect(await list('/etc/hosts')).toEqual(['hosts']);
  expect(await list('/tmp/link')).toEqual(['link']);
  expect(await list('/etc/.')).toEqual(['./', './hosts']);
  expect(await list('/etc/')).toEqual(['etc/', 'etc/hosts']);
  const all = await list('/');
  expect(all).toContain('./proc/');
  expect(all.filter(name => name.startsWith('./proc/'))).toEqual(['./proc/']);
  expect(all).not.toContain('./tmp/fifo');
  const error = await rejectionOf(root.archive('/tmp').toArray());
  expect(error).toMatchObject({ code: 'EINVAL', path: 'tmp/fifo', syscall: 'tar' });
  expect(await list('/tmp', { special: 'skip' })).toEqual(['tmp/', 'tmp/link']);
  expect(await list('/tmp', { special: true })).toEqual(['tmp/', 'tmp/fifo', 'tmp/link']);
  expect((await rejectionOf(root.archive('/none').toArray())).code).toBe('ENOENT');
  expect(() => root.archive('/tmp', { specials: true } as object)).toThrow(/such as special/);
});

type Header = Parameters<ReturnType<typeof pack>['entry']>[0];

/** An archive of these entries. */
async function archiveOf(entries: [Header, (string | Buffer)?][]): Promise<Buffer> {
  const packed = pack();
  for (const [header, content] of entries) packed.entry(header, content ?? '');
  packed.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of packed) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}

test('entries that lead elsewhere: refused, and nothing is written there', async () => {
  const image = makeImage();
  const outside = makeFolder('canary-');
  writeFileSync(join(outside, 'f'), 'outside');
  mkdirSync(join(image, 'tmp/other'));
  writeFileSync(join(image, 'tmp/other/f'), 'other');
  mkdirSync(join(image, 'tmp/dest'));
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const link = (linkname: string): Header => ({ name: 'l', type: 'symlink', linkname });
  const up = '../'.repeat(20);
  const cases: Record<string, [Header, string?][]> = {
    up: [[{ name: '../other/f' }, 'bad']],
    'up again': [[{ name: 'a/../../other/f' }, 'bad']],
    'through a link': [[link('../other')], [{ name: 'l/f' }, 'bad']],
    'through a link out': [[link(outside)], [{ name: 'l/f' }, 'bad']],
    'through a link up': [[link(up + outside.slice(1))], [{ name: 'l/new' }, 'bad']],
    'a directory on a link': [[link('../other')], [{ name: 'l/', type: 'directory' }]],
    'a hard link up': [[{ name: 'h', type: 'link', linkname: '../other/f' }]],
    'a hard link through one': [[link('../other')], [{ name: 'h', type: 'link', linkname: 'l/f' }]],
    'a device': [[{ name: 'd', type: 'character-device', devmajor: 1, devminor: 3 }]],
    'a FIFO': [[{ name: 'd', type: 'fifo' }]],
  };
  for (const [what, entries] of Object.entries(cases)) {
    const error = await rejectionOf(root.extract([await archiveOf(entries)], '/tmp/dest'));
    expect(error, what).toMatchObject({ name: 'NamespaceError', dest: '/tmp/dest' });
    expect(error.code, what).toMatch(/^(EINVAL|ELOOP|ENOTDIR)$/);
    execFileSync('sh', ['-c', 'rm -rf "$0"/*', join(image, 'tmp/dest')]);
  }
  // A file on a link takes its place; an absolute name is one below.
  const fine: [Header, string?][] = [
    [link('../other/f')],
    [{ name: 'l' }, 'new'],
    [{ name: '/abs/./x' }, 'below'],
    [{ name: './', type: 'directory', mode: 0 }],
    [{ name: 'twice' }, 'one'],
    [{ name: 'h', type: 'link', linkname: '/twice' }],
    [{ name: 'twice' }, 'two'],
  ];
  await root.extract([await archiveOf(fine)], '/tmp/dest');
  const content = (name: string) => readFileSync(join(image, 'tmp/dest', name), 'utf8');
  expect(['l', 'abs/x', 'twice', 'h'].map(content)).toEqual(['new', 'below', 'two', 'one']);
  expect(statSync(join(image, 'tmp/dest')).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(image, 'tmp/other/f'), 'utf8')).toBe('other');
  expect(readdirSync(outside)).toEqual(['f']);
  expect(readFileSync(join(outside, 'f'), 'utf8')).toBe('outside');
  expect(existsSync(join(image, 'abs'))).toBe(false);
});

test('holes stay holes, and what is in them and around is as it was', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const mebibyte = 1 << 20;
  const files = {
    middle: Buffer.concat([
      Buffer.alloc(mebibyte + 7, 'a'),
      Buffer.alloc(9 * mebibyte),
      Buffer.from('b'),
    ]),
    empty: Buffer.alloc(9 * mebibyte + 1),
    begins: Buffer.concat([Buffer.alloc(9 * mebibyte), Buffer.alloc(mebibyte, 'c')]),
  };
  for (const [name, content] of Object.entries(files)) {
    const archive = await archiveOf([[{ name }, content]]);
    await root.extract([archive], '/tmp'); // in one piece
    const pieces = Array.from({ length: Math.ceil(archive.length / 99_999) }, (_, i) =>
      archive.subarray(i * 99_999, (i + 1) * 99_999),
    );
    expect(readFileSync(join(image, 'tmp', name)).equals(content), name).toBe(true);
    await root.extract(pieces, '/tmp');
    expect(readFileSync(join(image, 'tmp', name)).equals(content), name).toBe(true);
    expect(statSync(join(image, 'tmp', name)).blocks * 512, name).toBeLessThan(4 * mebibyte);
    writeFileSync(join(image, name), '');
    truncateSync(join(image, name), 64 * mebibyte);
    await root.extract(root.archive(`/${name}`), '/tmp');
    const { size, blocks } = statSync(join(image, 'tmp', name));
    expect(size, name).toBe(64 * mebibyte);
    expect(blocks * 512, name).toBeLessThan(4 * mebibyte);
  }
});

test('what is there: devices stay, mounted files are written in place', async () => {
  const image = makeImage();
  mkdirSync(join(image, 'tmp/dest'));
  const at = (name: string) => join(image, 'tmp/dest', name);
  execFileSync('mknod', [at('null'), 'c', '1', '3']);
  symlinkSync('null', at('link'));
  mkdirSync(at('dir'));
  const host = join(makeFolder(), 'conf');
  writeFileSync(host, 'old');
  writeFileSync(at('conf'), '');
  mount(join(image, 'proc'), '-t', 'proc', 'proc');
  const { pid } = await startContainer('mount namespace', image);
  execFileSync('nsenter', ['-t', `${pid}`, '-m', 'mount', '--bind', host, at('conf')]);
  using root = openRoot(pid);
  for (const [name, code] of Object.entries({ null: 'EINVAL', link: 'EINVAL', dir: 'EISDIR' })) {
    const archive = await archiveOf([[{ name }, 'new']]);
    expect(await rejectionOf(root.extract([archive], '/tmp/dest'))).toMatchObject({
      code,
      path: name,
    });
  }
  expect(lstatSync(at('null')).isCharacterDevice()).toBe(true);
  expect(readlinkSync(at('link'))).toBe('null');
  for (const large of [false, true]) {
    const text = large ? 'large'.repeat(1 << 20) : 'new';
    await root.extract([await archiveOf([[{ name: 'conf' }, text]])], '/tmp/dest');
    expect(readFileSync(host, 'utf8') === text).toBe(true);
    expect(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).toContain('/conf ');
  }
  expect((await rejectionOf(root.extract([], '/tmp/dest/none'))).code).toBe('ENOENT');
  expect((await rejectionOf(root.extract([], '/tmp/dest/null'))).code).toBe('ENOTDIR');
  const sys = await rejectionOf(
    root.extract([await archiveOf([[{ name: 'x' }, 'x']])], '/proc/sys/vm'),
  );
  expect(sys.code).toMatch(/EPERM|EACCES/);
});

test('a device whose number is too large for tar: refused, and not another device', async () => {
  const image = makeImage();
  execFileSync('mknod', [join(image, 'large'), 'c', '1', '300000']);
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const reading = root.archive('/large', { special: true }).resume();
  const [error] = await once(reading, 'error');
  expect(error).toMatchObject({ code: 'EOVERFLOW' });
});

test('a hard link that the file system cannot have: why not', async () => {
  const image = makeImage();
  mkdirSync(join(image, 'tmp/dest/mounted'), { recursive: true });
  mount(join(image, 'tmp/dest/mounted'), '-t', 'tmpfs', 'none');
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const archive = await archiveOf([
    [{ name: 'file' }, 'text'],
    [{ name: 'mounted/link', type: 'link', linkname: 'file' }, ''],
  ]);
  const error = await rejectionOf(root.extract([archive], '/tmp/dest'));
  expect(error).toMatchObject({ code: 'EXDEV', syscall: 'untar' });
  expect(readdirSync(join(image, 'tmp/dest/mounted'))).toEqual([]);
});

/** With the sum that its first header has to have. */
function withSum(archive: Buffer): Buffer {
  const sum = archive
    .subarray(0, 512)
    .reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return archive;
}

test('a directory that says a size, which is no content: as tar(1) takes it', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const archive = Buffer.from(
    await archiveOf([
      [{ name: 'd', type: 'directory' }, ''],
      [{ name: 'd/f' }, 'f'],
    ]),
  );
  archive.write('00000010000', 124);
  withSum(archive);
  await root.extract([archive], '/tmp');
  expect(readFileSync(join(image, 'tmp/d/f'), 'utf8')).toBe('f');
});

test('what is no archive, or half of one, or too much of one', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const whole = await archiveOf([
    [{ name: 'a' }, 'a'.repeat(2000)],
    [{ name: 'b' }, 'b'.repeat(3 << 20)],
  ]);
  const bad = Buffer.from(whole);
  bad[0] = 0x7a; // another checksum
  const sparse = Buffer.from(await archiveOf([[{ name: 's' }, 'x']]));
  sparse[156] = 'S'.charCodeAt(0);
  withSum(sparse);
  const pax = await archiveOf([[{ name: 'p', pax: { comment: 'x'.repeat(5 << 20) } }, 'x']]);
  const claiming = (type: string, size: string | Uint8Array) => {
    const archive = Buffer.from(sparse);
    archive.write(type, 156);
    if (typeof size === 'string') archive.write(size, 124);
    else archive.set(size, 124);
    return withSum(archive);
  };
  const cases: Record<string, Buffer> = {
    'more than there is': claiming('0', '00777777777'),
    'a size that is no number': claiming('0', Uint8Array.of(0x81, 5)),
    garbage: Buffer.alloc(4096, 'garbage'),
    'a wrong sum': bad,
    'cut in a header': whole.subarray(0, 700),
    'cut in a file': whole.subarray(0, 1 << 20),
    sparse,
    'a header of 5 MiB': pax,
  };
  const before = fdCount();
  for (const [what, archive] of Object.entries(cases)) {
    const error = await rejectionOf(root.extract([archive], '/tmp'));
    expect(error, what).toMatchObject({ name: 'NamespaceError', code: 'EINVAL', syscall: 'untar' });
  }
  expect(readdirSync(join(image, 'tmp')).filter(name => /b|tmp|s/.test(name))).toEqual([]);
  // The source's own error, and the end of it all.
  const own = new Error('my own');
  async function* failing() {
    yield whole.subarray(0, 5000);
    throw own;
  }
  expect(await rejectionOf(root.extract(failing(), '/tmp'))).toBe(own);
  const stop = new AbortController();
  async function* endless() {
    yield whole.subarray(0, 1 << 20);
    stop.abort();
    await new Promise(() => {});
  }
  const aborted = rejectionOf(root.extract(endless(), '/tmp', { signal: stop.signal }));
  expect((await aborted).name).toBe('AbortError');
  expect(readdirSync(join(image, 'tmp'))).toEqual(['a']);
  const wrong = await rejectionOf(root.extract('text' as never, '/tmp'));
  expect(wrong).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  await expect.poll(fdCount).toBeLessThanOrEqual(before);
});

test('directories that are removed while they are packed end nothing', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  for (let i = 100; i < 200; i++) mkdirSync(join(image, 'tmp/tree', `${i}`), { recursive: true });
  writeFileSync(join(image, 'tmp/tree/last'), 'last');
  const archive = root.archive('/tmp/tree');
  // Where nothing is read, it waits with a directory whose header is written and that is not listed yet.
  await once(archive, 'readable');
  await sleep(200);
  for (let i = 100; i < 200; i++) rmdirSync(join(image, 'tmp/tree', `${i}`));
  const input = Buffer.concat(await archive.toArray());
  const names = execFileSync('tar', ['-t'], { input, encoding: 'utf8' }).trim().split('\n');
  expect(names.at(-1)).toBe('tree/last');
  expect(names.length).toBeLessThan(100);
});

test('a reader that stops, or is told to: nothing stays open', async () => {
  const image = makeImage();
  mkdirSync(join(image, 'many'));
  for (let i = 0; i < 50; i++) writeFileSync(join(image, 'many', `${i}`), Buffer.alloc(2 << 20));
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  await root.archive('/etc').toArray();
  const before = fdCount();
  for (let i = 0; i < 30; i++) {
    let parts = 0;
    for await (const bytes of root.archive('/many')) {
      expect(bytes.length).toBeGreaterThan(0);
      if (parts++ === i % 7) break;
    }
    const stop = new AbortController();
    const stream = root.archive('/many', { signal: stop.signal });
    stream.once('data', () => (i % 3 === 0 ? stop.abort() : setTimeout(() => stop.abort(), i)));
    const [error] = await once(stream, 'error');
    expect(error.name).toBe('AbortError');
  }
  await expect.poll(fdCount).toBeLessThanOrEqual(before);
});

test('the command: cp NAME:/dir - | tar, and tar | cp - NAME:/dir', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  const script = `"$0" "$1" cp $2:/etc - | tar -t; mkdir t; echo given > t/f
    tar -c t | "$0" "$1" cp - $2:/tmp && "$0" "$1" cat $2:/tmp/t/f
    "$0" "$1" cp $2:/etc/hosts - | tar -xO
    "$0" "$1" cp -L $2:/etc - 2>&1 | cat; ls`;
  const { stdout, stderr } = spawnSync('sh', ['-c', script, process.execPath, main, `${pid}`], {
    cwd: makeFolder(),
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).toBe(
    'etc/\netc/hosts\ngiven\n127.0.0.1 inside\nlinux-namespaces: with a stream of tar, or between containers, neither --dereference nor --no-clobber\nt\n',
  );
});

test('words of the command that are no UTF-8 are the bytes that they were', async () => {
  const image = makeImage();
  const name = Buffer.from('caf\xe9', 'latin1');
  writeFileSync(Buffer.concat([Buffer.from(join(image, 'tmp/')), name]), 'latin\n');
  const { pid } = await startContainer('chroot', image);
  const script = `n=$(printf 'caf\\351'); "$0" "$1" cat "$2:/tmp/$n" && "$0" "$1" cp "$2:/tmp/$n" . &&
    cat "$n" && mv "$n" "x$n" && "$0" "$1" cp "x$n" "$2:/tmp/new$n" && "$0" "$1" cp -q "$2:/tmp/$n" "y$n"`;
  const folder = makeFolder();
  const { stdout, stderr } = spawnSync('sh', ['-c', script, process.execPath, main, `${pid}`], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect({ stdout, stderr }).toEqual({ stdout: 'latin\nlatin\n', stderr: '' });
  const names = readdirSync(folder, 'latin1').sort();
  expect(names).toEqual(['xcaf\xe9', 'ycaf\xe9']);
  expect(readdirSync(join(image, 'tmp'), 'latin1').sort()).toEqual(['caf\xe9', 'newcaf\xe9']);
});

test.each([true, undefined])(
  'a directory of ours that is mounted over one of the archive meanwhile stays ours (owners: %s)',
  async preserveOwners => {
    const { pid, merged } = await startContainer('user namespace');
    using root = openRoot(pid);
    const ours = makeFolder();
    const before = statSync(ours);
    const made = join(merged, 'tmp/made');
    const entry = { name: 'made', type: 'directory', mode: 0o777, uid: 0, gid: 0 } as const;
    const archive = await archiveOf([[entry, '']]);
    async function* stream(): AsyncGenerator<Buffer> {
      yield archive.subarray(0, 512);
      await until('the directory', () => existsSync(made));
      execFileSync('nsenter', ['-t', `${pid}`, '-m', 'mount', '--bind', ours, made]);
      yield archive.subarray(512);
    }
    expect(await rejectionOf(root.extract(stream(), '/tmp', { preserveOwners }))).toMatchObject({
      code: 'EPERM',
      syscall: 'untar',
    });
    const { uid, gid, mode, mtimeMs } = before;
    expect(statSync(ours)).toMatchObject({ uid, gid, mode, mtimeMs });
  },
);

// Where this is not set, anybody may.
const everybody = readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8') !== '1\n';

test.skipIf(everybody)('a further name for a file that is not theirs is not made', async () => {
  const { pid, merged } = await startContainer('user namespace');
  using root = openRoot(pid);
  const secret = join(merged, 'tmp/secret');
  writeFileSync(secret, 'ours', { mode: 0o600 });
  const link = { name: 'link', type: 'link', linkname: 'secret' } as const;
  const archive = await archiveOf([[link, '']]);
  expect((await rejectionOf(root.extract([archive], '/tmp'))).code).toBe('EPERM');
  expect(statSync(secret)).toMatchObject({ nlink: 1, uid: 0 });
  // Theirs has as many as they like.
  chownSync(secret, firstId, firstId);
  await root.extract([archive], '/tmp');
  expect(statSync(secret).nlink).toBe(2);
});

test('devices are made in no user namespace of others, as its root may not', async () => {
  const { pid, merged } = await startContainer('user namespace');
  using root = openRoot(pid);
  const source = makeFolder();
  const numbers = { devmajor: 1, devminor: 3 };
  for (const type of ['character-device', 'block-device'] as const) {
    writeFileSync(join(merged, 'tmp/there'), 'theirs');
    chownSync(join(merged, 'tmp/there'), firstId, firstId);
    const letter = type === 'block-device' ? 'b' : 'c';
    execFileSync('mknod', [join(source, letter), letter, '1', '3']);
    for (const name of ['made', 'there']) {
      const archive = await archiveOf([[{ name, type, ...numbers }]]);
      for (const call of [
        () => root.extract([archive], '/tmp', { special: true }),
        () => root.copyIn(join(source, letter), `/tmp/${name}`, { special: true }),
      ]) {
        const error = await rejectionOf(call());
        expect(error.code).toBe('EPERM');
        expect(error.message).toContain("the container's root may make no device");
      }
    }
    expect(readdirSync(join(merged, 'tmp'))).toEqual(['there']);
    expect(readFileSync(join(merged, 'tmp/there'), 'utf8')).toBe('theirs');
  }
  // A whiteout of overlayfs is no device, and a FIFO neither.
  const whiteout = { type: 'character-device', devmajor: 0, devminor: 0 } as const;
  const archive = await archiveOf([
    [{ name: 'whiteout', ...whiteout }],
    [{ name: 'fifo', type: 'fifo' }],
  ]);
  await root.extract([archive], '/tmp', { special: true });
  expect(readdirSync(join(merged, 'tmp')).sort()).toEqual(['fifo', 'there', 'whiteout']);
});
