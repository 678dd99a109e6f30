// Which container is that: ps, inspect, find, ports and tree beside containers of runc.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Container, SpawnOptions } from 'linux-namespaces';
import * as ours from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { binding } from '../../../src/base/binding.ts';
import { membershipOf, publishedOf, socketsOf } from '../../../src/cli/container-sockets.ts';
import { missing, server, startRunc } from '../../engines/index.ts';
import { outcome } from '../child/fixtures/targets.ts';
import { startTimeOf } from '../containers/state-root.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const run = (...args: string[]) => outcome(spawn(process.execPath, [main, ...args]));
const absent = missing('runc', 'ip');

describe.skipIf(absent)(`containers of runc [${absent || 'installed'}]`, () => {
  let runc: Awaited<ReturnType<typeof startRunc>>;
  let root: string[];
  const pids: Record<string, number> = {};
  const peer = `veth${process.pid}`;
  const bridge = `br${process.pid}`;

  beforeAll(async () => {
    runc = await startRunc();
    root = ['--root', runc.machine.root];
    const types = ['pid', 'ipc', 'uts', 'mount'].map(type => ({ type }));
    pids['web-10'] = await runc.start('web-10', { image: 'distroless' });
    pids['web-9'] = await runc.start('web-9');
    pids['app'] = await runc.start('app', {
      args: ['httpd', '-f', '-p', '8099'],
      namespaces: types,
    });
    const inside = ['-t', `${pids['web-9']}`, '-n', 'ip'];
    execFileSync('ip', ['link', 'add', bridge, 'type', 'bridge']);
    const ends = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pids['web-9']}`];
    execFileSync('ip', ['link', 'add', peer, ...ends]);
    execFileSync('ip', ['link', 'set', peer, 'master', bridge]);
    for (const address of [['10.99.7.2/24'], ['fd00:99::7/64', 'nodad']]) {
      execFileSync('nsenter', [...inside, 'addr', 'add', 'dev', 'eth0', ...address]);
    }
  });
  afterAll(async () => {
    await runc?.stop();
    for (const name of [peer, bridge]) {
      // The one went with the container, mostly.
      await outcome(spawn('ip', ['link', 'delete', name]));
    }
  });

  test.each([
    [['enter', 'web-9', 'ip', 'addr'], 'enter -t web-9 -a ip addr'],
    [['enter', '-n', 'runc:app'], 'enter -t runc:app -n'],
    [['js', 'app', 'return 1'], "js -t app 'return 1'"],
    [['js', '-p', '1 + 1', 'app'], "js -t app -p '1 + 1'"],
  ])('%j without -t: the line that was meant', async (words, meant) => {
    const { stderr, code } = await run(...root, ...words);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^linux-namespaces: (whose namespaces|where)\? /);
    expect(stderr).toContain(`did you mean: linux-namespaces ${root.join(' ')} ${meant}\n`);
    const absent = await run(...words.map(word => (word.startsWith('-') ? word : `no-${word}`)));
    expect(absent.stderr).not.toContain('did you mean');
  });

  test('ps: by name, with address and command; these alone; the ids; columns', async () => {
    const names = async (...args: string[]) =>
      (await run('ps', '-n', '-o', 'name', ...args, ...root)).stdout.trim().split('\n');
    expect(await names()).toEqual(['app', 'web-9', 'web-10']);
    expect(await names('web-10')).toEqual(['web-10']);
    expect(await names('-f', 'name=web')).toEqual(['web-9', 'web-10']);
    expect(await names('-f', 'name=app', '--filter', 'name=10')).toEqual(['app', 'web-10']);
    expect(await names('-f', 'name=web', '-f', 'engine=docker')).toEqual(['']);
    expect(await names('-f', 'status=exited')).toEqual(['']);
    expect(await names('-f', 'engine=runc', '-f', 'label=x')).toEqual(['']);
    expect((await run('ps', '-q', 'web-9', ...root)).stdout).toBe('web-9\n');
    const { stdout } = await run('ps', ...root);
    const [head, , row] = stdout.split('\n');
    expect(head).toMatch(/^ENGINE +ID +NAME +STATE +PID +STARTED +ADDRESS +PORTS +IMAGE +COMMAND$/);
    expect(row).toMatch(/^runc .* 10\.99\.7\.2,fd00:99::7$/);
  });

  test('inspect: by name, and by the pid of a process in it', async () => {
    const { stdout } = await run('inspect', 'web-9', ...root);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ engine: 'runc', id: 'web-9', addresses: ['10.99.7.2', 'fd00:99::7'] },
    });
    const byPid = await run('inspect', `${pids['app']}`, ...root);
    expect(JSON.parse(byPid.stdout)).toMatchObject({ id: 'app' });
    expect(await run('inspect', `${process.pid}`, ...root)).toMatchObject({ stdout: '', code: 1 });
  });

  test('find: pid, port, address and interface', async () => {
    const found = async (...args: string[]) => {
      const { stdout, stderr } = await run('find', '-J', ...args, ...root);
      expect(stderr).toBe('');
      return JSON.parse(stdout);
    };
    expect(await found('pid', `${pids['app']}`)).toMatchObject([
      { name: 'app', engine: 'runc', process: pids['app'], inside: 1 },
    ]);
    expect(await found('port', '8099')).toMatchObject([{ name: 'app', process: pids['app'] }]);
    expect(await found('port', '80')).toMatchObject([{ name: 'web-10', process: pids['web-10'] }]);
    const link = { name: 'web-9', interface: 'eth0', peer, bridge };
    for (const args of [
      ['address', '10.99.7.2'],
      ['address', 'FD00:99:0::7'],
      ['address', '::ffff:10.99.7.2'],
      ['address', '::FFFF:A63:702'],
      ['interface', peer],
      ['interface', bridge],
    ]) {
      expect(await found(...args), args.join(' ')).toMatchObject([link]);
    }
    const table = await run('find', 'interface', peer, ...root);
    expect(table.stdout).toMatch(/^ENGINE +ID +NAME +INTERFACE +ADDRESS +MAC +PEER +BRIDGE\n/);
  });

  test.each([
    ['pid PID', 'runs in no container'],
    ['pid 4194303', 'there is no process 4194303'],
    ['pid web', 'a pid is a number: web'],
    ['port 4', 'nobody listens on port 4'],
    ['address 127.0.0.1', 'of this machine itself, on lo'],
    ['address 10.99.7.3', 'no interface has the address 10.99.7.3'],
    ['interface lo', 'no interface lo of this machine leads into a container'],
    ['web', 'find what? pid PID, port PORT, address ADDRESS, or interface NAME'],
  ])('find %s: said in one line', async (line, message) => {
    const words = line.replace('PID', `${process.pid}`).split(' ');
    const { stdout, stderr, code } = await run('find', ...words, ...root);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^linux-namespaces: .*\n$/);
  });

  test('ports: of all containers, and in the network of the host only those of its own', async () => {
    const other = spawn('nsenter', [
      ...['-t', `${runc.machine.pid}`, '-n', process.execPath, '-e'],
      `require('net').createServer().listen(8098, '127.0.0.1', () => console.log('ready'))`,
    ]);
    try {
      await once(createInterface(other.stdout), 'line');
      const all = (await run('ports', '-n', ...root)).stdout.trim().split('\n');
      expect(all.map(line => line.split(/\s+/).slice(0, 2))).toEqual([
        ['app', 'tcp'],
        ['web-10', 'tcp'],
      ]);
      expect(all[1]).toContain(`${pids['web-10']}`);
      expect(all[1]).toContain(server[0]);
      const own = await run('ports', '-n', 'app', ...root);
      expect(own.stdout).toMatch(/^tcp +LISTEN +\S+:8099 [^\n]*\n$/);
    } finally {
      other.kill();
    }
  });

  test('tree: names of containers, states, and what has ended and nobody waited for', async () => {
    const { stdout } = await run('tree', '-t', 'web-9', ...root);
    expect(stdout).toMatch(/^ *PID INSIDE USER +S THREADS CONTAINER +APART +COMMAND\n/);
    expect(stdout).toMatch(
      new RegExp(`\n *${pids['web-9']} +1 root +S +1 web-9 .*sleep 1000000\n`),
    );
    const json = JSON.parse((await run('tree', '-J', 'web-9', ...root)).stdout);
    expect(JSON.stringify(json)).toContain(`"state":"S","threads":1`);
  });
});

describe('networks, of which one is shared', () => {
  const running: ReturnType<typeof start>[] = [];
  const start = (file: string, args: string[], options: SpawnOptions) =>
    ours.spawn(file, args, { killOnParentExit: true, ...options });
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });
  const holder = () => {
    const child = start('sleep', ['1000000'], { unshare: ['net'], loopback: true });
    running.push(child);
    return child;
  };
  const containerOf = (name: string, pid: number, ports: Container['ports'] = []) => {
    const namespaces = { net: { inode: inodeOf(pid), host: false } };
    const about = { engine: 'docker', id: name, name, state: 'running', owner: 0, knownAs: [] };
    return {
      ...about,
      pid,
      startTime: startTimeOf(pid),
      namespaces,
      ports,
    } as unknown as Container;
  };
  const inodeOf = (pid: number) => Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[0]);

  test('ports: what listens for another in its network is published, and all is looked at once', async () => {
    const [vpn, other] = [holder(), holder()];
    const code = `require('net').createServer().listen(8080, '127.0.0.1', () => console.log(1))`;
    const server = start(process.execPath, ['-e', code], { target: vpn, namespaces: ['net'] });
    running.push(server);
    await once(server.stdout as Readable, 'data');
    const ports = [{ ip: '0.0.0.0', privatePort: 8080, publicPort: 18080, type: 'tcp' }];
    const containers = [
      containerOf('vpn', vpn.pid as number, ports),
      containerOf('app', server.pid as number),
      containerOf('other', other.pid as number),
    ];
    const membership = await membershipOf(containers);
    const scan = vi.spyOn(binding, 'listSocketOwners');
    const sockets = await socketsOf(containers, membership, { listening: true });
    expect(scan).toHaveBeenCalledTimes(1);
    scan.mockRestore();
    const found = sockets.map(one => [one.containers.map(({ name }) => name), publishedOf(one)]);
    expect(found).toEqual([[['app'], ['0.0.0.0:18080']]]);
  });
});

test('tree: what has ended and nobody waited for is shown as that', async () => {
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 1000']);
  try {
    const [line] = await once(createInterface(parent.stdout), 'line');
    const state = () => execFileSync('ps', ['-o', 'stat=', '-p', line], { encoding: 'utf8' });
    while (!state().startsWith('Z')) await new Promise(resolve => setImmediate(resolve));
    const { stdout } = await run('tree', `${parent.pid}`);
    expect(stdout).toMatch(new RegExp(`\n *${line} +\\S+ +Z .*\\[.*\\] <defunct>\n`));
  } finally {
    parent.kill();
  }
});

test('ps of who may not read the state: one line, and no success', async () => {
  const child = spawn(
    'setpriv',
    [...['--reuid', '65534', '--clear-groups', process.execPath, main, 'ps', '-q']],
    { env: { PATH: process.env['PATH'], HOME: '/root' } },
  );
  const { stdout, stderr, code } = await outcome(child);
  expect(stdout).toBe('');
  if (stderr === '') return; // no engine has been here
  expect(stderr).toMatch(/^linux-namespaces: .*\n$/);
  expect(code).toBe(1);
});
