import { exec, execFile, fork, spawn, spawnSync } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import dgram from 'node:dgram';
import dns from 'node:dns';
import { EventEmitter, on, once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { pipeline, Readable, Transform } from 'node:stream';
import timers from 'node:timers/promises';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import zlib from 'node:zlib';
import { type Namespaces, outside } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificate, home, lab, place, Track, withLoad } from '../shared/lab.ts';

type At = (label: string) => void;

const port = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
/** On a slow machine a connection is idle for longer than the five seconds that it would be kept. */
const kept = { keepAliveTimeout: 0 };

const listen = async <S extends net.Server>(server: S): Promise<S> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
};
const text = async (stream: AsyncIterable<unknown>) => {
  let all = '';
  for await (const chunk of stream) all += chunk;
  return all;
};
const placeOf = (code: string) => Number(/net:\[(\d+)\]/.exec(code)?.[1]);

let key: string;
let cert: string;
let blue: Namespaces;

/** Each runs inside, and notes where it is at every step. */
const pieces: Record<string, (at: At) => Promise<unknown>> = {
  async await(at) {
    await null;
    at('null');
    await timers.setTimeout(2);
    at('timer');
    await Promise.all([1, 2].map(async i => at(`all ${await i}`)));
    await Promise.reject(new Error()).catch(() => at('catch'));
    await Promise.resolve().finally(() => at('finally'));
    await Promise.race([timers.setTimeout(1), timers.setImmediate()]);
    at('race');
  },
  async timers(at) {
    await new Promise<void>(resolve => setTimeout(() => resolve(at('timeout')), 1));
    await new Promise<void>(resolve => setImmediate(() => resolve(at('immediate'))));
    await new Promise<void>(resolve => {
      let left = 3;
      const interval = setInterval(() => {
        at('interval');
        if (--left > 0) return;
        clearInterval(interval);
        resolve();
      }, 1);
    });
    await new Promise<void>(resolve => {
      const timer = setTimeout(() => resolve(at('refreshed')), 2);
      outside(() => timer.refresh());
    });
  },
  async 'ticks and microtasks'(at) {
    await new Promise<void>(resolve => process.nextTick(() => resolve(at('tick'))));
    await new Promise<void>(resolve => queueMicrotask(() => resolve(at('microtask'))));
  },
  async thenables(at) {
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: it is what is tested
      then(done: (v: number) => void) {
        at('then');
        done(1);
      },
    };
    await thenable;
    at('after');
    await Promise.resolve(thenable);
    at('after resolve');
    await (async () => thenable)();
    at('after return');
  },
  async 'async iterators'(at) {
    async function* numbers() {
      for (let i = 0; i < 3; i++) {
        await timers.setImmediate();
        at('in the generator');
        yield i;
      }
    }
    for await (const _ of numbers()) at('in the loop');
    const emitter = new EventEmitter();
    setImmediate(() => emitter.emit('x'));
    for await (const _ of on(emitter, 'x')) {
      at('events.on');
      break;
    }
  },
  async streams(at) {
    const upper = new Transform({
      transform(chunk, _encoding, done) {
        at('transform');
        done(null, String(chunk).toUpperCase());
      },
    });
    await promisify(pipeline)(
      Readable.from(['a', 'b']),
      upper,
      async (source: AsyncIterable<unknown>) => {
        for await (const _ of source) at('sink');
      },
    );
    at('pipeline');
    const web = new ReadableStream({
      start(controller) {
        controller.enqueue('x');
        controller.close();
      },
    });
    for await (const _ of web) at('web stream');
  },
  async 'fs, zlib, crypto on the pool'(at) {
    await fs.promises.readFile('/proc/self/stat');
    at('fs.promises');
    await new Promise<void>(resolve => fs.stat('/', () => resolve(at('fs callback'))));
    await new Promise<void>(resolve => zlib.gzip('x', () => resolve(at('zlib'))));
    await new Promise<void>(resolve => pbkdf2('a', 'b', 1, 8, 'sha1', () => resolve(at('pbkdf2'))));
    const lines = createInterface({ input: fs.createReadStream('/proc/self/status') });
    for await (const _ of lines) at('readline');
  },
  async 'net client and server'(at) {
    const server = await listen(
      net.createServer(socket => {
        at('connection');
        socket.on('data', data => {
          at('data of the accepted connection');
          socket.end(data);
        });
        socket.on('close', () => at('close of the accepted connection'));
      }),
    );
    const socket = net.connect(port(server), '127.0.0.1', () => at('connect'));
    socket.write('hello');
    socket.on('data', () => at('data'));
    socket.on('data', () => at('a second listener'));
    await once(socket, 'close');
    server.close();
    await once(server, 'close');
    at('closed');
  },
  async 'a unix socket'(at) {
    const path = `\0linux-namespaces-${process.pid}-${Math.random()}`;
    const server = net.createServer(socket => {
      at('connection');
      socket.on('data', () => {
        at('data');
        socket.end('x');
      });
    });
    server.listen(path);
    await once(server, 'listening');
    const socket = net.connect(path);
    socket.end('x');
    await text(socket);
    at('text');
    server.close();
  },
  async http(at) {
    const server = await listen(
      http.createServer(kept, async (request, response) => {
        at('request');
        response.end(await text(request));
        at('answered');
      }),
    );
    for (let i = 0; i < 3; i++) {
      const request = http.request({ port: port(server), host: 'localhost', method: 'POST' });
      request.end('body');
      const [response] = await once(request, 'response');
      at('response');
      response.on('data', () => at('data'));
      response.on('data', () => at('a second data listener'));
      await once(response, 'end');
      at('end');
    }
    server.closeAllConnections();
    server.close();
  },
  async 'http upgrade'(at) {
    const server = http.createServer();
    server.on('upgrade', (_request, socket) => {
      at('upgrade at the server');
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
      socket.on('data', (data: Buffer) => {
        at('data at the server');
        socket.end(data);
      });
    });
    await listen(server);
    const headers = { connection: 'Upgrade', upgrade: 'x' };
    const request = http.get({ port: port(server), host: '127.0.0.1', headers });
    const [, socket] = await once(request, 'upgrade');
    at('upgrade at the client');
    socket.on('data', () => at('data at the client'));
    socket.write('x');
    await once(socket, 'end');
    at('end');
    socket.destroy();
    server.close();
  },
  async 'http connect'(at) {
    const server = http.createServer();
    server.on('connect', (_request, socket) => {
      at('connect at the server');
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.on('data', (data: Buffer) => {
        at('data at the server');
        socket.end(data);
      });
    });
    await listen(server);
    const request = http.request({
      port: port(server),
      host: '127.0.0.1',
      method: 'CONNECT',
      path: 'x:1',
    });
    request.end();
    const [, socket] = await once(request, 'connect');
    at('connect at the client');
    socket.on('data', () => at('data at the client'));
    socket.write('x');
    await once(socket, 'end');
    at('end');
    socket.destroy();
    server.close();
  },
  async 'https and tls'(at) {
    const server = https.createServer({ key, cert }, (_request, response) => {
      at('request');
      response.end('x');
    });
    server.on('secureConnection', () => at('secureConnection'));
    await listen(server);
    const options = { host: 'localhost', port: port(server), rejectUnauthorized: false };
    const response = (await once(https.get(options), 'response'))[0];
    at('response');
    await text(response);
    at('text');
    const socket = tls.connect(options, () => at('tls.connect'));
    await once(socket, 'secureConnect');
    at('secureConnect');
    socket.destroy();
    server.closeAllConnections();
    server.close();
  },
  async http2(at) {
    const server = http2.createServer();
    server.on('session', () => at('session'));
    server.on('stream', (stream: http2.ServerHttp2Stream) => {
      at('stream');
      stream.on('data', () => at('data at the server'));
      stream.on('end', () => {
        at('end at the server');
        stream.respond();
        stream.end('answer');
      });
    });
    await listen(server);
    const client = http2.connect(`http://127.0.0.1:${port(server)}`);
    for (let i = 0; i < 2; i++) {
      const stream = client.request({ ':method': 'POST' });
      stream.on('response', () => at('response'));
      stream.on('data', () => at('data'));
      stream.end('x');
      await once(stream, 'end');
      at('end');
    }
    await new Promise<void>((resolve, reject) =>
      client.ping(error => (error ? reject(error) : resolve(at('ping')))),
    );
    client.close();
    server.close();
  },
  async fetch(at) {
    const server = await listen(http.createServer(kept, (_request, response) => response.end('x')));
    for (const host of ['127.0.0.1', 'localhost']) {
      const response = await fetch(`http://${host}:${port(server)}`);
      at('response');
      await response.text();
      at('text');
    }
    await fetch('http://127.0.0.1:1').catch(() => at('error'));
    server.closeAllConnections();
    server.close();
  },
  async dgram(at) {
    const server = dgram.createSocket('udp4', (message, from) => {
      at('message at the server');
      server.send(message, from.port, from.address, () => at('sent'));
    });
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    at('listening');
    const client = dgram.createSocket('udp4');
    client.send('x', server.address().port, 'localhost');
    await once(client, 'message');
    at('message');
    client.close();
    server.close();
  },
  async 'dns.lookup'(at) {
    await new Promise<void>((resolve, reject) =>
      dns.lookup('localhost', (error, address) => {
        at('callback');
        expect(address).toMatch(/^(127\.|::1)/);
        error ? reject(error) : resolve();
      }),
    );
    await dns.promises.lookup('localhost', { all: true });
    at('promise');
    await new Promise<void>(resolve => dns.lookup('127.0.0.1', () => resolve(at('an address'))));
  },
  async children(at) {
    const inside = place();
    const code = 'readlink /proc/self/ns/net';
    expect(placeOf(String(spawnSync('sh', ['-c', code]).stdout))).toBe(inside);
    const { stdout } = await promisify(exec)(code);
    at('exec');
    expect(placeOf(stdout)).toBe(inside);
    expect(placeOf((await promisify(execFile)('readlink', ['/proc/self/ns/net'])).stdout)).toBe(
      inside,
    );
    at('execFile');
    const child = spawn('sh', ['-c', code]);
    child.on('exit', () => at('exit'));
    expect(placeOf(await text(child.stdout))).toBe(inside);
    at('spawn');
    const forked = fork(new URL('../fixtures/say-place.mjs', import.meta.url));
    const exited = once(forked, 'exit');
    const [said] = await once(forked, 'message');
    at('message');
    expect(placeOf(said)).toBe(inside);
    await exited;
    at('exit of fork');
  },
  async events(at) {
    const emitter = new EventEmitter();
    setTimeout(() => emitter.emit('x'), 1);
    await once(emitter, 'x');
    at('once');
    const signal = AbortSignal.timeout(2);
    await new Promise<void>(resolve =>
      signal.addEventListener('abort', () => resolve(at('AbortSignal.timeout'))),
    );
    await timers
      .setTimeout(1000, null, { signal: AbortSignal.timeout(1) })
      .catch(() => at('aborted'));
  },
  async 'a port that comes over a port'(at) {
    const { port1, port2 } = new MessageChannel();
    const sent = outside(() => new MessageChannel());
    port1.on('message', (come: MessagePort) => {
      at('message');
      come.on('message', () => {
        at('message over what has come');
        come.close();
      });
      come.on('close', () => at('close'));
    });
    outside(() => {
      port2.postMessage(sent.port1, [sent.port1]);
      sent.port2.postMessage(1);
    });
    await once(sent.port2, 'close');
    port1.close();
    await once(port1, 'close');
    const worker = outside(() => new Worker(new URL('../fixtures/send-port.mjs', import.meta.url)));
    const [own, theirs] = Object.values(new MessageChannel()) as [MessagePort, MessagePort];
    worker.postMessage(theirs, [theirs]);
    const [come] = (await once(own, 'message')) as [MessagePort];
    const said = once(come, 'message');
    come.on('message', () => at('message of a worker'));
    come.postMessage(1);
    await said;
    come.close();
    own.close();
    await worker.terminate();
    at('terminated');
  },
  async 'messages and workers'(at) {
    const inside = place();
    const { port1, port2 } = new MessageChannel();
    port1.on('message', () => at('message'));
    port2.postMessage(1);
    await once(port1, 'message');
    port1.close();
    const worker = new Worker(new URL('../fixtures/say-place.mjs', import.meta.url));
    const [said] = await once(worker, 'message');
    at('message of a worker');
    expect(placeOf(said)).toBe(inside);
    await worker.terminate();
    at('terminated');
  },
};

