// Machines of systemd-nspawn, registered by a systemd-machined of the test's own, without systemd as pid 1.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findContainer, listContainers, spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rootFolder } from '../../engines/images.ts';
import { Machine, missing } from '../../engines/index.ts';
import { startTimeOf } from './state-root.ts';
import { apart, expectNamespaces, named } from './support.ts';

const absent = missing('systemd-nspawn', 'machinectl', 'dbus-daemon');

describe.skipIf(absent)(`systemd-nspawn [${absent || 'installed'}]`, () => {
  let machine: Machine;
  const inCgroup = (cgroup: string, command: string) => [
    '-c',
    `mkdir -p /sys/fs/cgroup/${cgroup} && echo $$ >/sys/fs/cgroup/${cgroup}/cgroup.procs && exec ${command}`,
  ];
  beforeAll(async () => {
    machine = await Machine.start({ cgroups: 2 });
    for (const folder of ['dbus', 'systemd/system']) {
      mkdirSync(`${machine.root}/run/${folder}`, { recursive: true });
    }
    await machine.start('dbus-daemon', ['--system', '--nofork', '--nopidfile']);
    await machine.until('dbus-daemon', 'test', ['-S', '/run/dbus/system_bus_socket']);
    await machine.start('/lib/systemd/systemd-machined', []);
    await machine.until('dbus-daemon', 'machinectl', ['list']);
    for (const name of ['web', 'private']) {
      const rootfs = join(machine.folder, `machine-${name}`);
      execFileSync('cp', ['-a', rootFolder(machine.folder, 'busybox'), rootfs]);
      mkdirSync(`${rootfs}/usr`);
      const options = `--keep-unit --console=pipe --directory=${rootfs} --machine=${name}`;
      const more = name === 'private' ? '--private-network --private-users=pick' : '';
      const line = `systemd-nspawn ${options} ${more} sleep 1000000`;
      await machine.start('sh', inCgroup(`${name}.service`, line));
      await machine.until('sh', 'machinectl', ['show', name]);
    }
  }, 60_000);
  afterAll(() => machine?.stop());

  const show = async (name: string) => {
    const lines = (await machine.run('machinectl', ['show', name])).split('\n');
    return Object.fromEntries(lines.map(line => line.split(/=(.*)/s)));
  };

  test.each(['web', 'private'])('%s is as machinectl has it', async name => {
    const containers = await listContainers({ root: machine.root });
    expect(containers.problems).toEqual([]);
    const container = named(containers, name);
    const { Name, Leader, RootDirectory, State } = await show(name);
    expect(container).toMatchObject({
      engine: 'nspawn',
      id: Name,
      pid: Number(Leader),
      state: State,
      owner: 0,
      rootfs: machine.root + RootDirectory,
      startTime: startTimeOf(Number(Leader)),
    });
    expect(container.cgroup).toMatch(`/${name}.service/`);
    expectNamespaces(container, machine);
    expect(apart(container)).toEqual(expect.arrayContaining(['mnt', 'pid', 'uts', 'ipc']));
    expect(apart(container).includes('net')).toBe(name === 'private');
    expect(apart(container).includes('user')).toBe(name === 'private');
  });

  test('is a target by its name', async () => {
    const target = await findContainer('web', { root: machine.root });
    const child = spawn('/bin/hostname', [], { target });
    let output = '';
    for await (const part of child.stdout) output += part;
    expect(output).toBe('web\n');
  });
});
