// A program that is the first process of a pid namespace: the kernel drops every signal for which it has
// no handler, and what is to end it has to end it all the same.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import * as ours from 'linux-namespaces';
import { exec, execFile, fork, spawn } from 'linux-namespaces';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { noHeldExec, startHeldExec } from '../shared/held-exec.ts';
import { hasProgram } from '../shared/support.ts';
import { folder } from './fixtures/targets.ts';

const first = { unshare: ['pid', 'mnt'], mountProc: true } as const;
const exit = (child: NodeJS.EventEmitter) =>
  new Promise(resolve => child.on('exit', (...how) => resolve(how)));

describe('without a handler', () => {
  test.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGUSR1', 'SIGPIPE'] as const)(
    'kill(%s)',
    async name => {
      const child = spawn('sleep', ['1000'], first);
      expect(child.kill(name)).toBe(true);
      expect(await exit(child)).toEqual([null, name]);
    },
  );

  test('timeout', async () => {
    const error = await new Promise<unknown>(resolve => {
      execFile('sleep', ['1000'], { ...first, timeout: 50 }, resolve);
    });
    expect(error).toMatchObject({ killed: true, signal: 'SIGTERM', code: null });
  });

  test('of so many groups that its signals stand far behind in its status', () => {
    const groups = Array.from({ length: 10_000 }, (_, i) => 100_000 + i);
    const options = { ...first, groups, timeout: 50 };
    expect(ours.spawnSync('sleep', ['1000'], options).signal).toBe('SIGTERM');
  });

  test('signal', async () => {
    const controller = new AbortController();
    const child = spawn('sleep', ['1000'], { ...first, signal: controller.signal });
    const failed = once(child, 'error');
    const ended = exit(child);
    controller.abort();
    expect((await failed)[0]).toMatchObject({ name: 'AbortError' });
    expect(await ended).toEqual([null, 'SIGTERM']);
  });

  const timed = { ...first, timeout: 50 };
  const failed = { code: 'ETIMEDOUT', signal: 'SIGTERM', status: null };

  test('exec, and what is promised', async () => {
    const error = { killed: true, signal: 'SIGTERM', code: null };
    await expect(promisify(exec)('exec sleep 1000', timed)).rejects.toMatchObject(error);
    await expect(promisify(execFile)('sleep', ['1000'], timed)).rejects.toMatchObject(error);
    const signal = AbortSignal.timeout(50);
    const aborted = promisify(exec)('exec sleep 1000', { ...first, signal });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('spawnSync, execFileSync, execSync', () => {
    expect(ours.spawnSync('sleep', ['1000'], timed)).toMatchObject({
      error: { code: 'ETIMEDOUT' },
      signal: 'SIGTERM',
      status: null,
    });
    const thrown = expect.objectContaining(failed);
    expect(() => ours.execFileSync('sleep', ['1000'], timed)).toThrow(thrown);
    expect(() => ours.execSync('exec sleep 1000', timed)).toThrow(thrown);
  });

  test('what says too much for maxBuffer', async () => {
    const much = { ...first, maxBuffer: 1000 };
    await expect(promisify(execFile)('yes', much)).rejects.toMatchObject({
      code: 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER',
    });
    expect(ours.spawnSync('yes', much)).toMatchObject({
      error: { code: 'ENOBUFS' },
      signal: 'SIGTERM',
    });
  });

  test.skipIf(!hasProgram('strace'))(
    'what says too much does not end for want of a reader, however late we end it [needs strace]',
    () => {
      const source = `import { spawnSync } from ${JSON.stringify(import.meta.resolve('linux-namespaces'))};
        console.log(spawnSync('yes', ${JSON.stringify({ ...first, maxBuffer: 1000 })}).signal);`;
      const late = 'inject=pidfd_send_signal:delay_enter=200000';
      const under = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=pidfd_send_signal', '-e', late];
      const run = [process.execPath, '--input-type=module', '-e', source];
      expect(String(spawnSync('strace', [...under, ...run]).stdout)).toBe('SIGTERM\n');
    },
  );

  test('on a terminal', async () => {
    expect(await exit(spawn('sleep', ['1000'], { ...timed, terminal: true }))).toEqual([
      null,
      'SIGTERM',
    ]);
  });

  test('beside a pid namespace that was joined', async () => {
    const outer = spawn('sleep', ['1000'], first);
    const joined = { target: outer.pid as number, namespaces: ['pid'], unshare: ['pid'] } as const;
    expect(await exit(spawn('sleep', ['1000'], { ...joined, timeout: 50 }))).toEqual([
      null,
      'SIGTERM',
    ]);
    outer.kill();
    expect(await exit(outer)).toEqual([null, 'SIGTERM']);
  });

  test('from a Worker', async () => {
    const program = `
      const { parentPort } = require('node:worker_threads');
      import(${JSON.stringify(import.meta.resolve('linux-namespaces'))}).then(({ spawn }) => {
        const child = spawn('sleep', ['1000'], ${JSON.stringify(timed)});
        child.on('exit', (...how) => parentPort.postMessage(how));
      });`;
    const worker = new Worker(program, { eval: true });
    expect(await once(worker, 'message')).toEqual([[null, 'SIGTERM']]);
    await worker.terminate();
  });

  test('what ends no other process ends it no more than those', async () => {
    const child = spawn('cat', first);
    for (const signal of ['SIGWINCH', 'SIGCONT', 'SIGCHLD', 'SIGURG', 0] as const) {
      expect(child.kill(signal as NodeJS.Signals)).toBe(true);
    }
    child.stdin.end();
    expect(await exit(child)).toEqual([0, null]);
  });
});

test.each([
  ['has a handler: it gets the signal', `trap 'echo got; exit 5' TERM`, [5, null], 'ready\ngot\n'],
  ['ignores it: it goes on', `trap '' TERM`, [0, null], 'ready\nend\n'],
])('a program that %s', async (_, trap, how, said) => {
  const child = spawn('sh', ['-c', `${trap}; echo ready; read line; echo end`], first);
  child.stdin.on('error', () => {}); // the handler's end does not read it
  let output = '';
  child.stdout.on('data', data => {
    if (output === '') {
      child.kill();
      child.stdin.end('\n');
    }
    output += data;
  });
  const ended = exit(child);
  await once(child, 'close');
  expect(await ended).toEqual(how);
  expect(output).toBe(said);
});

test('a program that waits for a signal that it blocks gets it', async () => {
  const wait = `
    import signal
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    print('ready', flush=True)
    print(signal.sigwait([signal.SIGTERM]) == signal.SIGTERM)`.replaceAll('\n    ', '\n');
  const child = spawn('python3', ['-c', wait], first);
  let output = '';
  child.stdout.on('data', data => {
    if (output === '') child.kill();
    output += data;
  });
  await once(child, 'close');
  expect(output).toBe('ready\nTrue\n');
});

describe('a program that has blocked a signal, and does not wait for it, is ended by it', () => {
  const wait = `
    import signal, time
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    print('ready', flush=True)
    input()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    time.sleep(1000)`.replaceAll('\n    ', '\n');
  const ready = async () => {
    const child = spawn('python3', ['-c', wait], { ...first, killOnParentExit: true });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return child;
  };

  test('whatever timers the caller has', async () => {
    const child = await ready();
    vi.useFakeTimers();
    try {
      child.kill();
      child.stdin.end('\n');
      expect(await exit(child)).toEqual([null, 'SIGTERM']);
    } finally {
      vi.useRealTimers();
    }
  });

  test.each([0, 'SIGCONT', 'SIGWINCH'])('whatever else it gets meanwhile: %s', async signal => {
    const child = await ready();
    child.kill();
    child.kill(signal as NodeJS.Signals);
    child.stdin.end('\n');
    expect(await exit(child)).toEqual([null, 'SIGTERM']);
  });
});

test.skipIf(noHeldExec)(
  `one that is held up in an exec holds up nobody [${noHeldExec || 'FUSE'}]`,
  async () => {
    const child = await startHeldExec(folder);
    const ended = exit(child);
    const begin = performance.now();
    expect(child.kill()).toBe(true);
    const took = performance.now() - begin;
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect(took).toBeLessThan((performance.now() - begin) / 2); // and it had to wait to the end
  },
);

// Its own handler takes itself away and raises the signal again, which the kernel drops.
describe('Node, which has five seconds', () => {
  const program = join(folder, 'stay.cjs');
  writeFileSync(program, `setInterval(() => {}, 1000); process.send?.('ready');`);

  test('fork', { timeout: seconds(60) }, async () => {
    const child = fork(program, { ...first, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    await once(child, 'message');
    expect(child.kill()).toBe(true);
    expect(await exit(child)).toEqual([null, 'SIGTERM']);
  });

  test('spawnSync', { timeout: seconds(60) }, () => {
    const { error, signal, status } = ours.spawnSync(process.execPath, [program], {
      ...first,
      timeout: seconds(1),
    });
    expect(error).toMatchObject({ code: 'ETIMEDOUT' });
    expect([signal, status]).toEqual(['SIGTERM', null]);
  });
});
