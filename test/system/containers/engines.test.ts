// Engines that are known by the state that they leave. Each says of which version its format was read.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type Container, findContainer, listContainers, withNamespaces } from 'linux-namespaces';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freeze } from '../shared/freezer.ts';
import {
  hasProgram,
  read,
  rejectionOf,
  runScript,
  start,
  startTarget,
  type Target,
  until,
} from '../shared/support.ts';
import { crunStatus, hex, processOf, runcState, StateRoot } from './state-root.ts';
import { named } from './support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
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
const seen = ({ engine, name, state: is, owner }: Container) => `${owner} ${engine} ${name} ${is}`;

describe("Podman's storage: newContainerStore() of containers/storage 031aa21, Podman 5.8.6", () => {
  const row = (id: string, name: string) => ({
    id,
    names: [name],
    image: hex('e'),
    layer: hex('f'),
    metadata: JSON.stringify({ 'image-name': 'nginx:1', name }),
    created: '2026-01-01T00:00:00Z',
    flags: { Volatile: true },
  });

  test.each([
    `${storage}/containers.json`,
    `${storage}/volatile-containers.json`,
    'run/containers/storage/overlay-containers/containers.json',
    'run/containers/storage/overlay-containers/volatile-containers.json',
    'run/containers/storage/vfs-containers/volatile-containers.json',
  ])('%s', async path => {
    state.write(path, [row(hex('a'), 'web')]);
    state.write(`run/crun/${hex('a')}/status`, crunStatus(target.pid));
    const containers = await list();
    expect(containers.problems).toEqual([]);
    expect(containers.map(seen)).toEqual(['0 podman web running']);
    expect(containers[0]).toMatchObject({ pid: target.pid, image: 'nginx:1', runtime: 'crun' });
    for (const name of ['web', '/web', 'podman:web', `podman://${hex('a')}`, 'crun:web']) {
      expect((await find(name)).id, name).toBe(hex('a'));
    }
  });

  test('both files together, and one container in both', async () => {
    state.write(`${storage}/containers.json`, [row(hex('a'), 'stays'), row(hex('c'), 'both')]);
    state.write(`${storage}/volatile-containers.json`, [
      row(hex('b'), 'goes'),
      row(hex('c'), 'both'),
    ]);
    const names = (await list()).map(({ name }) => name);
    expect(names.sort()).toEqual(['both', 'goes', 'stays']);
  });

  test.each(['podman-run-1000', 'storage-run-1000', 'containers-user-1000'])(
    'of a user without a session, in /tmp/%s',
    async folder => {
      state.write('etc/passwd', 'joe:x:1000:1000::/home/joe:/bin/sh\n');
      const path = 'home/joe/.local/share/containers/storage/overlay-containers/containers.json';
      state.write(path, [row(hex('a'), 'job')], 1000);
      await using theirs = await processOf(1000);
      mkdirSync(join(state.root, 'tmp'));
      state.write(`tmp/${folder}/crun/${hex('a')}/status`, crunStatus(theirs.pid), 1000);
      expect((await list()).map(seen)).toEqual(['1000 podman job running']);
      expect((await find('1000:job')).pid).toBe(theirs.pid);
      expect((await rejectionOf(find('job'))).code).toBe('ENOENT');
    },
  );

  test.skipIf(!hasProgram('setpriv'))('variables that are empty or relative', async () => {
    const uid = 54_321;
    const path = 'joe/.local/share/containers/storage/overlay-containers/containers.json';
    state.write(path, [row(hex('a'), 'job')], uid);
    chmodSync(state.root, 0o755);
    const ps = (env: Record<string, string>) => {
      const as = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
      const words = [process.execPath, main, 'ps', '-a', '-n', '-o', 'name'];
      const set = { HOME: join(state.root, 'joe'), ...env };
      return spawnSync('setpriv', [...as, ...words], { env: set, encoding: 'utf8', cwd: '/' })
        .stdout;
    };
    expect(ps({})).toContain('job');
    for (const name of ['XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'XDG_RUNTIME_DIR']) {
      for (const value of ['', 'tmp'])
        expect(ps({ [name]: value }), `${name}=${value}`).toContain('job');
    }
    expect(ps({ XDG_DATA_HOME: '/tmp' })).not.toContain('job');
  });

  test.each([
    ['the own', 'graphroot', '$HOME/big', 'home/joe/big'],
    ['the own', 'graphroot', '/srv/$\u007bUSER}-$UID/big', 'srv/joe-1000/big'],
    ['the own', 'rootless_storage_path', '/srv/$UID/big', 'srv/1000/big'],
    ["the machine's", 'rootless_storage_path', '/srv/$USER/big', 'srv/joe/big'],
    ["the machine's", 'graphroot', '/srv/big', 'home/joe/.local/share/containers/storage'],
  ])("a user's, by %s storage.conf: %s = %s", async (whose, name, path, where) => {
    state.write('etc/passwd', 'joe:x:1000:1000::/home/joe:/bin/sh\n');
    state.write('run/user/1000/bus', '', 1000);
    state.write('home/joe/.profile', '', 1000);
    state.write(`${where}/overlay-containers/containers.json`, [row(hex('a'), 'job')], 1000);
    const folder = whose === 'the own' ? 'home/joe/.config' : 'etc';
    state.write(`${folder}/containers/storage.conf`, `[storage]\n${name} = "${path}"\n`, 1000);
    const containers = await list();
    expect(containers.problems).toEqual([]);
    expect(containers.map(seen)).toEqual(['1000 podman job created']);
  });

  test("a variable whose value is not known, in the machine's storage.conf, is said", async () => {
    state.write('etc/passwd', 'joe:x:1000:1000::/home/joe:/bin/sh\n');
    state.write('run/user/1000/bus', '', 1000);
    const path = 'home/joe/.local/share/containers/storage/overlay-containers/containers.json';
    state.write(path, [row(hex('a'), 'job')], 1000);
    const conf = '[storage]\nrootless_storage_path = "/srv/$OTHER"\n';
    state.write('etc/containers/storage.conf', conf);
    const containers = await list();
    expect(containers.map(seen)).toEqual(['1000 podman job created']);
    expect(containers.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('rootless_storage_path has $OTHER in it'),
    ]);
  });

  test('a directory in /tmp that somebody else has made for a user is as none', async () => {
    state.write('etc/passwd', 'joe:x:1000:1000::/home/joe:/bin/sh\n');
    const path = 'home/joe/.local/share/containers/storage/overlay-containers/containers.json';
    state.write(path, [row(hex('a'), 'job')], 1000);
    mkdirSync(join(state.root, 'tmp'));
    await using theirs = await processOf(1000);
    state.write(`tmp/podman-run-1000/crun/${hex('a')}/status`, crunStatus(theirs.pid), 1001);
    const seenBy = async () => {
      const containers = await list();
      return [containers.map(seen), containers.problems.map(({ message }) => message)];
    };
    // Otherwise anybody could have every list say that not all is seen.
    expect(await seenBy()).toEqual([[], []]);
    symlinkSync('/run', join(state.root, 'tmp/storage-run-1000'));
    expect(await seenBy()).toEqual([[], []]);
    state.write('run/user/1000/bus', '', 1000);
    expect(await seenBy()).toEqual([['1000 podman job created'], []]);
  });
});

