// What docs/create.md says of a network's surroundings: its blocks of code, as they stand there, and its words.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { hasProgram, runScript } from '../shared/support.ts';
import { asUser } from './fixtures/users.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/create.md'), 'utf8');
const section = page.split(/^## /m).find(text => text.startsWith('What a network does not')) ?? '';
const blocks = [...section.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => block as string);
const [resolvConf, resolver, sysfs, interfaces] = blocks as [string, string, string, string];

/** In a network of its own, so that nothing of it is left in ours. */
const run = (source: string) =>
  runScript(
    `import { execFileSync } from 'node:child_process';
    import { once } from 'node:events';
    import fs from 'node:fs';
    import { createNamespaces, networks, openNamespaces, openWorker } from 'linux-namespaces';
    const lab = await createNamespaces(['net'], { loopback: true });
    ${source}`,
    ['unshare', '-n'],
  ).trim();

test('there are four', () => expect(blocks.length).toBe(4));

test('a resolv.conf of its own', () => {
  const seen = run(`
    const file = '/tmp/linux-namespaces-resolv-' + process.pid;
    fs.writeFileSync(file, 'nameserver 192.0.2.1\\n');
    const before = fs.readFileSync('/etc/resolv.conf', 'utf8');
    ${resolvConf}
    await once(child, 'close');
    fs.unlinkSync(file);
    console.log(fs.readFileSync('/etc/resolv.conf', 'utf8') === before);`);
  expect(seen).toBe('nameserver 192.0.2.1\ntrue');
});

test('a server that is asked from inside', { timeout: seconds(30) }, () => {
  // It answers whatever it is asked with 192.0.2.7.
  const seen = run(`
    import dgram from 'node:dgram';
    const server = lab.run(() => dgram.createSocket('udp4'));
    server.on('message', (question, { port, address }) => {
      const end = 12 + question.subarray(12).indexOf(0) + 5;
      const answer = Buffer.concat([question.subarray(0, end), Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7])]);
      answer.writeUInt16BE(0x8180, 2);
      answer.writeUInt16BE(1, 6);
      answer.writeUInt32BE(0, 8);
      server.send(answer, port, address);
    });
    lab.run(() => server.bind(5353, '127.0.0.1'));
    await once(server, 'listening');
    ${resolver}
    console.log(addresses.join());
    await worker.close();
    server.close();
    lab.close();`);
  expect(seen).toBe('192.0.2.7');
});

test('a /sys of its own, as a user too', async () => {
  const others = readFileSync('/proc/self/net/dev', 'utf8').split('\n').slice(2).filter(Boolean);
  const seen = run(`${sysfs}\nawait once(child, 'close');`);
  expect(seen).toBe('lo');
  expect(others.length).toBeGreaterThanOrEqual(1);
  const lines = await asUser(
    `const mounting = 'mount -t sysfs none /sys && ls /sys/class/net';
    say(await outcome(spawn('sh', ['-c', mounting], { unshare: ['user', 'mnt', 'net'], idMap: 'root' })));`,
    {},
  );
  expect(JSON.parse(lines)).toMatchObject({ code: 0, out: 'lo\n' });
});

test('a root of parts, as a user too', async () => {
  const [, parts = ''] = /### Parts of our files\n.*?```js\n(.*?)```/s.exec(page) ?? [];
  const all = ['bin', 'lib', 'lib64', 'proc', 'tmp', 'usr'];
  const seen = run(`const { spawn } = await import('linux-namespaces'); ${parts}`);
  expect(seen.split('\n')).toEqual(all);
  const writes = `'sh', '-c', 'ls /; touch /usr/x 2>/tmp/refused || id -u']`;
  const child = parts
    .replace("'ls', '/']", writes)
    .replace("stdio: 'inherit',", '')
    .replace('spawn(', 'const child = spawn(');
  const lines = await asUser(`${child} say(await outcome(child));`, {});
  expect(JSON.parse(lines)).toMatchObject({ code: 0, out: `${[...all, '0'].join('\n')}\n` });
});

test.skipIf(!hasProgram('ip'))('an interface that is moved in by the descriptor [needs ip]', () => {
  const seen = run(`${interfaces}
    const { listInterfaces } = await import('linux-namespaces');
    const inside = await listInterfaces(lab);
    console.log(inside.map(({ name }) => name).sort().join());
    const outside = await listInterfaces(process.pid);
    console.log(outside.map(({ name }) => name).filter(name => name.startsWith('veth')).join());`);
  expect(seen).toBe('lo,veth1\nveth0');
});

describe('a service with private mounts', () => {
  test('its network is there for itself; outside there is a file, which is cleared away', async () => {
    const name = `linux-namespaces-${process.pid}`;
    const service = ['unshare', '-m', '--propagation', 'slave'];
    const create = `import { networks } from 'linux-namespaces';
      (await networks.create('${name}')).close();
      console.log((await networks.list()).includes('${name}'), networks.open('${name}').types.join());`;
    try {
      expect(runScript(create, service)).toBe('true net\n');
      const outside = runScript(`import { networks, openNamespaces } from 'linux-namespaces';
        const said = async call => { try { return await call(); } catch ({ code, advice }) { return code + ' ' + advice; } };
        console.log((await networks.list()).includes('${name}'));
        console.log(await said(() => networks.open('${name}')));
        console.log(await said(() => networks.create('${name}')));
        networks.remove('${name}');
        (await networks.create('${name}')).close();
        networks.remove('${name}');
        console.log('cleared');`);
      expect(outside).toMatch(/^false\nEINVAL this file is no namespace\nEEXIST .*\ncleared\n$/);
    } finally {
      execFileSync('rm', ['-f', `/run/netns/${name}`]);
    }
  });
});
