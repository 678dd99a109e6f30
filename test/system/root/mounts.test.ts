/** Mount points are left alone: cases B1 of containers.md and 1 of namespaces.md. */
import { execFile, execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openRoot } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { missing, startDocker, startPodman } from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { fdCount, read, rejectionOf, runScript, threads, until } from '../shared/support.ts';
import { makeFolder, makeImage, run, startContainer } from './fixtures/containers.ts';
import { compareMounts, Inside, type Row } from './fixtures/mounts.ts';

/** What both gave, where it is not the same. */
const differences = (rows: readonly Row[]) =>
  rows
    .filter(({ ours, theirs }) => ours !== theirs)
    .map(({ mount, type, act, ours, theirs }) => `${mount}, ${type}, ${act}: ${ours}, ${theirs}`);

function imageWithShell(): string {
  const image = makeImage();
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  copyFileSync(busybox, join(image, 'bin/busybox'));
  mkdirSync(join(image, 'dev'));
  execFileSync('mknod', ['-m', '666', join(image, 'dev/null'), 'c', '1', '3']);
  execFileSync('chroot', [image, '/bin/busybox', '--install', '-s', '/bin']);
  return image;
}

const nsenter = (pid: number, ...line: string[]) =>
  promisify(execFile)('nsenter', ['-t', `${pid}`, '-m', ...line]);

async function startShell(image = imageWithShell()) {
  const container = await startContainer('mount namespace', image);
  const inside = new Inside(container.pid);
  await inside.do('mount -t proc proc /proc');
  return { ...container, inside };
}

/**
 * rm(1) empties what is mounted before it fails; Node's rm, and so ours, tries rmdir(2) first. And what is
 * in a directory that is not a mount point is no reason for Node's rm to fail.
 */
const known = [
  'read-only, directory, remove what it is in: EBUSY, EROFS',
  'nested, directory, remove: EBUSY, ENOTEMPTY',
];

test('B1: as inside, in a mount namespace of unshare', { timeout: seconds(180) }, async () => {
  const { pid } = await startShell();
  using root = openRoot(pid);
  const rows = await compareMounts(pid, root);
  expect(rows.length).toBeGreaterThan(120);
  expect(rows.filter(({ ours }) => ours === 'EBUSY').length).toBeGreaterThan(50);
  expect(differences(rows)).toEqual(known);
});

const absent = missing('dockerd', 'containerd', 'runc', 'crun', 'podman', 'iptables', 'newuidmap');

describe.skipIf(absent)(`containers of engines [${absent || 'installed'}]`, () => {
  const forever = ['sleep', '1000000'];
  async function expectSame(pid: number) {
    using root = openRoot(pid);
    const rows = await compareMounts(pid, root, ['bind', 'read-only', 'tmpfs', 'nested']);
    expect(differences(rows)).toEqual(known);
  }

  test('B1: in Docker and Podman, and what they mount', { timeout: seconds(400) }, async () => {
    await using docker = await startDocker();
    await using podman = await startPodman({ machine: docker.machine });
    const starts = { docker: docker.start, podman: podman.start };
    for (const [engine, start] of Object.entries(starts)) {
      // In the machine, which is where the engines look.
      const at = `/${engine}-volumes`;
      const host = join(docker.machine.root, at);
      mkdirSync(join(host, 'data'), { recursive: true });
      for (const name of ['conf', 'ro', 'data/in']) writeFileSync(join(host, name), 'host v1\n');
      const volumes = ['conf:/app.conf', 'data:/data', 'ro:/ro.conf:ro', 'data:/ro:ro'];
      const options = volumes.flatMap(volume => ['-v', `${at}/${volume}`]);
      const id = (await start(...options, '--tmpfs', '/scratch', 'busybox:1', ...forever)).trim();
      const { State } = await { docker, podman }[engine as 'docker' | 'podman'].inspect(id);
      const pid: number = State.Pid;
      const mounts = () => readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
      const before = mounts();
      using root = openRoot(pid);
      await root.writeFile('/new', 'new\n');
      const files = ['/etc/hosts', '/etc/resolv.conf', '/etc/hostname', '/app.conf', '/ro.conf'];
      for (const path of files.filter(path => before.includes(` ${path} `))) {
        const calls = {
          atomic: () => root.writeFile(path, 'new\n', { atomic: true }),
          onto: () => root.rename('/new', path),
          from: () => root.rename(path, '/moved'),
          rm: () => root.rm(path),
          'rm -r': () => root.rm(path, { recursive: true }),
        };
        for (const [name, call] of Object.entries(calls)) {
          expect((await rejectionOf(call())).code, `${engine} ${path} ${name}`).toBe('EBUSY');
          expect(mounts(), `${engine} ${path} ${name}`).toBe(before);
        }
      }
      for (const path of ['/data', '/ro', '/scratch', '/dev', '/proc', '/sys']) {
        for (const call of [
          () => root.rm(path, { recursive: true }),
          () => root.rename(path, '/moved'),
        ]) {
          expect((await rejectionOf(call())).code, `${engine} ${path}`).toBe('EBUSY');
          expect(mounts(), `${engine} ${path}`).toBe(before);
        }
      }
      expect((await rejectionOf(root.rm('/', { recursive: true }))).code).toBe('EBUSY');
      expect((await rejectionOf(root.writeFile('/ro.conf', 'new'))).code).toBe('EROFS');
      await root.appendFile('/etc/hosts', '127.0.0.1 example.com\n');
      await root.writeFile('/app.conf', 'host v2\n');
      expect(readFileSync(join(host, 'conf'), 'utf8')).toBe('host v2\n');
      expect(readFileSync(join(host, 'ro'), 'utf8')).toBe('host v1\n');
      expect(readdirSync(join(host, 'data'))).toEqual(['in']);
      expect(mounts()).toBe(before);
      await expectSame(pid);
    }
  });
});