describe('CRI-O: internal/storage/runtime.go of 06993f4, pkg/annotations/internal.go of 052cccb', () => {
  const [sandbox, container] = [hex('1'), hex('2')];
  const uid = '70553dc6-0cc4-4b1b-b301-000000000000';
  const row = (id: string, name: string, more: object) => ({
    id,
    names: [name],
    image: hex('3'),
    layer: hex('4'),
    created: '2026-01-01T00:00:00Z',
    metadata: JSON.stringify({
      'pod-name': `k8s_nginx_shop_${uid}_0`,
      'pod-id': sandbox,
      name,
      ...more,
    }),
  });
  const annotations = {
    'io.container.manager': 'cri-o',
    'io.kubernetes.cri-o.ContainerType': 'container',
    'io.kubernetes.cri-o.SandboxID': sandbox,
    'io.kubernetes.cri-o.ImageName': 'docker.io/library/nginx:1',
    'io.kubernetes.cri-o.LogPath': '/var/log/pods/shop_nginx_x/web/0.log',
    'io.kubernetes.cri-o.Labels': '{"app":"shop"}',
  };
  beforeEach(() => {
    state.write(`${storage}/volatile-containers.json`, [
      row(sandbox, `k8s_POD_nginx_shop_${uid}_0`, { pod: true, 'metadata-name': 'nginx' }),
      row(container, `k8s_web_nginx_shop_${uid}_0`, { 'metadata-name': 'web' }),
    ]);
    state.write(`run/crun/${container}/status`, crunStatus(target.pid));
    state.write(`${storage}/${container}/userdata/config.json`, {
      annotations,
      process: { args: ['nginx', '-g'], env: ['A=b', 'PATH=/bin'] },
      mounts: [{ destination: '/data', type: 'bind', source: '/srv', options: ['rbind', 'ro'] }],
    });
  });

  test('a container of a pod, with its name there', async () => {
    const pod = { name: 'nginx', namespace: 'shop', uid, sandbox };
    expect(named(await list(), 'web')).toMatchObject({
      engine: 'cri-o',
      state: 'running',
      pid: target.pid,
      pod,
      image: 'docker.io/library/nginx:1',
      labels: { app: 'shop' },
      command: ['nginx', '-g'],
      env: { A: 'b', PATH: '/bin' },
      mounts: [{ destination: '/data', source: `${state.root}/srv`, rw: false }],
      logPath: `${state.root}/var/log/pods/shop_nginx_x/web/0.log`,
    });
    expect(named(await list(), 'nginx')).toMatchObject({ engine: 'cri-o', pod });
  });

  test('by every name', async () => {
    for (const name of ['web', 'shop/nginx/web', `cri-o://${container}`, 'cri-o:web', 'crun:web']) {
      expect((await find(name)).id, name).toBe(container);
    }
    for (const name of ['nginx', 'shop/nginx', 'cri-o:nginx']) {
      expect((await find(name)).id, name).toBe(sandbox);
    }
    expect((await rejectionOf(find('podman:web'))).code).toBe('ENOENT');
  });

  test('names that kubelet would not give: they are CRI-O’s, and known by its metadata', async () => {
    const [pod, inside] = [hex('6'), hex('7')];
    state.write(`${storage}/volatile-containers.json`, [
      row(pod, 'k8s_POD_nginx_sandbox_default_hdishd83_1', {
        'pod-id': pod,
        'metadata-name': 'nginx_sandbox',
        namespace: 'default',
        uid: 'hdishd83',
      }),
      row(inside, 'k8s_my_web_nginx_sandbox_default_hdishd83_0', {
        'pod-id': pod,
        'metadata-name': 'my_web',
      }),
    ]);
    expect((await list()).map(seen).sort()).toEqual([
      '0 cri-o my_web created',
      '0 cri-o nginx_sandbox created',
      expect.stringContaining('0 crun '),
    ]);
    expect((await find('default/nginx_sandbox')).id).toBe(pod);
    expect((await find('cri-o:my_web')).pod?.sandbox).toBe(pod);
  });

  test('a pod gives its name to the container that has the same', async () => {
    const twin = hex('5');
    state.write(`${storage}/containers.json`, [
      row(twin, `k8s_nginx_nginx_shop_${uid}_0`, { 'metadata-name': 'nginx' }),
    ]);
    expect((await find('nginx')).id).toBe(twin);
    expect((await find('shop/nginx')).id).toBe(sandbox);
    expect((await find('shop/nginx/nginx')).id).toBe(twin);
  });

  test('with a virtual machine for each pod, it is no target', async () => {
    const kata = { ...annotations, 'io.kubernetes.cri-o.RuntimeHandler': 'kata-qemu' };
    state.write(`${storage}/${container}/userdata/config.json`, { annotations: kata });
    const found = await find('web');
    expect(found).toMatchObject({ runtime: 'kata-qemu', state: 'running', pid: undefined });
    expect(() => withNamespaces(found, ['net'], () => {})).toThrow(
      'in a kernel of its own (kata-qemu)',
    );
  });
});

