// A function runs in all eight namespaces of a process whose image holds one static program and
// nothing else, and everything that Node has works there.
import { hostname } from 'node:os';
import { evaluate, type NamespaceWorker, openNamespaces, openWorker } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import {
  all,
  inodesOf,
  makeImage,
  type Started,
  startTarget,
  subsets,
} from '../child/fixtures/targets.ts';

// What a function finds inside, without importing it.
declare const fs: typeof import('node:fs');
declare const os: typeof import('node:os');
declare const http: typeof import('node:http');
declare const dns: typeof import('node:dns');
declare const child_process: typeof import('node:child_process');
declare const worker_threads: typeof import('node:worker_threads');
declare const v8: typeof import('node:v8');

/** vitest would make something else of an import(). */
const importKeys = new Function(
  'name',
  'return import(name).then(module => Object.keys(module))',
) as (name: string) => Promise<string[]>;

let target: Started;
let worker: NamespaceWorker;

beforeAll(async () => {
  target = await startTarget(all, { root: makeImage(), keep: true });
  worker = await openWorker(target.pid, 'all');
});
afterAll(() => worker?.close());

test('it is in all eight namespaces of the target, by the kernel’s word', async () => {
  expect(inodesOf(worker.pid ?? 0)).toEqual(inodesOf(target.pid));
  const inside = await worker.evaluate(() =>
    ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'].map(type => [
      type,
      fs.readlinkSync(`/proc/self/ns/${type}`),
    ]),
  );
  expect(Object.fromEntries(inside)).toEqual(inodesOf(target.pid));
});

test('its threads are there too, those of the pool as well', async () => {
  await worker.evaluate(() => fs.promises.readdir('/'));
  const places = await worker.evaluate(() =>
    fs
      .readdirSync('/proc/self/task')
      .map(task => fs.readlinkSync(`/proc/self/task/${task}/ns/mnt`)),
  );
  expect(places.length).toBeGreaterThan(4);
  expect(new Set(places)).toEqual(new Set([inodesOf(target.pid).mnt]));
});

