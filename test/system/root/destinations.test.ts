/** `cp` onto each kind of destination, beside cp(1) and `docker cp` in the same folder. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openRoot } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Docker, missing, startDocker } from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { rejectionOf } from '../shared/support.ts';
import { makeFolder, makeImage, startContainer, unmount } from './fixtures/containers.ts';
import {
  destinations,
  dockerDiffers,
  makeDestinations,
  makeSocket,
  makeSources,
  outcomeOf,
  sources,
  unlikeCp,
} from './fixtures/destinations.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const succeeds = (file: string, ...args: string[]) =>
  spawnSync(file, args, { timeout: 20_000, stdio: 'ignore' }).status === 0;
const ours = (from: string, to: string) => succeeds(process.execPath, main, 'cp', from, to);
const eachSource = <W>(ways: readonly W[]) =>
  ways.flatMap(way => sources.map(source => ({ way, source })));
const every = eachSource(['out', 'in'] as const);

/** A source in one folder, destinations in the other. */
function prepare(from: string, to: string): void {
  makeSources(from);
  makeDestinations(to);
}

describe.each(eachSource(['out', 'in', 'across'] as const))('$way, $source', ({ way, source }) => {
  test('each destination as with cp(1), but for what is named', async () => {
    const image = makeImage();
    const { pid } = await startContainer('chroot', image);
    for (const destination of destinations) {
      const run = async (copy: (from: string, to: string) => boolean, prefix: string) => {
        const inside = mkdtempSync(join(image, 'tmp/'));
        const outside = way === 'across' ? mkdtempSync(join(image, 'tmp/')) : makeFolder();
        const [from, to] = way === 'out' ? [inside, outside] : [outside, inside];
        prepare(from, to);
        const named = (folder: string, path: string) =>
          folder.startsWith(image) && prefix !== ''
            ? `${prefix}:${folder.slice(image.length)}/${path}`
            : `${folder}/${path}`;
        const words = [named(from, `src/${source}`), named(to, `dest/${destination}`)] as const;
        return outcomeOf(to, async () => copy(...words));
      };
      const theirs = await run((from, to) => succeeds('cp', '-r', from, to), '');
      const entered = way === 'out' ? 'out' : 'in';
      const wanted = unlikeCp[`${entered} ${source}`]?.[destination] ?? theirs;
      expect(await run(ours, `${pid}`), `${source} -> ${destination}`).toEqual(wanted);
    }
  });
});

const absent = missing('dockerd', 'containerd', 'runc', 'iptables');
describe.skipIf(absent)(`beside docker cp [${absent || 'installed'}]`, () => {
  let docker: Docker;
  let id: string;
  let root: string;
  beforeAll(async () => {
    docker = await startDocker();
    id = (await docker.start('busybox:1', 'sleep', '1000000')).trim();
    root = `/proc/${(await docker.inspect(id)).State.Pid}/root`;
  }, 180_000);
  afterAll(() => docker?.machine.stop());

  test.each(every)('$way, $source: the same, but for what is named', async ({ way, source }) => {
    const pid = root.split('/')[2];
    for (const destination of destinations) {
      const run = async (copy: (from: string, to: string) => Promise<boolean>, prefix: string) => {
        const [inside, outside] = [join(root, 't'), join(docker.machine.folder, 't')];
        for (const folder of [inside, outside]) {
          rmSync(folder, { recursive: true, force: true });
          mkdirSync(folder);
        }
        const [from, to] = way === 'out' ? [inside, outside] : [outside, inside];
        prepare(from, to);
        const named = (folder: string, path: string) =>
          folder === inside ? `${prefix}:/t/${path}` : `${folder}/${path}`;
        const words = [named(from, `src/${source}`), named(to, `dest/${destination}`)] as const;
        return outcomeOf(to, () => copy(...words));
      };
      const cp = async (from: string, to: string) => (await docker.try('cp', from, to)).code === 0;
      const theirs = await run(cp, id);
      const own = await run(async (from, to) => ours(from, to), `${pid}`);
      const differs = dockerDiffers(source, destination, way);
      if (differs) expect(own, `${source} -> ${destination}`).not.toEqual(theirs);
      else expect(own, `${source} -> ${destination}`).toEqual(theirs);
    }
  });
});