describe('containerd 2: core/runtime/v2/binary.go of 00c9fe4, and what is built on it', () => {
  const task = (namespace: string, id: string, folder = 'run/containerd') =>
    `${folder}/io.containerd.runtime.v2.task/${namespace}/${id}`;

  test.each([
    ['k3s, and RKE2, which runs it: pkg/agent/config of 4586010', 'run/k3s/containerd'],
    [
      'MicroK8s: microk8s-resources/default-args/containerd of 98c38a7',
      'var/snap/microk8s/common/run/containerd',
    ],
  ])('%s', async (_, folder) => {
    const path = task('k8s.io', hex('a'), folder);
    state.write(`${path}/init.pid`, `${target.pid}`);
    state.write(`${path}/config.json`, {
      annotations: {
        'io.kubernetes.cri.container-name': 'web',
        'io.kubernetes.cri.sandbox-id': hex('b'),
        'io.kubernetes.cri.sandbox-name': 'nginx',
        'io.kubernetes.cri.sandbox-namespace': 'shop',
        'io.kubernetes.cri.sandbox-uid': 'u-1',
      },
    });
    state.write('run/containerd/runc/k8s.io/x', '');
    state.write(
      `run/containerd/runc/k8s.io/${hex('a')}/state.json`,
      runcState(hex('a'), target.pid),
    );
    for (const n of [0, 9, 10]) state.write(`var/log/pods/shop_nginx_u-1/web/${n}.log`, '');
    const found = await find(`containerd://${hex('a')}`);
    expect(found).toMatchObject({
      name: 'web',
      state: 'running',
      pid: target.pid,
      runtime: 'runc',
    });
    expect(found.logPath).toBe(`${state.root}/var/log/pods/shop_nginx_u-1/web/10.log`);
    expect((await find('shop/nginx/web')).id).toBe(hex('a'));
  });

  test('nerdctl, pkg/labels/labels.go of 03f0862: names, ports and the log', async () => {
    const directory = `/var/lib/nerdctl/1935db59/containers/default/${hex('a')}`;
    state.write(`${task('default', hex('a'))}/config.json`, {
      annotations: {
        'nerdctl/name': 'web',
        'nerdctl/state-dir': directory,
        'nerdctl/ports':
          '[{"HostPort":8080,"ContainerPort":80,"Protocol":"tcp","HostIP":"0.0.0.0"}]',
      },
    });
    state.write(`${directory}/${hex('a')}-json.log`, '');
    for (const name of ['web', '/web', 'containerd:web', hex('a').slice(0, 12)]) {
      expect(await find(name), name).toMatchObject({
        engine: 'containerd',
        id: hex('a'),
        name: 'web',
        ports: [{ ip: '0.0.0.0', privatePort: 80, publicPort: 8080, type: 'tcp' }],
        logPath: `${state.root}${directory}/${hex('a')}-json.log`,
      });
    }
  });

  test("runc in another root, and a cgroup of its own: the shim's options say where", async () => {
    const path = task('default', 'adminbox');
    state.write(`${path}/config.json`, { root: { path: 'rootfs' }, linux: { cgroupsPath: '/my' } });
    state.write(`${path}/init.pid`, `${target.pid}`);
    state.write(`${path}/options.json`, { binary_name: 'runc', root: '/run/mine' });
    state.write('run/mine/default/adminbox/state.json', runcState('adminbox', target.pid));
    const expected = [
      { name: 'adminbox', state: 'running', pid: target.pid, engine: 'containerd' },
    ];
    expect([...(await list())]).toMatchObject(expected);
    // And once, where that root is told, too.
    const directories = { runc: { root: '/run/mine/default' } };
    expect([...(await list({ directories }))]).toMatchObject(expected);
    expect((await find('runc:adminbox')).pid).toBe(target.pid);
  });

  test('what nothing proves is unknown, and said; what is certainly another has exited', async () => {
    const namespaces = [{ type: 'mount' }];
    for (const [id, pid, linux] of [
      ['any', target.pid, {}],
      ['mounts', target.pid, { namespaces }],
      ['host', process.pid, { namespaces }],
      ['gone', 4194304, {}],
    ] as const) {
      state.write(`${task('default', id)}/config.json`, { linux });
      state.write(`${task('default', id)}/init.pid`, `${pid}`);
    }
    const containers = await list();
    const states = Object.fromEntries(containers.map(({ name, state: is }) => [name, is]));
    expect(states).toEqual({ any: 'unknown', mounts: 'unknown', host: 'exited', gone: 'exited' });
    expect(containers.problems.map(({ target: of, code }) => `${code} ${of}`).sort()).toEqual([
      'ESRCH containerd:any',
      'ESRCH containerd:mounts',
    ]);
    expect(containers.problems[0]?.message).toContain(`pid ${target.pid}`);
    expect((await find('any')).pid).toBe(undefined);
  });

  test.each([
    ['/opt/bin/containerd-shim-runsc-v1', 'runsc'],
    ['/usr/local/bin/containerd-shim-kata-v2', 'kata'],
    ['/usr/bin/containerd-shim-aws-firecracker', 'aws-firecracker'],
  ])('a kernel of its own, by the shim %s', async (shim, runtime) => {
    const path = task('k8s.io', hex('a'));
    state.write(`${path}/config.json`, {});
    state.write(`${path}/init.pid`, `${target.pid}`);
    state.write(`${path}/shim-binary-path`, shim);
    expect(await find(hex('a'))).toMatchObject({ runtime, pid: undefined, namespaces: undefined });
  });

  // init.pid is that of the sandbox, as pkg/shim/proc/init.go of gVisor 210e3f6 has it.
  test.for([
    ['/usr/local/bin/containerd-shim-runsc-v1', 'runsc'],
    ['/usr/bin/containerd-shim-runc-v2', undefined],
  ])('before containerd 1.6, by the title of the shim %s', async ([shim, runtime], context) => {
    const sandbox = 'setpriv --pdeathsig KILL sleep infinity & echo $!; wait';
    await using parent = start('bash', ['-c', `exec -a ${shim} bash -c '${sandbox}'`]);
    const pid = await until('its child', () => Number(parent.output()) || undefined);
    await until('it', () => read(`/proc/${pid}/comm`) === 'sleep' || undefined);
    const frozen = freeze(pid) ?? context.skip('no freezer');
    try {
      const path = task('k8s.io', `linux-namespaces-frozen-${pid}`);
      state.write(`${path}/config.json`, {});
      state.write(`${path}/init.pid`, `${pid}`);
      expect((await list())[0]).toMatchObject({
        runtime,
        state: 'paused',
        pid: runtime === undefined ? pid : undefined,
      });
    } finally {
      frozen.thaw();
    }
  });
});

