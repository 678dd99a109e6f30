// Many workers in many containers, killed at random, containers stopped under them: every promise
// settles and nothing remains. MANY_WORKERS=100 makes it 100 workers, 20 containers, 10,000 calls.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type NamespaceWorker, openWorker } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { all, inodesOf, makeImage, type Started, startTarget } from '../child/fixtures/targets.ts';
import { fdCount, hasProgram, runScript } from '../shared/support.ts';

const count = Number(process.env['MANY_WORKERS'] ?? 20);
const containers = Math.ceil(count / 5);
const callsEach = 100;

const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8');
const children = () =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean).length;
const memory = () =>
  readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('memfd:');
    } catch {
      return false;
    }
  }).length;

test(`${count} workers in ${containers} containers, ${count * callsEach} calls`, {
  timeout: seconds(600),
}, async () => {
  const image = makeImage();
  const targets: Started[] = [];
  for (let i = 0; i < containers; i++) targets.push(await startTarget(all, { root: image }));
  // What is made once for all workers is there from now on.
  await (await openWorker(targets[0]?.pid ?? 0, 'all')).close();
  const before = { fds: fdCount(), children: children(), mounts: mounts(), memory: memory() };

  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const workers: NamespaceWorker[] = [];
  for (let i = 0; i < count; i += 5) {
    const some = targets.map(({ pid }) => pid).slice(i / 5, i / 5 + 1);
    const opened = await Promise.all([0, 1, 2, 3, 4].map(() => openWorker(some[0] ?? 0, 'all')));
    workers.push(...opened);
  }
  delay.disable();
  for (const [i, worker] of workers.entries()) {
    expect(await worker.evaluate(() => 'alive'), `worker ${i}`).toBe('alive');
    expect(inodesOf(worker.pid ?? 0)).toEqual(inodesOf(targets[Math.floor(i / 5)]?.pid ?? 0));
  }

  const outcomes = { right: 0, rejected: 0, wrong: 0 };
  const calls = workers.flatMap((worker, i) =>
    Array.from({ length: callsEach }, async (_, n) => {
      // A tenth is killed in the middle of its calls, a tenth of the containers is stopped.
      if (n === 50 && i % 10 === 3) process.kill(worker.pid ?? 0, 'SIGKILL');
      if (n === 50 && i % 50 === 10) targets[Math.floor(i / 5)]?.stop();
      try {
        const back = await worker.evaluate(
          async (given: number) => {
            await new Promise(done => setImmediate(done));
            return given * 2;
          },
          i * 1000 + n,
        );
        outcomes[back === (i * 1000 + n) * 2 ? 'right' : 'wrong']++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' });
        outcomes.rejected++;
      }
    }),
  );
  await Promise.all(calls);
  expect(outcomes.wrong).toBe(0);
  expect(outcomes.right + outcomes.rejected).toBe(count * callsEach);
  expect(outcomes.right).toBeGreaterThan((count * callsEach) / 2);
  expect(outcomes.rejected).toBeGreaterThan(0);

  const pids = workers.map(worker => worker.pid ?? 0);
  await Promise.all(workers.map(worker => worker.close()));
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(children()).toBeLessThanOrEqual(before.children); // the containers that were stopped
  await expect.poll(fdCount, { timeout: 20_000 }).toBeLessThanOrEqual(before.fds);
  expect(mounts()).toBe(before.mounts);
  expect(memory()).toBe(before.memory);
  console.log(
    `${JSON.stringify(outcomes)}, longest turn of the loop while opening: ${(delay.max / 1e6).toFixed(0)} ms`,
  );
});

const needed = hasProgram('setarch') ? '' : ' [needs setarch]';
test.skipIf(needed !== '')(`a worker whose number is the upper half of an address${needed}`, () => {
  const inside = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', 'setarch', '-R'];
  const said = runScript(
    `import fs from 'node:fs';
    import { openWorker } from 'linux-namespaces';
    const types = { unshare: ['pid'] };
    await (await openWorker(types, 'all')).close(); // what is made once has its threads
    // Where libraries are, in any process that is not put at random addresses.
    const [, address] = /^([0-9a-f]+)-.*libc/m.exec(fs.readFileSync('/proc/self/maps', 'utf8'));
    const half = Number(BigInt('0x' + address) >> 32n);
    for (let before = 1; before <= 5; before++) {
      fs.writeFileSync('/proc/sys/kernel/ns_last_pid', String(half - before));
      const worker = await openWorker(types, 'all');
      console.log(await worker.evaluate(() => process.pid));
      await worker.close();
    }`,
    inside,
  );
  expect(said).toBe('1\n'.repeat(5));
});
