/** Copies into a container onto what is mounted there: written in place, and never detached. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type ContainerRoot, openRoot } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { missing, startDocker } from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { rejectionOf } from '../shared/support.ts';
import { makeFolder, makeImage, run, startContainer } from './fixtures/containers.ts';

/** Copies files and trees onto /app.conf, /ro.conf, /etc/hosts and /data, and looks what becomes of them. */
async function copyOnto(
  root: ContainerRoot,
  host: string,
  mounts: () => string,
  hosts: string,
): Promise<void> {
  const before = mounts();
  const given = makeFolder('given-');
  const write = (name: string, text: string) => {
    mkdirSync(join(given, name, '..'), { recursive: true });
    writeFileSync(join(given, name), text);
  };
  const hostFile = (name: string) => readFileSync(join(host, name), 'utf8');
  write('one', 'one');
  await root.copyIn(join(given, 'one'), '/app.conf');
  expect(hostFile('conf')).toBe('one');
  expect(await root.readFile('/app.conf', 'utf8')).toBe('one');
  const readOnly = await rejectionOf(root.copyIn(join(given, 'one'), '/ro.conf'));
  expect(readOnly).toMatchObject({ code: 'EROFS', dest: '/ro.conf' });
  // A whole tree onto the root: a longer file, and one with two names.
  write('tree/app.conf', 'from a tree');
  write('tree/etc/hosts', '127.0.0.1 tree\n');
  write('tree/data/deep/f', 'in the volume');
  write('tree/plain', 'plain');
  linkSync(join(given, 'tree/plain'), join(given, 'tree/other'));
  linkSync(join(given, 'tree/app.conf'), join(given, 'tree/app.link'));
  await root.copyIn(join(given, 'tree'), '/');
  expect(hostFile('conf')).toBe('from a tree');
  expect(readFileSync(hosts, 'utf8')).toBe('127.0.0.1 tree\n');
  expect(hostFile('data/deep/f')).toBe('in the volume');
  expect(await root.readFile('/app.link', 'utf8')).toBe('from a tree');
  expect((await root.stat('/plain')).nlink).toBe(2);
  write('tree/ro.conf', 'never');
  expect(await rejectionOf(root.copyIn(join(given, 'tree'), '/'))).toMatchObject({ code: 'EROFS' });
  expect(hostFile('ro')).toBe('host v1');
  // What is no file cannot be written in place, and a directory is not a file.
  rmSync(join(given, 'tree'), { recursive: true });
  mkdirSync(join(given, 'tree'));
  symlinkSync('x', join(given, 'tree/app.conf'));
  expect(await rejectionOf(root.copyIn(join(given, 'tree'), '/'))).toMatchObject({
    code: 'EBUSY',
    path: join(given, 'tree/app.conf'),
  });
  expect((await rejectionOf(root.copyIn(join(given, 'one'), '/data'))).code).toBe('EISDIR');
  expect((await rejectionOf(root.copyIn(join(given, 'tree'), '/app.conf'))).code).toBe('ENOTDIR');
  await root.copyIn(join(given, 'one'), '/app.conf', { force: false });
  expect(hostFile('conf')).toBe('from a tree');
  expect(mounts()).toBe(before);
}

function makeHost(): string {
  const host = makeFolder('host-');
  mkdirSync(join(host, 'data'));
  for (const name of ['conf', 'ro', 'hosts']) writeFileSync(join(host, name), 'host v1');
  return host;
}

const absent = missing('dockerd', 'containerd', 'runc', 'iptables');

test.each(['mount namespace', 'user namespace'] as const)('in a %s', async way => {
  const image = makeImage();
  for (const name of ['app.conf', 'ro.conf']) writeFileSync(join(image, name), 'image');
  mkdirSync(join(image, 'data'));
  const host = makeHost();
  const { pid, merged } = await startContainer(way, image);
  if (way === 'user namespace') execFileSync('chown', ['-R', '100000:100000', host]);
  const script = `cd "$0" && mount --bind "$1/conf" app.conf && mount --bind "$1/data" data &&
    mount --bind "$1/hosts" etc/hosts && mount --bind "$1/ro" ro.conf && mount -o remount,ro,bind ro.conf`;
  execFileSync('nsenter', ['-t', `${pid}`, '-m', 'sh', '-c', script, merged, host]);
  using root = openRoot(pid);
  const mounts = () => readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
  await copyOnto(root, host, mounts, join(host, 'hosts'));
});

