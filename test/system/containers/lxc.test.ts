import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { execFile, findContainer, listContainers } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rootFolder } from '../../engines/images.ts';
import { isNewer, Machine, missing } from '../../engines/index.ts';
import { read } from '../shared/support.ts';
import { apart, expectNamespaces, named } from './support.ts';

const absent = missing('lxc-start', 'lxc-info');

describe.skipIf(absent)(`LXC [${absent || 'installed'}]`, () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.start({ cgroups: isNewer ? 2 : 1 }); // LXC 7 knows no other
    for (const name of ['web', 'web2', 'stopped']) {
      mkdirSync(`${machine.root}/var/lib/lxc/${name}`);
      writeFileSync(
        `${machine.root}/var/lib/lxc/${name}/config`,
        `# the root of all of them
lxc.rootfs.path = dir:${rootFolder(machine.folder, 'busybox')}
lxc.uts.name = ${name}-host
lxc.init.cmd = /bin/sleep 1000000
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.environment = A=b
lxc.mount.entry = /opt mnt none bind,ro,create=dir 0 0
`,
      );
    }
    for (const name of ['web', 'web2']) await machine.run('lxc-start', ['-n', name]);
  }, 60_000);
  afterAll(() => machine?.stop());

  const list = () => listContainers({ root: machine.root });
  const pidOf = async (name: string) => Number(await machine.run('lxc-info', ['-n', name, '-pH']));

  test.each(['web', 'web2'])('%s is as lxc-info has it', async name => {
    const containers = await list();
    expect(containers.problems).toEqual([]);
    const container = named(containers, name);
    expect(container).toMatchObject({
      engine: 'lxc',
      id: name,
      state: 'running',
      pid: await pidOf(name),
      hostname: `${name}-host`,
      rootfs: `${machine.root}${rootFolder(machine.folder, 'busybox')}`,
      env: { A: 'b' },
      mounts: [{ source: `${machine.root}/opt`, destination: '/mnt', rw: false }],
      runtime: undefined,
    });
    expect(container.cgroup).toMatch(new RegExp(`/lxc\\.payload\\.${name}$`));
    expectNamespaces(container, machine);
    expect(apart(container)).toEqual(expect.arrayContaining(['mnt', 'net', 'pid', 'uts']));
  });

  test('one that has been stopped has exited, and is found by its name', async () => {
    const container = await findContainer('lxc:stopped', { root: machine.root });
    expect(container).toMatchObject({ state: 'exited', pid: undefined });
  });

  test('is a target', async () => {
    const target = await findContainer('web', { root: machine.root });
    const { stdout } = await new Promise<{ stdout: string }>((resolve, reject) =>
      execFile('/bin/hostname', { target, namespaces: ['uts'] }, (error, out) =>
        error ? reject(error) : resolve({ stdout: `${out}` }),
      ),
    );
    expect(stdout).toBe('web-host\n');
  });

  test('frozen, it is paused', async () => {
    await machine.run('lxc-freeze', ['-n', 'web2']);
    try {
      expect(named(await list(), 'web2').state).toBe('paused');
    } finally {
      await machine.run('lxc-unfreeze', ['-n', 'web2']);
    }
    expect(named(await list(), 'web2').state).toBe('running');
  });

  test('a process with the title of a monitor, and a child, claims nothing', async () => {
    const title = '[lxc monitor] /var/lib/lxc stopped';
    const program = `fork or exec 'sleep', '1000000'; $0 = '${title}'; $| = 1; print 'x'; sleep`;
    const child = nodeSpawn('perl', ['-e', program], { detached: true });
    try {
      await once(child.stdout, 'data');
      expect(read(`/proc/${child.pid}/cmdline`)).toContain(title);
      expect(named(await list(), 'stopped')).toMatchObject({ state: 'exited', pid: undefined });
    } finally {
      process.kill(-(child.pid as number), 'SIGKILL');
      await once(child, 'close');
    }
  });
});
