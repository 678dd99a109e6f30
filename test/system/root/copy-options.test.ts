/** The options of copies: those of fs.cp as there, and our own. */
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type ContainerRoot, openRoot } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { hasProgram, rejectionOf } from '../shared/support.ts';
import { makeFolder, makeImage, mount, startContainer } from './fixtures/containers.ts';
import { makeSocket } from './fixtures/destinations.ts';

type Options = NonNullable<Parameters<ContainerRoot['copyOut']>[2]>;

/** A container, and how to copy out of a folder of its image or into it. */
async function start(image: string = makeImage()) {
  const { pid } = await startContainer('chroot', image);
  const root = openRoot(pid);
  const inside = join(image, 'tmp/inside');
  const outside = makeFolder();
  mkdirSync(inside);
  const ways = {
    out: {
      from: inside,
      to: outside,
      copy: (from: string, to: string, options?: Options) =>
        root.copyOut(join('/tmp/inside', from), join(outside, to), options),
    },
    in: {
      from: outside,
      to: inside,
      copy: (from: string, to: string, options?: Options) =>
        root.copyIn(join(outside, from), join('/tmp/inside', to), options),
    },
  };
  return { root, image, ways, [Symbol.dispose]: () => root.close() };
}

const directions = ['out', 'in'] as const;

test.each(directions)('%s: what is there already, as with fs.cp', async way => {
  using container = await start();
  const { from, to, copy } = container.ways[way];
  mkdirSync(join(from, 'tree/dir'), { recursive: true });
  for (const name of ['file', 'tree/file', 'tree/dir/new']) writeFileSync(join(from, name), 'new');
  symlinkSync('new', join(from, 'tree/link'));
  linkSync(join(from, 'tree/file'), join(from, 'tree/hard'));
  const prepare = () => {
    execFileSync('sh', ['-c', 'rm -rf "$0"/*', to]);
    mkdirSync(join(to, 'tree'));
    for (const name of ['file', 'tree/file', 'tree/hard']) writeFileSync(join(to, name), 'old');
    symlinkSync('old', join(to, 'tree/link'));
  };
  const content = (name: string) => readFileSync(join(to, name), 'utf8');
  const cases: [Options, 'kept' | 'replaced' | string][] = [
    [{ force: false }, 'kept'],
    [{ force: false, errorOnExist: true }, 'ERR_FS_CP_EEXIST'],
    [{ force: false, errorOnExist: true, mode: constants.COPYFILE_EXCL }, 'ERR_FS_CP_EEXIST'],
    [{ errorOnExist: true }, 'replaced'],
    [{ mode: constants.COPYFILE_EXCL }, 'EEXIST'],
    [{ force: true }, 'replaced'],
    [{ mode: constants.COPYFILE_FICLONE }, 'replaced'],
    [{}, 'replaced'],
  ];
  for (const [options, wanted] of cases) {
    const what = JSON.stringify(options);
    for (const source of ['file', 'tree']) {
      prepare();
      const copying = copy(source, source, options);
      const fails = wanted !== 'kept' && wanted !== 'replaced';
      if (fails) expect((await rejectionOf(copying)).code, what).toBe(wanted);
      else await copying;
      const [name, state] = [source === 'file' ? 'file' : 'tree/file', fails ? 'kept' : wanted];
      expect(content(name), what).toBe(state === 'kept' ? 'old' : 'new');
      if (source !== 'tree' || fails) continue;
      expect(content('tree/hard'), what).toBe(state === 'kept' ? 'old' : 'new');
      expect(readlinkSync(join(to, 'tree/link')), what).toBe(state === 'kept' ? 'old' : 'new');
      expect(content('tree/dir/new'), what).toBe('new');
    }
  }
  // As fs.cp itself has it; but for COPYFILE_EXCL, which it forgets where it replaces.
  for (const [options, wanted] of cases.filter(([{ mode }]) => mode === undefined)) {
    prepare();
    const name = wanted === 'ERR_FS_CP_EEXIST' ? wanted : undefined;
    const theirs = promises.cp(join(from, 'file'), join(to, 'file'), options);
    expect(await theirs.catch(error => error.code)).toBe(name);
    expect(content('file')).toBe(wanted === 'replaced' ? 'new' : 'old');
  }
  expect((await rejectionOf(copy('tree', 'tree', { recursive: false }))).code).toBe(
    'ERR_FS_EISDIR',
  );
});

