// A program that is the first process of a pid namespace: the kernel drops every signal for which it has
// no handler, and what is to end it has to end it all the same.
import { once } from 'node:events';
import { execFile, spawn } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';

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

  test('signal', async () => {
    const controller = new AbortController();
    const child = spawn('sleep', ['1000'], { ...first, signal: controller.signal });
    const failed = once(child, 'error');
    const ended = exit(child);
    controller.abort();
    expect((await failed)[0]).toMatchObject({ name: 'AbortError' });
    expect(await ended).toEqual([null, 'SIGTERM']);
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
