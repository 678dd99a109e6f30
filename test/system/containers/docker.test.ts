import { readdirSync } from 'node:fs';
import os from 'node:os';
import {
  type Container,
  type Containers,
  findContainer,
  listContainers,
  spawn,
  withNamespaces,
} from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Docker,
  hasContainerdStore,
  type Machine,
  missing,
  startDocker,
} from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { read, until } from '../shared/support.ts';
import { startTimeOf } from './state-root.ts';
import { apart, expectNamespaces, inodeOf, named, time } from './support.ts';

const absent = missing('dockerd', 'runc', 'iptables', 'newuidmap');
const list = ({ root }: Machine): Promise<Containers> => listContainers({ root });

/** With containerd's store, `docker inspect` does not say. */
// biome-ignore lint/suspicious/noExplicitAny: what the engine prints
function rootfsOf({ GraphDriver, Driver, Id }: any, dataRoot: string): string {
  return hasContainerdStore ? `${dataRoot}/rootfs/${Driver}/${Id}` : GraphDriver.Data.MergedDir;
}

describe.skipIf(absent)(`Docker [${absent || 'installed'}]`, () => {
  let docker: Docker;
  let machine: Machine;
  beforeAll(async () => {
    docker = await startDocker();
    machine = docker.machine;
    const start = (name: string, ...args: string[]) =>
      docker.start('--name', name, ...args, 'busybox:1');
    const given = [
      '-e',
      'A=b',
      '-p',
      '127.0.0.1:18080:80',
      '-v',
      'volume:/data',
      '-v',
      '/opt:/host:ro',
    ];
    const labels = ['--label', 'role=web', '--label', 'empty='];
    given.push('--user', '1000:1000', '--workdir', '/www');
    await start('web', '--hostname', 'web-host', ...labels, ...given);
    await Promise.all([
      start('network-of-host', '--net=host', '--rm'),
      start('pid-of-web', '--pid=container:web'),
      start('cgroup-apart', '--cgroupns=private'),
      start('paused').then(() => docker.docker('pause', 'paused')),
      docker.start('--name', 'exited', 'busybox:1', 'true'),
      docker.start('--name', 'restarting', '--restart=always', 'distroless:1', '/httpd', '-?'),
      docker.docker('create', '--name', 'created', 'distroless:1'),
    ]);
    await docker.docker('wait', 'exited');
  }, 120_000);
  afterAll(() => docker?.stop());

  /** Once the engine does not change its mind about it. */
  async function both(name: string): Promise<[Container, Awaited<ReturnType<Docker['inspect']>>]> {
    for (let tries = 0; tries < 200; tries++) {
      const before = await docker.inspect(name);
      const container = named(await list(machine), name);
      const after = await docker.inspect(name);
      if (JSON.stringify(before.State) === JSON.stringify(after.State)) return [container, after];
    }
    throw new Error(`${name} does not stay as it is`);
  }

  test.each([
    'web',
    'network-of-host',
    'pid-of-web',
    'cgroup-apart',
    'paused',
    'exited',
    'restarting',
    'created',
  ])('%s is as docker inspect has it', async name => {
    const [container, inspected] = await both(name);
    const { State: state, Config: config } = inspected;
    expect(container).toMatchObject({
      engine: 'docker',
      id: inspected.Id,
      name: inspected.Name.slice(1),
      state: state.Status,
      image: config.Image,
      labels: config.Labels,
      hostname: config.Hostname,
      rootfs: machine.root + rootfsOf(inspected, '/var/lib/docker'),
      user: config.User || undefined,
      workingDir: config.WorkingDir || undefined,
      owner: 0,
      command: [inspected.Path, ...inspected.Args],
      env: Object.fromEntries(
        (config.Env as string[]).map(pair => [pair.split('=')[0], pair.replace(/^[^=]*=/, '')]),
      ),
      logPath: inspected.LogPath === '' ? undefined : machine.root + inspected.LogPath,
      mounts: expect.arrayContaining(
        inspected.Mounts.map((one: Record<string, string>) => ({
          type: one.Type,
          name: one.Name,
          source: machine.root + one.Source,
          destination: one.Destination,
          rw: one.RW,
        })),
      ),
    });
    expect(container.mounts).toHaveLength(inspected.Mounts.length);
    if (name === 'web') {
      expect(container.ports).toEqual([
        { ip: '127.0.0.1', privatePort: 80, publicPort: 18080, type: 'tcp' },
      ]);
      expect(container.mounts?.map(({ rw }) => rw).sort()).toEqual([false, true]);
    }
    expect(container.pid ?? 0).toBe(state.Pid);
    expect(container.created?.getTime()).toBe(time(inspected.Created));
    expect(container.started?.getTime()).toBe(time(state.StartedAt));
    if (container.pid === undefined) {
      expect(container.namespaces).toBe(undefined);
      expect(() => withNamespaces(container, ['net'], () => {})).toThrow(`it is ${state.Status}`);
    } else {
      expect(container.runtime).toBe(inspected.HostConfig.Runtime);
      expect(container.cgroup).toMatch(`/docker/${inspected.Id}`);
      expect(readdirSync(container.bundle ?? '')).toContain('config.json');
      expect(readdirSync(container.rootfs ?? '')).toContain('www');
      expect(inodeOf(container.rootfs)).toBe(inodeOf(`/proc/${container.pid}/root`));
      expect(container.startTime).toBe(startTimeOf(container.pid));
      expectNamespaces(container, machine);
    }
  });

  test('which namespaces are shared, and with whom', async () => {
    const containers = await list(machine);
    const of = (name: string) => named(containers, name);
    expect(apart(of('web'))).toEqual(['ipc', 'mnt', 'net', 'pid', 'uts']);
    expect(apart(of('network-of-host'))).toEqual(['ipc', 'mnt', 'pid', 'uts']);
    expect(apart(of('cgroup-apart'))).toEqual(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts']);
    expect(of('pid-of-web').namespaces?.pid).toEqual(of('web').namespaces?.pid);
    expect(of('pid-of-web').namespaces?.net).not.toEqual(of('web').namespaces?.net);
  });

  test('each is one, with what the engines below call it', async () => {
    const containers = await list(machine);
    expect(containers).toHaveLength(8);
    expect(containers.problems).toEqual([]);
    const { id, pid, knownAs } = named(containers, 'web');
    expect(knownAs).toEqual([
      { engine: 'docker', id },
      { engine: 'containerd', namespace: 'moby', id },
      { engine: 'runc', root: '/run/docker/runtime-runc/moby', id },
    ]);
    const socket = '/run/docker/containerd/containerd.sock';
    const tasks = await machine.run('ctr', ['-a', socket, '-n', 'moby', 'task', 'ls']);
    expect(tasks).toMatch(new RegExp(`^${id} +${pid} +RUNNING`, 'm'));
    const runc = await machine.run('runc', ['--root', knownAs[2]?.root ?? '', 'state', id]);
    expect(JSON.parse(runc)).toMatchObject({ id, pid, status: 'running' });
  });

  test('one found by its name is a target', async () => {
    const web = await findContainer('web', { root: machine.root });
    expect(withNamespaces(web, ['uts'], () => os.hostname())).toBe('web-host');
    const child = spawn('cat', ['/www/index.html'], { target: web });
    let output = '';
    for await (const part of child.stdout) output += part;
    expect(output).toBe('hello\n');
  });

  test('with its state elsewhere and its users mapped, by a daemon that is said where', {
    timeout: seconds(120),
  }, async () => {
    const elsewhere = { 'data-root': '/opt/other/data', 'exec-root': '/opt/other/exec' };
    const other = await startDocker({
      machine,
      socket: '/opt/other.sock',
      flags: [
        ...Object.entries(elsewhere).map(([name, path]) => `--${name}=${path}`),
        '--pidfile=/opt/other.pid',
        '--bridge=none',
        '--iptables=false',
        '--userns-remap=default',
      ],
    });
    await other.start('--name', 'mapped', 'busybox:1');
    const containers = await listContainers({
      root: machine.root,
      directories: { docker: elsewhere },
    });
    const mapped = named(containers, 'mapped');
    const inspected = await other.inspect('mapped');
    expect(mapped).toMatchObject({
      engine: 'docker',
      id: inspected.Id,
      pid: inspected.State.Pid,
      state: 'running',
    });
    const roots = readdirSync(`${machine.root}${elsewhere['data-root']}`);
    const ids = roots.find(name => /^\d+\.\d+$/.test(name));
    expect(mapped.rootfs).toBe(
      machine.root + rootfsOf(inspected, `${elsewhere['data-root']}/${ids}`),
    );
    expect(apart(mapped)).toContain('user');
    expect(mapped.knownAs.map(known => known.engine)).toEqual(['docker', 'containerd', 'runc']);
    // And by the daemon's own settings, that the caller has not to know.
    await machine.run('sh', ['-c', `echo '${JSON.stringify(elsewhere)}' >/etc/docker/daemon.json`]);
    expect(named(await list(machine), 'mapped').id).toBe(inspected.Id);
    await machine.run('rm', ['/etc/docker/daemon.json']);
  });

  test('from the socket, for a user who may use that alone', async () => {
    const source = `
      import { listContainers } from 'linux-namespaces';
      const show = containers => containers.map(({ name, state, pid, image, labels, namespaces }) => (
        { name, state, pid, image, labels, namespaces }));
      const all = await listContainers();
      console.log(JSON.stringify({ all: show(all), problems: all.problems }));`;
    const asUser = async (groups: string) => {
      const node = [process.execPath, '--input-type=module', '-e', source];
      const user = ['--reuid', '4321', '--regid', '4321', '--groups', groups];
      const here = ['sh', '-c', `cd ${process.cwd()} && exec "$@"`, 'sh'];
      return JSON.parse(await machine.run('setpriv', [...user, ...here, ...node]));
    };
    const group = (await machine.run('getent', ['group', 'docker'])).split(':')[2];
    const { all, problems } = await asUser(group ?? '');
    const web = await docker.inspect('web');
    expect(all).toHaveLength(8);
    expect(all).toContainEqual({
      name: 'web',
      state: 'running',
      pid: web.State.Pid,
      image: 'busybox:1',
      labels: { role: 'web', empty: '' },
    });
    const paths = (list: { target: string }[]) => list.map(problem => problem.target);
    expect(paths(problems)).not.toContain('/var/lib/docker');
    // And without it nothing, but for the reason.
    const none = await asUser('4321');
    expect(none.all).toEqual([]);
    expect(paths(none.problems)).toContain('/var/lib/docker');
    expect(none.problems[0].code).toBe('EACCES');
  });

  test('when the daemon hangs, as root, it makes no difference', async () => {
    process.kill(docker.pid, 'SIGSTOP');
    try {
      const containers = await list(machine);
      expect(containers.problems).toEqual([]);
      expect(named(containers, 'web').state).toBe('running');
    } finally {
      process.kill(docker.pid, 'SIGCONT');
    }
  });

  test('what a daemon that was killed left behind is not believed', async () => {
    const web = await docker.inspect('web');
    process.kill(docker.pid, 'SIGKILL');
    // The shim too: nobody is left who would write down the end.
    const shim = Number(/^PPid:\t(\d+)$/m.exec(read(`/proc/${web.State.Pid}/status`) ?? '')?.[1]);
    process.kill(shim, 'SIGKILL');
    process.kill(web.State.Pid, 'SIGKILL');
    await until('its end', () => read(`/proc/${web.State.Pid}/comm`) === undefined);
    const containers = await list(machine);
    expect(named(containers, 'web')).toMatchObject({ state: 'exited', pid: undefined });
    expect(named(containers, 'paused').state).toBe('paused');
    expect(named(containers, 'network-of-host').state).toBe('running');
  });
});