describe('Docker, at other places', () => {
  const config = (id: string, pid: number, more = {}) => ({
    ID: id,
    Name: '/web',
    Driver: 'overlay2',
    Created: '2026-01-01T00:00:00Z',
    State: { Running: true, Pid: pid, StartedAt: '2026-01-01T00:00:00Z' },
    Path: 'nginx',
    Args: ['-g', 'daemon off;'],
    Config: { Image: 'nginx', Env: ['PATH=/bin', 'EMPTY=', 'no-value'] },
    ...more,
  });

  test('rootless Docker 20.10 and 28: of its user, and not by a bare name', async () => {
    const id = hex('a');
    state.write('etc/passwd', 'joe:x:1000:1000::/home/joe:/bin/sh\n');
    await using theirs = await processOf(1000);
    mkdirSync(join(state.root, 'run/user'), { recursive: true });
    const runtime = `run/user/1000/docker/runtime-runc/moby/${id}/state.json`;
    state.write(runtime, runcState(id, theirs.pid), 1000);
    mkdirSync(join(state.root, 'home'));
    const path = `home/joe/.local/share/docker/containers/${id}/config.v2.json`;
    const LogPath = '/home/joe/.local/share/docker/a.log';
    state.write(path, config(id, theirs.pid, { LogPath }), 1000);
    const containers = await list();
    expect(containers.problems).toEqual([]);
    expect(containers.map(seen)).toEqual(['1000 docker web running']);
    expect((await find('1000:docker:web')).pid).toBe(theirs.pid);
    const error = await rejectionOf(find('web'));
    expect(error.code).toBe('ENOENT');
    expect(error.message).toContain('1000:docker:web');
    expect(containers[0]?.logPath).toBe(`${state.root}/home/joe/.local/share/docker/a.log`);
    // Nor is any file of the machine's its log.
    state.write(path, config(id, theirs.pid, { LogPath: '/etc/shadow' }), 1000);
    expect(named(await list(), 'web').logPath).toBe(undefined);
    // Whatever it says: the process of somebody else is none of that user's.
    state.write(runtime, runcState(id, target.pid), 1000);
    expect(named(await list(), 'web').pid).toBe(undefined);
  });

  test("directories that are a user's, when they are named, too", async () => {
    const id = hex('a');
    await using theirs = await processOf(1000);
    mkdirSync(join(state.root, 'srv'));
    state.write(`srv/data/containers/${id}/config.v2.json`, config(id, theirs.pid), 1000);
    const runtime = `srv/exec/runtime-runc/moby/${id}/state.json`;
    state.write(runtime, runcState(id, theirs.pid), 1000);
    state.write(`srv/runc/${hex('b')}/state.json`, runcState(hex('b'), theirs.pid), 1000);
    const directories = {
      docker: { 'data-root': '/srv/data', 'exec-root': '/srv/exec' },
      runc: { root: '/srv/runc' },
    };
    expect((await list({ directories })).map(seen).sort()).toEqual([
      '1000 docker web running',
      `1000 runc ${hex('b')} running`,
    ]);
    state.write(runtime, runcState(id, target.pid), 1000);
    expect(named(await list({ directories }), 'web').pid).toBe(undefined);
  });

  test('the snap: bin/dockerd-wrapper of 1615812', async () => {
    const id = hex('a');
    const base = 'var/snap/docker';
    state.write(`${base}/common/var-lib-docker/containers/${id}/config.v2.json`, config(id, 1));
    const runtime = `${base}/2932/run/docker/runtime-runc/moby/${id}/state.json`;
    state.write(runtime, runcState(id, target.pid));
    symlinkSync('2932', join(state.root, base, 'current'));
    expect(await find('web')).toMatchObject({ engine: 'docker', pid: target.pid });
  });

  test('environment, command, ports, mounts and log, as Docker 26 writes them', async () => {
    const id = hex('a');
    const log = `/var/lib/docker/containers/${id}/${id}-json.log`;
    const point = { Type: 'volume', Name: 'v', Source: '/var/lib/docker/volumes/v/_data' };
    const NetworkSettings = {
      Ports: {
        '80/tcp': [
          { HostIp: '0.0.0.0', HostPort: '8080' },
          { HostIp: '::', HostPort: '8080' },
        ],
        '53/udp': null,
      },
    };
    const MountPoints = { '/data': { ...point, Destination: '/data', RW: false, Driver: 'local' } };
    const more = { LogPath: log, NetworkSettings, MountPoints };
    state.write(`var/lib/docker/containers/${id}/config.v2.json`, config(id, 0, more));
    expect(await find('web')).toMatchObject({
      command: ['nginx', '-g', 'daemon off;'],
      env: { PATH: '/bin', EMPTY: '' },
      ports: [
        { ip: '0.0.0.0', privatePort: 80, publicPort: 8080, type: 'tcp' },
        { ip: '::', privatePort: 80, publicPort: 8080, type: 'tcp' },
        { ip: undefined, privatePort: 53, publicPort: undefined, type: 'udp' },
      ],
      mounts: [
        {
          type: 'volume',
          name: 'v',
          source: `${state.root}/var/lib/docker/volumes/v/_data`,
          destination: '/data',
          rw: false,
        },
      ],
      logPath: state.root + log,
    });
  });

  test.each([
    ['runsc', {}, 'runsc'],
    ['gvisor', { gvisor: { path: '/usr/local/bin/runsc' } }, 'runsc'],
    ['io.containerd.kata.v2', {}, 'kata'],
    ['vm', { vm: { runtimeType: 'io.containerd.kata-qemu.v2' } }, 'kata-qemu'],
  ])('a kernel of its own, by --runtime %s', async (name, runtimes, runtime) => {
    const id = hex('a');
    state.write('etc/docker/daemon.json', { runtimes });
    state.write(`var/lib/docker/containers/${id}/config.v2.json`, config(id, target.pid));
    state.write(`var/lib/docker/containers/${id}/hostconfig.json`, { Runtime: name });
    const found = await find('web');
    expect(found).toMatchObject({ runtime, pid: undefined });
    // In the words of its engine, as long as that process is there; and no target.
    expect(['running', 'unknown', 'exited']).toContain(found.state);
    expect(() => withNamespaces(found, ['net'], () => {})).toThrow('ESRCH');
  });

  test('DOCKER_HOST and contexts, as the client takes them', async () => {
    const id = hex('a');
    const socket = join(state.root, 'docker.sock');
    const { Name, ...rest } = config(id, 0);
    const server = createServer((request, response) => {
      const isList = request.url?.startsWith('/containers/json');
      response.end(JSON.stringify(isList ? [{ Id: id, Names: [Name] }] : { Name, ...rest }));
    }).listen(socket);
    await once(server, 'listening');
    const host = `unix://${socket}`;
    state.write('docker/config.json', { currentContext: 'mine' });
    // The name of the directory is the SHA-256 of `mine`: cli/context/store of Docker's client 28.
    const meta = createHash('sha256').update('mine').digest('hex');
    state.write(`docker/contexts/meta/${meta}/meta.json`, {
      Name: 'mine',
      Endpoints: { docker: { Host: host } },
    });
    const DOCKER_CONFIG = join(state.root, 'docker');
    const before = { ...process.env };
    try {
      for (const env of [
        { DOCKER_HOST: host },
        { DOCKER_CONFIG },
        { DOCKER_CONFIG: '/nonexistent', DOCKER_HOST: host, DOCKER_CONTEXT: 'other' },
        { DOCKER_CONFIG, DOCKER_CONTEXT: 'mine' },
      ]) {
        process.env = { ...before, ...env };
        expect((await listContainers()).map(({ id: one }) => one)).toContain(id);
      }
      for (const env of [
        { DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_CONFIG },
        { DOCKER_CONFIG, DOCKER_CONTEXT: 'default' },
        { DOCKER_CONFIG, DOCKER_CONTEXT: '../mine' },
      ]) {
        process.env = { ...before, ...env };
        expect((await listContainers()).map(({ id: one }) => one)).not.toContain(id);
      }
      process.env = { ...before, DOCKER_HOST: 'unix:///nonexistent' };
      const [problem] = (await listContainers()).problems.filter(
        ({ target: of }) => of === '/nonexistent',
      );
      expect(problem?.message).toContain('DOCKER_HOST');
    } finally {
      process.env = before;
      server.closeAllConnections();
      await new Promise(done => server.close(done));
    }
  });
});