test.each(directions)('%s: times, and what links lead to', async way => {
  using container = await start();
  const { from, to, copy } = container.ways[way];
  mkdirSync(join(from, 'tree/real'), { recursive: true });
  writeFileSync(join(from, 'tree/real/f'), 'f');
  for (const name of ['tree/real/f', 'tree/real']) utimesSync(join(from, name), 1e9, 1e9);
  symlinkSync('real', join(from, 'tree/dir'));
  symlinkSync('real/f', join(from, 'tree/file'));
  // From the root of the container on: not from ours.
  symlinkSync(way === 'out' ? '/etc/hosts' : '/etc/hostname', join(from, 'tree/absolute'));
  symlinkSync('tree', join(from, 'link'));

  await copy('tree', 'kept');
  expect(statSync(join(to, 'kept/real/f')).mtimeMs).toBe(1e12);
  expect(readlinkSync(join(to, 'kept/dir'))).toBe('real');
  await copy('tree', 'new', { preserveTimestamps: false });
  for (const name of ['f', '.']) {
    expect(statSync(join(to, 'new/real', name)).mtimeMs).toBeGreaterThan(1.5e12);
  }
  await copy('link', 'followed', { dereference: true });
  for (const name of ['dir/f', 'file', 'real/f']) {
    expect(lstatSync(join(to, 'followed', name)).isFile(), name).toBe(true);
  }
  expect(lstatSync(join(to, 'followed/dir')).isDirectory()).toBe(true);
  const there = way === 'out' ? join(container.image, 'etc/hosts') : '/etc/hostname';
  expect(readFileSync(join(to, 'followed/absolute'), 'utf8')).toBe(readFileSync(there, 'utf8'));
  // Round in a circle, out of the root, and to nowhere.
  mkdirSync(join(from, 'circle/sub'), { recursive: true });
  symlinkSync('..', join(from, 'circle/sub/up'));
  expect((await rejectionOf(copy('circle', 'circle', { dereference: true }))).code).toBe('ELOOP');
  mkdirSync(join(from, 'nowhere'));
  symlinkSync('/none', join(from, 'nowhere/link'));
  expect(await rejectionOf(copy('nowhere', 'nowhere', { dereference: true }))).toMatchObject({
    code: 'ENOENT',
    path: expect.stringMatching(/nowhere\/link$/),
  });
});

test('out: links that are followed lead to files of the container alone', async () => {
  using container = await start();
  const { from, to, copy } = container.ways.out;
  const secret = join(makeFolder('canary-'), 'secret');
  writeFileSync(secret, 'secret');
  mkdirSync(join(from, 'tree'));
  const up = '../'.repeat(20);
  const links = [secret, up + secret.slice(1), `/proc/1/root${secret}`, '/proc/self/fd/1'];
  for (const link of links) {
    execFileSync('ln', ['-sfn', link, join(from, 'tree/link')]);
    expect((await rejectionOf(copy('tree', 'tree', { dereference: true }))).code, link).toMatch(
      /ENOENT|ELOOP/,
    );
    const one = rejectionOf(copy('tree/link', 'one', { dereference: true }));
    expect((await one).code, link).toMatch(/ENOENT|ELOOP/);
  }
  expect(existsSync(join(to, 'tree/link'))).toBe(false);
});

