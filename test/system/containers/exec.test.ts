// `linux-namespaces exec` beside docker exec, in Docker's own containers: the same user, environment and directory. And
// what is another thing with Podman.
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Docker,
  missing,
  type Podman,
  startDocker,
  startPodman,
} from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const absent = missing('docker');

describe.skipIf(absent)(`Docker [${absent || 'installed'}]`, () => {
  let docker: Docker;
  beforeAll(async () => {
    docker = await startDocker();
    const options = ['--name', 'web', '-e', 'A=b c', '-w', '/tmp', '-u', '1:2', '--ulimit'];
    const groups = ['--group-add', '7', '--group-add', '1234'];
    await docker.start(...options, 'nofile=300:400', ...groups, 'busybox:1', 'sleep', '1000');
    for (const network of ['host', 'container:web']) {
      const name = network.slice(0, 4);
      await docker.start('--name', name, '--network', network, 'busybox:1', 'sleep', '1000');
    }
    for (const name of ['stopped', 'paused']) await docker.start('--name', name, 'busybox:1');
    await docker.docker('kill', 'stopped');
    await docker.docker('pause', 'paused');
  });
  afterAll(() => docker?.stop());

  test.each([
    [[], ['sh', '-c', 'id; pwd; env | sort; grep Cap /proc/self/status']],
    [
      ['-u', '0'],
      ['sh', '-c', 'id; echo $HOME; grep Cap /proc/self/status'],
    ],
    [
      ['-u', '33:44', '-w', '/etc', '-e', 'A=x'],
      ['sh', '-c', 'id -u; id -g; pwd; echo $A'],
    ],
    [
      ['-u=33', '-w=/etc', '-e=A=x=y'],
      ['sh', '-c', 'id; pwd; echo $A'],
    ],
    [[], ['sh', '-c', 'cat /proc/self/cgroup']],
    [
      ['-u', '', '-w', '', '-e', 'B='],
      ['sh', '-c', 'id; pwd; env | grep B='],
    ],
    [['-t'], ['sh', '-c', 'tty | cut -c1-9; echo $TERM; ls -l $(tty) | cut -c1-30']],
  ])('%j %j as docker exec', async (options, program) => {
    const theirs = await docker.try('exec', ...options, 'web', ...program);
    const words = [main, 'exec', ...options, 'web', ...program];
    const ours = await docker.machine.try(process.execPath, words);
    expect([ours.stdout, ours.code]).toEqual([theirs.stdout, theirs.code]);
  });

  test.each(['host', 'cont'])('HOSTNAME in a network that is not its own: %s', async name => {
    const theirs = await docker.docker('exec', name, 'env');
    const words = [main, 'exec', name, 'env'];
    const { stdout } = await docker.machine.try(process.execPath, words);
    expect(theirs).toContain('HOSTNAME=');
    expect(stdout.trim().split('\n').sort()).toEqual(theirs.split('\n').sort());
  });

  // docker exec gives 400 now and then: its Go raises the soft limit while runc sets it.
  test('limits of the container', async () => {
    const words = [main, 'exec', 'web', 'sh', '-c', 'ulimit -Sn; ulimit -Hn'];
    expect((await docker.machine.try(process.execPath, words)).stdout).toBe('300\n400\n');
  });

  // Where no program has run, docker's code depends on its version, on -t and -d: 1, 125, 126 or 127.
  test.each<[string[], number]>([
    [['web', 'true'], 0],
    [['web', 'sh', '-c', 'exit 3'], 3],
    [['-t', 'web', 'sh', '-c', 'exit 125'], 125],
    [['web', 'sh', '-c', 'kill -KILL $$'], 137],
    [['-t', 'web', 'sh', '-c', 'kill -TERM $$'], 143],
    [['-d', 'web', 'sh', '-c', 'exit 4'], 0],
    [['web', '/etc'], 126],
    [['-t', 'web', '/etc/passwd'], 126],
    [['web', '/etc/passwd/x'], 126],
    [['web', 'no-such'], 127],
    [['-d', 'web', 'no-such'], 127],
    [['-t', 'web', '/no/such'], 127],
    [['web', ''], 127],
    [['--no-such', 'web', 'true'], 125],
    [['-e', '', 'web', 'true'], 125],
    [['-e', '=x', 'web', 'true'], 125],
    [['--env-file', '/no/such', 'web', 'true'], 125],
    [['-u', 'no-such', 'web', 'true'], 125],
    [['-u', '0:no-such', 'web', 'true'], 125],
    [['-u', '-1', 'web', 'true'], 125],
    [['-u', '99999999999', 'web', 'true'], 125],
    [['-w', '/no/such', 'web', 'true'], 125],
    [['-t', '-w', '/etc/passwd', 'web', 'true'], 125],
    [['-d', '-w', '/no/such', 'web', 'true'], 125],
    [['-it', 'web', 'true'], 125],
    [['no-such', 'true'], 125],
    [['stopped', 'true'], 125],
    [['paused', 'true'], 125],
    [[], 125],
  ])('exec %j ends with %i, as docker exec or where that fails', async (args, code) => {
    const theirs = await docker.try('exec', ...args);
    const ours = await docker.machine.try(main, ['exec', ...args]);
    const noneHasRun = ours.stderr !== '';
    expect({ ours: ours.code, theirs: theirs.code === 0 }).toEqual({
      ours: code,
      theirs: code === 0,
    });
    if (!noneHasRun) expect(theirs.code).toBe(code);
  });

  describe('while one is in it', () => {
    const inside = async (...options: string[]) => {
      await docker.try('rm', '-f', 'other');
      await docker.start('--name', 'other', 'busybox:1');
      const script = 'echo in; while read -r line; do echo "had $line"; done';
      const words = [main, 'exec', '-i', ...options, 'other', 'sh', '-c', script];
      const child = spawn('sh', ['-c', '"$0" "$@" 2>&1', process.execPath, ...words], {
        target: docker.machine.pid,
        namespaces: ['mnt', 'net'],
        ...(options.includes('-t') ? { terminal: true } : {}),
      } as { terminal: true });
      const { terminal, stdin, stdout } = child as Partial<typeof child>;
      const [input, output] = [terminal ?? stdin, terminal ?? stdout] as [Writable, Readable];
      let text = '';
      output.on('data', bytes => {
        text += bytes;
      });
      const until = (wanted: RegExp) =>
        vi.waitUntil(() => wanted.test(text), { timeout: seconds(30) });
      await until(/^in/m);
      return { until, input, ended: once(child, 'close') };
    };

    test.each([[[]], [['-t']]])('%j: it is paused and resumed', async options => {
      const { until, input, ended } = await inside(...options);
      await docker.docker('pause', 'other');
      input.write('one\n');
      await docker.docker('unpause', 'other');
      await until(/^had one/m);
      input.write(options.length > 0 ? '\x04' : '');
      if (options.length === 0) input.end();
      expect(await ended).toEqual([0, null]);
    });

    test.each([
      [['kill', 'other'], []],
      [['kill', 'other'], ['-t']],
      [['restart', '-t', '0', 'other'], []],
      [['restart', '-t', '0', 'other'], ['-t']],
      [['rm', '-f', 'other'], []],
      [['rm', '-f', 'other'], ['-t']],
    ])('docker %j: exec %j ends as with docker exec', async (act, options) => {
      const { ended } = await inside(...options);
      const script = ': >/theirs; exec sleep 1000';
      const theirs = docker.try('exec', 'other', 'sh', '-c', script);
      const isThere = async () =>
        (await docker.try('exec', 'other', 'test', '-e', '/theirs')).code === 0;
      await vi.waitUntil(isThere, { timeout: seconds(30) });
      await docker.docker(...act);
      const { code } = await theirs;
      expect([await ended, code]).toEqual([[code, null], 137]);
      const again = await docker.machine.try(main, ['exec', 'other', 'echo', 'again']);
      const isBack = act[0] === 'restart';
      expect([again.code, again.stdout]).toEqual(isBack ? [0, 'again\n'] : [125, '']);
    });
  });
});

const absentPodman = missing('podman', 'crun');

describe.skipIf(absentPodman)(`Podman [${absentPodman || 'installed'}]`, () => {
  let podman: Podman;
  beforeAll(async () => {
    podman = await startPodman();
    for (const [name, ...options] of [['plain'], ['home', '-e', 'HOME=/mine']] as const) {
      await podman.start('--name', name, ...options, 'busybox:1');
      const line = 'echo "op:x:77:77::/home/op:/bin/sh" >>/etc/passwd';
      await podman.podman('exec', name, 'sh', '-c', line);
    }
  }, 180_000);
  afterAll(() => podman?.stop());

  test.each([
    ['plain', []],
    ['plain', ['-u', 'op']],
    ['plain', ['-u', 'op', '-e', 'HOME=/here']],
    ['home', ['-u', 'op']],
  ])('HOME in %s with %j as podman exec', async (name, options) => {
    const line = [...options, name, 'sh', '-c', 'echo $HOME'];
    const theirs = await podman.podman('exec', ...line);
    const ours = await podman.machine.run(process.execPath, [main, 'exec', ...line]);
    expect(ours).toBe(theirs);
  });
});