describe('systemd 252, machine_save() of src/machine/machine.c', () => {
  test('machines of nspawn, and no virtual machines', async () => {
    const file = (more: string) =>
      `# This is private data. Do not parse.\nNAME=x\n${more}LEADER=${target.pid}\nREALTIME=1767225600000000\nMONOTONIC=5\n`;
    const nspawn = 'SERVICE=systemd-nspawn\nROOT=/var/lib/machines/web\nCLASS=container\n';
    state.write('run/systemd/machines/web', file(`SCOPE=machine-web.scope\n${nspawn}`));
    state.write('run/systemd/machines/vm', file('SERVICE=libvirt-qemu\nCLASS=vm\n'));
    state.write('run/systemd/machines/old', `${file(nspawn)}LEADER=4194304\n`);
    state.write('run/systemd/machines/new', nspawn); // no LEADER=
    const escaped = 'ROOT=/srv/caf\\303\\251\\\\303 x\n';
    state.write('run/systemd/machines/escaped', file(`${nspawn}${escaped}`));
    symlinkSync('web', join(state.root, 'run/systemd/machines/unit:machine-web.scope'));
    const containers = await list();
    expect(containers.map(seen).sort()).toEqual([
      '0 nspawn escaped unknown',
      '0 nspawn new unknown',
      '0 nspawn old exited',
      '0 nspawn web unknown',
    ]);
    expect(named(containers, 'web')).toMatchObject({
      rootfs: `${state.root}/var/lib/machines/web`,
      started: new Date('2026-01-01T00:00:00Z'),
    });
    const { rootfs } = named(containers, 'escaped');
    expect(rootfs).toBe(`${state.root}/srv/café\\303 x`);
  });
});