test.each(directions)('%s: a filter is asked as by fs.cp', async way => {
  using container = await start();
  const { from, to, copy } = container.ways[way];
  const make = (name: string, ...names: string[]) => {
    mkdirSync(join(from, 'tree', name), { recursive: true });
    for (const each of names) writeFileSync(join(from, 'tree', name, each), each);
  };
  make('.', 'a', 'b');
  make('skipped', 'deep');
  make('kept/sub', 'c', 'skipped');
  symlinkSync('a', join(from, 'tree/link'));
  const filter = (asked: string[]) => (source: string, destination: string) => {
    asked.push(`${source} ${destination}`);
    return !source.endsWith('skipped') && !source.endsWith('/b');
  };
  const sorted = (folder: string) => readdirSync(join(to, folder), { recursive: true }).sort();
  // What fs.cp asks and makes, in our words for the two sides.
  const theirs: string[] = [];
  const options = { recursive: true, filter: filter(theirs), verbatimSymlinks: true };
  await promises.cp(join(from, 'tree'), join(to, 'copy'), options);
  const wanted = sorted('copy');
  execFileSync('rm', ['-r', join(to, 'copy')]);
  const image = container.image.length;
  const named = (line: string) =>
    line
      .split(' ')
      .map((path, i) => ((way === 'out') === (i === 0) ? path.slice(image) : path))
      .join(' ');
  for (const isAsync of [false, true]) {
    const asked: string[] = [];
    const sync = filter(asked);
    const later = async (...paths: [string, string]) => {
      await new Promise(setImmediate);
      return sync(...paths);
    };
    await copy('tree', 'copy', { filter: isAsync ? later : sync });
    expect(sorted('copy')).toEqual(wanted);
    expect(asked.sort()).toEqual(theirs.map(named).sort());
    execFileSync('rm', ['-r', join(to, 'copy')]);
  }
  // The source itself, and an error of the filter's own.
  await copy('tree', 'copy', { filter: () => false });
  expect(existsSync(join(to, 'copy'))).toBe(false);
  const own = new Error('my own');
  for (const wrong of [() => Promise.reject(own), (path: string) => fail(path.endsWith('tree'))]) {
    expect(await rejectionOf(copy('tree', 'copy', { filter: wrong }))).toBe(own);
  }
  function fail(passes: boolean): boolean {
    if (passes) return true;
    throw own;
  }
});

test('a name that is no UTF-8, and directories deeper than answers are kept', async () => {
  using container = await start();
  const { from, to, copy } = container.ways.out;
  const odd = Buffer.from('caf\xe9', 'latin1');
  const path = (folder: string) => Buffer.concat([Buffer.from(`${folder}/`), odd]);
  mkdirSync(join(from, 'tree'));
  writeFileSync(path(join(from, 'tree')), 'latin');
  const deep = join(from, 'tree', ...Array(60).fill('d'));
  mkdirSync(deep, { recursive: true });
  for (const name of ['a', 'b']) writeFileSync(join(deep, name), name);
  writeFileSync(join(deep, '../beside'), 'beside');
  await copy('tree', 'tree', { filter: source => !source.endsWith('/b') });
  expect(readFileSync(path(join(to, 'tree')), 'utf8')).toBe('latin');
  const there = join(to, 'tree', ...Array(60).fill('d'));
  expect(readdirSync(there)).toEqual(['a']);
  expect(readdirSync(join(there, '..')).sort()).toEqual(['beside', 'd']);
});

test('100,000 files: a filter, progress, and an end while the filter is waited for', {
  timeout: seconds(180),
}, async () => {
  const image = makeImage();
  const memory = mount(join(image, 'many'), '-t', 'tmpfs', 'tmpfs');
  for (let i = 0; i < 100_000; i++) {
    if (i % 500 === 0) mkdirSync(join(memory, `${i / 500}`));
    writeFileSync(join(memory, `${Math.floor(i / 500)}`, `${i}`), i % 10 === 0 ? 'x' : '');
  }
  const outside = mount(makeFolder(), '-t', 'tmpfs', 'tmpfs');
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  let [asked, files, reports] = [0, 0, 0];
  const filter = (source: string) => {
    asked++;
    return !source.endsWith('7');
  };
  const progress = (now: { files: number }) => {
    reports++;
    expect(now.files).toBeGreaterThanOrEqual(files);
    files = now.files;
  };
  const before = process.memoryUsage().rss;
  await root.copyOut('/many', join(outside, 'copy'), { filter, progress });
  const kept = Array.from({ length: 200 }, (_, i) => `${i}`).filter(name => !name.endsWith('7'));
  expect(asked).toBe(1 + 200 + kept.length * 500);
  expect(files).toBe(1 + kept.length + kept.length * 450);
  expect(reports).toBeGreaterThan(1);
  expect(readdirSync(join(outside, 'copy'))).toHaveLength(kept.length);
  expect(readdirSync(join(outside, 'copy/3'))).toHaveLength(450);
  expect(process.memoryUsage().rss - before).toBeLessThan(256 << 20);

  const stop = new AbortController();
  const never = new Promise<boolean>(() => {});
  let calls = 0;
  const aborted = root.copyOut('/many', join(outside, 'half'), {
    signal: stop.signal,
    filter: () => {
      if (++calls < 5000) return true;
      setImmediate(() => stop.abort());
      return never;
    },
  });
  expect((await rejectionOf(aborted)).name).toBe('AbortError');
  expect(calls).toBe(5000);
  await expect.poll(() => readdirSync('/proc/self/task').length).toBeLessThan(40);
});

