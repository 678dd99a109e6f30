// What people do with lsns, ps, ss and ip on a machine with a container on it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  type InternetSocket,
  listInterfaces,
  listNamespaces,
  listSockets,
  namespacesOf,
  openNamespaces,
  type ProcessNode,
  processTree,
  sameNamespaces,
} from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Docker, missing, startDocker } from '../../engines/index.ts';
import { noIds } from '../shared/kernel.ts';
import { inodeOf, placeOf, startTarget, types } from '../shared/support.ts';

const absent = missing('dockerd', 'containerd', 'runc');

/** From the root down to a process. */
function pathTo(nodes: readonly ProcessNode[], pid: number): ProcessNode[] {
  for (const node of nodes) {
    if (node.pid === pid) return [node];
    const below = pathTo(node.children, pid);
    if (below.length > 0) return [node, ...below];
  }
  return [];
}

function flat(nodes: readonly ProcessNode[]): ProcessNode[] {
  return nodes.flatMap(node => [node, ...flat(node.children)]);
}

describe.skipIf(absent)(`a container of Docker [${absent || 'installed'}]`, () => {
  let docker: Docker;
  let pid: number;

  beforeAll(async () => {
    docker = await startDocker();
    await docker.start('--name', 'web', '--init', 'busybox:1', 'httpd', '-f', '-p', '8099');
    ({ Pid: pid } = (await docker.inspect('web')).State);
    await docker.docker('exec', '-d', 'web', 'sleep', '7777');
  }, 120_000);
  afterAll(() => docker?.stop(), 60_000);

  test('1.3c its interfaces, addresses and counters: ifconfig', async () => {
    const found = await listInterfaces(pid);
    const [lo, eth0] = ['lo', 'eth0'].map(name => found.find(one => one.name === name));
    expect(lo).toMatchObject({ name: 'lo', addresses: [{ address: '127.0.0.1', scope: 'host' }] });
    const { IPAddress, MacAddress } = (await docker.inspect('web')).NetworkSettings;
    expect(eth0).toMatchObject({
      name: 'eth0',
      kind: 'veth',
      state: 'UP',
      mtu: 1500,
      mac: MacAddress,
      addresses: [{ address: IPAddress, prefixLength: 16, scope: 'global' }],
    });
    expect(eth0?.rx.bytes).toBeTypeOf('bigint');
  });

  test('1.4 from the shim down to what runs in it, also what came by docker exec', async () => {
    const tree = await processTree(pid);
    const [root] = tree;
    expect(tree).toHaveLength(1);
    expect(root?.pid).toBe(1);
    const line = pathTo(tree, pid);
    const shim = line.at(-2);
    const first = line.at(-1);
    expect(shim?.command).toMatch(/containerd-shim/);
    // Not the daemon: it can be replaced while containers run.
    expect(pathTo(tree, docker.pid)).toEqual([]);
    expect(shim?.differs).toEqual([]);
    expect(first).toMatchObject({ pid, user: 'root', pids: [pid, 1] });
    expect(first?.differs).toEqual(expect.arrayContaining(['ipc', 'mnt', 'net', 'pid', 'uts']));
    expect(first?.cgroup).toBe(
      /^0::(.*)$|name=systemd:(.*)$/m
        .exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))
        ?.slice(1)
        .find(Boolean),
    );
    expect(first?.children).toMatchObject([{ command: 'httpd -f -p 8099', differs: [] }]);
    // docker exec: another child of the shim.
    const exec = shim?.children.find(node => node.command === 'sleep 7777');
    expect(exec?.ppid).toBe(shim?.pid);
    expect(exec?.differs).toContain('pid');
    // The other way round: all that ps shows in there, and no other process of the machine.
    const inside = flat(tree).filter(node => node.pids.length > 1);
    expect(inside.map(node => node.command).sort()).toEqual(
      [first?.command, 'httpd -f -p 8099', 'sleep 7777'].sort(),
    );
  });

  test('1.4 start time, user and parent are those of ps', async () => {
    for (const node of pathTo(await processTree(pid), pid)) {
      const [ppid, user, ...started] = execFileSync(
        'ps',
        ['-o', 'ppid=,euser=,lstart=', '-p', `${node.pid}`],
        { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
      )
        .trim()
        .split(/\s+/);
      expect([node.ppid, node.user]).toEqual([Number(ppid), user]);
      // ps goes by the second in which the machine started.
      const apart = node.start.getTime() - Date.parse(started.join(' '));
      expect(Math.abs(apart)).toBeLessThan(3000);
    }
  });

  test('1.5b the port on which a process listens, by its pid inside', async () => {
    const [httpd] = flat(await processTree(pid)).filter(node => node.command.startsWith('httpd'));
    const insidePid = httpd?.pids.at(-1);
    expect(insidePid).toBeGreaterThan(1);
    const sockets = await listSockets({ pid }, { listening: true });
    const its = sockets.filter(socket =>
      socket.processes.some(one => one.pids.at(-1) === insidePid),
    ) as InternetSocket[];
    expect(its).toMatchObject([
      { protocol: 'tcp', state: 'LISTEN', local: { address: '::', port: 8099 } },
    ]);
    expect(its[0]?.processes).toMatchObject([{ pid: httpd?.pid, command: 'httpd -f -p 8099' }]);
  });

  test('1.6a the row of lsns for its network', async () => {
    const [row] = await listNamespaces({ types: ['net'], target: pid });
    expect(row).toMatchObject({
      type: 'net',
      inode: inodeOf(placeOf(pid, 'net')),
      processes: 3,
      pid,
      uid: 0,
      user: 'root',
      ours: false,
    });
    expect(row?.command).toMatch(/httpd -f -p 8099$/);
    // Docker keeps it by a mount, in the mount namespace of its own.
    const { SandboxKey } = (await docker.inspect('web')).NetworkSettings;
    expect(row?.mounts.map(mount => mount.path.split('/').at(-1))).toContain(
      SandboxKey.split('/').at(-1),
    );
  });

  test('1.6b ls -l /proc/*/ns: nothing that is not in the list', async () => {
    const links = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'].map(type =>
      placeOf(pid, type as 'net'),
    );
    const rows = await listNamespaces();
    expect(rows.map(row => `${row.type}:[${row.inode}]`)).toEqual(expect.arrayContaining(links));
  });

  test('1.7 which of its namespaces are those of the host', async () => {
    const all = namespacesOf(pid);
    expect(Object.keys(all).sort()).toEqual([...types].sort());
    for (const type of types) {
      expect(all[type].inode).toBe(inodeOf(placeOf(pid, type)));
      expect(all[type].ours).toBe(placeOf(pid, type) === placeOf('thread-self', type));
    }
    expect(all.user.ours).toBe(true);
    expect(all.net.ours).toBe(false);
    await docker.start(
      '--name',
      'hostly',
      '--network',
      'host',
      '--pid',
      'host',
      'busybox:1',
      'sleep',
      '9999',
    );
    const { Pid: hostly } = (await docker.inspect('hostly')).State;
    expect(namespacesOf(hostly).pid.ours).toBe(true);
    expect(sameNamespaces(hostly, docker.pid, ['net', 'pid'])).toBe(true);
    expect(sameNamespaces(hostly, pid, ['net'])).toBe(false);
    // In the pid namespace of the host: only itself, and what is above it.
    const line = pathTo(await processTree(hostly), hostly);
    expect(line.at(-1)?.children).toEqual([]);
    expect(line.at(-2)?.children).toHaveLength(1);
  });
});

