/** What a container may do to lead us astray, and that it does not. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRoot } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { rejectionOf, runScript } from '../shared/support.ts';
import { makeFolder, makeImage, mount, run, startContainer } from './fixtures/containers.ts';

const secret = 'OUTSIDE SECRET';

/** A tree outside, and everything there is to know of it. */
function makeCanary() {
  const outside = makeFolder('canary-');
  mkdirSync(join(outside, 'sub'));
  for (const name of ['f', 'sub/f', 'passwd']) writeFileSync(join(outside, name), secret);
  const look = () =>
    ['.', ...readdirSync(outside, { recursive: true, encoding: 'utf8' })].map(name => {
      const { mode, uid, gid, size, mtimeNs, ctimeNs, ino } = lstatSync(join(outside, name), {
        bigint: true,
      });
      const text = size < 100n && !lstatSync(join(outside, name)).isDirectory();
      const content = text ? readFileSync(join(outside, name), 'utf8') : '';
      return [name, mode, uid, gid, mtimeNs, ctimeNs, ino, content].join(' ');
    });
  return { outside, look, before: look() };
}

/** The files of a tree. (Node 20's recursive readdir follows links.) */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : [];
  });
}

test('links lead to files inside, or nowhere', async () => {
  const image = makeImage();
  const { outside, look, before } = makeCanary();
  const up = '../'.repeat(20);
  const links: Record<string, string> = {
    root: '/',
    absolute: outside,
    relative: `${up}${outside.slice(1)}`,
    file: `${outside}/f`,
    proc: `/proc/self/root${outside}`,
    task: `/proc/thread-self/root${outside}`,
    one: `/proc/1/root${outside}`,
    fd: '/proc/self/fd/1',
    cwd: '/proc/self/cwd',
    hosts: '/etc/hosts',
    loop: 'loop',
  };
  mkdirSync(join(image, 'l'));
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(image, 'l', name));
  mount(join(image, 'proc'), '-t', 'proc', 'proc');
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);

  expect(await root.readFile('/l/hosts', 'utf8')).toBe('127.0.0.1 inside\n');
  expect((await root.readdir('/l/root')).sort()).toEqual((await root.readdir('/')).sort());
  expect(await root.readFile(`/l/root/${up}etc/hosts`, 'utf8')).toBe('127.0.0.1 inside\n');
  // The kernel's own links lead to files, and not to names: they are not followed at all.
  for (const name of ['fd', 'cwd', 'proc', 'task', 'one']) {
    expect((await rejectionOf(root.stat(`/l/${name}`))).code, name).toMatch(
      /^E(LOOP|NOENT|ACCES)$/,
    );
  }
  expect((await rejectionOf(root.readFile(`/proc/${pid}/root/etc/hosts`))).code).toBe('ELOOP');
  expect((await rejectionOf(root.readFile(`/proc/${process.pid}/exe`))).code).toBe('ELOOP');
  expect((await rejectionOf(root.readFile('/l/loop'))).code).toBe('ELOOP');

  const nowhere = ['absolute', 'relative', 'proc', 'task', 'one'].flatMap(name => [
    `/l/${name}/f`,
    `/l/${name}/sub/f`,
    `/l/${name}/new`,
  ]);
  const calls = [...nowhere, '/l/file', `${up}${outside}/f`, outside].flatMap(path => [
    () => root.readFile(path),
    () => root.appendFile(path, 'x', { flag: 'r+' }),
    () => root.open(path, 'r+'),
    () => root.stat(path),
    () => root.chmod(path, 0o777),
    () => root.chown(path, 7, 7),
    () => root.readdir(path),
    () => root.realpath(path),
    () => root.copyOut(`${path}/.`, join(image, 'stolen')),
  ]);
  for (const call of calls)
    await expect(call()).rejects.toThrow(/ENOENT|ELOOP|EACCES|EISDIR|ENOTDIR/);
  // What would be made there is made inside, or not at all.
  for (const path of nowhere) {
    await root.writeFile(path, 'x').catch(() => {});
    await root.writeFile(path, 'x', { atomic: true }).catch(() => {});
    await root.mkdir(path, { recursive: true }).catch(() => {});
    await root.symlink('x', path).catch(() => {});
    await root.rename('/etc/hosts', path).catch(() => {});
    await root.rename(path, '/etc/hosts').catch(() => {});
    await root.copyIn(fileURLToPath(import.meta.url), path).catch(() => {});
    await root.rm(path, { recursive: true, force: true }).catch(() => {});
  }
  for (const name of Object.keys(links)) await root.rm(`/l/${name}`, { recursive: true });
  expect(existsSync(join(image, 'stolen'))).toBe(false);
  expect(look()).toEqual(before);
});