// Neither a device nor what leads to one is replaced, wherever in a tree it is.
test.each(['out', 'in'] as const)('an entry of a tree: %s', async way => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const names = ['fifo', 'char', 'socket', 'fifolink', 'deeplink', 'absolute'];
  for (const name of names) {
    const inside = mkdtempSync(join(image, 'tmp/'));
    const outside = makeFolder();
    const [from, to] = way === 'out' ? [inside, outside] : [outside, inside];
    mkdirSync(join(from, 'tree/sub'), { recursive: true });
    writeFileSync(join(from, 'tree/sub', name), 'new');
    mkdirSync(join(to, 'tree/sub'), { recursive: true });
    const at = (path: string) => join(to, 'tree/sub', path);
    execFileSync('mkfifo', [at('fifo')]);
    execFileSync('mknod', [at('char'), 'c', '1', '3']);
    makeSocket(at('socket'));
    symlinkSync('fifo', at('fifolink'));
    symlinkSync('../sub/./char', at('deeplink'));
    symlinkSync(way === 'out' ? at('char') : at('char').slice(image.length), at('absolute'));
    const { mode, rdev, ino } = lstatSync(at(name));
    const [source, dest] = [join(from, 'tree'), join(to, 'tree')];
    const copying =
      way === 'out'
        ? root.copyOut(source.slice(image.length), dest)
        : root.copyIn(source, dest.slice(image.length));
    const error = await rejectionOf(copying);
    const path = expect.stringMatching(new RegExp(`/sub/${name}$`));
    expect(error, name).toMatchObject({ code: 'EINVAL', path });
    expect(error.message).toContain('not replaced');
    expect(lstatSync(at(name)), name).toMatchObject({ mode, rdev, ino });
    // By a link or by a FIFO of its own neither.
    if (name !== 'char') continue;
    rmSync(join(from, 'tree/sub', name));
    symlinkSync('x', join(from, 'tree/sub', name));
    const again =
      way === 'out'
        ? root.copyOut(source.slice(image.length), dest)
        : root.copyIn(source, dest.slice(image.length));
    expect(await rejectionOf(again)).toMatchObject({ code: 'EINVAL' });
    expect(lstatSync(at(name))).toMatchObject({ mode, rdev, ino });
  }
});

test('the same FIFO, device or socket again: it stays', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const given = makeFolder('given-');
  execFileSync('mkfifo', [join(given, 'fifo')]);
  execFileSync('mknod', [join(given, 'char'), 'c', '1', '3']);
  for (let i = 0; i < 2; i++) await root.copyIn(given, '/tmp/copy', { special: true });
  expect(readdirSync(join(image, 'tmp/copy')).sort()).toEqual(['char', 'fifo']);
});