test('a thousand calls, while Node works with files by relative paths: it stays where it is', async () => {
  const { pid, inside } = await startShell();
  await inside.do('mkdir /tmp/d && mount -t tmpfs none /tmp/d && mkdir /tmp/d/e && : > /tmp/f');
  using root = openRoot(pid);
  await root.rm('/tmp/f');
  const folder = makeFolder();
  for (const name of ['one', 'two']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'name'), name);
  }
  const home = process.cwd();
  const mounts = readlinkSync('/proc/self/ns/mnt');
  await stat(folder); // which starts the threads of Node's pool, for good
  const before = { fds: fdCount(), threads: threads().length };
  let over = false;
  try {
    const calls = (async () => {
      for (let i = 0; i < 100; i++) {
        await Promise.all(
          Array.from({ length: 10 }, async (_, j) => {
            await root.writeFile(`/tmp/${i}-${j}`, 'x', { atomic: true });
            await root.rename(`/tmp/${i}-${j}`, `/tmp/${j}`);
            expect((await rejectionOf(root.rm('/tmp/d', { recursive: true }))).code).toBe('EBUSY');
          }),
        );
      }
      over = true;
    })();
    for (let i = 0; !over; i++) {
      const name = i % 2 === 0 ? 'one' : 'two';
      process.chdir(join(folder, name));
      expect(readFileSync('name', 'utf8')).toBe(name);
      const later = promisify(execFile)('cat', ['name'], { encoding: 'utf8' });
      expect(await readFile('name', 'utf8')).toBe(name);
      expect((await later).stdout).toBe(name);
      for (const tid of threads()) {
        let at = mounts;
        try {
          at = readlinkSync(`/proc/self/task/${tid}/ns/mnt`);
        } catch {} // it has ended
        if (at !== mounts) {
          // One of ours, which is about to end.
          await until('it to end', () => !threads().includes(tid));
        }
      }
    }
    await calls;
  } finally {
    process.chdir(home);
  }
  expect(threads().map(tid => readlinkSync(`/proc/self/task/${tid}/ns/mnt`))).toEqual(
    threads().map(() => mounts),
  );
  await until('the threads to end', () => threads().length <= before.threads);
  expect(fdCount()).toBe(before.fds);
});