describe('what works inside', () => {
  test('files, by every way of Node’s', async () => {
    const seen = await worker.evaluate(async () => {
      await fs.promises.writeFile('/tmp/a', 'written');
      fs.appendFileSync('/tmp/a', ' more');
      const back = await new Promise((resolve, reject) =>
        fs.readFile('/tmp/a', 'utf8', (error, text) => (error ? reject(error) : resolve(text))),
      );
      const stream = [];
      for await (const chunk of fs.createReadStream('/tmp/a')) stream.push(chunk);
      return { back, stream: Buffer.concat(stream).toString(), root: fs.readdirSync('/').sort() };
    });
    expect(seen).toEqual({
      back: 'written more',
      stream: 'written more',
      root: ['bin', 'dev', 'etc', 'proc', 'tmp', 'work'],
    });
  });

  test('hostname, interfaces, uid, pid', async () => {
    const seen = await worker.evaluate(() => ({
      interfaces: Object.keys(os.networkInterfaces()),
      uid: process.getuid?.(),
      pid: process.pid,
      cwd: process.cwd(),
      execPath: process.execPath,
      argv: process.argv,
      env: { ...process.env },
    }));
    expect(seen).toEqual({
      interfaces: [], // a network of its own, with lo down
      uid: 0,
      pid: expect.any(Number),
      cwd: '/',
      execPath: process.execPath,
      argv: [process.execPath],
      env: { PATH: expect.any(String), OPENSSL_CONF: '' },
    });
    expect(seen.pid).toBeLessThan(100);
  });

  test('dns.lookup and dns.resolve, and a socket', async () => {
    const inner = await startTarget(all, { root: makeImage() });
    await using own = await openWorker(inner.pid, 'all');
    const seen = await own.evaluate(async () => {
      const { createSocket } = require('node:dgram');
      fs.writeFileSync('/etc/hosts', '127.0.0.1 box.test\n');
      const looked = await dns.promises.lookup('box.test');
      fs.writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.1\n');
      const resolved = await dns.promises.resolve4('x.test').catch(error => error.code);
      const socket = createSocket('udp4').bind(0, '127.0.0.1');
      const bound = await new Promise(done => {
        socket.once('listening', () => done('bound'));
        socket.once('error', done);
      });
      socket.close();
      return { looked, resolved, bound };
    });
    expect(seen.looked).toEqual({ address: '127.0.0.1', family: 4 });
    expect(seen.resolved).toMatch(/ECONNREFUSED|ENOTFOUND|ETIMEOUT/);
    expect(seen.bound).toBe('bound');
  });

  test('http and fetch over a loopback that is up', async () => {
    const { createNamespaces } = await import('linux-namespaces');
    using net = await createNamespaces(['net'], { loopback: true });
    await using own = await openWorker(net, ['net'], { credentials: 'inherit' });
    const text = await own.evaluate(async () => {
      const server = http.createServer((_, response) => response.end('from inside'));
      await new Promise<void>(done => server.listen(8080, '127.0.0.1', done));
      const answer = await (await fetch('http://127.0.0.1:8080')).text();
      server.close();
      return answer;
    });
    expect(text).toBe('from inside');
  });

  test('child processes, of the image', async () => {
    const seen = await worker.evaluate(() => {
      const { stdout, status } = child_process.spawnSync('/bin/probe', ['report'], {
        encoding: 'utf8',
      });
      return { status, report: JSON.parse(stdout) };
    });
    expect(seen.status).toBe(0);
    expect(seen.report.fds).toEqual([0, 1, 2]); // not the socket to us
    expect(seen.report.cwd).toBe('/');
  });

  test('worker_threads', async () => {
    const seen = await worker.evaluate(async () => {
      const thread = new worker_threads.Worker(
        `const { parentPort } = require('node:worker_threads');
         parentPort.postMessage(require('node:fs').readdirSync('/').sort());`,
        { eval: true },
      );
      return new Promise(resolve => thread.once('message', resolve));
    });
    expect(seen).toEqual(['bin', 'dev', 'etc', 'proc', 'tmp', 'work']);
  });

  test('require and import() of Node’s own, with and without node:', async () => {
    const seen = await worker.evaluate(() => [
      // biome-ignore lint/style/useNodejsImportProtocol: it is what is tested
      require('path').join('a', 'b'),
      require('node:util').format('%s', 'x'),
      typeof v8.serialize,
    ]);
    expect(seen).toEqual(['a/b', 'x', 'function']);
    for (const name of ['fs/promises', 'node:fs/promises']) {
      expect(await worker.evaluate(importKeys, name)).toContain('readFile');
    }
  });

  test('import() of a module in there', async () => {
    await worker.evaluate(() => fs.writeFileSync('/tmp/module.mjs', 'export const place = 1;'));
    expect(await worker.evaluate(importKeys, '/tmp/module.mjs')).toEqual(['place']);
    expect(await worker.evaluate(importKeys, './tmp/module.mjs')).toEqual(['place']);
  });

  test('globals last from call to call', async () => {
    await worker.evaluate(() => {
      (globalThis as Record<string, unknown>)['kept'] = 5;
    });
    expect(await worker.evaluate(() => (globalThis as Record<string, unknown>)['kept'])).toBe(5);
  });
});

test('every subset of the types: those are the target’s, all others ours', {
  timeout: seconds(240),
}, async () => {
  const theirs = inodesOf(target.pid);
  const ours = inodesOf('self');
  const some = subsets(all.filter(type => type !== 'cgroup')).filter((_, i) => i % 9 === 0);
  for (const types of some) {
    await using own = await openWorker(target.pid, types, { credentials: 'inherit' });
    const place = inodesOf(own.pid ?? 0);
    for (const type of all) {
      expect(place[type], `${type} of ${types}`).toBe(
        types.includes(type) ? theirs[type] : ours[type],
      );
    }
  }
});

test('evaluate: a worker for one call', async () => {
  expect(await evaluate(target.pid, 'all', (a, b) => [a + b, os.hostname()], 1, 2)).toEqual([
    3,
    hostname(),
  ]);
});

test('a handle and paths as targets, with our own credentials', async () => {
  using handle = openNamespaces(target.pid, ['net', 'uts']);
  await using one = await openWorker(handle, ['net', 'uts'], { credentials: 'inherit' });
  await using other = await openWorker({ net: `/proc/${target.pid}/ns/net` }, 'all', {
    credentials: 'inherit',
  });
  for (const own of [one, other]) {
    expect(inodesOf(own.pid ?? 0).net).toBe(inodesOf(target.pid).net);
    expect(inodesOf(own.pid ?? 0).mnt).toBe(inodesOf('self').mnt);
  }
  // There is nobody to take them from.
  const theirs = openWorker(handle, ['net'], { credentials: 'target' });
  await expect(theirs).rejects.toThrow(/credentials/);
});
