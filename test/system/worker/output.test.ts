// stdout and stderr of a worker, and its end: what its own process has written is there, and nobody is
// waited for who goes on talking.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { evaluate, type NamespaceWorker, openWorker } from 'linux-namespaces';
import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { fdCount, rejectionOf } from '../shared/support.ts';

const sandbox = { unshare: ['uts'] } as const;
// What is made once for all workers is there from now on.
beforeAll(() => evaluate({ ...sandbox }, 'all', () => 1));

/** Talkers go on as long as it is there: of some not even the pid is ever known. */
const permission = join(tmpdir(), `linux-namespaces-talk-${process.pid}`);
beforeEach(() => writeFileSync(permission, ''));
afterEach(() => rmSync(permission));

/** Starts a program in a worker that outlives it, holds its streams and never stops talking. */
async function talkIn(worker: NamespaceWorker, command: string, also: number[] = []) {
  await worker.evaluate(
    (command: string, also: number[]) => {
      const { spawn } = process.getBuiltinModule('node:child_process');
      const stdio = ['ignore', 'inherit', 'inherit', ...also] as never;
      spawn('sh', ['-c', command], { stdio, detached: true });
    },
    command,
    also,
  );
}

/** Until it has no permission any more. */
const repeat = (what: string) => `trap '' PIPE; while [ -e ${permission} ]; do ${what}; done`;
const shout = repeat('echo something; echo something >&2');

describe.each([
  ['to both streams', shout, []],
  ['to the channel', repeat('echo something >&3'), [3]],
  ['not, but holds them', repeat('sleep 0.1'), [3]],
] as const)('a descendant that goes on talking %s', (_, command, also) => {
  test('holds up neither close() nor a call', async () => {
    const before = fdCount();
    const worker = await openWorker({ ...sandbox }, 'all', { stdout: true, stderr: true });
    worker.stdout.resume();
    worker.stderr.resume();
    const pending = rejectionOf(worker.evaluate(() => new Promise(() => {})));
    if (!command.includes('>&3')) await talkIn(worker, command, [...also]);
    else await talkIn(worker, command, [...also]).catch(() => {}); // what it says is no protocol
    await worker.close();
    expect((await pending).code).toMatch(/ERR_WORKER_NOT_RUNNING|EPROTO/);
    await expect.poll(fdCount).toBe(before);
  });

  test('nor the end of the worker', async () => {
    const worker = await openWorker({ ...sandbox }, 'all', { stdout: true, stderr: true });
    worker.stdout.resume();
    worker.stderr.resume();
    const talk = talkIn(worker, command, [...also]).catch(() => {});
    if (!command.includes('>&3')) await talk;
    const pending = rejectionOf(worker.evaluate(() => process.exit(3)));
    expect((await pending).code).toMatch(/ERR_WORKER_EXITED|EPROTO/);
    await worker.close();
    await talk;
  });
});

test('evaluate does not wait for one either', async () => {
  const start = (command: string) => {
    const { spawn } = process.getBuiltinModule('node:child_process');
    const stdio = ['ignore', 'inherit', 'inherit'] as never;
    return spawn('sh', ['-c', command], { stdio, detached: true }).pid as number;
  };
  const pid = await evaluate({ ...sandbox }, 'all', start, repeat('sleep 0.1'));
  expect(() => process.kill(pid, 0)).not.toThrow(); // it is still there
});

test('what its own process has written last is there, whole, before the end', async () => {
  for (let i = 0; i < 5; i++) {
    const worker = await openWorker({ ...sandbox }, 'all', { stdout: true, stderr: true });
    const chunks = { stdout: 0, stderr: 0 };
    for (const name of ['stdout', 'stderr'] as const) {
      worker[name].on('data', chunk => (chunks[name] += chunk.length));
    }
    const ended = ['stdout', 'stderr'].map(name => once(worker[name as 'stdout'], 'end'));
    const pending = worker.evaluate(() => {
      const { writeSync } = process.getBuiltinModule('node:fs');
      for (const fd of [1, 2]) writeSync(fd, 'x'.repeat(60_000)); // what a pipe holds
      process.kill(process.pid, 'SIGKILL');
    });
    const error = (await rejectionOf(pending)) as Error & { stderr?: string };
    expect(error).toMatchObject({ code: 'ERR_WORKER_EXITED', signal: 'SIGKILL' });
    expect(error.stderr).toBe('x'.repeat(4096));
    await Promise.all(ended);
    expect(chunks).toEqual({ stdout: 60_000, stderr: 60_000 });
  }
});

