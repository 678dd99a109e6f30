// A process that is held up in an exec, for as long as a file system of its own likes: newer kernels answer
// meanwhile nothing of what only those may read who may look into it (its stat, its links, its namespaces).
// What is asked of it ends while it still is held up.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  evaluate,
  listContainers,
  listNamespaces,
  listSockets,
  namespacesOf,
  openNamespaces,
  openRoot,
  processTree,
  spawn,
  withNamespaces,
} from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { binding } from '../../src/base/binding.ts';
import { isSince } from '../../src/base/kernel.ts';
import { lookingLimits, target as targetLimits } from '../../src/base/limits.ts';
import { seconds } from '../timeouts.ts';
import { buildHeldExec, isHeld, letGo, noHeldExec, startHeldExec } from './shared/held-exec.ts';
import { collected, fdCount, startTarget, threads, until } from './shared/support.ts';

const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-held-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** `then`: of a process that is held up meanwhile. Ends it. */
async function held<T>(then: (pid: number) => T | Promise<T>): Promise<T> {
  const child = await startHeldExec(folder, 60_000);
  const { pid = 0 } = child;
  try {
    const result = await then(pid);
    expect(isHeld(pid)).toBe(true);
    return result;
  } finally {
    await letGo(child);
  }
}

const code = (call: () => unknown): string => {
  try {
    call();
    return 'no error';
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`;
  }
};

describe.skipIf(noHeldExec)(
  `as a target [${noHeldExec || 'FUSE'}]`,
  { timeout: seconds(60) },
  () => {
    // What the first calls keep open.
    beforeAll(async () => {
      await using other = await startTarget('--net');
      withNamespaces(other.pid, ['net'], () => 1);
      await evaluate(other.pid, ['net'], () => 1);
      await once(spawn('true', [], { target: other.pid, namespaces: ['net'] }), 'close');
    });

    let fds: number;
    beforeEach(() => {
      fds = fdCount();
    });
    afterEach(async () => {
      await collected(fds);
      await until('what was open to be closed', () => fdCount() <= fds);
    });

    // setns(2) by a pidfd, Linux 5.8.
    test.skipIf(!isSince(5, 8))('a callback inside is run at once', async () => {
      const all = ['net', 'uts', 'ipc', 'cgroup'] as const;
      const took = await held(pid => {
        const begin = performance.now();
        expect(withNamespaces(pid, all, () => 1)).toBe(1);
        return performance.now() - begin;
      });
      expect(took).toBeLessThan(targetLimits.wait / 2);
    });

    // Where no way is known that does not wait (base/kernel.ts), they are refused in time.
    test('its namespaces', async () => {
      const outcome = await held(pid => [
        code(() => openNamespaces(pid, 'all').close()),
        code(() => namespacesOf(pid)),
      ]);
      for (const one of outcome) expect(one).toMatch(/^(no error|ETIMEDOUT)$/);
    });

    test('with the time of its start', async () => {
      const outcome = await held(pid =>
        code(() => withNamespaces({ pid, startTime: 1 }, ['net'], () => 1)),
      );
      expect(outcome).toMatch(/^(ESRCH|ETIMEDOUT)$/);
    });

    test.each([
      ['openRoot', (pid: number) => openRoot(pid).close()],
      ['spawn', (target: number) => spawn('true', [], { target, namespaces: ['mnt'] }).kill()],
      [
        'its credentials',
        (target: number) => spawn('true', [], { target, credentials: 'target' }).kill(),
      ],
    ])('%s', async (_, call) => {
      expect(await held(pid => code(() => call(pid)))).toMatch(/^(no error|ETIMEDOUT)$/);
    });

    // By its pid alone, which /proc does not show there: the ioctls of a pidfd, Linux 6.11.
    test('a child of ours, where /proc is that of another pid namespace', () => {
      const program = buildHeldExec(folder);
      const script = fileURLToPath(new URL('fixtures/foreign-held.mjs', import.meta.url));
      const ran = ['-pf', '--kill-child', process.execPath, script, program, folder];
      const ended = execFileSync('unshare', ran, { encoding: 'utf8', timeout: seconds(30) });
      const { outcome, took } = JSON.parse(ended);
      const expected = isSince(6, 11) ? /^(no error|ETIMEDOUT)$/ : /^ESRCH$/;
      for (const one of outcome) expect(one).toMatch(expected);
      expect(took).toBeLessThan(seconds(10));
    });

    test('evaluate', async () => {
      const settled = await held(pid => evaluate(pid, ['net'], () => 1).catch(error => error.code));
      expect(settled === 1 || settled === 'ETIMEDOUT').toBe(true);
    });
  },
);

describe.skipIf(noHeldExec)(
  `in a list [${noHeldExec || 'FUSE'}]`,
  { timeout: seconds(120) },
  () => {
    /** The longest pause of the event loop meanwhile, in milliseconds. */
    async function pauseOf(work: () => Promise<unknown>): Promise<number> {
      let [most, last] = [0, performance.now()];
      const timer = setInterval(() => {
        most = Math.max(most, performance.now() - last);
        last = performance.now();
      }, 10);
      await work();
      clearInterval(timer);
      return most;
    }

    test.each([
      ['processTree', (pid: number) => processTree(pid)],
      ['listNamespaces', () => listNamespaces()],
      ['listSockets', (pid: number) => listSockets(pid)],
    ])('%s does not hold up the event loop', async (_, list) => {
      await held(async pid => {
        const begin = performance.now();
        const pause = await pauseOf(() => list(pid).catch(() => {}));
        expect(pause).toBeLessThan(Math.max(500, (performance.now() - begin) / 2));
      });
    });

    test('listContainers, of one whose process it is said to be', async () => {
      await held(async pid => {
        const root = mkdtempSync(join(folder, 'root-'));
        mkdirSync(join(root, 'run/runc/web'), { recursive: true });
        const state = {
          id: 'web',
          init_process_pid: pid,
          init_process_start: 4711,
          created: '2026-01-01T00:00:00Z',
          config: { rootfs: '/srv' },
        };
        writeFileSync(join(root, 'run/runc/web/state.json'), JSON.stringify(state));
        const begin = performance.now();
        let found: Awaited<ReturnType<typeof listContainers>> | undefined;
        const pause = await pauseOf(async () => {
          found = await listContainers({ root });
        });
        expect(pause).toBeLessThan(Math.max(500, (performance.now() - begin) / 2));
        expect(['unknown', 'exited']).toContain(found?.[0]?.state); // an older kernel knows that it is another
        if (found?.[0]?.state === 'unknown') expect(found.problems[0]?.message).toMatch(/waiting/);
      });
    });

    test('twenty of them keep a few threads of all lists, and hide nobody else', async () => {
      await using other = await startTarget('--uts');
      const before = threads().length;
      const children = [];
      try {
        for (let i = 0; i < 20; i++) children.push(await startHeldExec(folder, 300_000));
        const pids = Int32Array.of(...children.map(({ pid = 0 }) => pid), other.pid);
        const limits = lookingLimits({ timeout: 100 });
        const counts: number[] = [];
        for (let i = 0; i < 5; i++) {
          const { rows, error } = await binding.listProcesses(pids, limits);
          expect([error, Array.from(rows).includes(other.pid)]).toEqual([0, true]);
          counts.push(threads().length - before);
        }
        expect(Math.max(...counts)).toBeLessThanOrEqual(16 + 4);
        expect(counts.at(-1)).toBe(counts.at(-2));
      } finally {
        for (const child of children) await letGo(child);
      }
      await until('the threads to come back', () => threads().length <= before);
    });
  },
);