test('/dev/null and /dev/stdout are written to, and stay what they are', async () => {
  const script = `mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 &&
    ln -s /proc/self/fd/1 /dev/stdout && ln -s null /dev/zero.link || exit 9
    for to in null stdout zero.link; do said=$said$("$0" "$1" cp $2:/etc/hosts /dev/$to) || exit 8; done
    printf '%s' "$said"
    stat -c '%F' /dev/null /dev/stdout /dev/zero.link >&2`;
  const { pid } = await startContainer('chroot');
  const args = ['-m', '--propagation', 'private', 'sh', '-c', script, process.execPath, main];
  const { status, stdout, stderr } = spawnSync('unshare', [...args, `${pid}`], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  expect(stdout).toBe('127.0.0.1 inside');
  expect(stderr).toBe('character special file\nsymbolic link\nsymbolic link\n');
});

test('a FIFO that nobody reads, or not to its end: the copy waits, and can be ended', async () => {
  const image = makeImage();
  writeFileSync(join(image, 'tmp/large'), Buffer.alloc(3 << 20, 'large'));
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const fifo = join(makeFolder(), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const before = readdirSync('/proc/self/task').length;
  const copy = (ms: number) =>
    root.copyOut('/tmp/large', fifo, { signal: AbortSignal.timeout(ms) });
  for (let i = 0; i < 20; i++) expect((await rejectionOf(copy(10))).name).toBe('AbortError');
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  expect((await rejectionOf(copy(200))).name).toBe('AbortError');
  closeSync(reader);
  await expect.poll(() => readdirSync('/proc/self/task').length).toBeLessThanOrEqual(before);
  // With a reader it is all there.
  const reading = spawnSync(
    'sh',
    [
      '-c',
      `"$0" "$1" cp "$2:/tmp/large" "$3" & cat "$3" | wc -c`,
      process.execPath,
      main,
      `${pid}`,
      fifo,
    ],
    { encoding: 'utf8' },
  );
  expect(reading.stdout.trim()).toBe(`${3 << 20}`);
});

test('a link as the destination is written through, in place, and only inside', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const outside = makeFolder();
  writeFileSync(join(outside, 'mine'), 'mine');
  writeFileSync(join(outside, 'new'), 'new');
  symlinkSync(join(outside, 'mine'), join(image, 'tmp/out'));
  symlinkSync('/etc/hosts', join(image, 'tmp/in'));
  const { ino, mode } = lstatSync(join(image, 'etc/hosts'));
  await root.copyIn(join(outside, 'new'), '/tmp/in');
  expect(readFileSync(join(image, 'etc/hosts'), 'utf8')).toBe('new');
  expect(lstatSync(join(image, 'etc/hosts'))).toMatchObject({ ino, mode });
  expect(readlinkSync(join(image, 'tmp/in'))).toBe('/etc/hosts');
  const error = await rejectionOf(root.copyIn(join(outside, 'new'), '/tmp/out'));
  expect(error).toMatchObject({ code: 'ENOENT', dest: '/tmp/out' });
  expect(error.message).toContain('leads nowhere');
  expect(readFileSync(join(outside, 'mine'), 'utf8')).toBe('mine');
  expect(existsSync(join(image, outside))).toBe(false);
});

test.each(['out', 'in', 'across'] as const)(
  'a link that one cp has brought into a directory is not followed by the next: %s',
  async way => {
    const image = makeImage();
    const { pid } = await startContainer('chroot', image);
    const inside = mkdtempSync(join(image, 'tmp/'));
    const outside = way === 'across' ? mkdtempSync(join(image, 'tmp/')) : makeFolder();
    const [from, to] = way === 'out' ? [inside, outside] : [outside, inside];
    const named = (path: string) =>
      path.startsWith(image) ? `${pid}:${path.slice(image.length)}` : path;
    for (const name of ['here', 'file', 'tree']) mkdirSync(join(to, name));
    const mine = join(to, 'here/mine');
    writeFileSync(mine, 'mine');
    const [toFile, toTree] = ['file', 'tree'].map(name => named(join(to, name)));
    const source = join(from, 'x');
    const copy = (where = '') => ours(named(source), where);
    symlinkSync('../here/mine', source);
    expect([copy(toFile), readlinkSync(join(to, 'file/x'))]).toEqual([true, '../here/mine']);
    rmSync(source);
    writeFileSync(source, 'theirs');
    expect([copy(toFile), readFileSync(join(to, 'file/x'), 'utf8')]).toEqual([true, 'theirs']);
    rmSync(source);
    symlinkSync('../here', source);
    expect(copy(toTree)).toBe(true);
    rmSync(source);
    mkdirSync(source);
    writeFileSync(join(source, 'mine'), 'theirs');
    expect([copy(toTree), readlinkSync(join(to, 'tree/x'))]).toEqual([false, '../here']);
    expect([readdirSync(join(to, 'here')), readFileSync(mine, 'utf8')]).toEqual([['mine'], 'mine']);
  },
);

test('into itself: nothing is made', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  mkdirSync(join(image, 'tmp/a/b'), { recursive: true });
  writeFileSync(join(image, 'tmp/a/f'), 'f');
  for (const to of ['tmp/a/new', 'tmp/a/b/new', 'tmp/a/b', 'tmp/a', 'tmp/a/b/../new', 'tmp/a/.']) {
    const out = await rejectionOf(root.copyOut('/tmp/a', join(image, to)));
    expect(out, to).toMatchObject({ code: 'EINVAL' });
    const into = await rejectionOf(root.copyIn(join(image, 'tmp/a'), to));
    expect(into, to).toMatchObject({ code: 'EINVAL' });
  }
  expect(readdirSync(join(image, 'tmp/a')).sort()).toEqual(['b', 'f']);
  expect(readdirSync(join(image, 'tmp/a/b'))).toEqual([]);
});