test('an answer that it gave before its end is one', async () => {
  for (let i = 0; i < 10; i++) {
    const worker = await openWorker({ ...sandbox }, 'all');
    const answer = await worker.evaluate(() => {
      setImmediate(() => process.kill(process.pid, 'SIGKILL'));
      return 'x'.repeat(4000);
    });
    expect(answer.length).toBe(4000);
    await worker.close();
  }
});

const rssOf = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

test('what nobody reads waits in the worker, not in our memory; whoever reads gets all of it', {
  timeout: seconds(60),
}, async () => {
  const source = `
    import { openWorker } from 'linux-namespaces';
    const worker = await openWorker({ unshare: ['uts'] }, 'all', { stdout: true });
    const call = worker.evaluate(() => {
      const { writeSync } = process.getBuiltinModule('node:fs');
      const bytes = Buffer.alloc(1 << 20, 'x');
      for (let i = 0; i < 300; i++) {
        for (let at = 0; at < bytes.length; ) {
          try { at += writeSync(1, bytes, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
        }
      }
      return 'written';
    });
    console.log('ready');
    process.stdin.once('data', async () => {
      let read = 0;
      worker.stdout.on('data', chunk => { read += chunk.length; });
      console.log(await call);
      worker.stdout.on('end', () => { console.log(read); process.exit(); });
      await worker.close();
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    let said = '';
    child.stdout.on('data', data => (said += data));
    await expect.poll(() => said).toContain('ready');
    const before = rssOf(child.pid as number);
    await sleep(1500);
    expect(rssOf(child.pid as number) - before).toBeLessThan(40e6);
    child.stdin.write('go\n');
    await once(child, 'exit');
    expect(said).toBe(`ready\nwritten\n${300 << 20}\n`);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a flood of stderr that nobody reads: timeout and close work', async () => {
  const worker = await openWorker({ ...sandbox }, 'all', { stderr: true, timeout: seconds(2) });
  const flood = worker.evaluate(() => {
    for (;;) process.stderr.write('x'.repeat(1 << 16));
  });
  expect(await rejectionOf(flood)).toMatchObject({ code: 'ETIMEDOUT' });
  await worker.close();
  expect(worker.stderr.readableLength).toBeLessThan(4 << 20);
});

const writeMuch = () => {
  const much = 'x'.repeat(1 << 20);
  for (let i = 0; i < 4; i++) process.stdout.write(much);
  return 'written';
};

test('a stream that is destroyed holds up nobody', async () => {
  const worker = await openWorker({ ...sandbox }, 'all', { stdout: true });
  onTestFinished(() => worker.close());
  const waiting = worker.evaluate(writeMuch);
  await expect.poll(() => worker.stdout.writableNeedDrain).toBe(true);
  worker.stdout.destroy();
  expect(await waiting).toBe('written');
  expect(await worker.evaluate(writeMuch)).toBe('written');
});

test.each([
  ['is read late: no warning of listeners', true],
  ['is closed by its reader', false],
])('our stdout, where several workers write to it, %s', async (_, isRead) => {
  const source = `
    import { openWorker } from 'linux-namespaces';
    const open = () => openWorker({ unshare: ['uts'] }, 'all');
    const workers = [await open(), await open(), await open()];
    process.stdout.setMaxListeners(1);
    process.stdout.on('error', () => {});
    const calls = workers.map(worker => worker.evaluate(${writeMuch}));
    while (!process.stdout.writableNeedDrain) await new Promise(setImmediate);
    console.error('full');
    console.error((await Promise.all(calls)).join());
    for (const worker of workers) await worker.close();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  let read = 0;
  child.stderr.on('data', data => (said += data));
  await once(child.stderr, 'data');
  if (isRead) child.stdout.on('data', data => (read += data.length));
  else child.stdout.destroy();
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(said).toBe('full\nwritten,written,written\n');
  if (isRead) expect(read).toBe(12 << 20);
});