test('a tree with links that lead out is copied and removed, and they with it', async () => {
  const image = makeImage();
  const { outside, look, before } = makeCanary();
  mkdirSync(join(image, 'tree'));
  for (const name of ['a', 'b', 'c']) symlinkSync(outside, join(image, 'tree', name));
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const copy = join(makeFolder(), 'copy');
  await root.copyOut('/tree', copy);
  for (const name of ['a', 'b', 'c'])
    expect(lstatSync(join(copy, name)).isSymbolicLink()).toBe(true);
  // Onto names that lead out: they are replaced, and not followed.
  const source = makeFolder('source-');
  for (const name of ['a', 'b']) writeFileSync(join(source, name), 'from us');
  await root.copyIn(source, '/tree');
  expect(readFileSync(join(image, 'tree/a'), 'utf8')).toBe('from us');
  mkdirSync(join(source, 'c'));
  writeFileSync(join(source, 'c/f'), 'from us');
  expect((await rejectionOf(root.copyIn(source, '/tree'))).code).toMatch(/^E(NOTDIR|LOOP)$/);
  await root.rm('/tree', { recursive: true });
  expect(look()).toEqual(before);
});

test('a directory that is swapped for a link while we work in it: not a byte outside', {
  timeout: seconds(180),
}, async () => {
  const image = makeImage();
  const { outside, look, before } = makeCanary();
  const swap = join(makeFolder(), 'swap');
  const source = fileURLToPath(new URL('fixtures/swap.c', import.meta.url));
  execFileSync('cc', ['-O1', '-o', swap, source]);
  const fill = (folder: string) => {
    mkdirSync(join(folder, 'sub'), { recursive: true });
    for (const name of ['f', 'sub/f', 'sub/g']) writeFileSync(join(folder, name), 'inside');
  };
  // For each kind of work a folder with a directory, and a link that leads out of the root.
  const kinds = ['read', 'write', 'remove', 'out', 'in'] as const;
  const prepare = (folder: string) => {
    fill(join(folder, 'd/t'));
    symlinkSync(outside, join(folder, 'l'));
  };
  for (const kind of kinds) prepare(join(image, 'race', kind));
  fill(join(outside, 't'));
  for (const name of ['t/f', 't/sub/f', 't/sub/g']) writeFileSync(join(outside, name), secret);
  const canary = look();
  expect(before.length).toBeLessThan(canary.length);
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const racers = kinds.map(kind => {
    const at = join(image, 'race', kind);
    return run([swap, join(at, 'd'), join(at, 'l')]);
  });

  const rounds = { read: 0, write: 0, remove: 0, out: 0, in: 0 };
  const copies = makeFolder('copies-');
  const given = makeFolder('given-');
  fill(join(given, 'd/t'));
  const work: Record<(typeof kinds)[number], () => Promise<unknown>> = {
    read: async () => {
      expect(await root.readFile('race/read/d/t/f', 'utf8')).toBe('inside');
      expect(await root.readdir('race/read/d/t')).toHaveLength(2);
      expect((await root.realpath('race/read/d/t/f')).startsWith('/race/read/')).toBe(true);
    },
    write: async () => {
      const path = 'race/write/d/t/f';
      const calls = [
        () => root.writeFile(path, 'inside, again'),
        () => root.appendFile(path, '!'),
        () => root.writeFile(path, 'inside', { atomic: true }),
        () => root.chmod(path, 0o600),
        () => root.chown(path, 1, 1),
        () => root.rename('race/write/d/t/sub/f', 'race/write/d/t/sub/g'),
        () => root.rename('race/write/d/t/sub/g', 'race/write/d/t/sub/f'),
        () => root.mkdir(`race/write/d/made/${rounds.write}`, { recursive: true }),
      ];
      let done = 0;
      for (const call of calls)
        done += await call().then(
          () => 1,
          () => 0,
        );
      if (done === 0) throw new Error('none was lucky');
    },
    remove: async () => {
      await root.rm('race/remove', { recursive: true });
      const next = join(image, 'race/next');
      rmSync(next, { recursive: true, force: true });
      prepare(next);
      renameSync(next, join(image, 'race/remove'));
    },
    out: async () => {
      const copy = join(copies, `${rounds.out % 8}`);
      rmSync(copy, { recursive: true, force: true });
      const copied = root.copyOut('race/out', copy).then(() => true);
      const whole = await copied.catch(() => false);
      if (existsSync(copy))
        for (const path of filesIn(copy)) {
          expect(readFileSync(path, 'utf8')).toBe('inside');
        }
      if (!whole) throw new Error('half a copy');
    },
    in: () => root.copyIn(given, 'race/in'),
  };
  const [end, late] = [Date.now() + 10_000, Date.now() + 120_000];
  const loops = kinds.map(async kind => {
    while (Date.now() < (rounds[kind] === 0 ? late : end)) {
      // It may fail, as long as it is not outside; but not always, or nothing would be shown.
      const done = await work[kind]().then(
        () => true,
        error => {
          if (error.name === 'AssertionError') throw error;
          return false;
        },
      );
      if (done) rounds[kind]++;
    }
  });
  await Promise.all(loops);
  expect(racers.map(racer => racer.exitCode)).toEqual(kinds.map(() => null));
  for (const kind of kinds) expect(rounds[kind], kind).toBeGreaterThan(0);
  expect(look()).toEqual(canary);
});