test('from one container to another: nothing onto itself, nor into itself', async () => {
  const image = makeImage();
  const { pid } = await startContainer('chroot', image);
  mkdirSync(join(image, 'tmp/a/b'), { recursive: true });
  writeFileSync(join(image, 'tmp/a/f'), 'f');
  linkSync(join(image, 'tmp/a/f'), join(image, 'tmp/hard'));
  symlinkSync('a/f', join(image, 'tmp/soft'));
  symlinkSync('a/b', join(image, 'tmp/down'));
  const copies = [
    ...['f', 'soft', 'hard'].map(name => ['a/f', name === 'f' ? 'a/f' : name]),
    ['a/f', 'a'],
    ...['a/new', 'a/b/new', 'a/b', 'a', 'a/b/../new', 'down', 'down/new', '.'].map(to => ['a', to]),
    ['a/.', 'a/b'],
  ];
  for (const [from, to] of copies) {
    const words = ['cp', `${pid}:/tmp/${from}`, `${pid}:/tmp/${to}`];
    const { status, stderr } = spawnSync(process.execPath, [main, ...words], {
      encoding: 'utf8',
      timeout: seconds(20),
    });
    expect({ status, stderr }, words.join(' ')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^linux-namespaces: EINVAL.*onto itself.*\n$/),
    });
  }
  expect(readdirSync(join(image, 'tmp')).sort()).toEqual(['a', 'down', 'hard', 'soft']);
  expect(readdirSync(join(image, 'tmp/a')).sort()).toEqual(['b', 'f']);
  expect(readdirSync(join(image, 'tmp/a/b'))).toEqual([]);
  expect(readFileSync(join(image, 'tmp/a/f'), 'utf8')).toBe('f');
});

test('from one container to another: a mounted file is written in place', async () => {
  const image = makeImage();
  writeFileSync(join(image, 'tmp/host'), 'old', { mode: 0o640 });
  const point = join(image, 'tmp/app.conf');
  writeFileSync(point, '');
  const { pid } = await startContainer('chroot', image);
  execFileSync('mount', ['--bind', join(image, 'tmp/host'), point]);
  try {
    expect(ours(`${pid}:/etc/hosts`, `${pid}:/tmp/app.conf`)).toBe(true);
    expect(readFileSync(point, 'utf8')).toBe('127.0.0.1 inside\n');
  } finally {
    unmount(point);
  }
  expect(readFileSync(join(image, 'tmp/host'), 'utf8')).toBe('127.0.0.1 inside\n');
  expect(lstatSync(join(image, 'tmp/host')).mode & 0o777).toBe(0o640);
  expect(readdirSync(join(image, 'tmp')).sort()).toEqual(['app.conf', 'host']);
});

test.each(['device', 'copy-unmount'])('test/attacks/%s.mjs wins nothing', name => {
  const program = new URL(`../../attacks/${name}.mjs`, import.meta.url).pathname;
  const { stdout } = spawnSync(process.execPath, [program, '12'], { encoding: 'utf8' });
  expect(stdout).toBe('won 0 of 12\n');
});
