import { once } from 'node:events';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createNamespaces } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { collected, home, lab, openFds, place, threadPlaces } from '../shared/lab.ts';

const busy = new URL('../fixtures/busy-worker.mjs', import.meta.url);

/** What a Worker held is closed a moment after it has ended. */
async function settled<T>(look: () => T, wanted: T): Promise<T> {
  await collected(() => JSON.stringify(look()) === JSON.stringify(wanted));
  return look();
}

test('terminating Workers in the middle harms nobody and leaves nothing', async () => {
  using mine = await lab('mine');
  await mine.run(() => sleep(1));
  const warm = new Worker(busy);
  await once(warm, 'message');
  await warm.terminate();
  await collected(() => false, 10);
  const before = { fds: openFds(), threads: threadPlaces() };
  await mine.run(async () => {
    for (let round = 0; round < 15; round++) {
      const workers = Array.from({ length: 2 }, () => new Worker(busy, { workerData: round }));
      await Promise.all(workers.map(worker => once(worker, 'message')));
      await sleep(round * 2);
      expect(place()).toBe(mine.inode('net'));
      await Promise.all(workers.map(worker => worker.terminate()));
      expect(place()).toBe(mine.inode('net'));
    }
  });
  expect(place()).toBe(home);
  expect(await settled(openFds, before.fds)).toEqual(before.fds);
  expect(await settled(threadPlaces, before.threads)).toEqual(before.threads);
});

test('a Worker that ends by itself leaves nothing', async () => {
  const before = openFds();
  const worker = new Worker(busy, { workerData: 'end' });
  const [code] = await once(worker, 'exit');
  expect(code).toBe(0);
  expect(await settled(openFds, before)).toEqual(before);
});

test('in a Worker that was started inside, only what is synchronous asks the kernel there', async () => {
  using mine = await createNamespaces(['net', 'uts'], { hostname: 'mine' });
  const source = `
    import fs from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    const path = '/proc/sys/kernel/hostname';
    parentPort.postMessage([fs.readFileSync(path, 'utf8'), await fs.promises.readFile(path, 'utf8')]);`;
  const worker = mine.run(() => new Worker(source, { eval: true }));
  const [seen] = await once(worker, 'message');
  // The thread pool, which all threads share, is outside: docs/callbacks.md says so.
  expect(seen).toEqual(['mine\n', `${hostname()}\n`]);
  await worker.terminate();
});

test('for a Worker that was started inside, outside is inside', async () => {
  using mine = await createNamespaces(['net', 'uts'], { loopback: true });
  const source = `
    import fs from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    import { createNamespaces, outside } from 'linux-namespaces';
    const place = () => Number(fs.readlinkSync('/proc/thread-self/ns/net').slice(5, -1));
    const lab = await createNamespaces(['net']);
    const seen = await lab.run(async () => (await null, [place() === lab.inode('net'), outside(place)]));
    parentPort.postMessage([...seen, place()]);`;
  const worker = mine.run(() => new Worker(source, { eval: true }));
  const outcome = await Promise.race([
    once(worker, 'message').then(([seen]) => seen),
    once(worker, 'error').then(([error]) => error),
  ]);
  expect(outcome).toEqual([true, mine.inode('net'), mine.inode('net')]);
  await worker.terminate();
});
