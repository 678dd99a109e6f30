import { fileURLToPath } from 'node:url';
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

const fixture = fileURLToPath(new URL('../fixtures/cluster-worker.cjs', import.meta.url));

test.each(['SCHED_RR', 'SCHED_NONE'])(
  'workers forked in several networks listen each in its own: %s',
  async policy => {
    const ended = await script(`
    import cluster from 'node:cluster';
    import dgram from 'node:dgram';
    import net from 'node:net';
    import { once } from 'node:events';
    import { text } from 'node:stream/consumers';
    cluster.schedulingPolicy = cluster.${policy};
    cluster.setupPrimary({ exec: ${JSON.stringify(fixture)}, execArgv: [] });
    const { fork: taken } = cluster;
    const other = await createNamespaces(['net'], { loopback: true });
    const host = '127.0.0.1';
    const sides = {
      O: { run: fn => fn(), nested: fn => lab.run(() => outside(fn)) },
      A: { run: fn => lab.run(fn), nested: fn => other.run(() => lab.run(fn)) },
      B: { run: fn => other.run(fn), nested: fn => other.run(fn) },
    };
    const folder = fs.mkdtempSync('/tmp/linux-namespaces-');
    const ask = async port => {
      const answers = [];
      for (let i = 0; i < 8; i++) answers.push(await (await fetch('http://' + host + ':' + port)).text());
      const udp = dgram.createSocket('udp4');
      udp.send('?', port, host);
      const [message] = await once(udp, 'message');
      udp.close();
      const abstract = await text(net.connect('\\0linux-namespaces-' + port));
      return { where: [...new Set(answers.map(answer => answer[0])), String(message), abstract].join(''), pids: new Set(answers).size };
    };
    const start = async (side, how, port, file) => {
      const worker = sides[side][how](() => (how === 'run' ? taken : cluster.fork)({ WHERE: side, PORT: port, FILE: file }));
      const [{ any, error }] = await once(worker, 'message');
      if (error) throw new Error(error);
      // One that no other shares is in the worker's network, too.
      await sides[side].run(async () => {
        const socket = net.connect(any, host);
        await once(socket, 'connect');
        socket.destroy();
      });
      return worker;
    };
    try {
      for (const [i, order] of ['OAB', 'OBA', 'AOB', 'ABO', 'BAO', 'BOA'].entries()) {
        const port = 3100 + i;
        const file = folder + '/' + i;
        const workers = [];
        // Two in each, the second from another callback.
        for (const side of order) workers.push(await start(side, 'run', port, file));
        for (const side of order) workers.push(await start(side, 'nested', port, file));
        const answers = [];
        for (const side of 'OAB') {
          const { where, pids } = await sides[side].run(() => ask(port));
          answers.push(side + ' ' + where + ' ' + (${policy === 'SCHED_RR'} ? pids : 2));
        }
        say(order, ...answers, 'OAB'.includes(await text(net.connect(file))));
        // Without the first of a network, the second still listens there.
        const [first] = workers;
        first.kill();
        await once(first, 'exit');
        const { where } = await sides[order[0]].run(() => ask(port));
        say(where === order[0].repeat(3));
        for (const worker of workers) worker.kill();
        await Promise.all(workers.slice(1).map(worker => once(worker, 'exit')));
      }
    } finally {
      fs.rmSync(folder, { recursive: true });
      for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGKILL');
    }
    process.exit();
  `);
    expect(ended.err).toBe('');
    const right = ['OAB', 'OBA', 'AOB', 'ABO', 'BAO', 'BOA'].flatMap(order => [
      `${order} O OOO 2 A AAA 2 B BBB 2 true`,
      'true',
    ]);
    expect(ended.out).toEqual(right);
  },
);