test('what /proc hides from us (hidepid) has not exited', () => {
  state.write('run/runc/web/state.json', runcState('web', target.pid));
  const script = `import { listContainers } from 'linux-namespaces';
    process.setgid(1000); process.setuid(1000);
    const [one] = await listContainers({ root: '${state.root}' });
    console.log(one.name, one.state, one.pid);`;
  const hide = 'chmod 711 "$1"; mount -t proc -o hidepid=2 proc /proc && shift && exec "$@"';
  const under = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', hide, 'sh', state.root];
  expect(runScript(script, under)).toBe('web unknown undefined\n');
});

test('what is hidden from us, who are in another user namespace, has not exited', async () => {
  await using theirs = await processOf(1000);
  state.write('run/crun/web/status', crunStatus(theirs.pid), 1000);
  state.write('run/crun/old/status', { ...crunStatus(theirs.pid), 'process-start-time': 5 }, 1000);
  chmodSync(state.root, 0o755);
  const script = `import { listContainers } from 'linux-namespaces';
    const all = await listContainers({ timeout: 0 });
    for (const { name, state, owner } of all.filter(({ name }) => /^(web|old)$/.test(name)))
      console.log(name, state, owner);`;
  const as = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'];
  const at = ['env', `XDG_RUNTIME_DIR=${state.root}/run`, `HOME=${state.root}`];
  const seenBy = (...more: string[]) =>
    runScript(script, [...as, ...at, ...more])
      .split('\n')
      .sort()
      .join(' ')
      .trim();
  expect(seenBy()).toBe('old exited 1000 web running 1000');
  expect(seenBy('unshare', '-U', '--map-current-user')).toBe('old exited 1000 web unknown 1000');
});

