// A worker that does not go on: stopped, silent, half gone, held up by the kernel. What is pending
// settles by timeout or signal; without one of them as soon as it is certain that no answer can come.
import { execFileSync, spawn as startProgram } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { evaluate, type NamespaceWorker, openWorker } from 'linux-namespaces';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { folder, startTarget } from '../child/fixtures/targets.ts';
import { fdCount, rejectionOf } from '../shared/support.ts';
import { header, kinds, writes } from './fixtures/frames.ts';

const sandbox = { unshare: ['uts'] } as const;
/** Of the start, too: long enough for that on a busy machine. */
const timeout = seconds(2);
const forever = () => new Promise<never>(() => {});
let worker: NamespaceWorker | undefined;
beforeAll(() => evaluate({ ...sandbox }, 'all', () => 1));
afterEach(() => worker?.close());

const open = async (options?: Parameters<typeof openWorker>[2]) => {
  worker = await openWorker({ ...sandbox }, 'all', options);
  return worker;
};
const isThere = (pid: number | undefined) => {
  try {
    return process.kill(pid ?? 0, 0);
  } catch {
    return false;
  }
};

describe('stopped by SIGSTOP', () => {
  test('a timeout ends its calls, and it', async () => {
    const worker = await open({ timeout });
    process.kill(worker.pid as number, 'SIGSTOP');
    expect(await rejectionOf(worker.evaluate(() => 1))).toMatchObject({ code: 'ETIMEDOUT' });
    await worker.close();
    expect(isThere(worker.pid)).toBe(false);
  });

  test('a signal, and close, too', async () => {
    const controller = new AbortController();
    const worker = await open({ signal: controller.signal });
    process.kill(worker.pid as number, 'SIGSTOP');
    const calls = Array.from({ length: 100 }, () => rejectionOf(worker.evaluate(() => 1)));
    await sleep(50);
    controller.abort();
    for (const error of await Promise.all(calls)) expect(error.code).toBe('ABORT_ERR');
    const other = await open();
    process.kill(other.pid as number, 'SIGSTOP');
    const call = rejectionOf(other.evaluate(() => 1));
    await other.close();
    expect((await call).code).toBe('ERR_WORKER_NOT_RUNNING');
  });

  test('goes on where it was, with what was asked meanwhile', async () => {
    const worker = await open();
    process.kill(worker.pid as number, 'SIGSTOP');
    const calls = Array.from({ length: 1000 }, (_, i) => worker.evaluate((i: number) => i, i));
    const large = worker.evaluate((bytes: Buffer) => bytes.length, Buffer.alloc(1 << 22));
    await sleep(50);
    process.kill(worker.pid as number, 'SIGCONT');
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(await large).toBe(1 << 22);
  });

  test('at the start, before it has said that it is ready', async () => {
    // Whatever it is executed with, there is a moment at which it is stopped.
    for (const timeout of [1, 10, 30]) {
      const error = await evaluate({ ...sandbox }, { types: 'all', timeout }, forever).catch(
        error => error,
      );
      expect(error).toMatchObject({ code: 'ETIMEDOUT' });
    }
  });
});

describe('half a frame', () => {
  test.each([
    ['of a header', header(kinds.value, 2, 5).subarray(0, 7)],
    ['of a body', header(kinds.value, 2, 5)],
  ])('%s and then nothing: a timeout ends it', async (_, bytes) => {
    const worker = await open({ timeout });
    const pending = rejectionOf(worker.evaluate(forever));
    const writing = writes(worker, bytes).catch(error => error);
    expect((await pending).code).toMatch(/ETIMEDOUT|EPROTO/);
    await writing;
  });

  test('and then the end: the end is what is said', async () => {
    const worker = await open();
    const pending = rejectionOf(worker.evaluate(forever));
    const ending = rejectionOf(
      worker.evaluate(
        (bytes: Buffer) => {
          process.getBuiltinModule('node:fs').writeSync(3, bytes);
          process.exit(9);
        },
        header(kinds.value, 2, 5),
      ),
    );
    expect(await pending).toMatchObject({ code: 'ERR_WORKER_EXITED', exitCode: 9 });
    expect(await ending).toMatchObject({ code: 'ERR_WORKER_EXITED', exitCode: 9 });
  });

  test('one byte at a time, for ever: a timeout ends it, and others do not notice', async () => {
    const slow = await open({ timeout });
    const pending = rejectionOf(slow.evaluate(forever));
    const writing = slow.evaluate(
      (bytes: Buffer) => {
        const { writeSync } = process.getBuiltinModule('node:fs');
        writeSync(3, bytes);
        setInterval(() => writeSync(3, 'x'), 5);
        return new Promise(() => {});
      },
      header(kinds.value, 2, 1 << 16),
    );
    const other = await openWorker({ ...sandbox }, 'all');
    for (let i = 0; i < 20; i++) expect(await other.evaluate((i: number) => i, i)).toBe(i);
    await other.close();
    expect(await pending).toMatchObject({ code: 'ETIMEDOUT' });
    await rejectionOf(writing);
  });
});