test('a path of 10,000 directories is listed, copied out and in, and removed', {
  timeout: seconds(180),
}, async () => {
  const image = makeImage();
  // In memory: on disk, making and removing them takes most of a minute, whoever does it.
  const deep = mount(join(image, 'deep'), '-t', 'tmpfs', 'tmpfs');
  const outside = mount(makeFolder(), '-t', 'tmpfs', 'tmpfs');
  const make = `process.chdir(process.argv[1]);
    for (let i = 0; i < 10_000; i++) { fs.mkdirSync('d'); process.chdir('d'); }
    fs.writeFileSync('f', 'deep');`;
  execFileSync(process.execPath, ['-e', make, deep]);
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  expect(await root.readdir('/deep', { recursive: true })).toHaveLength(10_001);
  let out = { files: 0, bytes: 0 };
  await root.copyOut('/deep', join(outside, 'copy'), { progress: seen => (out = seen) });
  expect(out).toEqual({ files: 10_002, bytes: 4 });
  let back = { files: 0, bytes: 0 };
  await root.copyIn(join(outside, 'copy'), '/deep/again', { progress: seen => (back = seen) });
  expect(back).toEqual(out);
  for (const name of ['d', 'again']) await root.rm(`/deep/${name}`, { recursive: true });
  expect(await root.readdir('/deep')).toEqual([]);
  // No path can name it: as in Node.
  expect((await rejectionOf(root.stat(`/deep${'/d'.repeat(10_000)}`))).code).toBe('ENAMETOOLONG');
});

test('thousands of files with several names, deep down: their paths are not all remembered', {
  timeout: seconds(180),
}, async () => {
  const image = makeImage();
  const deep = mount(join(image, 'deep'), '-t', 'tmpfs', 'tmpfs');
  const outside = mount(makeFolder(), '-t', 'tmpfs', 'tmpfs');
  const make = `process.chdir(process.argv[1]);
    for (let i = 0; i < 1000; i++) {
      fs.mkdirSync('d'.repeat(250)); process.chdir('d'.repeat(250));
      for (const name of 'abcd') { fs.writeFileSync(name, name); fs.linkSync(name, name + name); }
    }`;
  execFileSync(process.execPath, ['-e', make, deep]);
  const { pid } = await startContainer('chroot', image);
  // In a process of its own: what it took at most is asked.
  const script = `import { openRoot } from 'linux-namespaces';
    const root = openRoot(${pid});
    let seen;
    await root.copyOut('/deep', '${join(outside, 'copy')}', { progress: now => (seen = now) });
    console.log(JSON.stringify([seen.files, process.resourceUsage().maxRSS]));`;
  const [files, most] = JSON.parse(runScript(script));
  expect(files).toBe(9001);
  expect(most).toBeLessThan(400 << 10); // KiB
});

test('a file that grows for ever is read and copied as long as it was', async () => {
  const image = makeImage();
  writeFileSync(join(image, 'tmp/f'), Buffer.alloc(2 << 20));
  const grow = `const fd = fs.openSync(process.argv[1], 'r+');
    for (let size = 2 << 20; size < 2 ** 42; size += 1 << 20) fs.ftruncateSync(fd, size);`;
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  run([process.execPath, '-e', grow, join(image, 'tmp/f')]);
  const copy = join(makeFolder(), 'copy');
  const { size } = await root.stat('/tmp/f');
  expect(size).toBeLessThan(2 ** 42);
  const read = await root.readFile('/tmp/f').catch(error => error);
  if (read.code !== 'ERR_FS_FILE_TOO_LARGE') expect(read.length).toBeGreaterThanOrEqual(size);
  await root.copyOut('/tmp/f', copy);
  expect(lstatSync(copy).size).toBeGreaterThanOrEqual(size);
  expect(lstatSync(copy).blocks).toBeLessThan((64 << 20) / 512); // its holes are none of ours
});

test('a full disk: an error, the old file whole, and nothing half-done left', async () => {
  const image = makeImage();
  const small = mount(join(image, 'small'), '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs');
  writeFileSync(join(small, 'f'), 'old');
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const large = Buffer.alloc(2 << 20, 1);
  const atomic = rejectionOf(root.writeFile('/small/f', large, { atomic: true }));
  expect(await atomic).toMatchObject({ code: 'ENOSPC', path: '/small/f' });
  expect(readFileSync(join(small, 'f'), 'utf8')).toBe('old');
  expect(readdirSync(small)).toEqual(['f']);
  const source = join(makeFolder(), 'f');
  writeFileSync(source, large);
  expect((await rejectionOf(root.copyIn(source, '/small/f'))).code).toBe('ENOSPC');
  expect((await rejectionOf(root.copyIn(source, '/small/new'))).code).toBe('ENOSPC');
  expect(readFileSync(join(small, 'f'), 'utf8')).toBe('old');
  expect(readdirSync(small)).toEqual(['f']);
  expect((await rejectionOf(root.writeFile('/small/f', large))).code).toBe('ENOSPC');
});
