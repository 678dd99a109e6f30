/** A root is that of one process, for as long as there is one. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { NamespaceError, openNamespaces, openRoot } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { startTarget } from '../child/fixtures/targets.ts';
import {
  errorOf,
  fdCount,
  read,
  rejectionOf,
  runScript,
  threads,
  until,
} from '../shared/support.ts';
import {
  end,
  makeFolder,
  makeImage,
  mount,
  run,
  startContainer,
  unmount,
  ways,
} from './fixtures/containers.ts';

test.each(ways)(
  '%s: after the death of the process every call says so, and nothing is open',
  async way => {
    const container = await startContainer(way);
    const fds = fdCount();
    const root = openRoot(container.pid);
    expect(await root.readFile('/etc/hosts', 'utf8')).toContain('inside');
    const handle = await root.open('/etc/hosts');
    await container.stop();
    for (const call of [
      () => root.readFile('/etc/hosts'),
      () => root.writeFile('/tmp/x', ''),
      () => root.rm('/etc', { recursive: true }),
      () => root.copyIn('/etc/hostname', '/x'),
      () => root.exists('/etc'),
    ]) {
      const error = await rejectionOf(call());
      expect(error).toMatchObject({ code: 'ESRCH', target: container.pid });
      expect(error.message).toContain('the process has exited');
    }
    // What is open is the caller's.
    expect(await handle.readFile('utf8')).toContain('inside');
    await handle.close();
    expect(fdCount()).toBe(fds);
    // Started again it is another process.
    const again = await startContainer(way, container.merged);
    expect((await rejectionOf(root.readFile('/etc/hosts'))).code).toBe('ESRCH');
    using anew = openRoot(again.pid);
    expect(await anew.readFile('/etc/hosts', 'utf8')).toContain('inside');
  },
);

test('a call that has begun ends in the volumes that it began in, also when the container dies', async () => {
  const image = makeImage();
  const volumes = [0, 1, 2, 3, 4].map(i => `v${i}`);
  for (const volume of volumes) mkdirSync(join(image, volume));
  for (let i = 0; i < 10; i++) {
    mkdirSync(join(image, `d${i}`));
    for (let j = 0; j < 300; j++) writeFileSync(join(image, `d${i}/${j}`), 'x');
  }
  const script = `cd "$0" && for v in ${volumes.join(' ')}; do
      mount -t tmpfs tmpfs $v && echo volume > $v/in || exit 1
    done; exec chroot . /bin/sleep 1000000`;
  const child = run(['unshare', '-m', 'sh', '-c', script, image]);
  await until('it to sleep', () => read(`/proc/${child.pid}/comm`) === 'sleep');
  using root = openRoot(child.pid as number);
  const copy = join(makeFolder(), 'copy');
  const copying = root.copyOut('/', copy);
  await until('the copy to begin', () => existsSync(copy));
  child.kill('SIGKILL');
  await copying;
  for (const volume of volumes) expect(read(join(copy, volume, 'in')), volume).toBe('volume');
  await until('its end', () => child.signalCode !== null);
  expect((await rejectionOf(root.readFile('/v0/in'))).code).toBe('ESRCH');
  expect((await rejectionOf(root.writeFile('/v0/in', ''))).code).toBe('ESRCH');
});

test('a root that is unmounted', async () => {
  const image = makeImage();
  const on = mount(join(image, 'tmp'), '-t', 'tmpfs', 'tmpfs');
  execFileSync('cp', ['-r', join(image, 'bin'), join(image, 'etc'), on]);
  const { pid } = await startContainer('chroot', on);
  const fds = fdCount();
  using root = openRoot(pid);
  await root.readFile('/etc/hosts');
  unmount(on);
  const error = await rejectionOf(root.readFile('/etc/hosts'));
  expect(error).toMatchObject({ code: 'ESTALE', path: '/etc/hosts' });
  expect(error.message).toContain('unmounted');
  expect(fdCount()).toBe(fds);
});

test('a process that has another root by now', async () => {
  const image = makeImage();
  // Python, to change the root when it is told to and go on.
  const script = `
import os, sys
os.chroot(sys.argv[1]); print('one', flush=True); sys.stdin.readline()
os.chroot('/tmp'); print('two', flush=True); sys.stdin.readline()`;
  const child = spawn('python3', ['-c', script, image], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', data => (said += data));
  try {
    await until('its first root', () => said.includes('one'));
    using root = openRoot({ pid: child.pid });
    expect(await root.readFile('/etc/hosts', 'utf8')).toContain('inside');
    child.stdin.write('\n');
    await until('its second root', () => said.includes('two'));
    expect((await rejectionOf(root.readFile('/etc/hosts'))).code).toBe('ESTALE');
  } finally {
    await end(child);
  }
});

test('who is refused: a kernel thread, a zombie, nobody, what is no process', async () => {
  const fds = fdCount();
  const kernelThread = readdirSync('/proc').find(pid => read(`/proc/${pid}/comm`) === 'kthreadd');
  expect(errorOf(() => openRoot(Number(kernelThread)))).toMatchObject({ code: 'EINVAL' });
  const parent = run(['sh', '-c', 'sleep 0 & exec sleep 1000000']);
  const zombie = await until('a zombie', () => {
    const pid = read(`/proc/${parent.pid}/task/${parent.pid}/children`);
    return pid && read(`/proc/${pid}/stat`)?.includes(') Z ') && Number(pid);
  });
  expect(errorOf(() => openRoot(zombie))).toMatchObject({ code: 'ESRCH', target: zombie });
  expect(errorOf(() => openRoot(4_194_304)).code).toBe('ESRCH');
  for (const bad of [0, -1, 1.5, '/', '/srv/root', undefined, null, {}, { pid: '1/root' }]) {
    expect(
      errorOf(() => openRoot(bad as never)),
      String(bad),
    ).toBeInstanceOf(TypeError);
  }
  using net = openNamespaces(process.pid, ['net']);
  expect(errorOf(() => openRoot(net))).toBeInstanceOf(NamespaceError);
  net.close();
  expect(fdCount()).toBe(fds);
});

test('a mount namespace without a process: its own root, by path and by handle', async () => {
  const image = makeImage();
  const script =
    'mount --bind "$0" "$0" && cd "$0" && mkdir -p old && busybox pivot_root . old && exec /bin/sleep 1000000';
  const child = run(['unshare', '-m', 'sh', '-c', script, image]);
  await until('it to sleep', () => read(`/proc/${child.pid}/comm`) === 'sleep');
  const [fds, tasks] = [fdCount(), threads().length];
  const handle = openNamespaces(child.pid as number, ['mnt']);
  using byPath = openRoot({ mnt: `/proc/${child.pid}/ns/mnt` });
  using byHandle = openRoot(handle);
  expect(await byPath.readFile('/etc/hosts', 'utf8')).toContain('inside');
  child.kill('SIGKILL');
  await until('its end', () => child.signalCode !== null);
  handle.close();
  await byHandle.writeFile('/tmp/x', 'after its death');
  expect(readFileSync(join(image, 'tmp/x'), 'utf8')).toBe('after its death');
  byPath.close();
  byHandle.close();
  await until('no thread more', () => threads().length <= tasks);
  expect(fdCount()).toBe(fds);
});

test('one of a Worker that is ended leaves nothing open', async () => {
  const { pid } = await startContainer('user namespace');
  const source = `
    import('linux-namespaces').then(async ({ openRoot }) => {
      const root = openRoot(${pid});
      require('node:worker_threads').parentPort.postMessage(await root.readFile('/etc/hosts', 'utf8'));
      for (;;) await root.readdir('/', { recursive: true });
    });`;
  const inWorker = async () => {
    const worker = new Worker(source, { eval: true });
    await new Promise(heard => worker.once('message', heard));
    await worker.terminate();
  };
  await inWorker();
  const fds = fdCount();
  for (let i = 0; i < 3; i++) await inWorker();
  await until('its fds to be closed', () => fdCount() <= fds);
});

test('a process that goes into a user namespace of its own while it is opened: not with our ids', async () => {
  const waits = 'echo ready; kill -STOP $$; exec unshare -Um sleep 1000000';
  const { pid } = await startTarget([], { uid: 65534, program: ['sh', '-c', waits] });
  await until('its stop', () => read(`/proc/${pid}/stat`)?.includes(') T '));
  // It goes on when its ids are known to be ours, and its root has not been opened. The library takes what
  // it needs of node:fs when it is loaded.
  const said = runScript(`import fs, { readdirSync, readlinkSync } from 'node:fs';
    const link = () => readlinkSync('/proc/${pid}/ns/user');
    const before = link();
    let fds;
    fs.readlinkSync = (path, ...rest) => {
      const text = readlinkSync(path, ...rest);
      if (path !== '/proc/self/ns/user' || fds === undefined) return text;
      process.kill(${pid}, 'SIGCONT');
      while (link() === before);
      return text;
    };
    const { openRoot } = await import('linux-namespaces');
    openRoot(process.pid).close();
    fds = readdirSync('/proc/self/fd').length;
    try {
      openRoot(${pid});
    } catch ({ code, type, target }) {
      console.log(code, type, target, readdirSync('/proc/self/fd').length - fds, link() !== before);
    }
    openRoot(${pid}).close();`);
  expect(said).toBe(`EAGAIN user ${pid} 0 true\n`);
});