describe('a worker that lives and can answer no more', () => {
  test.each([
    ['has closed where it answers', 3],
    ['has closed where it is asked', 4],
  ])('%s: it is killed, its calls reject', async (_, fd) => {
    const worker = await open();
    const pending = rejectionOf(worker.evaluate(forever));
    const closing = rejectionOf(
      worker.evaluate((fd: number) => {
        process.getBuiltinModule('node:fs').closeSync(fd);
        return new Promise(() => {});
      }, fd),
    );
    await expect.poll(() => existsSync(`/proc/${worker.pid}/fd/${fd}`)).toBe(false);
    // It is noticed when it is asked, at the latest.
    const next = rejectionOf(worker.evaluate(() => 1));
    for (const call of [pending, closing, next]) {
      expect(await call).toMatchObject({ code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' });
    }
    await worker.close();
    expect(isThere(worker.pid)).toBe(false);
  });

  test('ends while we write to it: nothing is uncaught', async () => {
    for (let i = 0; i < 20; i++) {
      const worker = await openWorker({ ...sandbox }, 'all');
      const calls = Array.from({ length: 20 }, () =>
        rejectionOf(worker.evaluate((bytes: Buffer) => bytes.length, Buffer.alloc(1 << 20))),
      );
      process.kill(worker.pid as number, 'SIGKILL');
      const codes = new Set((await Promise.all(calls)).map(error => error.code));
      expect([...codes]).toEqual(['ERR_WORKER_EXITED']);
      await worker.close();
    }
  });
});

test('no descriptor can be sent to us: its channel and streams are pipes', async () => {
  const worker = await open();
  const kindsOfFiles = await worker.evaluate(() => {
    const { fstatSync, readdirSync } = process.getBuiltinModule('node:fs');
    const isSocket = (fd: string) => {
      try {
        return fstatSync(Number(fd)).isSocket();
      } catch {
        return false;
      }
    };
    return {
      pipes: [0, 1, 2, 3, 4].map(fd => fstatSync(fd).isFIFO()),
      sockets: readdirSync('/proc/self/fd').filter(isSocket),
      // Nor is there a device of the host, of whose mode root could be the owner.
      devices: readdirSync('/proc/self/fd').filter(fd => {
        try {
          return Number(fd) < 5 && fstatSync(Number(fd)).isCharacterDevice();
        } catch {
          return false;
        }
      }),
    };
  });
  expect(kindsOfFiles).toEqual({ pipes: Array(5).fill(true), sockets: [], devices: [] });
  expect(await worker.evaluate(() => fs.readFileSync(0, 'utf8'))).toBe('');
});

test('who reads our answers from the pipe himself: each call settles', async () => {
  const worker = await open({ timeout });
  const thief = rejectionOf(
    worker.evaluate(() => {
      const { openSync, readSync, constants } = process.getBuiltinModule('node:fs');
      const fd = openSync('/proc/self/fd/3', constants.O_RDONLY | constants.O_NONBLOCK);
      const bytes = Buffer.alloc(7);
      const steal = () => {
        try {
          readSync(fd, bytes);
        } catch {}
        setImmediate(steal);
      };
      steal();
      return new Promise(() => {});
    }),
  );
  const calls = Array.from({ length: 50 }, () =>
    worker
      .evaluate(() => Buffer.alloc(100_000))
      .then(
        bytes => bytes.length,
        error => error.code,
      ),
  );
  for (const came of await Promise.all(calls)) {
    expect([100_000, 'EPROTO', 'ETIMEDOUT']).toContain(came);
  }
  await worker.close();
  await thief;
});

test('1,000 calls at once, each with its own answer', async () => {
  const worker = await open();
  const calls = Array.from({ length: 1000 }, (_, i) =>
    worker.evaluate(async (i: number) => {
      await new Promise(done => setTimeout(done, i % 7));
      return i % 3 === 0 ? { i } : i;
    }, i),
  );
  const answers = await Promise.all(calls);
  for (const [i, answer] of answers.entries()) expect(answer).toEqual(i % 3 === 0 ? { i } : i);
});

test('a process that the kernel cannot end: timeout and close settle, and nothing stays open', {
  timeout: seconds(60),
}, async () => {
  const program = join(folder, 'unanswered');
  const source = fileURLToPath(new URL('../../attacks/unanswered.c', import.meta.url));
  execFileSync('cc', ['-static', '-O1', '-o', program, source]);
  const target = await startTarget(['mnt', 'pid']);
  const server = startProgram('nsenter', ['-t', `${target.pid}`, '-m', program, '/mnt'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(server.stdout, 'data');
    const before = fdCount();
    let pid = 0;
    const opened = await openWorker(target.pid, ['mnt'], { timeout });
    pid = opened.pid as number;
    const call = rejectionOf(opened.evaluate(() => fs.readdirSync('/mnt/x')));
    expect(await call).toMatchObject({ code: 'ETIMEDOUT' });
    await opened.close();
    expect(isThere(pid)).toBe(true); // it is still held up
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^State:\s+[DZ]/m);
    const whole = evaluate(target.pid, { types: ['mnt'], timeout }, () => fs.readdirSync('/mnt/x'));
    expect(await rejectionOf(whole)).toMatchObject({ code: 'ETIMEDOUT' });
    server.kill('SIGKILL');
    await expect.poll(() => isThere(pid)).toBe(false); // and reaped
    await expect.poll(fdCount).toBeLessThanOrEqual(before);
  } finally {
    server.kill('SIGKILL');
  }
});

declare const fs: typeof import('node:fs');
