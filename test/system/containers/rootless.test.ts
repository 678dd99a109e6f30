// Engines of a user: rootless Docker, and Podman without a session, seen by root and by their owner.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Containers, findContainer, listContainers, spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addUser, imageArchive, Machine, missing, user } from '../../engines/index.ts';
import { rejectionOf } from '../shared/support.ts';
import { named } from './support.ts';

const contrib = '/usr/share/docker.io/contrib';
const tools = '/usr/sbin:/usr/bin:/sbin:/bin';
const as = ['--reuid', `${user.uid}`, '--regid', `${user.uid}`, '--clear-groups'];
const withoutDocker = missing('dockerd', 'rootlesskit', 'slirp4netns', 'newuidmap');
const withoutPodman = missing('podman', 'crun', 'newuidmap', 'fuse-overlayfs');

type Env = Readonly<Record<string, string>>;

/** What that user sees: name, state, pid and owner of each. */
async function seenByUser(machine: Machine, env: Env) {
  const source = `import { listContainers } from 'linux-namespaces';
    const all = await listContainers();
    const theirs = all.filter(({ owner }) => owner === ${user.uid});
    console.log(JSON.stringify(theirs.map(({ engine, name, state, pid }) => [engine, name, state, pid])));`;
  const node = [process.execPath, '--input-type=module', '-e', source];
  const here = ['sh', '-c', `cd ${process.cwd()} && exec "$@"`, 'sh'];
  return JSON.parse(await machine.run('setpriv', [...as, ...here, ...node], env));
}

describe.skipIf(withoutDocker)(`rootless Docker [${withoutDocker || 'installed'}]`, () => {
  let machine: Machine;
  let env: Env;
  const docker = (...args: string[]) => machine.run('setpriv', [...as, 'docker', ...args], env);
  beforeAll(async () => {
    machine = await Machine.start({ cgroups: 2 });
    const session = await addUser(machine);
    env = {
      ...session,
      PATH: `${contrib}:${tools}`,
      DOCKER_HOST: `unix://${session.XDG_RUNTIME_DIR}/docker.sock`,
    };
    const flags = ['--storage-driver=vfs', '--iptables=false', '--bridge=none'];
    await machine.start('setpriv', [...as, 'dockerd-rootless.sh', ...flags], env);
    await machine.until('setpriv', 'setpriv', [...as, 'docker', 'version'], env);
    await docker('load', '-q', '-i', imageArchive(machine.folder, 'busybox', 'busybox:1'));
    await docker('run', '-d', '--name', 'web', '--net=host', '-e', 'A=b', 'busybox:1');
    await docker('create', '--name', 'created', 'busybox:1');
  }, 120_000);
  afterAll(() => machine?.stop());

  const list = (): Promise<Containers> => listContainers({ root: machine.root });
  const inspect = async (name: string) => JSON.parse(await docker('inspect', name))[0];

  test('by root: as docker inspect has it, and owned by that user', async () => {
    const containers = await list();
    expect(containers.problems).toEqual([]);
    const inspected = await inspect('web');
    expect(named(containers, 'web')).toMatchObject({
      engine: 'docker',
      id: inspected.Id,
      state: 'running',
      pid: inspected.State.Pid,
      owner: user.uid,
      image: 'busybox:1',
      runtime: 'runc',
      env: { A: 'b' },
      logPath: machine.root + inspected.LogPath,
      bundle: expect.stringContaining(`${machine.root}/run/user/${user.uid}/docker/containerd`),
    });
    expect(named(containers, 'created')).toMatchObject({ state: 'created', owner: user.uid });
    const engines = named(containers, 'web').knownAs.map(({ engine }) => engine);
    expect(engines).toEqual(['docker', 'containerd', 'runc']);
  });

  test('it is meant with the uid alone, and is a target', async () => {
    const { message, code } = await rejectionOf(findContainer('web', { root: machine.root }));
    expect(code).toBe('ENOENT');
    expect(message).toContain(`${user.uid}:docker:web`);
    const target = await findContainer(`${user.uid}:web`, { root: machine.root });
    const child = spawn('/bin/busybox', ['env'], { target, env: { C: 'd' } });
    let output = '';
    for await (const part of child.stdout) output += part;
    expect(output).toBe('C=d\n');
  });

  test('by its owner, who has it by its name', async () => {
    const { State: state } = await inspect('web');
    const seen = await seenByUser(machine, env);
    expect(seen).toContainEqual(['docker', 'web', 'running', state.Pid]);
    expect(seen).toHaveLength(2);
  });
});

describe.skipIf(withoutPodman).each(['with', 'without'])(
  `Podman of a user, %s a session [${withoutPodman || 'installed'}]`,
  word => {
    let machine: Machine;
    let env: Env;
    const names = ['job', 'once'];
    const podman = (...args: string[]) => machine.run('setpriv', [...as, 'podman', ...args], env);
    beforeAll(async () => {
      machine = await Machine.start();
      const { XDG_RUNTIME_DIR = '', ...user } = await addUser(machine);
      const session = word === 'with' ? { XDG_RUNTIME_DIR } : {};
      if (word === 'without') rmSync(join(machine.root, XDG_RUNTIME_DIR), { recursive: true });
      env = { ...user, ...session, CONTAINERS_CONF: '/opt/containers.conf' };
      const settings = '[containers]\\ndefault_ulimits=["nofile=1024:1024","nproc=1024:1024"]';
      const engine = '[engine]\\ncgroup_manager="cgroupfs"\\nevents_logger="file"\\nruntime="crun"';
      await machine.run('sh', ['-c', `printf '${settings}\\n${engine}\\n' >/opt/containers.conf`]);
      await podman('load', '-q', '-i', imageArchive(machine.folder, 'busybox', 'busybox:1'));
      await podman('run', '-d', '--name', 'job', 'busybox:1');
      await podman('run', '-d', '--rm', '--name', 'once', 'busybox:1');
    }, 120_000);
    afterAll(async () => {
      await machine?.stop();
      // Podman has it in the /tmp of everybody.
      for (const name of ['podman-run', 'storage-run', 'containers-user']) {
        rmSync(`/tmp/${name}-${user.uid}`, { recursive: true, force: true });
      }
    });

    test('runs, by root and by its owner, also what goes with its end (--rm)', async () => {
      const containers = await listContainers({ root: machine.root });
      const seen = [];
      for (const name of names) {
        const [inspected] = JSON.parse(await podman('container', 'inspect', name));
        expect(named(containers, name)).toMatchObject({
          engine: 'podman',
          id: inspected.Id,
          state: 'running',
          pid: inspected.State.Pid,
          image: inspected.ImageName,
          owner: user.uid,
        });
        seen.push(['podman', name, 'running', inspected.State.Pid]);
      }
      expect((await seenByUser(machine, env)).sort()).toEqual(seen);
    });
  },
);
