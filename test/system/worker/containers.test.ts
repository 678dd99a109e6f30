// Real containers: of Docker (with userns-remap, too), Podman (rootful and rootless) and runc, from an
// image with busybox and from one with a single static binary.
import { copyFileSync } from 'node:fs';
import { evaluate, openWorker, spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Docker,
  debootstrap,
  imageArchive,
  Machine,
  missing,
  type Podman,
  type Runtime,
  startDocker,
  startPodman,
  startRunc,
} from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { inodesOf } from '../child/fixtures/targets.ts';
import { attacker, copyOfNode, hashOf, heardFrom, marker, run } from './fixtures/attack.ts';

declare const fs: typeof import('node:fs');
declare const os: typeof import('node:os');
declare const dns: typeof import('node:dns');
declare const http: typeof import('node:http');

/** What the first line of the README of a worker would show. */
const look = async () => {
  const server = http.createServer((_, response) => response.end('inside'));
  await new Promise<void>(done => server.listen(0, done));
  const { port } = server.address() as import('node:net').AddressInfo;
  const fetched = await (await fetch(`http://127.0.0.1:${port}`)).text();
  server.close();
  return {
    host: os.hostname(),
    hosts: await fs.promises.readFile('/etc/hosts', 'utf8').catch(() => ''),
    uid: process.getuid?.(),
    interfaces: Object.keys(os.networkInterfaces()),
    root: fs.readdirSync('/'),
    self: (await dns.promises.lookup(os.hostname()).catch(error => error.code)).address,
    fetched,
    caps: /CapEff:\s*(\S+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1],
    places: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'].map(type =>
      fs.readlinkSync(`/proc/self/ns/${type}`),
    ),
  };
};

async function check(pid: number, hostname: string | undefined, caps: string | undefined) {
  const seen = await evaluate(pid, 'all', look);
  expect(seen.places).toEqual(Object.values(inodesOf(pid)));
  expect(seen.fetched).toBe('inside');
  expect(seen.root).toContain('www');
  if (hostname !== undefined) expect(seen.host).toBe(hostname);
  if (caps !== undefined) expect(seen.caps).toBe(caps);
  return seen;
}

