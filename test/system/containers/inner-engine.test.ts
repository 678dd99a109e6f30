// Engines in a pid namespace of their own, as in kind, k3d, minikube and docker in docker.
import { findContainer, listContainers, spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, type Runtime, startDocker, startRunc } from '../../engines/index.ts';
import { read, until } from '../shared/support.ts';
import { named } from './support.ts';

const absent = missing('runc');
const names = ['one', 'two'];

/** In our pid namespace, and in those below. */
function pidsOf(pid: number | undefined): number[] {
  const line = /NSpid:\s*(.*)/.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? '';
  return line.split(/\s+/).map(Number);
}

describe.skipIf(absent)(
  `an engine in a pid namespace of its own [${absent || 'installed'}]`,
  () => {
    let runc: Runtime;
    /** The first process of each node, as our /proc shows it. */
    const nodes: number[] = [];
    beforeAll(async () => {
      runc = await startRunc();
      // Two nodes, whose processes have the same pids in there.
      for (const name of names) {
        const bundles = ['runs', 'host-pids'].map(id =>
          runc.bundle(`${name}-${id}`, {
            namespaces: ['network', 'ipc', 'uts', 'mount', ...(id === 'runs' ? ['pid'] : [])].map(
              type => ({ type }),
            ),
          }),
        );
        const script = `mkdir -p /run/${name} && mount --bind /run/${name} /run
        runc run -d --bundle ${bundles[0]} ${name}-runs && runc run -d --bundle ${bundles[1]} ${name}-host-pids
        runc create --bundle ${bundles[0]} ${name}-dead && kill -9 $(runc state ${name}-dead | sed -n 's/.*"pid": \\([0-9]*\\),/\\1/p')
        touch /run/ready; exec sleep 1000000`;
        const args = ['-p', '-m', '-f', '--kill-child', '--mount-proc', 'sh', '-c', script];
        const outer = await runc.machine.start('unshare', args);
        const node = await until('unshare to fork', () =>
          Number(read(`/proc/${outer}/task/${outer}/children`)),
        );
        const inside = `/proc/${node}/root/run/ready`;
        await runc.machine.until('unshare', 'test', ['-e', inside]);
        nodes.push(node);
      }
    }, 60_000);
    afterAll(() => runc?.stop());

    test.each(names)('node %s: its containers run, with the pids that we know', async name => {
      const i = names.indexOf(name);
      const node = nodes[i] as number;
      const root = `/proc/${node}/root`;
      const containers = await listContainers({ root });
      expect(containers.problems).toEqual([]);
      const states = Object.fromEntries(containers.map(({ name, state }) => [name, state]));
      expect(states).toEqual({
        [`${name}-runs`]: 'running',
        [`${name}-host-pids`]: 'running',
        [`${name}-dead`]: 'exited',
      });
      const inner = JSON.parse(
        await runc.machine.run('nsenter', [
          '-t',
          `${node}`,
          '-m',
          '-p',
          'runc',
          'list',
          '-f',
          'json',
        ]),
      );
      for (const id of [`${name}-runs`, `${name}-host-pids`]) {
        const { pid } = named(containers, id);
        const told = inner.find((one: { id: string }) => one.id === id).pid;
        expect(pidsOf(pid).slice(0, 2)).toEqual([pid, told]);
      }
    });

    test('the same pids inside are different processes, and targets', async () => {
      const both = await Promise.all(
        nodes.map((node, i) => findContainer(`${names[i]}-runs`, { root: `/proc/${node}/root` })),
      );
      expect(both[0]?.pid).not.toBe(both[1]?.pid);
      for (const [i, name] of names.entries()) {
        const child = spawn('hostname', [], { target: both[i] as never, namespaces: ['uts'] });
        let output = '';
        for await (const part of child.stdout) output += part;
        expect(output).toBe(`${name}-runs\n`);
      }
    });
  },
);

const withoutDocker = missing('dockerd', 'iptables');
describe.skipIf(withoutDocker)(
  `Docker in a pid namespace of its own [${withoutDocker || 'installed'}]`,
  () => {
    test('its containers have the pids that we know, and are targets', async () => {
      const apart = ['unshare', '-p', '-m', '-f', '--kill-child', '--mount-proc'];
      const docker = await startDocker({ under: apart });
      try {
        await docker.start('--name', 'inner', '--hostname', 'inner-host', 'busybox:1');
        const node = Number(read(`/proc/${docker.pid}/task/${docker.pid}/children`));
        const root = `/proc/${node}/root`;
        const inspected = await docker.inspect('inner');
        const container = await findContainer('inner', { root });
        expect(container).toMatchObject({ id: inspected.Id, engine: 'docker', state: 'running' });
        expect(pidsOf(container.pid).slice(0, 2)).toEqual([container.pid, inspected.State.Pid]);
        const child = spawn('hostname', [], { target: container, namespaces: ['uts'] });
        let output = '';
        for await (const part of child.stdout) output += part;
        expect(output).toBe('inner-host\n');
        await docker.docker('kill', 'inner');
        expect(await findContainer('inner', { root })).toMatchObject({ state: 'exited' });
      } finally {
        await docker.stop();
      }
    });
  },
);

describe.skipIf(absent)(
  `an agent in a cgroup namespace of its own [${absent || 'installed'}]`,
  () => {
    let runc: Runtime;
    beforeAll(async () => {
      runc = await startRunc();
      for (const id of ['frozen', 'thawed']) await runc.start(id);
      await runc.run('pause', 'frozen');
    }, 60_000);
    afterAll(() => runc?.stop());

    test.each(['agent', 'deeper/agent'])('in %s: what is paused is paused', async cgroup => {
      const source = `import { listContainers } from 'linux-namespaces';
      const all = await listContainers();
      console.log(JSON.stringify(all.map(({ name, state, cgroup }) => [name, state, cgroup])));`;
      const script = `cd ${process.cwd()} && mkdir -p /sys/fs/cgroup/freezer/${cgroup} &&
      echo $$ >/sys/fs/cgroup/freezer/${cgroup}/cgroup.procs && exec unshare -C "$@"`;
      const node = [process.execPath, '--input-type=module', '-e', source];
      const all = JSON.parse(await runc.machine.run('sh', ['-c', script, 'sh', ...node]));
      const states = Object.fromEntries(all.map(([name, state]: string[]) => [name, state]));
      expect(states).toEqual({ frozen: 'paused', thawed: 'running' });
    });
  },
);
