import { execFileSync } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Namespaces, outside } from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { certificate, home, lab, place, threadPlaces } from '../shared/lab.ts';
import { script } from '../shared/script.ts';

// The same address and port outside and inside: an answer tells who gave it, and a connection that
// crossed would give the wrong one.
const port = 20_000 + (process.pid % 20_000);
const host = '127.0.0.1';
let blue: Namespaces;
let tlsKeys: { key: string; cert: string };
const servers: http.Server[] = [];

beforeAll(() => {
  tlsKeys = certificate();
});
beforeEach(async () => {
  blue = await lab('blue');
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  blue.close();
});

async function serve(name: string, secure = false): Promise<void> {
  const answer: http.RequestListener = (_request, response) => response.end(name);
  const server = secure ? https.createServer(tlsKeys, answer) : http.createServer(answer);
  servers.push(server as http.Server);
  (server as net.Server).listen(port, host);
  await once(server, 'listening');
}

async function both(secure = false): Promise<void> {
  await serve('home', secure);
  await blue.run(serve, 'blue', secure);
}

function ask(options: https.RequestOptions = {}, client: typeof http | typeof https = http) {
  return new Promise<string>((resolve, reject) => {
    client
      .get({ host, port, rejectUnauthorized: false, ...options }, async response => {
        let body = '';
        for await (const chunk of response) body += chunk;
        resolve(body);
      })
      .on('error', reject);
  });
}

/** Asks from both sides in turn, one at a time and at once, so that connections are kept and reused. */
async function neverCrosses(question: () => Promise<string>): Promise<void> {
  for (let i = 0; i < 4; i++) {
    expect(await question()).toBe('home');
    expect(await blue.run(question)).toBe('blue');
    expect(await blue.run(() => outside(question))).toBe('home');
  }
  const crowd = Array.from({ length: 12 }, (_, i) => (i % 2 ? question() : blue.run(question)));
  const answers = await Promise.all(crowd);
  expect(answers).toEqual(answers.map((_, i) => (i % 2 ? 'home' : 'blue')));
}