type Bound = new (options: object) => object;
const { BoundSocket } = net as unknown as { BoundSocket?: Bound }; // of Node 24's last, and 26

for (const host of BoundSocket === undefined ? [] : ['127.0.0.1', '::1']) {
  pieces[`a socket that is bound before it listens, ${host}`] = async at => {
    const server = net.createServer(socket => {
      at('connection');
      socket.on('data', data => {
        at('data of the accepted connection');
        setTimeout(() => socket.end(data), 1);
      });
      socket.on('close', () => at('close of the accepted connection'));
    });
    server.listen(new (BoundSocket as Bound)({ host }));
    await once(server, 'listening');
    const socket = net.connect(port(server), host);
    socket.write('hello');
    expect(await text(socket)).toBe('hello');
    at('end');
    server.close();
    await once(server, 'close');
  };
}

describe('inside is everything that a callback starts, outside all the rest', () => {
  beforeAll(async () => {
    ({ key, cert } = certificate());
    blue = await lab();
  });
  afterAll(() => blue.close());

  test.each(Object.entries(pieces))('%s', async (_name, piece) => {
    const track = new Track();
    await withLoad(async () => {
      await blue.run(piece, track.at);
      expect(place()).toBe(home);
    });
    track.expectAll(blue.inode('net'), 2);
  });

  test('all of them at once, in three labs and outside', async () => {
    using green = await lab('green');
    using red = await lab('red');
    await withLoad(async () => {
      const runs = [blue, green, red].flatMap(where =>
        Object.values(pieces).map(async piece => {
          const track = new Track();
          await where.run(piece, track.at);
          track.expectAll(where.inode('net'));
        }),
      );
      const outsiders = Object.values(pieces).map(async piece => {
        const track = new Track();
        await piece(track.at);
        track.expectAll(home);
      });
      await Promise.all([...runs, ...outsiders]);
    });
  });

  test.runIf(typeof WebSocket === 'function')('WebSocket [from Node 22 on]', async () => {
    const track = new Track();
    await withLoad(() => blue.run(webSocket, track.at));
    track.expectAll(blue.inode('net'), 4);
  });
});

async function webSocket(at: At): Promise<void> {
  const { createHash } = await import('node:crypto');
  const server = http.createServer();
  server.on('upgrade', (request, socket) => {
    at('upgrade');
    const asked = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(asked).digest('base64');
    const head = `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
    socket.write(head);
    socket.write(Buffer.from([0x81, 2, 0x68, 0x69])); // a text frame: "hi"
    socket.on('data', () => socket.end());
  });
  await listen(server);
  const client = new WebSocket(`ws://localhost:${port(server)}`);
  client.addEventListener('open', () => at('open'));
  await new Promise<void>(resolve =>
    client.addEventListener('message', ({ data }) => {
      at('message');
      expect(data).toBe('hi');
      resolve();
    }),
  );
  client.close();
  await new Promise<void>(resolve => client.addEventListener('close', () => resolve(at('close'))));
  server.close();
}
