import { renameSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { type Containers, findContainer, listContainers, spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Machine, missing, type Podman, startPodman } from '../../engines/index.ts';
import { rejectionOf } from '../shared/support.ts';
import { startTimeOf } from './state-root.ts';
import { apart, expectNamespaces, inodeOf, named, time } from './support.ts';

const absent = missing('podman', 'crun', 'runc', 'newuidmap', 'curl');

describe.skipIf(absent)(`Podman [${absent || 'installed'}]`, () => {
  let podman: Podman;
  let lodgers: Podman;
  let machine: Machine;
  let socket: string;
  beforeAll(async () => {
    podman = await startPodman();
    machine = podman.machine;
    const start = (name: string, ...args: string[]) =>
      podman.start('--name', name, ...args, 'busybox:1');
    const given = ['-e', 'A=b', '-v', 'volume:/data', '-v', '/opt:/host:ro'];
    await start('web', '--hostname', 'web-host', '--label', 'role=web', ...given);
    await podman.start('--rm', '--name', 'goes', '--net=host', 'busybox:1');
    // As a quadlet's unit starts it.
    const unit = ['--replace', '--rm', '--cgroups=no-conmon', '--sdnotify=conmon'];
    await start('systemd-unit', '--cidfile=/run/unit.cid', ...unit);
    await start('by-runc', '--runtime', 'runc', '--net=host', '--uts=host');
    await start('with-init', '--init', '--ipc=host');
    await start('over', '-v', '/opt:/over:O', '-v', 'below:/volume:O');
    await start('paused').then(() => podman.podman('pause', 'paused'));
    await podman.start('--name', 'exited', 'busybox:1', 'true');
    await podman.podman('wait', 'exited');
    const published = ['-p', '127.0.0.1:18090-18092:90-92'];
    await podman.podman('create', '--name', 'created', ...published, 'busybox:1');
    await podman.podman('pod', 'create', '--name', 'pod');
    await start('one', '--pod', 'pod');
    await start('two', '--pod', 'pod');
    lodgers = await startPodman({ machine, rootless: true });
    await lodgers.start('--name', 'web', '--label', 'role=guest', 'busybox:1');
    await lodgers.start('--name', 'rootless', 'distroless:1');
    socket = await podman.serve();
    await lodgers.serve();
  }, 180_000);
  afterAll(() => podman?.stop());

  const list = (options = {}): Promise<Containers> =>
    listContainers({ root: machine.root, timeout: 60_000, ...options });
  const own = (containers: Containers): Containers =>
    containers.filter(({ owner }) => owner === 0) as Containers;

  test('what --init and --ipc=host bring is no mount of the container’s', async () => {
    const [inspected] = JSON.parse(await podman.podman('inspect', 'with-init'));
    expect(inspected.Mounts).toEqual([]);
    expect(named(own(await list()), 'with-init').mounts).toEqual([]);
  });

  test('the directories below its overlays are mounts of it', async () => {
    const [inspected] = JSON.parse(await podman.podman('volume', 'inspect', 'below'));
    const mounts = named(own(await list()), 'over').mounts;
    const found = mounts?.map(({ source, destination, rw }) => [destination, source, rw]);
    expect(found?.sort()).toEqual([
      ['/over', `${machine.root}/opt`, true],
      ['/volume', machine.root + inspected.Mountpoint, true],
    ]);
  });

  test('a range of ports is each of them', async () => {
    const { ports } = named(own(await list()), 'created');
    const expected = [0, 1, 2].map(i => ({
      ip: '127.0.0.1',
      privatePort: 90 + i,
      publicPort: 18_090 + i,
      type: 'tcp',
    }));
    expect(ports).toEqual(expected);
  });

  test.each([
    'web',
    'goes',
    'systemd-unit',
    'by-runc',
    'over',
    'paused',
    'exited',
    'created',
    'one',
    'two',
  ])('%s is as podman inspect has it', async name => {
    const container = named(own(await list()), name);
    const inspected = await podman.inspect(name);
    const { State: state, Config: config } = inspected;
    expect(container).toMatchObject({
      engine: 'podman',
      id: inspected.Id,
      state: state.Status,
      image: inspected.ImageName,
      labels: config.Labels ?? {},
      owner: 0,
    });
    if (name !== 'created') {
      const program = config.Entrypoint ? [config.Entrypoint] : [];
      expect(container.command).toEqual([...program, ...(config.Cmd ?? [])]);
      expect(container.env).toMatchObject(
        Object.fromEntries(config.Env.map((pair: string) => pair.split('='))),
      );
      expect(container.mounts?.map(({ destination, rw }) => `${destination} ${rw}`).sort()).toEqual(
        inspected.Mounts.map(
          (one: { Destination: string; RW: boolean }) => `${one.Destination} ${one.RW}`,
        ).sort(),
      );
      const log = inspected.HostConfig.LogConfig;
      const path = log.Type === 'k8s-file' ? machine.root + log.Path : undefined;
      expect(container.logPath).toBe(path);
    }
    expect(container.pid ?? 0).toBe(state.Pid);
    expect(container.rootfs).toMatch(machine.root);
    expect(container.created?.getTime()).toBe(time(inspected.Created));
    // Its list has whole seconds.
    const started = time(state.StartedAt);
    expect(container.started?.getTime()).toBe(started && Math.floor(started / 1000) * 1000);
    if (container.pid === undefined) return;
    expect(container.rootfs).toBe(machine.root + inspected.GraphDriver.Data.MergedDir);
    expect(inodeOf(container.rootfs)).toBe(inodeOf(`/proc/${container.pid}/root`));
    expect(container.startTime).toBe(startTimeOf(container.pid));
    expect(container.runtime).toBe(inspected.OCIRuntime);
    expect(container.workingDir).toBe(config.WorkingDir);
    expect(container.cgroup).toBe(state.CgroupPath);
    expectNamespaces(container, machine);
    if (name === 'web') expect(container.hostname).toBe(config.Hostname);
  });

  test('the containers of a pod share its namespaces, and say which pod', async () => {
    const containers = own(await list());
    const [one, two] = [named(containers, 'one'), named(containers, 'two')];
    // Podman 5 prints a list.
    const [pod] = [JSON.parse(await podman.podman('pod', 'inspect', 'pod'))].flat();
    const expected = {
      name: 'pod',
      namespace: undefined,
      uid: pod.Id,
      sandbox: pod.InfraContainerID,
    };
    expect(one.pod).toEqual(expected);
    expect(two.pod).toEqual(expected);
    const sandbox = containers.find(({ id }) => id === one.pod?.sandbox);
    for (const type of ['net', 'ipc', 'uts'] as const) {
      expect(one.namespaces?.[type]).toEqual(sandbox?.namespaces?.[type]);
      expect(two.namespaces?.[type]).toEqual(sandbox?.namespaces?.[type]);
    }
    expect(one.namespaces?.mnt).not.toEqual(two.namespaces?.mnt);
    expect(named(containers, 'web').pod).toBe(undefined);
  });

  test('a user has containers of the same name; the name alone is not enough then', async () => {
    const containers = await list();
    expect(containers.problems).toEqual([]);
    const [theirs] = containers.filter(({ name, owner }) => name === 'web' && owner !== 0);
    const inspected = await lodgers.inspect('web');
    expect(theirs).toMatchObject({
      engine: 'podman',
      id: inspected.Id,
      pid: inspected.State.Pid,
      state: 'running',
      owner: lodgers.uid,
      image: 'localhost/busybox:1',
      labels: { role: 'guest' },
    });
    expect(theirs && apart(theirs)).toContain('user');
    expect(theirs?.knownAs[1]).toMatchObject({ engine: 'crun', root: '/run/user/4321/crun' });
    const find = (name: string) => findContainer(name, { root: machine.root });
    const id = (await podman.inspect('web')).Id;
    for (const name of ['web', 'podman:web', id, id.slice(0, 12)]) {
      expect(await find(name)).toMatchObject({ id, owner: 0 });
    }
    for (const name of ['web', 'podman:web', 'crun:web', inspected.Id, inspected.Id.slice(0, 12)]) {
      expect((await find(`${lodgers.uid}:${name}`)).id).toBe(inspected.Id);
    }
    // Without the uid not even by its id; the error says how.
    const error = await rejectionOf(find(inspected.Id));
    expect(error.code).toBe('ENOENT');
    expect(error.message).toContain(`${lodgers.uid}:podman:web`);
  });

  test('one without a shell, of a user without rights, is a target', async () => {
    const target = await findContainer(`${lodgers.uid}:rootless`, { root: machine.root });
    const args = ['-qO-', 'http://127.0.0.1:80/'];
    const child = spawn('busybox', ['wget', ...args], { target, namespaces: ['net'] });
    let output = '';
    for await (const part of child.stdout) output += part;
    expect(output).toBe('hello\n');
  });

  test('what a user writes of containers can claim no process of others', async () => {
    const containers = own(await list());
    const [victim, theirs] = [named(containers, 'web'), await lodgers.inspect('rootless')];
    const folder = `/run/user/${lodgers.uid}/crun/${theirs.Id}`;
    const status = `${folder}/status`;
    const text = await machine.run('cat', [status]);
    const forged = { ...JSON.parse(text), pid: victim.pid, 'process-start-time': victim.startTime };
    const write = (content: string) =>
      machine.run('sh', ['-c', `printf %s "$1" >${status}`, 'sh', content]);
    try {
      await write(JSON.stringify(forged));
      expect(named(await list(), 'rootless')).toMatchObject({ state: 'exited', pid: undefined });
      // Nor with the id of the other: that one stays as it was.
      await machine.run('cp', ['-r', folder, `/run/user/${lodgers.uid}/crun/${victim.id}`]);
      const again = named(own(await list()), 'web');
      expect(again).toMatchObject({ id: victim.id, pid: victim.pid, state: 'running' });
    } finally {
      await write(text);
      await machine.run('rm', ['-r', `/run/user/${lodgers.uid}/crun/${victim.id}`]);
    }
  });

  /** The list with another socket in the place of Podman's. */
  async function withSocket<T>(server: Server | undefined, look: () => Promise<T>): Promise<T> {
    const away = `${socket}-away`;
    renameSync(socket, away);
    try {
      if (server) await new Promise<void>(done => server.listen(socket, done));
      return await look();
    } finally {
      await new Promise(done => (server ? server.close(done) : done(undefined)));
      renameSync(away, socket);
    }
  }

  test('without a socket, all but the labels is there', async () => {
    const containers = await withSocket(undefined, () => list());
    expect(containers.problems).toEqual([]);
    const web = named(own(containers), 'web');
    expect(web).toMatchObject({
      state: 'running',
      labels: undefined,
      image: 'localhost/busybox:1',
    });
    expect(named(containers, 'exited').state).toBe('exited');
    expect(named(containers, 'created').state).toBe('created');
    expect(named(containers, 'paused').state).toBe('paused');
    const one = named(containers, 'one');
    const sandbox = containers.find(({ id }) => id === one.pod?.sandbox);
    expect(one.pod?.name).toBe(undefined);
    expect(sandbox?.name).toMatch(/-infra$/);
    // And the same where it is not to be asked.
    expect(named(own(await list({ timeout: 0 })), 'web').labels).toBe(undefined);
  });

  test('a socket that accepts and never answers is waited for as long as was said', async () => {
    const connections: unknown[] = [];
    const hung = createServer(connection => {
      connections.push(connection);
      connection.resume();
    });
    const containers = await withSocket(hung, () => list({ timeout: 300 }));
    expect(connections).toHaveLength(1);
    expect(named(own(containers), 'web')).toMatchObject({ state: 'running', labels: undefined });
    expect(named(own(containers), 'exited').image).toBe('localhost/busybox:1');
    const [problem] = containers.problems.filter(({ target }) => target === socket);
    expect(problem?.code).toBe('ETIMEDOUT');
    expect(problem?.message).toContain('within 300 ms');
  });

  test.each([
    ['no HTTP', 'good day\r\n\r\n'],
    ['an error', 'HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n'],
    ['no JSON', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[{"'],
    ['half of it', 'HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n[{"'],
  ])(
    'a socket that answers with %s costs no more than what it was asked for',
    async (_, answer) => {
      const server = createServer(connection =>
        connection.once('data', () => connection.end(answer)),
      );
      const containers = await withSocket(server, () => list());
      expect(named(own(containers), 'web')).toMatchObject({ state: 'running', labels: undefined });
      expect(containers.problems.map(({ target }) => target)).toEqual([socket]);
    },
  );

  test('a socket whose answer is of other types is believed in nothing', async () => {
    const id = (await podman.inspect('web')).Id;
    const rows = [{ Id: id, Labels: ['x'], State: { a: 1 }, Created: 5, StartedAt: 'x', Pod: 7 }];
    const body = JSON.stringify([...rows, null, 'x', { Id: '../../etc' }]);
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const server = createServer(connection =>
      connection.once('data', () => connection.end(answer)),
    );
    const containers = await withSocket(server, () => list());
    expect(named(own(containers), 'web')).toMatchObject({ id, state: 'running', labels: {} });
    expect(named(own(containers), 'web').created).toBeInstanceOf(Date);
  });
});