describe('no connection crosses', () => {
  test('http', async () => {
    await both();
    await neverCrosses(() => ask());
  });

  test('https', async () => {
    await both(true);
    await neverCrosses(() => ask({}, https));
  });

  test.each([
    { maxSockets: 1 },
    { maxTotalSockets: 1 },
    { maxSockets: 1, maxFreeSockets: 1, maxTotalSockets: 2 },
  ])('http with %o', async limits => {
    const before = http.globalAgent;
    http.globalAgent = new http.Agent({ keepAlive: true, ...limits });
    try {
      await both();
      await neverCrosses(() => ask());
    } finally {
      http.globalAgent.destroy();
      http.globalAgent = before;
    }
  });

  test('a limit set on the global agent holds inside too', async () => {
    await both();
    const before = http.globalAgent.maxSockets;
    http.globalAgent.maxSockets = 1;
    try {
      let most = 0;
      let now = 0;
      servers[1]?.on('connection', (socket: net.Socket) => {
        most = Math.max(most, ++now);
        socket.on('close', () => now--);
      });
      await blue.run(() => Promise.all(Array.from({ length: 5 }, () => ask())));
      expect(most).toBe(1);
    } finally {
      http.globalAgent.maxSockets = before;
    }
  });

  test('connections are kept and used again on their own side', async () => {
    await both();
    const reused = () =>
      new Promise<boolean>((resolve, reject) => {
        const request = http.get({ host, port }, response => {
          response.resume().on('end', () => setTimeout(resolve, 10, request.reusedSocket));
        });
        request.on('error', reject);
      });
    const twice = async () => [await reused(), await reused()];
    expect(await blue.run(twice)).toEqual([false, true]);
    expect(await twice()).toEqual([false, true]);
  });

  test('fetch', async () => {
    await both();
    await neverCrosses(async () => (await fetch(`http://${host}:${port}`)).text());
  });

  const proxies = 'setGlobalProxyFromEnv' in http;
  test.runIf(proxies)('proxies of setGlobalProxyFromEnv [from Node 24.14 on]', async () => {
    const { out, err } = await script(`
      import http from 'node:http';
      import { once } from 'node:events';
      const servers = [];
      // Of the one port: by Node's version, it is asked for the page, or for a connection.
      async function proxy(who, port) {
        const server = http.createServer((_, response) => response.end(who));
        server.on('connect', (_, socket) => {
          socket.on('error', () => {}).write('HTTP/1.1 200 OK\\r\\n\\r\\n');
          socket.on('data', () => socket.write('HTTP/1.1 200 OK\\r\\ncontent-length: ' + who.length + '\\r\\n\\r\\n' + who));
        });
        await once(server.listen(port, '127.0.0.1'), 'listening');
        return server.address().port;
      }
      const port = await proxy('home', 0);
      const env = { http_proxy: 'http://127.0.0.1:' + port, no_proxy: 'localhost' };
      const ask = async (url = 'http://there.test') => (await fetch(url).catch(error => error.cause)).text?.() ?? 'none';
      const early = http.setGlobalProxyFromEnv(env);
      await lab.run(proxy, 'inside', port);
      const round = async () => say(await ask(), await lab.run(ask), await ask(), await lab.run(ask));
      await round();
      early();
      say(await lab.run(ask));
      const late = http.setGlobalProxyFromEnv(env);
      await round();
      say(await ask('http://localhost:3'), await lab.run(ask, 'http://localhost:3')); // where nobody listens
      late();
      process.exit();
    `);
    const round = 'home inside home inside';
    expect([out, err]).toEqual([[round, 'none', round, 'none none'], '']);
  });

  test('an agent of the user is shared, as the documents say', async () => {
    await both();
    const agent = new http.Agent({ keepAlive: true });
    expect(await ask({ agent })).toBe('home');
    await new Promise(resolve => setImmediate(resolve));
    expect(await blue.run(() => ask({ agent }))).toBe('home');
    agent.destroy();
  });
});

describe('names', () => {
  test('are looked up inside', async () => {
    // A question to a name server that exists inside only.
    const asked = await blue.run(() => nameServer());
    expect(asked).toBeGreaterThan(0);
  });

  test('errors and results are those of Node', async () => {
    const shape = async (run: <R>(fn: () => R) => R, ...args: unknown[]) => {
      try {
        return await run(() => (dns.promises.lookup as (...args: unknown[]) => unknown)(...args));
      } catch (error) {
        const { code, errno, syscall, hostname, message, name } = error as NodeJS.ErrnoException & {
          hostname?: string;
        };
        return { code, errno, syscall, hostname, message, name };
      }
    };
    for (const args of [
      ['localhost', {}],
      ['localhost', { all: true }],
      ['localhost', 4],
      ['localhost', { family: 'IPv4', all: true }],
      ['localhost', { all: true, order: 'ipv6first' }],
      ['127.0.0.1', {}],
      ['localhost', { family: 99 }],
      ['localhost', { hints: -1 }],
    ]) {
      const inside = await shape(fn => blue.run(fn), ...args);
      expect([args, inside]).toEqual([args, await shape(fn => fn(), ...args)]);
    }
    const missing = await shape(fn => blue.run(fn), 'no-such-host.invalid', {});
    expect(missing).toMatchObject({ syscall: 'getaddrinfo', hostname: 'no-such-host.invalid' });
    expect(['ENOTFOUND', 'EAI_AGAIN']).toContain((missing as { code: string }).code);
    expect(() => blue.run(() => dns.lookup('x', { family: 99 }, () => {}))).toThrow(TypeError);
    expect(() => blue.run(() => (dns.lookup as unknown as (name: string) => void)('x'))).toThrow(
      TypeError,
    );
  });

  test('dns.lookupService asks inside', async () => {
    const service = await blue.run(() => dns.promises.lookupService('127.0.0.1', 80));
    expect(service).toEqual(await dns.promises.lookupService('127.0.0.1', 80));
    const there = await blue.run(
      () =>
        new Promise<number>(resolve => dns.lookupService('127.0.0.1', 22, () => resolve(place()))),
    );
    expect(there).toBe(blue.inode('net'));
  });

  test('dns.resolve* is refused inside, however it was come by', async () => {
    const taken = dns.resolve4;
    const resolver = new dns.Resolver();
    const refused = { name: 'NamespaceError', code: 'ENOTSUP' };
    for (const query of [
      () => taken('localhost', () => {}),
      () => dns.resolve('localhost', 'AAAA', () => {}),
      () => dns.reverse('127.0.0.1', () => {}),
      () => resolver.resolveMx('localhost', () => {}),
      () => new dns.Resolver().resolveTxt('localhost', () => {}),
    ]) {
      expect(() => blue.run(query)).toThrow(expect.objectContaining(refused));
    }
    await expect(blue.run(() => dns.promises.resolve4('localhost'))).rejects.toMatchObject(refused);
    await expect(blue.run(() => new dns.promises.Resolver().resolve('localhost'))).rejects.toThrow(
      /dns\.lookup\(\)/,
    );
    // At home nothing is refused: the answer, or the lack of one, is the resolver's own.
    await outside(() => dns.promises.resolve4('localhost')).catch(error =>
      expect(error.name).not.toBe('NamespaceError'),
    );
  });
});