describe.skipIf(absent)(`Docker [${absent || 'installed'}]`, () => {
  test('volumes, /etc/hosts, and the whole root out', { timeout: seconds(180) }, async () => {
    await using docker = await startDocker();
    const host = join(docker.machine.root, 'volumes');
    mkdirSync(join(host, 'data'), { recursive: true });
    for (const name of ['conf', 'ro']) writeFileSync(join(host, name), 'host v1');
    const volumes = ['conf:/app.conf', 'data:/data', 'ro:/ro.conf:ro'];
    const options = volumes.flatMap(volume => ['-v', `/volumes/${volume}`]);
    const id = (await docker.start(...options, 'busybox:1', 'sleep', '1000000')).trim();
    const { State, HostsPath } = await docker.inspect(id);
    using root = openRoot(State.Pid);
    const mounts = () => readFileSync(`/proc/${State.Pid}/mountinfo`, 'utf8');
    await copyOnto(root, host, mounts, join(docker.machine.root, HostsPath));
    // The whole root, with the volumes: what find(1) sees inside, but for the kernel's own.
    const ours = join(makeFolder(), 'ours');
    await root.copyOut('/', ours);
    const find =
      "find . \\( -path './proc/*' -o -path './sys/*' -o -path './dev/*' \\) -prune -o -print";
    const sorted = (list: string) => list.trim().split('\n').sort();
    const inside = await docker.docker('exec', '-w', '/', id, 'sh', '-c', find);
    const copied = execFileSync('sh', ['-c', find], { cwd: ours, encoding: 'utf8' });
    expect(sorted(copied)).toEqual(sorted(inside));
    expect(sorted(copied)).toContain('./data/deep/f');
    for (const name of ['proc', 'sys']) expect(readdirSync(join(ours, name))).toEqual([]);
    expect(existsSync(join(ours, 'dev/null'))).toBe(false);
  });
});

test('files that come and go as mounts while they are replaced: none is detached', async () => {
  const image = makeImage();
  const host = makeHost();
  for (let i = 0; i < 20; i++) writeFileSync(join(image, `tmp/${i}`), 'image');
  const { pid } = await startContainer('mount namespace', image);
  const mounted = join(makeFolder(), 'mounted');
  // What has been mounted stays, or somebody else has detached it.
  const script = `cd "$0" && there() { grep -q "/$1 " /proc/self/mountinfo || echo lost $1 >> "$2"; }
    while :; do
      for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
        mount --bind "$1/conf" $i 2>/dev/null || continue
        there $i "$2"
        # It may be busy, being written to.
        umount $i 2>/dev/null || { there $i "$2"; umount -l $i; }
      done
    done`;
  const line = ['nsenter', '-t', `${pid}`, '-m', 'sh', '-c', script];
  const racer = run([...line, join(image, 'tmp'), host, mounted]);
  using root = openRoot(pid);
  const given = makeFolder('given-');
  for (let i = 0; i < 20; i++) writeFileSync(join(given, `${i}`), 'given');
  let [done, refused] = [0, 0];
  const end = Date.now() + 5000;
  while (Date.now() < end) {
    await root.copyIn(given, '/tmp').then(
      () => done++,
      error => {
        expect(error.code).toMatch(/^(EBUSY|ENOENT|ESTALE)$/);
        refused++;
      },
    );
  }
  expect(racer.exitCode).toBe(null);
  expect(existsSync(mounted) ? readFileSync(mounted, 'utf8') : '').toBe('');
  expect(done).toBeGreaterThan(0);
  expect(done + refused).toBeGreaterThan(10);
});