const withoutDocker = missing('dockerd');
describe.skipIf(withoutDocker)(`Docker [${withoutDocker || 'installed'}]`, () => {
  let docker: Docker;
  const pidOf = async (name: string) => (await docker.inspect(name)).State.Pid as number;
  beforeAll(async () => {
    docker = await startDocker();
  });
  afterAll(() => docker?.stop());

  test('busybox and distroless', async () => {
    await docker.start('--name', 'one', '--hostname', 'one', 'busybox:1', 'sleep', '100000');
    await docker.start('--name', 'bare', '--hostname', 'bare', 'distroless:1');
    for (const name of ['one', 'bare']) {
      const seen = await check(await pidOf(name), name, '00000000a80425fb');
      expect(seen.uid).toBe(0);
      expect(seen.interfaces).toEqual(['lo', 'eth0']);
      expect(seen.hosts).toContain(name);
      expect(seen.self).toMatch(/^\d+\.\d+\.\d+\.\d+$/); // by its own /etc/hosts
    }
  });

  test('variants: another user, read-only, no capabilities, a paused one', async () => {
    await docker.start('--name', 'user', '--user', '33:33', 'busybox:1', 'sleep', '100000');
    expect((await check(await pidOf('user'), undefined, '0000000000000000')).uid).toBe(33);
    const flags = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
    await docker.start('--name', 'closed', ...flags, 'busybox:1', 'sleep', '100000');
    await check(await pidOf('closed'), undefined, '0000000000000000');
    await docker.docker('pause', 'one');
    await check(await pidOf('one'), 'one', '00000000a80425fb');
    await docker.docker('unpause', 'one');
  });

  test.each([
    ['Docker’s capabilities', [], '00000000a80425fb'],
    ['CAP_SYS_PTRACE as well', ['--cap-add', 'SYS_PTRACE'], '00000000a80c25fb'],
  ])(
    'an attacker in it, with %s',
    async (what, flags, caps) => {
      const name = `attacked-${caps.slice(-8)}`;
      await docker.start('--name', name, ...flags, 'busybox:1', 'sleep', '100000');
      const pid = await pidOf(name);
      copyFileSync(attacker, `/proc/${pid}/root/bin/attacker`);
      const attacking = spawn('/bin/attacker', [marker], {
        target: pid,
        credentials: 'target',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const heard = heardFrom(attacking as never);
      await heard.ready;
      const node = copyOfNode(`node-${name}`);
      const before = hashOf(node);
      const { stdout, stderr } = await run(
        node,
        `import { openWorker } from 'linux-namespaces';
       let done = 0;
       for (let i = 0; i < 10; i++) {
         const worker = await openWorker(${pid}, 'all');
         done += await worker.evaluate(async () => (await fs.promises.readdir('/'), 1));
         await worker.close();
       }
       console.log(done);`,
      );
      attacking.kill('SIGKILL');
      expect({ stdout, stderr }).toEqual({ stdout: '10\n', stderr: '' });
      expect(hashOf(node)).toBe(before);
      const words = heard.words;
      expect(words).toContain('process');
      expect([...words].filter(word => word.startsWith('caps='))).toEqual([`caps=${caps}`]);
      for (const word of [
        'marker',
        'root',
        'cwd',
        'fd',
        'exe',
        'exe-later',
        'written',
        'map-file',
      ]) {
        expect(words, `${what}: ${word}`).not.toContain(word);
      }
      for (const word of ['environ', 'mem', 'ptrace']) {
        if (flags.length === 0) expect(words, word).not.toContain(word);
      }
    },
    180_000,
  );

  test('a container that is stopped under its worker', async () => {
    await docker.start('--name', 'short', 'busybox:1', 'sleep', '100000');
    const worker = await openWorker(await pidOf('short'), 'all');
    const pending = worker.evaluate(() => new Promise(() => {})).catch(error => error);
    await docker.docker('kill', 'short');
    // Its first process takes all others of the pid namespace along.
    expect(await pending).toMatchObject({ code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' });
    await worker.close();
  });
});

describe.skipIf(withoutDocker)(`Docker with userns-remap [${withoutDocker || 'installed'}]`, () => {
  let docker: Docker;
  beforeAll(async () => {
    docker = await startDocker({ flags: ['--userns-remap=default'] });
  });
  afterAll(() => docker?.stop());

  test('root in there, somebody else out here', async () => {
    await docker.start('--name', 'mapped', '--hostname', 'mapped', 'distroless:1');
    const pid = (await docker.inspect('mapped')).State.Pid;
    const seen = await check(pid, 'mapped', '00000000a80425fb');
    expect(seen.uid).toBe(0);
  });
});

const withoutPodman = missing('podman', 'crun', 'runc');
describe.skipIf(withoutPodman)(`Podman [${withoutPodman || 'installed'}]`, () => {
  test.each(['busybox:1', 'distroless:1'])('rootful: %s', async image => {
    const podman: Podman = await startPodman({ runtime: 'runc' });
    try {
      const args = image === 'busybox:1' ? ['sleep', '100000'] : [];
      await podman.start('--name', 'pod', '--hostname', 'pod', image, ...args);
      const pid = (await podman.inspect('pod')).State.Pid;
      await check(pid, 'pod', undefined);
    } finally {
      await podman.stop();
    }
  });

  test('rootless: by root, and by its owner', async () => {
    const podman = await startPodman({ rootless: true });
    try {
      await podman.start('--name', 'own', '--hostname', 'own', 'distroless:1');
      const pid = (await podman.inspect('own')).State.Pid;
      const byRoot = await check(pid, 'own', undefined);
      const source = `import { evaluate } from 'linux-namespaces';
        console.log(JSON.stringify(await evaluate(${pid}, 'all', ${look})));`;
      const { stdout, stderr } = await run(process.execPath, source, {
        uid: podman.uid,
        gid: podman.uid,
      });
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual(byRoot);
    } finally {
      await podman.stop();
    }
  });
});

const withoutRunc = missing('runc');
describe.skipIf(withoutRunc)(`runc [${withoutRunc || 'installed'}]`, () => {
  let runc: Runtime;
  beforeAll(async () => {
    runc = await startRunc();
  });
  afterAll(() => runc?.stop());

  test.each(['busybox', 'distroless'] as const)('%s', async image => {
    const pid = await runc.start(`plain-${image}`, { image });
    const seen = await check(pid, `plain-${image}`, undefined);
    expect(seen.interfaces).toEqual(['lo']);
  });
});

const withoutDebian = missing('debootstrap', 'runc', 'dockerd');
describe.skipIf(withoutDebian)(`a Debian [${withoutDebian || 'installed'}]`, () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.start();
    await debootstrap(machine.folder);
  }, 600_000);
  afterAll(() => machine?.stop());

  test('runc: beside its own libc, nsswitch.conf and users', async () => {
    const runc = await startRunc({ machine });
    const pid = await runc.start('debian', { image: 'debian' });
    await check(pid, 'debian', undefined);
    const seen = await evaluate(pid, 'all', () => ({
      release: fs.readFileSync('/etc/os-release', 'utf8'),
      dpkg: require('node:child_process').execFileSync('dpkg', ['--version'], { encoding: 'utf8' }),
      user: os.userInfo().username,
    }));
    expect(seen.release).toContain('ID=debian');
    expect(seen.dpkg).toContain('package management');
    expect(seen.user).toBe('root');
  });

  test('Docker', { timeout: seconds(240) }, async () => {
    const docker = await startDocker({ machine });
    await docker.docker('load', '-q', '-i', imageArchive(machine.folder, 'debian', 'debian:1'));
    await docker.start('--name', 'apt', '--hostname', 'apt', 'debian:1');
    const pid = (await docker.inspect('apt')).State.Pid;
    const seen = await check(pid, 'apt', '00000000a80425fb');
    expect(seen.root).toContain('usr');
    expect(seen.hosts).toContain('apt');
  });
});
