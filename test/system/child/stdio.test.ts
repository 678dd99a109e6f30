// The standard streams of a child: pipes, where Node's are sockets, and otherwise the same.
import { type ChildProcess, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { folder, outcome } from './fixtures/targets.ts';

type Start = (file: string, args: string[], options?: object) => ChildProcess;
const ways: [string, Start][] = [
  ['child_process', nodeSpawn as Start],
  ['ours', spawn as Start],
];

test('what is a pipe and what a socket', async () => {
  const kinds = (stdio: unknown) =>
    outcome(
      spawn('sh', ['-c', 'for i in 0 1 2 3; do readlink /proc/self/fd/$i; done'], {
        stdio,
      } as never),
    );
  const { stdout } = await kinds(['pipe', 'pipe', 'overlapped', 'pipe']);
  expect(stdout.replace(/\d+/g, '')).toBe('pipe:[]\npipe:[]\npipe:[]\nsocket:[]\n');
  // By their names, which a socket has not.
  const { stdout: named } = await outcome(
    spawn('sh', ['-c', 'echo named > /dev/stdout; : < /dev/stdin']),
  );
  expect(named).toBe('named\n');
});

describe.each(ways)('as Node’s: %s', (_, start) => {
  test('100 MB come through, with back-pressure', { timeout: seconds(60) }, async () => {
    const child = start('sh', ['-c', 'head -c 100000000 /dev/zero; head -c 1000000 /dev/zero >&2']);
    let out = 0;
    let err = 0;
    child.stderr?.on('data', data => {
      err += data.length;
    });
    for await (const chunk of child.stdout ?? []) {
      out += chunk.length;
      if (out % 7 === 0) await new Promise(setImmediate); // a slow reader
    }
    if (child.exitCode === null) await once(child, 'exit');
    expect([out, err, child.exitCode]).toEqual([100_000_000, 1_000_000, 0]);
  });

  test('10 MB go in; end() is the end of the file', { timeout: seconds(60) }, async () => {
    const child = start('wc', ['-c']);
    for (let i = 0; i < 100; i++) {
      if (child.stdin?.write(Buffer.alloc(100_000)) === false) await once(child.stdin, 'drain');
    }
    child.stdin?.end();
    expect((await outcome(child)).stdout).toBe('10000000\n');
  });

  test('who writes to what the child has closed gets EPIPE, and goes on', async () => {
    const child = start('sh', ['-c', 'exec <&-; echo closed; sleep 0.2; echo end']);
    const [first] = await once(child.stdout as never, 'data');
    expect(String(first)).toBe('closed\n');
    const failed = once(child.stdin as never, 'error').catch(error => [error]);
    child.stdin?.write('x');
    expect(await failed).toMatchObject([{ code: 'EPIPE', syscall: 'write' }]);
    expect((await outcome(child)).stdout).toBe('end\n');
  });

  test('events: end and close of the streams, exit, close', async () => {
    const seen: string[] = [];
    const child = start('sh', ['-c', 'echo out; echo err >&2']);
    for (const [name, stream] of [
      ['stdin', child.stdin],
      ['stdout', child.stdout],
      ['stderr', child.stderr],
    ] as const) {
      stream?.on('close', () => seen.push(`${name} close`));
      stream?.on('end', () => seen.push(`${name} end`));
      if (name !== 'stdin') stream?.resume();
    }
    child.on('exit', () => seen.push('exit'));
    await Promise.all([once(child, 'close'), once(child.stdin as never, 'close')]);
    expect(seen.toSorted()).toEqual(
      [
        'exit',
        'stderr close',
        'stderr end',
        'stdin close',
        'stdout close',
        'stdout end',
      ].toSorted(),
    );
    expect(child.stdout?.readable).toBe(false);
  });

  test('a grandchild that keeps the stream open holds up close, not exit', async () => {
    const child = start('sh', ['-c', '(sleep 0.4; echo late) & echo early']);
    let text = '';
    child.stdout?.on('data', data => {
      text += data;
    });
    await once(child, 'exit');
    expect(text).not.toContain('late');
    await once(child, 'close');
    expect(text).toBe('early\nlate\n');
  });

  test('destroyed streams: SIGPIPE for who writes on', async () => {
    // The first who writes may get ECONNRESET for what nobody has read, and no signal.
    const child = start('sh', ['-c', 'trap - PIPE; while :; do echo x; done']);
    child.stdout?.destroy();
    expect(await once(child, 'close')).toEqual([null, 'SIGPIPE']);
  });

  test('one child’s stdout is the next one’s stdin', async () => {
    const first = start('sh', ['-c', 'read x; echo one $x'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const second = start('sed', ['s/one/two/'], { stdio: [first.stdout, 'pipe', 'inherit'] });
    first.stdin?.end('word\n');
    expect((await outcome(second)).stdout).toBe('two word\n');
  });

  test('detached and without references: it does not keep us', async () => {
    const module = start === nodeSpawn ? 'node:child_process' : 'linux-namespaces';
    const script = `import { spawn } from '${module}';
      const child = spawn('sh', ['-c', 'echo up; exec sleep 1000'], { detached: true });
      child.stdout.once('data', () => {
        console.log(child.pid);
        child.unref();
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream.unref();
      });`;
    const { stdout, code } = await outcome(
      nodeSpawn(process.execPath, ['--input-type=module', '-e', script]),
    );
    expect(code).toBe(0);
    process.kill(Number(stdout), 'SIGKILL');
  });
});

test('handles and messages still pass by ipc', async () => {
  const file = join(folder, 'ipc.mjs');
  writeFileSync(
    file,
    `process.on('message', (word, server) => {
      process.send({ word, listening: server.listening, kind: typeof server.address });
      server.close();
      process.disconnect();
    });
    process.send('up');`,
  );
  const { fork } = await import('linux-namespaces');
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const child = fork(file, [], { execArgv: [] });
  try {
    expect(await once(child, 'message')).toMatchObject(['up', undefined]);
    child.send('take', server);
    const [answer] = await once(child, 'message');
    expect(answer).toEqual({ word: 'take', listening: true, kind: 'function' });
    await once(child, 'exit');
  } finally {
    child.kill('SIGKILL');
    server.close();
  }
});

test('stdin is nothing that a child can write to', async () => {
  const { stderr } = await outcome(spawn('sh', ['-c', 'echo x >&0']));
  expect(stderr).toMatch(/Bad file descriptor|I\/O error/);
});