test('mounts that come and go while each call runs: none is detached, nothing outside is changed', {
  timeout: seconds(120),
}, async () => {
  const image = imageWithShell();
  const { pid } = await startShell(image);
  const outside = makeFolder('canary-');
  mkdirSync(join(outside, 'directory'));
  for (const name of ['file', 'directory/in']) writeFileSync(join(outside, name), 'outside');
  mkdirSync(join(image, 'outside'));
  await nsenter(pid, 'mount', '--bind', outside, `${image}/outside`);
  // Of what it mounts, all has to be there when it unmounts it: else it says so. (What is renamed
  // between its look at the name and its mount is mounted under the new name.)
  const attacker = new Inside(pid);
  const racing = attacker.try(`cd /tmp; mkdir r; i=0; while [ ! -e /tmp/over ]; do i=$((i+1))
      [ -f r/file ] || : > r/file; [ -d r/directory ] || mkdir r/directory
      mount --bind /outside/file r/file 2>/dev/null && { umount -l r/file 2>/dev/null || umount -l r/moved || echo "a file has gone"; }
      mount --bind /outside/directory r/directory 2>/dev/null && {
        umount -l r/directory 2>/dev/null || umount -l r/away || echo "a directory has gone"; }
    done; echo $i rounds`);
  using root = openRoot(pid);
  const counts: Record<string, number> = {};
  const calls = {
    atomic: () => root.writeFile('/tmp/r/file', 'inside', { atomic: true }),
    from: () => root.rename('/tmp/r/file', '/tmp/r/moved'),
    onto: async () => {
      await root.writeFile('/tmp/r/new', 'inside');
      await root.rename('/tmp/r/new', '/tmp/r/file');
    },
    rm: () => root.rm('/tmp/r/file'),
    directory: () => root.rm('/tmp/r/directory', { recursive: true }),
    'directory from': () => root.rename('/tmp/r/directory', '/tmp/r/away'),
    away: () => root.rm('/tmp/r/away', { recursive: true }),
  };
  const end = Date.now() + 6000;
  while (Date.now() < end) {
    for (const [name, call] of Object.entries(calls)) {
      const code = await call().then(
        () => 'done',
        error => error.code,
      );
      counts[`${name} ${code}`] = (counts[`${name} ${code}`] ?? 0) + 1;
    }
  }
  await root.writeFile('/tmp/over', '');
  const { output } = await racing;
  expect(output).toMatch(/^\d+ rounds\n$/);
  for (const name of ['atomic', 'onto', 'rm', 'directory']) {
    expect(counts[`${name} done`], name).toBeGreaterThan(10);
    expect(counts[`${name} EBUSY`], name).toBeGreaterThan(0);
  }
  expect(readdirSync(outside, { recursive: true }).sort()).toEqual([
    'directory',
    'directory/in',
    'file',
  ]);
  for (const name of ['file', 'directory/in']) {
    expect(readFileSync(join(outside, name), 'utf8')).toBe('outside');
  }
});

test('without the rights to join it, each name is looked at first', async () => {
  const image = imageWithShell();
  const { pid, inside } = await startShell(image);
  await inside.do(`cd /tmp; : > file; mkdir directory tree tree/sub; : > source; : > free
    mount --bind source file; mount -t tmpfs none directory; mount -t tmpfs none tree/sub`);
  const before = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
  const script = `import { openRoot } from 'linux-namespaces';
    const root = openRoot(${pid});
    for (const call of [
      () => root.rm('/tmp/file'), () => root.rename('/tmp/file', '/tmp/moved'),
      () => root.rename('/tmp/free', '/tmp/file'), () => root.writeFile('/tmp/file', '', { atomic: true }),
      () => root.rm('/tmp/directory', { recursive: true }), () => root.rm('/tmp/tree', { recursive: true }),
      () => root.rm('/tmp/free'),
    ]) console.log(await call().then(() => 'done', error => error.code));`;
  const less = ['setpriv', '--inh-caps=-sys_admin', '--bounding-set=-sys_admin'];
  expect(runScript(script, less).split('\n')).toEqual([...Array(6).fill('EBUSY'), 'done', '']);
  expect(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).toBe(before);
});

test('a directory of another mount namespace than that of the process: refused', async () => {
  const image = imageWithShell();
  // Its root is a mount of our namespace, reached through /proc; its own namespace has no part in it.
  const there = `/proc/${process.pid}/root${image}`;
  const line = `exec chroot ${there} /bin/sleep 1000000`;
  const other = run(['unshare', '-m', 'sh', '-c', line]);
  await until('it to sleep', () => read(`/proc/${other.pid}/comm`) === 'sleep');
  using root = openRoot(other.pid as number);
  await root.writeFile('/tmp/free', '');
  expect(await rejectionOf(root.rm('/tmp/free'))).toMatchObject({ code: 'ESTALE' });
});

test('B1 as a program', async () => {
  const program = new URL('../../attacks/unmount.mjs', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [program, '5']);
  expect(stdout).toBe('won 0 of 5\n');
});
