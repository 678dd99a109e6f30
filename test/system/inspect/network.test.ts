// listSockets and listInterfaces beside ss and ip, which are run inside by our own spawn.
import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import {
  createNamespaces,
  execFile,
  type InternetSocket,
  listInterfaces,
  listNamespaces,
  listSockets,
  type Namespaces,
  type SocketInfo,
  type UnixSocket,
} from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  fdCount,
  place,
  rejectionOf,
  runScript,
  startTarget,
  threads,
  until,
} from '../shared/support.ts';
import { folder } from './fixtures/holder.ts';

let lab: Namespaces;
const opened: { close(): void }[] = [];

async function inside(file: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { target: lab, namespaces: ['net'] });
  return stdout;
}

beforeAll(async () => {
  lab = await createNamespaces(['net'], { loopback: true });
  await inside('ip', 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right');
  await inside('ip', 'link', 'set', 'left', 'address', '02:00:00:00:00:0a', 'mtu', '1400', 'up');
  await inside('ip', 'link', 'add', 'bridge', 'type', 'bridge');
  await inside('ip', 'link', 'set', 'right', 'master', 'bridge');
  await inside('ip', 'addr', 'add', '10.1.2.3/24', 'brd', '+', 'dev', 'left', 'label', 'left:one');
  await inside('ip', 'addr', 'add', '10.9.0.1', 'peer', '10.9.0.2/32', 'dev', 'left');
  await inside('ip', 'addr', 'add', '2001:db8::1:0:0:5/64', 'dev', 'left', 'nodad');
  await inside('ip', 'addr', 'add', 'fe80::a/64', 'dev', 'left', 'nodad');
  await inside('ip', 'link', 'set', 'right', 'up');
  await lab.run(async () => {
    const listen = async (...args: [number, string] | [string]) => {
      const server = net.createServer(socket => socket.resume());
      (server.listen as (...args: unknown[]) => void)(...args);
      await once(server, 'listening');
      opened.push(server);
      return server;
    };
    await listen(8080, '127.0.0.1');
    await listen(8081, '0.0.0.0');
    await listen(8082, '::1');
    await listen(8083, '::');
    const named = join(folder, 'a name');
    await listen(named);
    await listen('\0an abstract name');
    const client = net.connect(8080, '127.0.0.1');
    await once(client, 'connect');
    opened.push({ close: () => client.destroy() });
    const friend = net.connect(named);
    await once(friend, 'connect');
    opened.push({ close: () => friend.destroy() });
    for (const [type, port, address] of [
      ['udp4', 5353, '127.0.0.1'],
      ['udp6', 5354, '::1'],
      ['udp6', 5355, 'fe80::a%left'],
    ] as const) {
      const socket = dgram.createSocket(type);
      socket.bind(port, address);
      await once(socket, 'listening');
      opened.push(socket);
    }
  });
});

afterAll(() => {
  for (const one of opened) one.close();
  lab?.close();
});

/** "127.0.0.1:8080", "[::1]:8082", "*:8083": as ss writes them. */
function end(socket: InternetSocket, side: 'local' | 'peer'): string {
  const { address, port } = socket[side];
  const zone = side === 'local' && socket.local.interface ? `%${socket.local.interface}` : '';
  // A star: any address of both families.
  const both = address === '::' && socket.ipv6Only === false && socket.local.address === '::';
  const shown = socket.family === 'IPv4' ? address : both ? '*' : `[${address}]`;
  return `${shown}${zone}:${port === 0 ? '*' : port}`;
}

const isInternet = (socket: SocketInfo): socket is InternetSocket => socket.protocol !== 'unix';
const isUnix = (socket: SocketInfo): socket is UnixSocket => socket.protocol === 'unix';
const users = (socket: SocketInfo) =>
  socket.processes.map(one => `pid=${one.pid},fd=${one.fd}`).sort();
const usersIn = (line: string) => [...line.matchAll(/pid=\d+,fd=\d+/g)].map(String).sort();

describe('listSockets', () => {
  test.each([
    ['-Hnlptu', true],
    ['-Hnaptu', false],
  ])('tcp and udp: what ss %s tells', async (flags, listening) => {
    const lines = (await inside('ss', flags)).trim().split('\n');
    const theirs = lines.map(line => {
      const [protocol, state, receiveQueue, sendQueue, local, peer] = line.split(/\s+/);
      return { protocol, state, receiveQueue, sendQueue, local, peer, users: usersIn(line) };
    });
    const sockets = (await listSockets(lab, { listening })).filter(isInternet);
    const ours = sockets.map(socket => ({
      protocol: socket.protocol,
      state: socket.state,
      receiveQueue: `${socket.receiveQueue}`,
      sendQueue: `${socket.sendQueue}`,
      local: end(socket, 'local'),
      peer: end(socket, 'peer'),
      users: users(socket),
    }));
    const order = (rows: object[]) => rows.map(row => JSON.stringify(row)).sort();
    expect(order(ours)).toEqual(order(theirs));
    expect(ours.length).toBe(listening ? 7 : 9);
  });

  test('unix: what ss -Hxap tells', async () => {
    const names: Record<string, string> = { u_str: 'stream', u_dgr: 'dgram', u_seq: 'seqpacket' };
    const lines = (await inside('ss', '-Hxap')).trim().split('\n');
    const theirs = lines.map(line => {
      // The name has a space in it: fields from both ends.
      const [, type = '', state, receive, send, name, inode, peer] =
        /^(\S+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(.*?) (\d+)\s+\* (\d+)/.exec(line) ?? [];
      const path = name?.trim() === '*' ? undefined : name?.trim();
      const queues = [Number(receive), Number(send)];
      return { type: names[type], state, queues, path, inode, peer, users: usersIn(line) };
    });
    const sockets = (await listSockets(lab)).filter(isUnix);
    const ours = sockets.map(socket => ({
      type: socket.type,
      state: socket.state,
      queues: [socket.receiveQueue, socket.sendQueue],
      path: socket.local.path,
      inode: `${socket.inode}`,
      peer: `${socket.peer?.inode ?? 0}`,
      users: users(socket),
    }));
    const order = (rows: object[]) => rows.map(row => JSON.stringify(row)).sort();
    expect(order(ours)).toEqual(order(theirs));
    expect(ours.map(socket => socket.path)).toEqual(
      // Node 20 takes all 108 bytes for an abstract name.
      expect.arrayContaining([
        join(folder, 'a name'),
        expect.stringMatching(/^@an abstract name@*$/),
        undefined,
      ]),
    );
  });

  test('whose they are: pid, command, uid', async () => {
    const [socket] = (await listSockets(lab)).filter(
      socket => isInternet(socket) && socket.local.port === 5353,
    );
    expect(socket).toMatchObject({
      protocol: 'udp',
      family: 'IPv4',
      state: 'UNCONN',
      local: { address: '127.0.0.1', port: 5353, interface: undefined },
      peer: { address: '0.0.0.0', port: 0 },
      uid: 0,
      processes: [{ pid: process.pid, pids: [process.pid] }],
    });
    expect(socket?.processes[0]?.command).toContain('vitest');
  });

  test('ours are not those of the namespace', async () => {
    const home = await listSockets(process.pid, { listening: true });
    expect(home.filter(isInternet).map(socket => socket.local.port)).not.toContain(8081);
  });

  test('3,000 sockets, each once and with its owner', async () => {
    const sockets = await lab.run(async () => {
      const list = Array.from({ length: 3_000 }, () => dgram.createSocket('udp4'));
      for (const socket of list) socket.bind(0, '127.0.0.1');
      await Promise.all(list.map(socket => once(socket, 'listening')));
      return list;
    });
    try {
      const found = (await listSockets(lab)).filter(isInternet);
      const many = found.filter(socket => socket.protocol === 'udp' && socket.local.port > 10_000);
      expect(new Set(many.map(socket => socket.inode)).size).toBe(3_000);
      expect(many.map(socket => socket.processes.map(one => one.pid))).toEqual(
        Array(3_000).fill([process.pid]),
      );
    } finally {
      for (const socket of sockets) socket.close();
    }
  });
});

interface Ip {
  ifindex: number;
  ifname: string;
  flags: string[];
  mtu: number;
  operstate: string;
  link_type: string;
  address: string;
  master?: string;
  link?: string;
  addr_info: {
    family: string;
    local: string;
    address?: string;
    prefixlen: number;
    scope: string;
    broadcast?: string;
    label?: string;
  }[];
  stats64: Record<'rx' | 'tx', Record<string, number>>;
}

describe('listInterfaces', () => {
  const look = async () => JSON.parse(await inside('ip', '-j', '-s', 'addr')) as Ip[];

  test('what ip -j -s addr tells', async () => {
    const numbers = (counters: Record<string, bigint>) =>
      Object.fromEntries(Object.entries(counters).map(([name, value]) => [name, Number(value)]));
    const names = new Map((await listInterfaces(lab)).map(one => [one.index, one.name]));
    const ours = async () =>
      (await listInterfaces(lab)).map(one => ({
        index: one.index,
        name: one.name,
        flags: one.flags,
        mtu: one.mtu,
        state: one.state,
        type: one.type,
        mac: one.mac,
        master: one.master && names.get(one.master),
        link: one.link && names.get(one.link),
        addresses: one.addresses,
        rx: numbers({ ...one.rx }),
        tx: numbers({ ...one.tx }),
      }));
    // IPv6 says a word by itself now and then: compared is what did not change meanwhile.
    for (let round = 0; ; round++) {
      const before = await ours();
      const theirs = (await look()).map(inOurWords);
      if (!isDeepStrictEqual(before, await ours()) && round < 1_000) continue;
      expect(before).toEqual(theirs);
      break;
    }
    expect([...names.values()]).toEqual(expect.arrayContaining(['lo', 'left', 'right', 'bridge']));
  });

  test('kinds, both ends of a veth, and an end in another namespace', async () => {
    await using target = await startTarget('--net');
    const link = ['link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far'];
    await inside('ip', ...link, 'netns', `${target.pid}`);
    try {
      const here = await listInterfaces(lab);
      const byName = (name: string) => here.find(one => one.name === name);
      expect(byName('bridge')).toMatchObject({ kind: 'bridge', type: 'ether' });
      expect(byName('lo')).toMatchObject({ kind: undefined, type: 'loopback', state: 'UNKNOWN' });
      expect(byName('left')).toMatchObject({ kind: 'veth', link: byName('right')?.index });
      expect(byName('left')?.linkNetworkId).toBeUndefined();
      const there = await listInterfaces(target.pid);
      const far = there.find(one => one.name === 'far');
      expect(byName('near')).toMatchObject({ kind: 'veth', link: far?.index });
      expect(there.map(one => one.name)).not.toContain('near');
      const [network] = await lab.run(() => listNamespaces({ types: ['net'], target: target.pid }));
      expect(byName('near')?.linkNetworkId).toBe(network?.networkId);
      expect(network?.networkId).toBeTypeOf('number');
    } finally {
      await inside('ip', 'link', 'del', 'near');
    }
  });

  test('what is sent is counted', async () => {
    const lo = async () => (await listInterfaces(lab)).find(one => one.name === 'lo');
    const before = await lo();
    await lab.run(async () => {
      const socket = dgram.createSocket('udp4');
      await new Promise(done => socket.send(Buffer.alloc(1000), 9, '127.0.0.1', done));
      socket.close();
    });
    const after = await lo();
    expect(after?.tx.bytes).toBeGreaterThanOrEqual((before?.tx.bytes ?? 0n) + 1028n);
    expect(after?.rx.packets).toBeGreaterThan(before?.rx.packets ?? 0n);
  });
});

describe('both', () => {
  test('a target that is not there', async () => {
    for (const look of [listSockets, listInterfaces]) {
      expect(await rejectionOf(look(2 ** 22))).toMatchObject({ code: 'ESRCH', target: 2 ** 22 });
      const path = { net: '/proc/self/ns/uts' };
      expect(await rejectionOf(look(path))).toMatchObject({ code: 'EINVAL', type: 'net' });
    }
    const wrong = { listening: 1 } as never;
    expect(await rejectionOf(listSockets(lab, wrong))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });

  test('leave no fd, no thread, and this thread where it is', async () => {
    const [fds, many, home] = [fdCount(), threads().length, place('net')];
    for (let i = 0; i < 20; i++) await Promise.all([listSockets(lab), listInterfaces(lab)]);
    // What tests before this one closed may go only now.
    expect(fdCount()).toBeLessThanOrEqual(fds);
    await until('the threads to end', () => threads().length <= many);
    expect(place('net')).toBe(home);
  });

  test('an unprivileged user sees the own network, and is told why no other', () => {
    const script = `
      import { listInterfaces, listSockets } from 'linux-namespaces';
      const [lo] = await listInterfaces(process.pid);
      const sockets = await listSockets(process.pid);
      const error = await listSockets({ net: process.env.NET }).catch(error => error);
      console.log(JSON.stringify({ lo: lo.name, many: Array.isArray(sockets), error: error.message }));`;
    const net = `/proc/${process.pid}/fd/${lab.fd('net')}`;
    const path = join(folder, 'network');
    execFileSync('touch', [path]);
    execFileSync('mount', ['--bind', net, path]);
    try {
      const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
      const said = runScript(script, ['env', `NET=${path}`, ...nobody]);
      expect(JSON.parse(said)).toEqual({
        lo: 'lo',
        many: true,
        error: expect.stringMatching(/^net: setns EPERM.*run as root$/),
      });
    } finally {
      execFileSync('umount', [path]);
    }
  });
});

function inOurWords(one: Ip): object {
  const { rx = {}, tx = {} } = one.stats64;
  const both = (counters: Record<string, number>) => ({
    bytes: counters['bytes'],
    packets: counters['packets'],
    errors: counters['errors'],
    dropped: counters['dropped'],
  });
  return {
    index: one.ifindex,
    name: one.ifname,
    flags: one.flags,
    mtu: one.mtu,
    state: one.operstate,
    type: one.link_type,
    mac: one.address,
    master: one.master,
    link: one.link,
    addresses: one.addr_info.map(info => ({
      address: info.local,
      family: info.family === 'inet' ? 'IPv4' : 'IPv6',
      prefixLength: info.prefixlen,
      scope: info.scope,
      broadcast: info.broadcast,
      peer: info.address,
      label: info.label,
    })),
    rx: { ...both(rx), overErrors: rx['over_errors'], multicast: rx['multicast'] },
    tx: { ...both(tx), carrierErrors: tx['carrier_errors'], collisions: tx['collisions'] },
  };
}
