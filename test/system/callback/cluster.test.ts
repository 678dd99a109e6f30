import { expect, test } from 'vitest';
import { script } from '../shared/script.ts';

test("a cluster worker's server made inside is inside", async () => {
  const ended = await script(`
    const { default: cluster } = await import('node:cluster');
    const { default: net } = await import('node:net');
    const { default: http } = await import('node:http');
    const { default: dgram } = await import('node:dgram');
    const { once } = await import('node:events');
    const code = \`
      const net = require('node:net'), http = require('node:http'), dgram = require('node:dgram'), fs = require('node:fs');
      const { once } = require('node:events');
      (async () => {
        const { createNamespaces, outside } = await import('linux-namespaces');
        const lab = await createNamespaces(['net'], { loopback: true });
        const at = () => fs.readlinkSync('/proc/thread-self/ns/net');
        const tcp = () => fs.readFileSync('/proc/thread-self/net/tcp', 'latin1').split('\\\\n').filter(line => / 0A /.test(line)).length;
        const udp = () => fs.readFileSync('/proc/thread-self/net/udp', 'latin1').trim().split('\\\\n').length - 1;
        const seen = {};
        await lab.run(async () => {
          const servers = [
            net.createServer().listen(0, '127.0.0.1'),
            net.createServer().listen({ port: 0, host: 'localhost' }),
            net.createServer().listen(0),
            http.createServer((q, r) => r.end(at())).listen(7070, '127.0.0.1', 10, () => {}),
          ];
          await Promise.all(servers.map(server => once(server, 'listening')));
          const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
          await once(socket, 'listening');
          const all = fs.readFileSync('/proc/thread-self/net/tcp6', 'latin1').split('\\\\n').filter(line => / 0A /.test(line)).length;
          seen.tcp = tcp() + all;
          seen.udp = udp();
          seen.answer = await (await fetch('http://127.0.0.1:7070')).text() === at();
          const path = '/tmp/linux-namespaces-' + process.pid + '.sock';
          const local = net.createServer(socket => socket.end()).listen(path);
          await once(local, 'listening');
          seen.unix = fs.existsSync(path);
          seen.cluster = require('node:cluster').isWorker;
          for (const server of [...servers, local]) server.close();
          socket.close();
        });
        seen.home = await new Promise(resolve => {
          const shared = net.createServer().listen(0, '127.0.0.1', () => resolve(shared._handle.constructor.name));
        });
        process.send(seen);
        process.exit();
      })();\`;
    cluster.setupPrimary({ exec: '/dev/stdin', execArgv: ['-e', code] });
    const worker = cluster.fork();
    const [seen] = await once(worker, 'message');
    say(JSON.stringify(seen));
  `);
  expect(ended.err).toBe('');
  expect(JSON.parse(ended.out[0] ?? '')).toEqual({
    tcp: 4,
    udp: 1,
    answer: true,
    unix: true,
    cluster: true,
    // Outside, the primary listens for it as ever: what it holds is no socket of its own.
    home: 'Object',
  });
});
