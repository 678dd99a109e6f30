// State of engines as older versions write it, as Kubernetes has it written, or as an operator may have set it.
import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Container, findContainer, listContainers, withNamespaces } from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  read,
  rejectionOf,
  runScript,
  start,
  startTarget,
  type Target,
  until,
} from '../shared/support.ts';
import { crunStatus, hex, processOf, runcState, StateRoot } from './state-root.ts';

let state: StateRoot;
let target: Target;
beforeEach(async () => {
  state = new StateRoot();
  target = await startTarget('--mount', '--net');
});
afterEach(async () => {
  state[Symbol.dispose]();
  await target.kill();
});

const list = (options = {}) => listContainers({ root: state.root, ...options });
const find = (name: string) => findContainer(name, { root: state.root });
const storage = 'var/lib/containers/storage/overlay-containers';
const seen = ({ engine, name, state: is }: Container) => `${engine} ${name} ${is}`;
const docker = (id: string, Name: string, State: unknown, more = {}, root = 'var/lib/docker') =>
  state.write(`${root}/containers/${id}/config.v2.json`, { ID: id, Name, State, ...more });
const ended = { Running: false, StartedAt: '2026-01-01T00:00:00Z' };

describe('Kubernetes', () => {
  const uid = '7d3c';
  const [sandbox, before, now] = [hex('a'), hex('b'), hex('c')];

  test("containerd's first shims, runtime/v1/linux/bundle.go of containerd 1.6", async () => {
    const bundle = `run/containerd/io.containerd.runtime.v1.linux/k8s.io/${now}`;
    state.write(`${bundle}/init.pid`, `${target.pid}`);
    state.write(`${bundle}/config.json`, {
      annotations: {
        'io.kubernetes.cri.container-type': 'container',
        'io.kubernetes.cri.container-name': 'web',
        'io.kubernetes.cri.sandbox-id': sandbox,
        'io.kubernetes.cri.sandbox-name': 'cart',
        'io.kubernetes.cri.sandbox-namespace': 'shop',
      },
    });
    state.write(`run/containerd/runc/k8s.io/${now}/state.json`, runcState(now, target.pid));
    const containers = await list();
    expect(containers.map(seen)).toEqual(['containerd web running']);
    expect(containers[0]).toMatchObject({ pid: target.pid, bundle: join(state.root, bundle) });
    expect((await find('shop/cart/web')).id).toBe(now);
  });

  test('what these have left behind of a task does not count beside its bundle of today', async () => {
    const kinds = ['io.containerd.runtime.v1.linux', 'io.containerd.runtime.v2.task'];
    const [before, today] = kinds.map(kind => `run/containerd/${kind}/default/${now}`);
    for (const [bundle, name] of [
      [before, 'old'],
      [today, 'new'],
    ]) {
      state.write(`${bundle}/config.json`, { annotations: { 'nerdctl/name': name } });
      state.write(`${bundle}/init.pid`, `${target.pid}`);
    }
    state.write(`run/containerd/runc/default/${now}/state.json`, runcState(now, target.pid));
    const [container, ...others] = await list();
    expect(others).toEqual([]);
    expect(container).toMatchObject({ name: 'new', bundle: join(state.root, `${today}`) });
    await expect(find('old')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a directory that no namespace is called by is none of a runtime', async () => {
    state.write(`run/docker/runtime-runc/mo by/${now}/state.json`, runcState(now, target.pid));
    expect(await list()).toHaveLength(0);
    state.write(`run/docker/runtime-runc/moby/${now}/state.json`, runcState(now, target.pid));
    expect(await list()).toHaveLength(1);
  });

  // makeSandboxName() and makeContainerName() of core/naming.go, labels of core/*_create.go: cri-dockerd 0.3.
  const labelled = (kind: string, more = {}) => ({
    Config: { Labels: { 'io.kubernetes.docker.type': kind, ...more } },
  });
  const inPod = labelled('container', { 'io.kubernetes.sandbox.id': sandbox });

  test('Docker, by cri-dockerd: its containers have the names of their pods', async () => {
    docker(sandbox, `/k8s_POD_cart_shop_${uid}_0`, ended, labelled('podsandbox'));
    docker(now, `/k8s_web_cart_shop_${uid}_2_1f2e3d4c`, ended, inPod);
    const pod = { name: 'cart', namespace: 'shop', uid, sandbox };
    for (const name of [
      'web',
      'shop/cart/web',
      'docker:web',
      `k8s_web_cart_shop_${uid}_2_1f2e3d4c`,
    ])
      expect(await find(name), name).toMatchObject({ id: now, name: 'web', pod });
    for (const name of ['cart', 'shop/cart', `/k8s_POD_cart_shop_${uid}_0`])
      expect(await find(name), name).toMatchObject({ id: sandbox, name: 'cart', pod });
  });

  test('labels alone, as an image can have them, make no pod', async () => {
    docker(now, '/mine', ended, inPod);
    docker(before, `/k8s_web_cart_shop_${uid}_0`, ended);
    expect(await find('mine')).toMatchObject({ name: 'mine', pod: undefined });
    expect((await rejectionOf(find('shop/cart/web'))).code).toBe('ENOENT');
  });

  test('of a container that was started again, the last is meant', async () => {
    const made = (day: number) => ({ Created: `2026-01-0${day}T00:00:00Z`, ...inPod });
    docker(before, `/k8s_web_cart_shop_${uid}_0`, ended, made(1));
    docker(now, `/k8s_web_cart_shop_${uid}_1`, ended, made(2));
    for (const name of ['web', 'shop/cart/web']) expect((await find(name)).id, name).toBe(now);
    expect((await find(before.slice(0, 12))).id).toBe(before);
    // Whichever runs goes before what was made later.
    docker(before, `/k8s_web_cart_shop_${uid}_0`, { Running: true, Pid: target.pid }, made(1));
    state.write(`run/docker/runtime-runc/moby/${before}/state.json`, runcState(before, target.pid));
    expect((await find('shop/cart/web')).id).toBe(before);
    // In another pod of that name it is another container.
    docker(before, `/k8s_web_cart_shop_8e4d_0`, ended, made(1));
    expect((await rejectionOf(find('shop/cart/web'))).code).toBe('ENOTUNIQ');
  });

  test("the same, of CRI-O's", async () => {
    const row = (id: string, n: number) => {
      const name = `k8s_web_cart_shop_${uid}_${n}`;
      const metadata = JSON.stringify({ 'pod-id': sandbox, name, 'metadata-name': 'web' });
      return { id, names: [name], metadata, created: `2026-01-0${n + 1}T00:00:00Z` };
    };
    state.write(`${storage}/volatile-containers.json`, [row(before, 0), row(now, 1)]);
    for (const id of [before, now]) state.write(`${storage}/${id}/userdata/config.json`, {});
    state.write(`run/crun/${now}/status`, crunStatus(target.pid));
    for (const name of ['web', 'shop/cart/web', `k8s_web_cart_shop_${uid}_1`])
      expect((await find(name)).id, name).toBe(now);
    expect((await find(`k8s_web_cart_shop_${uid}_0`)).id).toBe(before);
  });
});

test('rootless containerd with nerdctl: extras/rootless/containerd-rootless.sh of 0dfa3bb', async () => {
  const id = hex('a');
  state.write('etc/passwd', 'joe:x:1000:1000::/home/joe:/bin/sh\n');
  mkdirSync(join(state.root, 'run/user'), { recursive: true });
  const runtime = 'run/user/1000/containerd';
  const bundle = `${runtime}/io.containerd.runtime.v2.task/default/${id}`;
  await using theirs = await processOf(1000);
  const annotations = { 'nerdctl/name': 'web', 'nerdctl/state-dir': '/etc' };
  state.write(`${bundle}/config.json`, { root: { path: 'rootfs' }, annotations }, 1000);
  state.write(`${bundle}/init.pid`, `${theirs.pid}`, 1000);
  state.write(`${runtime}/runc/default/${id}/state.json`, runcState(id, theirs.pid), 1000);
  state.write(`etc/${id}-json.log`, '');
  const containers = await list();
  expect(containers.problems).toEqual([]);
  expect([...containers]).toMatchObject([
    { engine: 'containerd', name: 'web', state: 'running', pid: theirs.pid, owner: 1000 },
  ]);
  expect(containers[0]).toMatchObject({
    rootfs: join(state.root, bundle, 'rootfs'),
    logPath: undefined,
    runtime: 'runc',
  });
  expect((await find('1000:containerd:web')).id).toBe(id);
  expect((await rejectionOf(find('web'))).code).toBe('ENOENT');
  // The process of somebody else is none of that user's.
  state.write(`${runtime}/runc/default/${id}/state.json`, runcState(id, target.pid), 1000);
  expect((await list()).map(seen)).toEqual(['containerd web exited']);
});

test('of what containerd has removed, or has begun to, nothing is left: runtime/v2/bundle.go', async () => {
  const folder = 'run/containerd/io.containerd.runtime.v2.task/default';
  for (const name of [`.${hex('a')}`, hex('b')]) {
    state.write(`${folder}/${name}/config.json`, { annotations: { 'nerdctl/name': 'web' } });
    state.write(`${folder}/${name}/init.pid`, '4194304');
  }
  expect((await list()).map(({ id }) => id)).toEqual([hex('b')]);
  expect((await find('web')).id).toBe(hex('b'));
});

describe('settings', () => {
  test.each([
    ['empty', '', 'var/lib/docker'],
    ['of spaces', ' \n', 'var/lib/docker'],
    ['with a byte order mark', '\ufeff{"data-root":"/big"}', 'big'],
    ['with a slash at the end of a path', '{"data-root":"/big/"}', 'big'],
  ])('daemon.json %s, as dockerd takes it', async (_, text, root) => {
    state.write('etc/docker/daemon.json', text);
    docker(hex('a'), '/web', ended, { Driver: 'overlayfs' }, root);
    const containers = await list();
    expect(containers.problems).toEqual([]);
    expect(containers.map(seen)).toEqual(['docker web exited']);
    expect(containers[0]?.rootfs).toBe(join(state.root, root, 'rootfs/overlayfs', hex('a')));
  });

  test.each([
    ['/srv/$UID$HOME/', 'srv/0/root', undefined],
    ['/srv/$OTHER', 'var/lib/containers/storage', '$OTHER'],
    ['/srv/$\u007bOTHER}/x', 'var/lib/containers/storage', '$\u007bOTHER}'],
  ])("graphroot = %s of root's storage.conf", async (path, where, unknown) => {
    state.write('etc/containers/storage.conf', `[storage]\ngraphroot = "${path}"\n`);
    state.write(`${where}/overlay-containers/containers.json`, [{ id: hex('a'), names: ['web'] }]);
    const containers = await list();
    expect(containers.map(seen)).toEqual(['podman web created']);
    const said = containers.problems.map(({ message }) => message);
    if (unknown === undefined) expect(said).toEqual([]);
    else expect(said).toEqual([expect.stringContaining(`storage.conf: read EINVAL`)]);
    if (unknown !== undefined) expect(said[0]).toContain(`graphroot has ${unknown} in it`);
    // Where it is told, it is of no interest.
    const directories = { podman: { root: '/etc' } };
    expect((await list({ directories })).problems).toEqual([]);
  });

  test('CONTAINERS_STORAGE_CONF, as Podman has it, of who asks', async () => {
    state.write('my.conf', `[storage]\ngraphroot = "${state.root}/graph"\n`);
    state.write('graph/overlay-containers/containers.json', [{ id: hex('a'), names: ['mine'] }]);
    const before = { ...process.env };
    try {
      process.env['CONTAINERS_STORAGE_CONF'] = join(state.root, 'my.conf');
      expect((await findContainer('mine')).id).toBe(hex('a'));
      // Nothing of ours counts in another root directory.
      expect((await list()).map(seen)).toEqual([]);
    } finally {
      process.env = before;
    }
    expect((await rejectionOf(findContainer('mine'))).code).toBe('ENOENT');
  });

  test('lxc.lxcpath, lxc.system.conf(5): where LXC has them besides', async () => {
    state.write('etc/lxc/lxc.conf', '# paths\nlxc.lxcpath = /srv/lxc\n');
    state.write('var/lib/lxc/old/config', 'lxc.uts.name = old\n');
    state.write('srv/lxc/new/config', 'lxc.uts.name = new\n');
    const containers = await list();
    expect(containers.map(seen).sort()).toEqual(['lxc new exited', 'lxc old exited']);
  });
});

test('lxc.container.conf(5): what is written as in fstab(5), and where the root is of btrfs', async () => {
  const lines = [
    'rootfs.path = btrfs:/srv/web',
    'mount.entry = /a\\040b mnt/c\\040d none bind 0 0',
  ];
  state.write('var/lib/lxc/web/config', lines.map(line => `lxc.${line}\n`).join(''));
  expect(await find('lxc:web')).toMatchObject({
    rootfs: `${state.root}/srv/web`,
    mounts: [{ source: `${state.root}/a b`, destination: '/mnt/c d' }],
  });
});

describe('what cannot be read may run', () => {
  test("Docker's file, half-written, where no runtime's state says more", async () => {
    state.write(`var/lib/docker/containers/${hex('a')}/config.v2.json`, '{"ID":');
    expect((await list()).map(seen)).toEqual([`docker ${hex('a')} unknown`]);
  });

  test.each([
    ['a link', (path: string) => symlinkSync('/proc/1/stat', path), 'ELOOP'],
    ['a directory', (path: string) => mkdirSync(path), 'EINVAL'],
  ])("Podman's pidfile that is %s", async (_, make, code) => {
    state.write(`${storage}/containers.json`, [{ id: hex('a'), names: ['web'] }]);
    state.write(`${storage}/${hex('a')}/userdata/config.json`, {});
    const directory = `run/containers/storage/overlay-containers/${hex('a')}/userdata`;
    state.write(`${directory}/attach`, '');
    make(join(state.root, directory, 'pidfile'));
    const containers = await list();
    expect(containers.map(seen)).toEqual(['podman web unknown']);
    expect(containers.problems.map(problem => problem.code).sort()).toEqual([code, 'ESRCH'].sort());
  });

  test("Docker's fields that are lists, or text, are no tables", async () => {
    const [Config, NetworkSettings] = [{ ExposedPorts: ['a', 'b'] }, { Ports: 'abc' }];
    docker(hex('a'), '/web', [], { Config, NetworkSettings });
    const containers = await list();
    expect(containers.map(seen)).toEqual(['docker web unknown']);
    expect(containers[0]?.ports).toEqual([]);
  });
});

// Get() of daemon/graphdriver/*: Docker 20.10 and 28.
test.each([
  ['vfs', 'vfs/dir/f00'],
  ['fuse-overlayfs', 'fuse-overlayfs/f00/merged'],
  ['btrfs', 'btrfs/subvolumes/f00'],
  ['zfs', undefined],
  ['constructor', undefined],
])('the root of one that has ended, with the storage driver %s', async (driver, directory) => {
  docker(hex('a'), '/web', ended, { Driver: driver });
  state.write(`var/lib/docker/image/${driver}/layerdb/mounts/${hex('a')}/mount-id`, 'f00');
  const { rootfs } = await find('web');
  expect(rootfs).toBe(directory && `${state.root}/var/lib/docker/${directory}`);
});

test('the root of one that has ended, where the data root is called as a part of that', async () => {
  const id = hex('a');
  state.write('etc/docker/daemon.json', { 'data-root': '/srv/RAID' });
  const folder = `srv/RAID/containers/${id}`;
  const config = { ID: id, Name: '/web', State: {}, Config: {}, Driver: 'overlay2' };
  state.write(`${folder}/config.v2.json`, config);
  state.write(`srv/RAID/image/overlay2/layerdb/mounts/${id}/mount-id`, 'f00');
  expect((await find('web')).rootfs).toBe(`${state.root}/srv/RAID/overlay2/f00/merged`);
});

// drivers/btrfs of containers/storage: where the configuration says more than the layer.
test("the root of Podman's with a storage driver that is rarer", async () => {
  const id = hex('a');
  const folder = 'var/lib/containers/storage/btrfs-containers';
  state.write(`${folder}/containers.json`, [{ id, names: ['web'], layer: hex('b') }]);
  const path = `/var/lib/containers/storage/btrfs/subvolumes/${hex('b')}`;
  state.write(`${folder}/${id}/userdata/config.json`, { root: { path } });
  expect((await find('web')).rootfs).toBe(`${state.root}${path}`);
});

// generateHostname() of daemon/container.go: Docker 20.10 and 28.
test('of --uts=host, the name that Docker has for it is nobody’s', async () => {
  const id = hex('a');
  docker(id, '/web', { Running: true, Pid: target.pid }, { Config: { Hostname: id.slice(0, 12) } });
  state.write(`run/docker/runtime-runc/moby/${id}/state.json`, runcState(id, target.pid));
  const [before] = await list();
  expect(before).toMatchObject({ name: 'web', pid: target.pid, hostname: undefined });
  const apart = await startTarget('--uts');
  try {
    state.write(`run/docker/runtime-runc/moby/${id}/state.json`, runcState(id, apart.pid));
    expect(await find('web')).toMatchObject({ pid: apart.pid, hostname: id.slice(0, 12) });
  } finally {
    await apart.kill();
  }
});

/** The API of Docker, with one container: the last of its names is its own. */
async function serveOne(socket: string, id: string, names: readonly string[]): Promise<Server> {
  const server = createServer((request, response) => {
    const isList = request.url?.startsWith('/containers/json');
    const row = { Id: id, Names: names, Labels: {} };
    response.end(JSON.stringify(isList ? [row] : { Id: id, Name: names.at(-1), State: ended }));
  }).listen(socket);
  await once(server, 'listening');
  return server;
}

test("by Docker's socket: its own name, and not that of a link to it", async () => {
  const [id, socket] = [hex('a'), join(state.root, 'docker.sock')];
  const server = await serveOne(socket, id, ['/app/database', '/db']);
  const before = { ...process.env };
  try {
    process.env['DOCKER_HOST'] = `unix://${socket}`;
    expect((await findContainer('db')).id).toBe(id);
    expect((await rejectionOf(findContainer('app/database'))).code).toBe('ENOENT');
  } finally {
    process.env = before;
    server.closeAllConnections();
    await new Promise(done => server.close(done));
  }
});

// ListContainer of pkg/domain/entities/types/container_ps.go, and portsToString() of cmd/podman/containers/ps.go: Podman 5.4.
test('ports that are exposed, as Podman from 5.1 on has them', async () => {
  const id = hex('a');
  state.write(`${storage}/containers.json`, [{ id, names: ['web'] }]);
  state.write('run/podman/.keep', '');
  const Ports = [{ host_ip: '', container_port: 80, host_port: 8080, range: 2, protocol: 'tcp' }];
  const ExposedPorts = {
    53: ['udp', 'tcp', 1],
    81: ['tcp', 'udp'],
    0: ['tcp'],
    x: ['tcp'],
    9: 'tcp',
  };
  const server = createServer((_, response) => {
    response.end(JSON.stringify([{ Id: id, State: 'created', Ports, ExposedPorts }]));
  }).listen(join(state.root, 'run/podman/podman.sock'));
  await once(server, 'listening');
  try {
    const { ports = [] } = await find('web');
    expect(ports.map(one => `${one.publicPort}:${one.privatePort}/${one.type}`)).toEqual([
      '8080:80/tcp',
      '8081:81/tcp',
      'undefined:53/udp',
      'undefined:53/tcp',
      'undefined:81/udp',
    ]);
  } finally {
    await new Promise(done => server.close(done));
  }
});

test("by a socket of root's where a user could put another: refused", async () => {
  const [id, folder] = [hex('a'), join(state.root, 'run')];
  const socket = join(folder, 'docker.sock');
  state.write('run/.keep', '');
  const server = await serveOne(socket, id, ['/web']);
  const before = { ...process.env };
  try {
    process.env['DOCKER_HOST'] = `unix://${socket}`;
    expect(await findContainer(id)).toMatchObject({ name: 'web', owner: 0 });
    chownSync(folder, 1234, 1234);
    const { code, message } = await rejectionOf(findContainer(id));
    expect(code).toBe('ENOENT');
    expect(message).toContain(`${socket}: connect EPERM`);
  } finally {
    process.env = before;
    server.closeAllConnections();
    await new Promise(done => server.close(done));
  }
});

test("Podman, where DOCKER_HOST names its socket, is not Docker's", async () => {
  const [id, socket] = [hex('a'), join(state.root, 'podman.sock')];
  const server = await serveOne(socket, id, ['/web']);
  state.write('graph/overlay-containers/containers.json', [{ id, names: ['web'] }]);
  const directories = { podman: { root: join(state.root, 'graph'), runroot: state.root } };
  const before = { ...process.env };
  try {
    process.env['DOCKER_HOST'] = `unix://${socket}`;
    const found = await findContainer(id, { directories });
    expect(found).toMatchObject({ engine: 'podman', name: 'web', state: 'created' });
    expect(found.knownAs.map(({ engine }) => engine)).toEqual(['podman', 'docker']);
  } finally {
    process.env = before;
    server.closeAllConnections();
    await new Promise(done => server.close(done));
  }
});

describe('kernels of their own', () => {
  const podman = (config: unknown) => {
    state.write(`${storage}/containers.json`, [{ id: hex('a'), names: ['web'] }]);
    state.write(`${storage}/${hex('a')}/userdata/config.json`, config);
    state.write(`run/crun/${hex('a')}/status`, crunStatus(target.pid));
    state.write(`run/crun/${hex('a')}/config.json`, config);
  };

  test("by the handler in crun's annotation, krun(1)", async () => {
    podman({ annotations: { 'run.oci.handler': 'krun' } });
    const found = await find('web');
    expect(found).toMatchObject({ runtime: 'krun', state: 'running', pid: undefined });
    expect(() => withNamespaces(found, ['net'], () => {})).toThrow('in a kernel of its own (krun)');
    podman({ annotations: { 'run.oci.handler': 'wasm' } });
    expect(await find('web')).toMatchObject({ runtime: 'crun', pid: target.pid });
  });

  test.each([
    ['/usr/bin/krun', 'krun', false],
    ['/usr/local/bin/runsc', 'runsc', false],
    ['/usr/bin/crun', 'crun', true],
  ])("by what Podman's monitor was told: %s", async (program, runtime, isTarget) => {
    podman({});
    const words = ['--api-version', '1', '-c', hex('a'), '-u', hex('a'), '-r', program];
    const monitor = nodeSpawn('sh', ['-c', 'read line', 'conmon', ...words]);
    try {
      const directory = `run/containers/storage/overlay-containers/${hex('a')}/userdata`;
      state.write(`${directory}/conmon.pid`, `${monitor.pid}`);
      expect(await find('web')).toMatchObject({ runtime, pid: isTarget ? target.pid : undefined });
      // One that has its pid by now says nothing.
      state.write(`${directory}/conmon.pid`, `${process.pid}`);
      expect(await find('web')).toMatchObject({ runtime: 'crun', pid: target.pid });
    } finally {
      monitor.stdin.end();
      await once(monitor, 'close');
    }
  });
});

test('mounts that are read-only with all below them: rro, of runc 1.1, crun 1.5, CRI-O and containerd 2', async () => {
  const [source, all] = ['/srv', ['rbind', 'rprivate']];
  const mounts = [
    { destination: '/ro', source, type: 'bind', options: [...all, 'ro'] },
    { destination: '/rro', source, type: 'bind', options: [...all, 'rro'] },
    { destination: '/rw', source, type: 'bind', options: [...all, 'rw', 'rnosuid'] },
  ];
  state.write('run/crun/ofcrun/status', crunStatus(target.pid));
  state.write('run/crun/ofcrun/config.json', { mounts });
  // configs.Mount, libcontainer/configs/mount_linux.go: MS_BIND, MS_REC, MS_RDONLY, and mount_attr of mount_setattr(2).
  const device = 'bind';
  const ofRunc = [
    { destination: '/ro', source, device, flags: 20481, rec_attr: null },
    { destination: '/rro', source, device, flags: 20480, rec_attr: { Attr_set: 1, Attr_clr: 0 } },
    { destination: '/rw', source, device, flags: 20480, rec_attr: { Attr_set: 2, Attr_clr: 0 } },
  ];
  state.write('run/runc/ofrunc/state.json', runcState('ofrunc', target.pid, { mounts: ofRunc }));
  for (const name of ['ofcrun', 'ofrunc']) {
    const found = (await find(name)).mounts?.map(({ destination, rw }) => [destination, rw]);
    expect(found, name).toEqual([
      ['/ro', false],
      ['/rro', false],
      ['/rw', true],
    ]);
  }
});

test("overlays, of which what is below is from outside: Podman's -v DIRECTORY:PATH:O, and images", async () => {
  const [source, type] = ['/var/lib/merge', 'overlay'];
  const lower = String.raw`lowerdir=/srv/a\:b\\c:/srv/other`;
  const mounts = [
    { destination: '/over', source, type, options: [lower, 'upperdir=/u', 'workdir=/w'] },
    { destination: '/image', source, type, options: ['lowerdir=/layer:/other', 'private'] },
    { destination: '/ro', source, type, options: ['ro', 'lowerdir=/srv', 'upperdir=/u'] },
    { destination: '/none', source, type, options: [5, 'lowerdir=', 'lowerdir'] },
  ];
  state.write('run/crun/web/status', crunStatus(target.pid));
  state.write('run/crun/web/config.json', { mounts });
  const found = (await find('web')).mounts?.map(one => [one.destination, one.source, one.rw]);
  expect(found).toEqual([
    ['/over', String.raw`${state.root}/srv/a:b\c`, true],
    ['/image', `${state.root}/layer`, false],
    ['/ro', `${state.root}/srv`, false],
  ]);
});

describe("LXC's monitors, by their titles, of a program of root's that is called so", () => {
  const files = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
  const [program, script] = [join(files, 'lxc-start'), join(files, 'script')];
  // Which ends with its parent, and holds no pipe of ours.
  const sleeping = 'setpriv --pdeathsig KILL sleep 1000000 >/dev/null 2>&1 & wait';
  const title = '[lxc monitor] /var/lib/lxc web';
  beforeAll(() => {
    copyFileSync('/bin/bash', program);
    writeFileSync(script, sleeping);
  });
  afterAll(() => rmSync(files, { recursive: true }));

  const machine =
    'mount -t tmpfs none /var/lib && mkdir -p /var/lib/lxc/web && echo >/var/lib/lxc/web/config';
  const monitor = `exec -a '${title}' ${program} <${script}`;
  const started = (types: string, commands: string) =>
    start('unshare', [types, '--kill-child', '--fork', '--wd', files, 'bash', '-c', commands]);
  /** The process below unshare whose title ends so. */
  const below = ({ pid }: Target, end: string, inside = 'sleep') =>
    until(end, () => {
      const child = read(`/proc/${pid}/task/${pid}/children`);
      const isReady = read(`/proc/${child}/cmdline`)?.split('\0').includes(end);
      const first = read(`/proc/${child}/task/${child}/children`);
      return isReady && read(`/proc/${first}/comm`) === inside
        ? { pid: Number(child), child: Number(first) }
        : undefined;
    });
  const web = async (pid: number) =>
    (await listContainers({ root: `/proc/${pid}/root` })).find(one => one.engine === 'lxc');

  test.each(['-m', '-mp'])('in the root directory of the machine (%s)', async types => {
    await using host = started(types, `${machine} && ${monitor}`);
    const { pid, child } = await below(host, title);
    expect(await web(pid)).toMatchObject({ name: 'web', state: 'running', pid: child });
  });

  test.each([
    ['lxc-start -F -n web', 'running'],
    ['/usr/bin/lxc-start -Fn web -- /sbin/init', 'running'],
    ['lxc-start --name=web --foreground -P /var/lib/lxc', 'running'],
    ['lxc-start web -F', 'running'],
    ['lxc-start -n web', 'exited'], // its child is the monitor
    ['lxc-start -F -n web -P /srv', 'exited'],
    ['lxc-start -F -n other -- web -n web', 'exited'],
    ['lxc-attach -F -n web', 'exited'],
  ])('in the foreground, by its words: %s', async (words, state) => {
    const commands = `${machine} && exec -a 'WORDS' ${program} <${script}`;
    await using host = started('-m', commands.replace('WORDS', words));
    const { pid, child } = await below(host, words);
    expect(await web(pid)).toMatchObject({ state, pid: state === 'exited' ? undefined : child });
  });

  test('a part of its start is not its first process', async () => {
    const inner = `(exec -a x ${program} -c 'exec 8</dev/null; setpriv --pdeathsig KILL sleep 1000000 & wait') >/dev/null 2>&1 & wait`;
    writeFileSync(join(files, 'start'), inner);
    const commands = `${machine} && exec -a '${title}' ${program} <${files}/start`;
    await using host = started('-mp', commands);
    const { pid } = await below(host, title, 'lxc-start');
    expect(await web(pid)).toMatchObject({ state: 'unknown', pid: undefined });
  });

  test('where nothing is mounted at the root directory, whose it is cannot be told', async () => {
    state.write('var/lib/lxc/web/config', '');
    await using other = started('-m', monitor);
    await below(other, title);
    const containers = await list();
    expect(containers.map(seen)).toEqual(['lxc web unknown']);
    expect(containers.problems[0]?.message).toContain('may be of another root');
  });

  test('a table of mounts that is too long to be read keeps nothing from the list', async () => {
    await using host = started('-m', `${machine} && ${monitor}`);
    const { pid, child } = await below(host, title);
    const script = `import { listContainers } from 'linux-namespaces';
      const all = await listContainers({ root: '/proc/${child}/root' });
      console.log(all.map(({ name, state }) => name + ' ' + state).join(), all.problems.length);`;
    const long = `truncate -s 3G ${files}/long && mount --bind ${files}/long /proc/${pid}/mountinfo`;
    const under = ['unshare', '-m', 'sh', '-c', `${long} && exec "$@"`, 'sh'];
    expect(runScript(script, under)).toBe('web unknown 1\n');
  });

  test('in another root directory, as in a privileged container, it is none of its', async () => {
    await using host = started('-m', `${machine} && exec bash -c '${sleeping}' host`);
    await using other = started(
      '-m',
      `mount -t tmpfs none /mnt && cd /mnt && mkdir usr dev && mount --rbind /usr usr && mount --rbind /dev dev &&
       ln -s usr/lib usr/lib64 usr/bin . && mkdir -p .${files} && cp ${program} ${script} .${files} &&
       exec chroot . bash -c "${monitor}"`,
    );
    const [{ pid }] = [await below(host, 'host'), await below(other, title)];
    expect(await web(pid)).toMatchObject({ name: 'web', state: 'exited', pid: undefined });
  });
});
