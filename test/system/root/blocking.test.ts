/** What may block, and whom. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, promises, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { openRoot } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { fdCount, read, rejectionOf, threads, until } from '../shared/support.ts';
import { makeFolder, makeImage, run, startContainer, unmount } from './fixtures/containers.ts';

test('a FIFO, a device, a socket: refused before they are opened, unless asked for', async () => {
  const image = makeImage();
  execFileSync('mkfifo', [join(image, 'tmp/fifo')]);
  execFileSync('mknod', [join(image, 'tmp/zero'), 'c', '1', '5']);
  const server = createServer().listen(join(image, 'tmp/socket'));
  await new Promise(done => server.once('listening', done));
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const outside = makeFolder();
  for (const name of ['fifo', 'zero', 'socket']) {
    const path = `/tmp/${name}`;
    const calls = [
      () => root.readFile(path),
      () => root.writeFile(path, 'x'),
      () => root.writeFile(path, 'x', { atomic: true }),
      () => root.appendFile(path, 'x'),
      () => root.open(path, 'r+'),
      () => root.copyOut(path, join(outside, 'copy')),
      () => new Promise((_, reject) => root.createReadStream(path).once('error', reject)),
    ];
    for (const call of calls) {
      const error = await rejectionOf(call());
      expect(error).toMatchObject({ code: 'EINVAL', path });
    }
    expect((await root.stat(path)).isFile()).toBe(false);
  }
  expect((await rejectionOf(root.copyOut('/tmp', join(outside, 'tree')))).message).toContain(
    'special: true',
  );
  // Asked for, they are what they are.
  const handle = await root.open('/tmp/zero', 'r', 0, { special: true });
  expect((await handle.read(Buffer.alloc(4), 0, 4)).buffer).toEqual(Buffer.alloc(4));
  await handle.close();
  const heard = root.readFile('/tmp/fifo', { encoding: 'utf8', special: true });
  writeFileSync(join(image, 'tmp/fifo'), 'through a FIFO');
  expect(await heard).toBe('through a FIFO');
  await root.copyOut('/tmp', join(outside, 'copies'), { special: true });
  expect(
    execFileSync('stat', ['-c', '%F %t:%T', 'fifo', 'zero', 'socket'], {
      cwd: join(outside, 'copies'),
      encoding: 'utf8',
    }),
  ).toBe('fifo 0:0\ncharacter special file 1:5\nsocket 0:0\n');
  server.close();
});

const fuse = existsSync('/dev/fuse') ? '' : 'no /dev/fuse';

describe.skipIf(fuse)(`a file system that never answers [${fuse || 'FUSE'}]`, () => {
  /** A FUSE whose server, that is this fd, never reads. */
  function mountSilent(image: string): { point: string; end(): void } {
    const point = join(image, 'silent');
    mkdirSync(point);
    const fd = openSync('/dev/fuse', 'r+');
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
    execFileSync('mount', ['-i', '-t', 'fuse', '-o', options, 'silent', point], {
      stdio: ['ignore', 'inherit', 'inherit', fd],
    });
    let open = true;
    // With its server a connection ends, and all who wait for it.
    const end = () => {
      if (!open) return;
      open = false;
      closeSync(fd);
      unmount(point);
    };
    return { point, end };
  }

  test('holds up its own call, and an AbortSignal ends that', async () => {
    const image = makeImage();
    const other = await startContainer('chroot');
    const silent = mountSilent(image);
    try {
      const { pid } = await startContainer('chroot', image);
      using root = openRoot(pid);
      using unharmed = openRoot(other.pid);
      // With the threads of Node's own pool.
      await Promise.all(Array.from({ length: 8 }, () => promises.readFile('/etc/passwd')));
      const [fds, tasks] = [fdCount(), threads().length];
      const abort = new AbortController();
      const { signal } = abort;
      const calls = {
        readFile: root.readFile('/silent/f', { signal }),
        writeFile: root.writeFile('/silent/f', 'x', { signal }),
        atomic: root.writeFile('/silent/f', 'x', { signal, atomic: true }),
        open: root.open('/silent/f', 'r', 0, { signal }),
        stat: root.stat('/silent/f', { signal }),
        readdir: root.readdir('/silent', { signal }),
        mkdir: root.mkdir('/silent/a/b', { recursive: true, signal }),
        rm: root.rm('/silent/f', { recursive: true, signal }),
        copyOut: root.copyOut('/silent/f', join(makeFolder(), 'copy'), { signal }),
        copyIn: root.copyIn(join(image, 'etc'), '/silent/copy', { signal }),
        stream: new Promise((_, reject) =>
          root.createReadStream('/silent/f', { signal }).once('error', reject),
        ),
        // More than may run at a time: they wait for their turn.
        ...Object.fromEntries(
          Array.from({ length: 20 }, (_, i) => [`stat ${i}`, root.stat('/silent/f', { signal })]),
        ),
      };
      const ended: Record<string, string> = {};
      const all = Object.entries(calls).map(([name, call]) =>
        call.then(
          () => (ended[name] = 'done'),
          error => (ended[name] = error.name),
        ),
      );
      await until('threads that hang', () => threads().length >= tasks + 16);
      expect(threads().length).toBeLessThanOrEqual(tasks + 17);
      // Meanwhile: Node's own pool, the event loop, and other containers.
      for (let i = 0; i < 5; i++) await promises.readFile('/etc/hostname').catch(() => {});
      expect(await unharmed.readFile('/etc/hosts', 'utf8')).toContain('inside');
      expect(ended).toEqual({});
      abort.abort();
      await Promise.all(all);
      expect(new Set(Object.values(ended))).toEqual(new Set(['AbortError']));
      const late = rejectionOf(root.stat('/etc/hosts', { signal: AbortSignal.timeout(50) }));
      expect((await late).cause).toMatchObject({ name: 'TimeoutError' });
      silent.end();
      await until('the threads to end', () => threads().length <= tasks);
      await until('what they held to be closed', () => fdCount() <= fds - 1);
      expect(await root.readFile('/etc/hosts', 'utf8')).toContain('inside');
    } finally {
      silent.end();
    }
  });

  test('does not keep a program alive that has given it up', async () => {
    const image = makeImage();
    const silent = mountSilent(image);
    try {
      const { pid } = await startContainer('chroot', image);
      const source = `
        import { openRoot } from 'linux-namespaces';
        const root = openRoot(${pid});
        const signal = AbortSignal.timeout(100);
        await root.readFile('/silent/f', { signal }).catch(error => console.log(error.name));`;
      const node = run([process.execPath, '--input-type=module', '-e', source], 'pipe');
      let said = '';
      node.stdout?.on('data', data => (said += data));
      await until('its end', () => node.exitCode !== null || node.signalCode !== null);
      expect([said, node.exitCode]).toEqual(['AbortError\n', 0]);
      expect(read(`/proc/${pid}/comm`)).toBe('sleep');
    } finally {
      silent.end();
    }
  });
});
