import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type Containers, findContainer, listContainers, withNamespaces } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Containerd,
  type Docker,
  images,
  type Machine,
  missing,
  type PodContainer,
  type RunningPod,
  type Runtime,
  runPod,
  startContainerd,
  startCrun,
  startDocker,
  startRunc,
} from '../../engines/index.ts';
import { rejectionOf } from '../shared/support.ts';
import { apart, expectNamespaces, named, time } from './support.ts';

const absent = missing('containerd', 'runc', 'crun', 'dockerd', 'iptables');

describe.skipIf(absent)(`containerd, runc, crun [${absent || 'installed'}]`, () => {
  let containerd: Containerd;
  let machine: Machine;
  let runc: Runtime;
  let crun: Runtime;
  let pod: RunningPod;
  let web: PodContainer;
  let sidecar: PodContainer;
  const uid = randomUUID();
  const [ofPod, ofWeb] = [
    { app: 'blog', 'io.kubernetes.pod.name': 'wordpress' },
    { 'io.kubernetes.container.name': 'web' },
  ];
  beforeAll(async () => {
    containerd = await startContainerd();
    machine = containerd.machine;
    const run = (id: string) => containerd.ctr('run', '-d', images.busybox, id, 'sleep', '1000000');
    await run('plain');
    await run('paused').then(() => containerd.ctr('task', 'pause', 'paused'));
    await containerd.ctr('run', '-d', images.busybox, 'exited', 'true');
    const over = "ctr task ls | grep -q 'exited .*STOPPED'";
    await machine.until('containerd', 'sh', ['-c', over]);
    const about = { namespace: 'blog', name: 'wordpress', uid, labels: ofPod };
    pod = await runPod(containerd, about);
    web = await pod.run('web', ['sleep', '1000000'], ofWeb);
    sidecar = await pod.run('sidecar', ['sleep', '1000000']);
    [runc, crun] = [await startRunc({ machine }), await startCrun({ machine })];
  }, 120_000);
  afterAll(() => containerd?.stop());

  const list = (options = {}): Promise<Containers> =>
    listContainers({ root: machine.root, ...options });

  test('what ctr runs is as ctr has it', async () => {
    const rows = (await containerd.ctr('task', 'ls')).split('\n').slice(1);
    const tasks = rows.map(row => row.split(/\s+/) as [string, string, string]);
    expect(tasks.map(([id]) => id).sort()).toEqual(['exited', 'paused', 'plain']);
    const containers = await list();
    const words: Record<string, string> = {
      RUNNING: 'running',
      PAUSED: 'paused',
      STOPPED: 'exited',
    };
    for (const [id, pid, status] of tasks) {
      const state = words[status];
      expect(named(containers, id)).toMatchObject({ engine: 'containerd', id, state });
      if (state !== 'exited') expect(named(containers, id).pid).toBe(Number(pid));
    }
    const plain = named(containers, 'plain');
    const info = JSON.parse(await containerd.ctr('container', 'info', 'plain'));
    expect(plain.annotations).toEqual(info.Spec.annotations ?? {});
    expect(plain).toMatchObject({ runtime: 'runc', image: undefined, labels: undefined });
    expect(plain.cgroup).toMatch(`${info.Spec.linux.cgroupsPath}`);
    expect(readdirSync(plain.rootfs ?? '')).toContain('www');
    expectNamespaces(plain, machine);
    expect(plain.knownAs).toEqual([
      { engine: 'containerd', namespace: 'default', id: 'plain' },
      { engine: 'runc', root: '/run/containerd/runc/default', id: 'plain' },
    ]);
  });

  test('a pod of Kubernetes and its two containers are as CRI has them', async () => {
    const containers = await list();
    for (const container of [web, sidecar]) {
      const status = await container.status();
      const found = named(containers, status.name);
      expect(found).toMatchObject({
        engine: 'containerd',
        id: container.id,
        pid: status.info.pid,
        state: 'running',
        image: status.image,
        labels: undefined,
        hostname: undefined,
        pod: { name: 'wordpress', namespace: 'blog', uid, sandbox: status.info.sandboxID },
      });
      // CRI's own time is when it was asked, the one here when it was done.
      const late = (found.created?.getTime() ?? 0) - status.createdAt / 1e6;
      expect(late).toBeGreaterThan(-1000);
      expectNamespaces(found, machine);
      const sandbox = containers.find(({ id }) => id === pod.id);
      expect(sandbox).toMatchObject({
        pid: pod.pid,
        name: 'wordpress',
        hostname: 'wordpress-host',
      });
      for (const type of ['net', 'ipc', 'uts'] as const) {
        expect(found.namespaces?.[type]).toEqual(sandbox?.namespaces?.[type]);
      }
      expect(apart(found)).toEqual(['ipc', 'mnt', 'net', 'pid', 'uts']);
    }
  });

  test('asked over gRPC, containerd says what ctr does: images, labels, snapshots', async () => {
    const options = ['--label', 'role=web'];
    await containerd.ctr('container', 'create', ...options, images.busybox, 'without-task');
    const containers = await list({ grpc: true, timeout: 60_000 });
    expect(containers.problems).toEqual([]);
    for (const id of ['plain', 'paused', 'exited', 'without-task']) {
      const info = JSON.parse(await containerd.ctr('container', 'info', id));
      expect(named(containers, id), id).toMatchObject({
        engine: 'containerd',
        image: info.Image,
        labels: info.Labels,
        snapshot: { snapshotter: info.Snapshotter, key: info.SnapshotKey },
        command: info.Spec.process.args,
        runtime: 'runc',
      });
      expect(named(containers, id).created?.getTime()).toBe(time(info.CreatedAt));
    }
    expect(named(containers, 'without-task')).toMatchObject({
      state: 'created',
      pid: undefined,
      bundle: undefined,
      rootfs: undefined,
      labels: { role: 'web' },
    });
    expect(named(containers, 'paused').state).toBe('paused');
    const find = (grpc: boolean) => findContainer('without-task', { root: machine.root, grpc });
    expect((await find(true)).state).toBe('created');
    expect((await rejectionOf(find(false))).code).toBe('ENOENT');
    // And all else is as it is without.
    const plain = named(await list(), 'plain');
    const { labels, image, snapshot, created, started, ...same } = named(containers, 'plain');
    expect(plain).toMatchObject(same);
    await containerd.ctr('container', 'rm', 'without-task');
  });

  test('and CRI: labels of pods and of their containers, and those that have ended', async () => {
    const ended = await pod.run('ended', ['sleep', '1000000'], { role: 'job' });
    await ended.end();
    expect((await list()).filter(({ id }) => id === ended.id)).toEqual([]);
    const containers = await list({ grpc: true, timeout: 60_000 });
    expect(containers.problems).toEqual([]);
    const of = (id: string) => containers.find(container => container.id === id);
    expect(of(pod.id)).toMatchObject({ labels: ofPod, pod: { labels: ofPod }, state: 'running' });
    expect(of(web.id)).toMatchObject({
      labels: ofWeb,
      pod: { labels: ofPod },
      pid: expect.any(Number),
    });
    expect(of(ended.id)).toMatchObject({
      name: 'ended',
      state: 'exited',
      pid: undefined,
      labels: { role: 'job' },
      image: images.busybox,
      pod: { name: 'wordpress', namespace: 'blog', labels: ofPod, sandbox: pod.id },
    });
    for (const name of ['blog/wordpress/ended', `containerd://${ended.id}`, 'ended']) {
      expect((await findContainer(name, { root: machine.root, grpc: true })).id).toBe(ended.id);
    }
  });

  test("CRI-O's socket is asked for what CRI-O has, by the same calls", async () => {
    // As CRI-O keeps it (engines.test.ts); who listens is containerd, whose container it is, too.
    const storage = `${machine.root}/var/lib/containers/storage/overlay-containers`;
    mkdirSync(storage, { recursive: true });
    const name = `k8s_web_wordpress_blog_${uid}_0`;
    const metadata = JSON.stringify({ 'pod-id': pod.id, name, 'metadata-name': 'web' });
    const row = { id: web.id, names: [name], metadata, created: '2026-01-01T00:00:00Z' };
    writeFileSync(`${storage}/containers.json`, JSON.stringify([row]));
    const crio = '/run/crio/crio.sock';
    await machine.run('mkdir', ['/run/crio']);
    await machine.run('touch', [crio]);
    await machine.run('mount', ['--bind', '/run/containerd/containerd.sock', crio]);
    try {
      const containers = await list({ grpc: true, timeout: 60_000 });
      expect(containers.problems).toEqual([]);
      expect(containers.find(({ id }) => id === web.id)).toMatchObject({
        engine: 'cri-o',
        labels: ofWeb,
        pod: { labels: ofPod },
        state: 'running',
      });
    } finally {
      await machine.run('umount', [crio]);
      rmSync(`${storage}/containers.json`);
    }
  });

  test('a containerd that hangs costs the time that was said, and what it alone knows', async () => {
    process.kill(containerd.pid, 'SIGSTOP');
    try {
      const containers = await list({ grpc: true, timeout: 300 });
      expect(named(containers, 'plain')).toMatchObject({ state: 'running', labels: undefined });
      expect(containers.problems.map(({ code, target }) => `${code} ${target}`)).toEqual([
        `ETIMEDOUT ${containerd.socket}`,
      ]);
    } finally {
      process.kill(containerd.pid, 'SIGCONT');
    }
  });

  test('by what people call it in Kubernetes', async () => {
    const find = (name: string) => findContainer(name, { root: machine.root });
    expect((await find('blog/wordpress/web')).id).toBe(web.id);
    expect((await find('containerd:blog/wordpress/sidecar')).id).toBe(sidecar.id);
    expect((await find('blog/wordpress')).id).toBe(pod.id);
    expect((await find('sidecar')).id).toBe(sidecar.id);
    expect((await find(`runc:${web.id}`)).id).toBe(web.id);
    for (const name of ['blog/wordpress/none', 'blog/web', 'wordpress/web', 'docker:web']) {
      expect((await rejectionOf(find(name))).code, name).toBe('ENOENT');
    }
    const other = await runPod(containerd, { namespace: 'shop', name: 'x', uid: randomUUID() });
    const second = await other.run('web', ['sleep', '1000000']);
    const error = await rejectionOf(find('web'));
    expect(error.code).toBe('ENOTUNIQ');
    expect(error.message).toContain('containerd:blog/wordpress/web');
    expect(error.message).toContain('containerd:shop/x/web');
    expect((await find('shop/x/web')).id).toBe(second.id);
  });

  test('containers of runc and crun are as these list them', async () => {
    const annotations = { 'com.example.name': 'value=with=signs', empty: '' };
    await runc.start('by-runc', { annotations, hostname: 'runc-host' });
    await runc.run('create', '--bundle', runc.bundle('runc-created'), 'runc-created');
    await runc.start('runc-paused');
    await runc.run('pause', 'runc-paused');
    await runc.start('runc-exited', { args: ['true'] });
    const over = 'runc state runc-exited | grep -q stopped';
    await machine.until('containerd', 'sh', ['-c', over]);
    await crun.start('by-crun', { annotations, hostname: 'crun-host', image: 'distroless' });
    await crun.run('create', '--bundle', crun.bundle('crun-created'), 'crun-created');
    const containers = await list();
    const theirs = JSON.parse(await runc.run('list', '-f', 'json'));
    const states: Record<string, string> = { stopped: 'exited' };
    expect(theirs).toHaveLength(4);
    for (const one of theirs) {
      const found = named(containers, one.id);
      expect(found).toMatchObject({
        engine: 'runc',
        runtime: 'runc',
        state: states[one.status] ?? one.status,
        bundle: machine.root + one.bundle,
        rootfs: machine.root + one.rootfs,
        annotations: one.annotations ?? {},
        labels: undefined,
        owner: 0,
      });
      expect(found.pid ?? 0).toBe(one.status === 'stopped' ? 0 : one.pid);
      expect(found.created?.getTime()).toBe(time(one.created));
      if (one.status !== 'stopped') expectNamespaces(found, machine);
      expect(found.started === undefined).toBe(
        one.status === 'created' || one.status === 'stopped',
      );
    }
    expect(named(containers, 'by-runc').hostname).toBe('runc-host');
    const crunTheirs = JSON.parse(await crun.run('list', '-f', 'json'));
    expect(crunTheirs).toHaveLength(2);
    for (const one of crunTheirs) {
      const found = named(containers, one.id);
      expect(found).toMatchObject({
        engine: 'crun',
        runtime: 'crun',
        pid: one.pid,
        bundle: machine.root + one.bundle,
        rootfs: `${machine.root}${one.bundle}/rootfs`,
      });
      expect(found.created?.getTime()).toBe(time(one.created));
      expectNamespaces(found, machine);
    }
    const byCrun = named(containers, 'by-crun');
    expect(byCrun).toMatchObject({ state: 'running', hostname: 'crun-host', annotations });
    expect(named(containers, 'crun-created').state).toBe('created');
    expect(statSync(byCrun.rootfs ?? '').isDirectory()).toBe(true);
    withNamespaces(byCrun, ['net', 'uts'], () => {});
  });

  test("Docker's containers on this containerd are Docker's, and one each", async () => {
    const docker: Docker = await startDocker({ machine });
    const id = await docker.start('--name', 'dockers', 'busybox:1');
    const containers = await list();
    const found = containers.filter(container => container.id === id);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ engine: 'docker', name: 'dockers', state: 'running' });
    expect(found[0]?.knownAs.map(known => known.engine)).toEqual(['docker', 'containerd', 'runc']);
    expect(found[0]?.bundle).toBe(
      `${machine.root}/run/containerd/io.containerd.runtime.v2.task/moby/${id}`,
    );
    const tasks = await machine.run('ctr', ['-n', 'moby', 'task', 'ls']);
    expect(tasks).toContain(id);
  });

  test('without the daemon it is all the same', async () => {
    const before = await list();
    process.kill(containerd.pid, 'SIGKILL');
    const after = await list();
    expect(after.problems).toEqual([]);
    const show = (containers: Containers) =>
      containers
        .map(({ id, state, pid }) => ({ id, state, pid }))
        .sort((a, b) => (a.id < b.id ? 1 : -1));
    expect(show(after)).toEqual(show(before));
    // Where it was to be asked, that it is not there is said.
    const [problem] = (await list({ grpc: true })).problems;
    expect(problem).toMatchObject({ code: 'ECONNREFUSED', target: containerd.socket });
  });
});