test.each(directions)(
  '%s: a directory that is removed while it is copied ends nothing',
  async way => {
    using container = await start();
    const { from, to, copy } = container.ways[way];
    mkdirSync(join(from, 'tree/going'), { recursive: true });
    // More than are read at a time: the rest is asked for when the directory is gone.
    for (let i = 0; i < 3000; i++) writeFileSync(join(from, `tree/going/${i}`), '');
    for (const name of ['first', 'last']) writeFileSync(join(from, 'tree', name), name);
    const filter = (source: string) => {
      if (/going\/\d+$/.test(source))
        rmSync(join(from, 'tree/going'), { recursive: true, force: true });
      return true;
    };
    await copy('tree', 'tree', { filter });
    expect(readdirSync(join(to, 'tree')).sort()).toEqual(['first', 'going', 'last']);
    expect(readdirSync(join(to, 'tree/going'))).toEqual([]);
  },
);

test('FIFOs, devices and sockets: refused, made anew, or left out', async () => {
  using container = await start();
  const { from, to, copy } = container.ways.out;
  mkdirSync(join(from, 'tree'));
  writeFileSync(join(from, 'tree/f'), 'f');
  execFileSync('mkfifo', [join(from, 'tree/fifo')]);
  execFileSync('mknod', [join(from, 'tree/char'), 'c', '1', '3']);
  makeSocket(join(from, 'tree/socket'));
  for (const special of [undefined, false]) {
    expect((await rejectionOf(copy('tree', 'a', { special }))).code).toBe('EINVAL');
  }
  await copy('tree', 'b', { special: 'skip' });
  expect(readdirSync(join(to, 'b'))).toEqual(['f']);
  await copy('tree', 'c', { special: true });
  expect(readdirSync(join(to, 'c')).sort()).toEqual(['char', 'f', 'fifo', 'socket']);
  expect(lstatSync(join(to, 'c/char')).rdev).toBe(lstatSync('/dev/null').rdev);
});

test('the whole root: its files, and what is mounted and holds files, but nothing of the kernel', async () => {
  const image = makeImage();
  mount(join(image, 'proc'), '-t', 'proc', 'proc');
  mount(join(image, 'sys'), '-t', 'sysfs', 'sysfs');
  mount(join(image, 'dev'), '-t', 'tmpfs', 'tmpfs');
  mount(join(image, 'dev/pts'), '-t', 'devpts', 'devpts');
  mount(join(image, 'volume'), '-t', 'tmpfs', 'tmpfs');
  writeFileSync(join(image, 'volume/f'), 'f');
  execFileSync('mknod', [join(image, 'dev/null'), 'c', '1', '3']);
  mkdirSync(join(image, 'run'));
  makeSocket(join(image, 'run/socket'));
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const out = makeFolder();
  await root.copyOut('/', join(out, 'all'));
  const lists = ['proc', 'sys', 'dev', 'dev/pts', 'run', 'volume', 'etc'].map(name =>
    readdirSync(join(out, 'all', name)),
  );
  expect(lists).toEqual([[], [], ['pts'], [], [], ['f'], ['hosts']]);
  expect(statSync(join(out, 'all/proc')).mode & 0o777).toBe(0o555);
  await root.copyOut('/', join(out, 'one'), { oneFileSystem: true });
  expect(readdirSync(join(out, 'one')).sort()).toEqual(readdirSync(image).sort());
  expect(readdirSync(join(out, 'one/volume'))).toEqual([]);
  // Asked for by its name, it is copied.
  const net = join(out, 'version');
  await root.copyOut('/proc/version', net);
  expect(readFileSync(net, 'utf8')).toContain('Linux');
  await root.copyOut('/proc/sys/kernel/random', join(out, 'random'));
  expect(readFileSync(join(out, 'random/boot_id'), 'utf8')).toMatch(/^[\da-f-]{36}\n$/);
  // Whoever says what is to become of the rest, is heard.
  const error = await rejectionOf(root.copyOut('/', join(out, 'strict'), { special: false }));
  expect(error).toMatchObject({ code: 'EINVAL', path: expect.stringMatching(/null|socket$/) });
});