describe('names', () => {
  const docker = (digit: string, Name: string) =>
    state.write(`var/lib/docker/containers/${hex(digit)}/config.v2.json`, {
      ID: hex(digit),
      Name,
      State: {},
    });

  test('ENOENT says where was looked, and how to say where else', async () => {
    const { code, message } = await rejectionOf(find('nobody'));
    expect(code).toBe('ENOENT');
    for (const text of [`${state.root}/var/lib/docker`, 'run/containerd', 'root', 'directories']) {
      expect(message).toContain(text);
    }
    // What cannot be read is said, though what was asked for is not in it.
    docker('a', '/web');
    state.write('run/runc/half/state.json', '{');
    expect((await find('web')).id).toBe(hex('a'));
    expect((await rejectionOf(find('nobody'))).message).toContain('run/runc/half');
  });

  test.skipIf(!hasProgram('strace'))(
    'where none of ours has it, only other users are looked for besides [needs strace]',
    () => {
      const directory = join(state.root, 'var/lib/docker/containers');
      mkdirSync(directory, { recursive: true });
      const calls = join(state.root, 'calls');
      const said = runScript(
        `import { findContainer } from 'linux-namespaces';
      const found = findContainer('no such', { root: ${JSON.stringify(state.root)} });
      await found.catch(error => console.log(error.code));`,
        ['strace', '-f', '-qq', '-e', 'trace=openat', '-o', calls, '-P', directory],
      );
      expect(said.trim()).toBe('ENOENT');
      expect(readFileSync(calls, 'utf8').match(/openat\(/g)).toHaveLength(1);
    },
  );

  test('an engine before it is one, or none; and a slash is no part of a name', async () => {
    docker('a', '/web');
    state.write('run/runc/web/state.json', runcState('web', target.pid));
    expect((await rejectionOf(find('docker://web/'))).code).toBe('ENOENT');
    expect((await find('docker:web')).engine).toBe('docker');
    expect((await find('docker:/web')).engine).toBe('docker');
    expect((await find('runc://web')).engine).toBe('runc');
    // By its id runc's is meant before Docker's by its name.
    expect((await find('web')).engine).toBe('runc');
    for (const name of [
      '',
      '/',
      '//web',
      'rkt:web',
      'docker:',
      'docker://',
      'DOCKER:web',
      ':web',
    ]) {
      expect((await rejectionOf(find(name))).code, name).toMatch(/ENOENT|ERR_INVALID_ARG_VALUE/);
    }
  });

  test('two of one name, and two beginnings of an id', async () => {
    docker('a', '/web');
    docker('b', '/web');
    docker('c', '/c-other');
    const error = await rejectionOf(find('web'));
    expect(error.code).toBe('ENOTUNIQ');
    expect(error.message).toContain(`docker:web (${hex('a').slice(0, 12)}`);
    expect(error.message).toContain(hex('b').slice(0, 12));
    expect((await find('cccccc')).name).toBe('c-other');
  });

  test('one id in two namespaces of containerd: the pids are what tells them apart', async () => {
    await using other = await startTarget('--mount');
    const pids = [target.pid, other.pid];
    for (const [i, pid] of pids.entries()) {
      state.write(`run/containerd/io.containerd.runtime.v2.task/space${i}/box/init.pid`, `${pid}`);
      state.write(`run/containerd/runc/space${i}/box/state.json`, runcState('box', pid));
    }
    const error = await rejectionOf(find('box'));
    expect(error.code).toBe('ENOTUNIQ');
    for (const pid of pids)
      expect(error.message).toContain(`containerd:box (box, running, pid ${pid})`);
  });

  test("a service of Compose's, where nothing has that name: pkg/compose of Compose 2.40", async () => {
    const compose = (digit: string, Name: string, [project, service, number]: readonly string[]) =>
      state.write(`var/lib/docker/containers/${hex(digit)}/config.v2.json`, {
        ID: hex(digit),
        Name,
        State: {},
        Config: {
          Labels: {
            'com.docker.compose.project': project,
            'com.docker.compose.service': service,
            'com.docker.compose.container-number': number,
          },
        },
      });
    compose('a', '/shop-web-1', ['shop', 'web', '1']);
    compose('b', '/shop_db_1', ['shop', 'db', '1']);
    compose('c', '/shop-web-run-3f5c', ['shop', 'web', '1']); // docker compose run
    compose('d', '/named', ['shop', 'other', '1']); // container_name, or labels of the image
    compose('e', '/db-two-1', ['', 'db', '1']);
    for (const name of ['web', 'docker:web', '/web', 'shop-web-1']) {
      expect((await find(name)).id, name).toBe(hex('a'));
    }
    expect((await find('db')).id).toBe(hex('b'));
    expect((await rejectionOf(find('other'))).code).toBe('ENOENT');
    expect((await rejectionOf(find('podman:web'))).code).toBe('ENOENT');
    compose('f', '/blog-web-1', ['blog', 'web', '1']);
    const { code, message } = await rejectionOf(find('web'));
    expect(code).toBe('ENOTUNIQ');
    expect(message).toContain('docker:shop-web-1');
    expect(message).toContain('docker:blog-web-1');
    docker('1', '/web');
    expect((await find('web')).id).toBe(hex('1'));
  });

  test('names written with escapes are the same names', async () => {
    state.write(
      `var/lib/docker/containers/${hex('a')}/config.v2.json`,
      `{"ID":"${hex('a')}","Name":"/w\\u0065b","State":{}}`,
    );
    expect((await find('web')).id).toBe(hex('a'));
  });
});

test('with a /proc of processes alone (ProcSubset=pid), it is known when one was started', () => {
  const { created: _, ...without } = runcState('web', target.pid);
  state.write('run/runc/web/state.json', without);
  const script = `import { listContainers } from 'linux-namespaces';
    const [one] = await listContainers({ root: '${state.root}' });
    const age = Date.now() - one.started.getTime();
    console.log(one.state, age > -2_000 && age < 3_600_000);`;
  const only = 'mount -t proc -o subset=pid proc /proc && exec "$@"';
  const under = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', only, 'sh'];
  expect(runScript(script, under)).toBe('running true\n');
});