describe('without an engine', () => {
  test('sameNamespaces: all types, some, and of handles and paths', async () => {
    await using one = await startTarget('--net', '--uts');
    await using other = await startTarget('--uts');
    expect(sameNamespaces(one.pid, one.child)).toBe(true);
    expect(sameNamespaces(one.pid, other.pid)).toBe(false);
    expect(sameNamespaces(one.pid, other.pid, ['ipc', 'mnt', 'user'])).toBe(true);
    expect(sameNamespaces(other.pid, process.pid, ['net'])).toBe(true);
    expect(sameNamespaces(other.pid, process.pid, 'all')).toBe(false);
    using handle = openNamespaces(one.pid, ['net']);
    expect(sameNamespaces(handle, { net: `/proc/${one.pid}/ns/net` })).toBe(true);
    expect(sameNamespaces(handle, other.pid)).toBe(false);
    expect(namespacesOf(handle)).toEqual({
      net: { inode: handle.inode('net'), id: noIds ? undefined : expect.anything(), ours: false },
    });
  });

  test('processTree of a handle: the processes in it, and of nothing: all', async () => {
    await using one = await startTarget('--net');
    await using forked = await startTarget('--pid', '--user', '--map-root-user');
    using handle = openNamespaces(one.pid, ['net']);
    const line = pathTo(await processTree(handle), one.pid);
    expect(line.at(-1)).toMatchObject({ differs: ['net'], children: [] });
    expect(line.at(-2)).toMatchObject({ pid: process.pid });
    expect(line.at(-2)?.children).toHaveLength(1);
    const all = flat(await processTree());
    expect(all.length).toBe(new Set(all.map(node => node.pid)).size);
    const pids = all.map(node => node.pid);
    expect(pids).toEqual(expect.arrayContaining([1, process.pid, one.pid, forked.pid]));
    expect(all.find(node => node.pid === forked.pid)).toMatchObject({
      pids: [forked.pid, 1],
      differs: ['pid'],
      ppid: forked.child.pid,
    });
    expect(all.find(node => node.pid === forked.child.pid)).toMatchObject({ differs: ['user'] });
  });
});