/** How many questions a name server on 127.0.0.1:53 inside gets, when /etc/resolv.conf names none. */
async function nameServer(): Promise<number> {
  const { createSocket } = await import('node:dgram');
  const { readFileSync } = await import('node:fs');
  const address = /^nameserver\s+(\S+)/m.exec(readFileSync('/etc/resolv.conf', 'utf8'))?.[1];
  if (address === undefined || address.includes(':')) return 1;
  const { execFileSync } = await import('node:child_process');
  if (address !== '127.0.0.1') execFileSync('ip', ['addr', 'add', `${address}/32`, 'dev', 'lo']);
  const server = createSocket('udp4');
  let questions = 0;
  server.on('message', (query, from) => {
    questions++;
    const answer = Buffer.from(query);
    answer.writeUInt16BE(0x8183, 2); // an answer: no such name
    server.send(answer, from.port, from.address);
  });
  server.bind(53, address);
  await once(server, 'listening');
  await dns.promises.lookup('asked-inside.example').catch(() => {});
  server.close();
  return questions;
}

test('no thread of the process stays inside', async () => {
  const { promises } = await import('node:fs');
  await blue.run(async () => {
    await Promise.all(Array.from({ length: 8 }, () => promises.readFile('/proc/self/stat')));
    await dns.promises.lookup('localhost');
  });
  // The threads that asked for names were inside, and end; those of the pool stay, and never were.
  await vi.waitFor(() => expect(new Set(threadPlaces())).toEqual(new Set([home])));
});

const major = Number(process.versions.node.split('.')[0]);

test.runIf(major >= 22)(
  'nor one that TLS starts to read certificates [from Node 22 on]',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
    try {
      // Who reads this one is there for as long as we want.
      const fifo = join(folder, 'certificates');
      execFileSync('mkfifo', [fifo]);
      const source = `
      const http = process.getBuiltinModule('node:http');
      lab.run(() => http.get('http://127.0.0.1:1').on('error', () => {}));
      await sleep(200);
      say(...threads().map(name));
      process.kill(process.pid, 'SIGKILL');`;
      const { out } = await script(source, { under: ['env', `NODE_EXTRA_CA_CERTS=${fifo}`] });
      expect(new Set(out.join().split(' '))).toEqual(new Set(['home']));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

afterAll(() => expect(place()).toBe(home));