const tools = hasProgram('setcap') && hasProgram('getcap');
const fileCapabilities = 'file capabilities are kept with owners, and lost without [needs setcap]';
test.skipIf(!tools)(fileCapabilities, async () => {
  for (const way of ['chroot', 'user namespace'] as const) {
    const { pid, merged } = await startContainer(way);
    using root = openRoot(pid);
    const given = makeFolder('given-');
    const program = join(given, 'program');
    writeFileSync(program, 'program', { mode: 0o755 });
    chownSync(program, 33, 44);
    execFileSync('setcap', ['cap_net_raw=ep', program]);
    const outside = (path: string) =>
      execFileSync('getcap', ['-n', path], { encoding: 'utf8' }).replace(path, '').trim();
    await root.copyIn(given, '/kept', { preserveOwners: true });
    await root.copyIn(given, '/lost');
    expect(outside(join(merged, 'lost/program'))).toBe('');
    // As those of the container's root, for which the program has them.
    const owner = way === 'chroot' ? '' : ' [rootid=100000]';
    expect(outside(join(merged, 'kept/program'))).toBe(`cap_net_raw=ep${owner}`);
    const back = join(makeFolder(), basename(program));
    await root.copyOut('/kept/program', back, { preserveOwners: true });
    // Root of the container is not ours, though it has the same number.
    expect(outside(back)).toBe(way === 'chroot' ? 'cap_net_raw=ep' : '');
    expect(statSync(back)).toMatchObject({ uid: 33, gid: 44 });
  }
});

test('options that there are none of, or of a wrong kind', async () => {
  using container = await start();
  const { copy } = container.ways.out;
  const wrong: [object, string, RegExp][] = [
    [{ preserveOwner: true }, 'ERR_INVALID_ARG_VALUE', /preserveOwner".*such as preserveOwners\./],
    [{ Filter: () => true }, 'ERR_INVALID_ARG_VALUE', /such as filter\./],
    [{ overwrite: true }, 'ERR_INVALID_ARG_VALUE', /one of preserveOwners, special, /],
    [{ filter: true }, 'ERR_INVALID_ARG_TYPE', /options\.filter/],
    [{ progress: 1 }, 'ERR_INVALID_ARG_TYPE', /options\.progress/],
    [{ special: 'no' }, 'ERR_INVALID_ARG_TYPE', /'skip'/],
    [{ force: 1 }, 'ERR_INVALID_ARG_TYPE', /options\.force/],
    [{ mode: '1' }, 'ERR_INVALID_ARG_TYPE', /options\.mode/],
    [{ mode: 8 }, 'ERR_INVALID_ARG_VALUE', /COPYFILE_/],
    [{ verbatimSymlinks: false }, 'ERR_INVALID_ARG_VALUE', /as they are/],
    ['utf8' as never, 'ERR_INVALID_ARG_TYPE', /options/],
  ];
  for (const [options, code, message] of wrong) {
    const error = await rejectionOf(copy('none', 'none', options as Options));
    expect(error, JSON.stringify(options)).toMatchObject({ name: 'TypeError', code });
    expect(error.message).toMatch(message);
  }
});

test('the other calls refuse them, too', async () => {
  using container = await start();
  const { root } = container;
  const wrong = { signl: undefined } as object;
  const calls: Record<string, () => Promise<unknown>> = {
    readFile: () => root.readFile('/etc/hosts', wrong),
    writeFile: () => root.writeFile('/tmp/x', '', { ...wrong, atomic: true }),
    appendFile: () => root.appendFile('/tmp/x', '', { atomic: true } as object),
    open: () => root.open('/etc/hosts', 'r', 0o666, wrong),
    readdir: () => root.readdir('/', wrong),
    stat: () => root.stat('/', wrong),
    lstat: () => root.lstat('/', wrong),
    readlink: () => root.readlink('/', wrong),
    realpath: () => root.realpath('/', wrong),
    mkdir: () => root.mkdir('/tmp/x', wrong),
    rm: () => root.rm('/tmp/x', { maxRetries: 3 } as object),
    rename: () => root.rename('/tmp/x', '/tmp/y', wrong),
    chmod: () => root.chmod('/etc/hosts', 0o644, wrong),
    chown: () => root.chown('/etc/hosts', 0, 0, wrong),
    symlink: () => root.symlink('/tmp/x', '/tmp/y', wrong),
    extract: () => root.extract([], '/tmp', wrong),
  };
  for (const [name, call] of Object.entries(calls)) {
    const error = await rejectionOf(Promise.resolve().then(call));
    expect(error, name).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
  }
  expect(readdirSync(join(container.image, 'tmp'))).toEqual(['inside']);
});
