import { executionAsyncId } from 'node:async_hooks';
import dns from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import timers from 'node:timers/promises';
import {
  createNamespaces,
  listContainers,
  type Namespaces,
  openNamespaces,
  withNamespaces,
} from 'linux-namespaces';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collected, home, lab, openFds, place, threadPlaces } from '../shared/lab.ts';

let blue: Namespaces;

beforeAll(async () => {
  // The first use makes what stays for the life of the process: the threads of the pool.
  blue = await lab();
  await blue.run(() => timers.setTimeout(1));
  await blue.run(() => fetch('http://127.0.0.1:9').catch(() => {}));
  await collected(() => hooksAreOff);
});
afterAll(() => blue.close());

/** Node numbers promises only while there are hooks. */
let hooksAreOff = false;
const watch = setInterval(async () => {
  await null;
  hooksAreOff = executionAsyncId() === 0;
}, 1);
afterAll(() => clearInterval(watch));

const hooksOff = async (): Promise<boolean> => {
  hooksAreOff = false;
  await collected(() => hooksAreOff);
  return hooksAreOff;
};

test('the proof can fail: hooks are on while a context lives', async () => {
  const server = await blue.run(async () => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  });
  await timers.setTimeout(20);
  await collected(() => false, 20);
  expect(hooksAreOff).toBe(false);
  server.close();
  await once(server, 'close');
});

test('a synchronous callback leaves nothing on', async () => {
  await hooksOff();
  const fds = openFds();
  const threads = threadPlaces().length;
  blue.run(place);
  await timers.setImmediate();
  await timers.setTimeout(5);
  expect(hooksAreOff).toBe(true);
  expect(openFds()).toEqual(fds);
  expect(threadPlaces().length).toBe(threads);
});

test('a server left listening inside serves until it is closed, and then all is gone', async () => {
  await hooksOff();
  const before = openFds();
  const closing = await lab('left');
  const inode = closing.inode('net');
  const port = await closing.run(async () => {
    const server = http.createServer(async (request, response) => {
      await timers.setTimeout(1);
      if (request.url === '/stop') {
        server.close();
        server.closeIdleConnections();
      }
      response.setHeader('connection', 'close');
      response.end(String(place()));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  });
  const ask = (path: string) => async () =>
    (await (await fetch(`http://127.0.0.1:${port}${path}`)).text()) as string;

  await collected(() => false, 20);
  for (let i = 0; i < 3; i++) {
    expect(Number(await closing.run(ask('/')))).toBe(inode);
    await timers.setTimeout(5);
  }
  expect(Number(await closing.run(ask('/stop')))).toBe(inode);
  closing.close();
  expect(await hooksOff()).toBe(true);
  expect(openFds()).toEqual(before);
});

test.each(['http', 'fetch', 'net', 'dns', 'timer', 'containers', 'nested'] as const)(
  'after %s nothing is left',
  async kind => {
    await hooksOff();
    const before = openFds();
    const work: Record<typeof kind, () => Promise<unknown>> = {
      http: () => new Promise(resolve => http.get('http://127.0.0.1:9').on('error', resolve)),
      fetch: () => fetch('http://127.0.0.1:10').catch(() => {}),
      net: () => new Promise(resolve => net.connect(9, 'localhost').on('error', resolve)),
      dns: () => dns.promises.lookup('localhost'),
      timer: () => timers.setTimeout(3),
      // Its first call loads what finds them.
      containers: () => listContainers({ timeout: 0 }),
      nested: async () => {
        using inner = await createNamespaces(['uts']);
        await inner.run(() => timers.setTimeout(3));
      },
    };
    const where = await lab();
    for (let i = 0; i < 5; i++) await where.run(work[kind]);
    where.close();
    expect(await hooksOff()).toBe(true);
    await collected(() => openFds().length === before.length);
    expect(openFds()).toEqual(before);
  },
);

test('handles that were dropped are closed', async () => {
  await hooksOff();
  const before = openFds();
  for (let i = 0; i < 20; i++) await createNamespaces(['net']);
  await collected(() => openFds().length === before.length);
  expect(openFds()).toEqual(before);
});

test('callbacks in the same namespaces have the same descriptors, however many wait to be collected', async () => {
  await hooksOff();
  const before = openFds();
  const path = `/proc/${process.pid}/fd/${blue.fd('net')}`;
  const [net, uts] = [{ net: path }, { uts: `/proc/${process.pid}/fd/${blue.fd('uts')}` }];
  for (let i = 0; i < 100; i++) {
    await withNamespaces(net, ['net'], () => timers.setTimeout(0));
    await withNamespaces(uts, ['uts'], () => timers.setTimeout(0));
    const handle = openNamespaces(net, ['net']);
    await handle.run(() => timers.setTimeout(0));
    handle.close();
    // Its own are closed, and not those that they are shared with.
    expect(withNamespaces(net, ['net'], place)).toBe(blue.inode('net'));
  }
  expect(openFds().length).toBeLessThan(before.length + 20);
  expect(await hooksOff()).toBe(true);
  await collected(() => openFds().length === before.length);
  expect(openFds()).toEqual(before);
});

test('10,000 callbacks leave as many fds as before, and no more threads', async () => {
  await hooksOff();
  const [fds, threads] = [openFds(), threadPlaces().length];
  for (let i = 0; i < 100; i++) {
    await Promise.all(Array.from({ length: 100 }, () => blue.run(() => timers.setTimeout(1))));
  }
  expect(await hooksOff()).toBe(true);
  expect(openFds()).toEqual(fds);
  // In a Worker, others of the process may end meanwhile.
  expect(threadPlaces().length).toBeLessThanOrEqual(threads);
  expect(place()).toBe(home);
});

test('timers that a test has replaced keep nothing on', async () => {
  await hooksOff();
  const before = openFds();
  const own = globalThis.setImmediate;
  globalThis.setImmediate = (() => ({ unref() {} })) as unknown as typeof setImmediate;
  try {
    blue.run(place);
  } finally {
    globalThis.setImmediate = own;
  }
  expect(await hooksOff()).toBe(true);
  expect(openFds()).toEqual(before);
});

test('of namespaces that are made for one callback each, V8 lets go before there are too many', async () => {
  const before = openFds().length;
  let most = 0;
  for (let i = 0; i < 700; i++) {
    const own = await createNamespaces(['uts']);
    await own.run(() => timers.setImmediate());
    own.close();
    most = Math.max(most, openFds().length - before);
  }
  expect(most).toBeLessThan(600);
});
