import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  images,
  Machine,
  missing,
  startContainerd,
  startCrun,
  startDocker,
  startPodman,
  startRunc,
} from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { read, until } from '../shared/support.ts';

const absent = missing('dockerd', 'containerd', 'runc', 'crun', 'podman', 'iptables', 'newuidmap');

/** What engines change on a machine that they run on. */
function traces(): unknown {
  return {
    links: execFileSync('ip', ['-br', 'link'], { encoding: 'utf8' }),
    run: readdirSync('/run'),
    state: ['/var/lib/docker', '/var/lib/containerd', '/etc/cni/net.d'].map(entries),
    users: readFileSync('/etc/passwd', 'utf8') + readFileSync('/etc/subuid', 'utf8'),
  };
}

function entries(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** What is left of one machine. */
function remains(machine: Machine): string[] {
  const name = basename(machine.folder);
  const where = ['/sys/fs/cgroup', '/tmp', '-maxdepth', '2'];
  const folders = execFileSync('find', [...where, '-name', `${name}*`]);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return [...String(folders).split('\n').filter(Boolean), ...mounts.filter(m => m.includes(name))];
}

const isGone = (pid: number) => !existsSync(`/proc/${pid}`);

describe.skipIf(absent)(`engines for tests [${absent || 'installed'}]`, () => {
  let machine: Machine | undefined;
  afterEach(() => machine?.stop());

  test('all of them run, and leave the machine as it was', { timeout: seconds(180) }, async () => {
    const before = traces();
    const docker = await startDocker({ flags: ['--userns-remap=default'] });
    machine = docker.machine;
    await docker.start('--name', 'paused', 'busybox:1');
    await docker.docker('pause', 'paused');
    const pids = [docker.pid, (await docker.inspect('paused')).State.Pid];
    const containerd = await startContainerd({ machine });
    await containerd.ctr('run', '-d', images.busybox, 'one', 'sleep', '1000000');
    pids.push(await (await startRunc({ machine })).start('two'));
    pids.push(await (await startCrun({ machine })).start('three', { image: 'distroless' }));
    for (const rootless of [false, true]) {
      const podman = await startPodman({ machine, rootless });
      await podman.start('--name', 'four', 'busybox:1');
      pids.push((await podman.inspect('four')).State.Pid);
    }
    expect(pids).toHaveLength(6);
    for (const pid of pids) expect(read(`/proc/${pid}/comm`), `${pid}`).toBeTruthy();
    await machine.stop();
    expect(pids.filter(pid => !isGone(pid))).toEqual([]);
    expect(remains(machine)).toEqual([]);
    expect(traces()).toEqual(before);
  });

  test('and what is in one ends with the test, however that ends', async () => {
    machine = await Machine.start();
    const parent = `
      const child = require('child_process').spawn(process.argv[1], { stdio: ['pipe', 1, 2] });
      child.stdin.write('(setsid sleep 1000000 & echo $!)\\n');
      setInterval(() => {}, 1000);`;
    const node = spawn(process.execPath, ['-e', parent, join(machine.folder, 'keeper')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(node.stdout, 'data');
    const pid = Number(line);
    expect(isGone(pid)).toBe(false);
    node.kill('SIGKILL');
    await until('the end of what was left behind', () => isGone(pid));
  });
});
