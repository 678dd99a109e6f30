// `debug` and `tools` in real containers: images of busybox and of one static program, read-only, with the
// host's processes or network, paused, rootless; and settings of the machine from there.
import { spawn as start } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Docker,
  images,
  missing,
  type Podman,
  runPod,
  startContainerd,
  startCrun,
  startDocker,
  startPodman,
  startRunc,
} from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { opener, settings } from '../child/fixtures/settings.ts';
import { outcome } from '../child/fixtures/targets.ts';
import { hasProgram } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const debug = (pid: number, line: string, uid?: number) => {
  const options = uid === undefined ? {} : { uid, gid: uid };
  return outcome(start(process.execPath, [main, 'debug', `${pid}`, 'sh', '-c', line], options));
};

/** Says what does not work; PID is that of its process, as inside. */
const tools = `try() { "$@" >/tmp/out 2>&1 </dev/null || { echo "$*: $?"; cat /tmp/out; }; }
  try ps -p PID -o comm=; try ip -br link show lo; try ss -nltu; try ls -d /container/etc
  try perl -MSocket -e 1; try id -u; try mount; try find /container -maxdepth 1; try openssl version
  try getent services http; try sh -c ': > /dev/null'; try df /container`;
const traces = `strace -qq -o /dev/null -p PID &
  until grep -q 'TracerPid:.[1-9]' /proc/PID/status; do sleep 0.02; done; kill $!; { wait $!; } 2>/dev/null; true`;

const kinds: [string, string[], image?: string][] = [
  ['as it is', []],
  ['read-only', ['--read-only']],
  ['with --net=host', ['--net=host']],
  ['with --pid=host', ['--pid=host']],
  ['with --cap-drop=ALL', ['--cap-drop=ALL']],
  ['of one static program', [], 'distroless:1'],
];

for (const [name, program, startEngine] of [
  ['Docker', 'dockerd', startDocker],
  ['Podman', 'podman', startPodman],
  ['rootless Podman', 'podman', () => startPodman({ rootless: true })],
] as const) {
  const isRootless = name.includes('rootless');
  const without = missing(program, ...(isRootless ? ['newuidmap'] : []));
  describe.skipIf(without)(`${name} [${without || 'installed'}]`, () => {
    let engine: Docker | Podman;
    beforeAll(async () => {
      engine = await startEngine();
    }, seconds(180));
    afterAll(() => engine?.stop(), seconds(60));
    const run = async (options: string[], image = 'busybox:1') => {
      const id = (await engine.start(...options, image)).trim();
      return { id, pid: (await engine.inspect(id)).State.Pid as number };
    };

    test.each(kinds)('a container %s', async (kind, options, image) => {
      const { pid } = await run(options, image);
      const inside = kind.includes('--pid') ? pid : 1;
      const line = (hasProgram('strace') ? `${tools}\n${traces}` : tools).replaceAll(
        'PID',
        `${inside}`,
      );
      const { stdout, stderr, code } = await debug(pid, line);
      expect({ stdout, stderr, code }).toEqual({ stdout: '', stderr: '', code: 0 });
    });

    const writes = 'no setting of the machine can be written [needs perl]';
    test.skipIf(!hasProgram('perl'))(writes, async () => {
      const { pid } = await run([]);
      const paths = settings.map(name => `/${name}`);
      const child = spawn('perl', ['-e', opener, ...paths], { target: pid, tools: true });
      const { stdout } = await outcome(child);
      const [count, open] = stdout.split('\n');
      expect(Number(count)).toBeGreaterThan(100);
      expect(open).toBe('');
    });

    if (isRootless) {
      test('by its owner', async () => {
        const { pid } = await run([]);
        const { uid } = engine as Podman;
        const line = `${tools}\ntouch /usr/x 2>&1`.replaceAll('PID', '1');
        expect(await debug(pid, line, uid)).toMatchObject({
          stdout: expect.stringMatching(/^touch: .*Read-only file system\n$/),
          stderr: '',
        });
      });
      return;
    }

    test.each([
      ['with its processes', []],
      ['with its cgroup', ['--pid=host']],
    ])('one that is removed meanwhile: what runs there ends %s', async (_, options) => {
      const { id, pid } = await run(options);
      const child = start(process.execPath, [main, 'debug', `${pid}`, 'sh', '-c', 'echo; cat']);
      const end = outcome(child);
      await once(child.stdout, 'data');
      if ('docker' in engine) await engine.docker('rm', '--force', id);
      else await engine.podman('rm', '--force', '--time=0', id);
      const { stdout, stderr, code } = await end;
      expect([stdout, stderr]).toEqual(['\n', '']);
      expect([137, 143]).toContain(code);
      expect(await debug(pid, 'true')).toMatchObject({
        stderr: `linux-namespaces: there is no process ${pid}\n`,
        code: 125,
      });
    });

    test('a paused one', async () => {
      const { id, pid } = await run([]);
      const engineOf = 'docker' in engine ? engine.docker : engine.podman;
      await engineOf('pause', id);
      try {
        expect(await debug(pid, 'ls -d /container/bin; ps -p 1 -o stat=')).toMatchObject({
          stdout: expect.stringMatching(/^\/container\/bin\n\w/),
          code: 0,
        });
      } finally {
        await engineOf('unpause', id);
      }
    });
  });
}

for (const [name, startRuntime] of [
  ['runc', startRunc],
  ['crun', startCrun],
] as const) {
  const without = missing(name);
  test.skipIf(without)(
    `${name}: a container without /sys, devices and capabilities of the usual [${without || 'installed'}]`,
    { timeout: seconds(180) },
    async () => {
      await using runtime = await startRuntime();
      for (const image of ['busybox', 'distroless'] as const) {
        const pid = await runtime.start(image, { image });
        const end = await debug(pid, tools.replaceAll('PID', '1'));
        expect(end).toEqual({ stdout: '', stderr: '', code: 0, signal: null });
      }
    },
  );
}

const withoutContainerd = missing('containerd', 'ctr');
test.skipIf(withoutContainerd)(
  `a container of ctr, and pods of Kubernetes [${withoutContainerd || 'installed'}]`,
  { timeout: seconds(180) },
  async () => {
    await using containerd = await startContainerd();
    await containerd.ctr('run', '-d', images.distroless, 'plain');
    const pid = Number(/^plain\s+(\d+)/m.exec(await containerd.ctr('task', 'ls'))?.[1]);
    const works = { stdout: '', stderr: '', code: 0, signal: null };
    expect(await debug(pid, tools.replaceAll('PID', '1'))).toEqual(works);

    const pod = await runPod(containerd, { namespace: 'shop', name: 'web', uid: 'one' });
    const app = await pod.run('app', ['sleep', '1000000']);
    const { info } = await app.status();
    for (const inPod of [info.pid, pod.pid]) {
      const line = hasProgram('strace') ? `${tools}\n${traces}` : tools;
      expect(await debug(inPod, line.replaceAll('PID', '1'))).toEqual(works);
    }
    // The network is the pod's, the processes are the container's.
    const { stdout } = await debug(
      info.pid,
      'ps -p 1 -o args=; ip -br -4 addr show eth0; hostname',
    );
    expect(stdout).toMatch(/^sleep 1000000\neth0\S* +UP +10\.77\.0\.\d+\/24 *\nweb-host\n$/);
  },
);
