// What node:child_process documents, seen on both: the same script runs on Node's functions and on ours.

import { AsyncLocalStorage } from 'node:async_hooks';
import * as node from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import * as ours from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { folder, outcome, probe } from './fixtures/targets.ts';

type Module = typeof node;
const both: [string, Module][] = [
  ['node', node],
  ['ours', ours as unknown as Module],
];

/** The events of a child in their order, with what they carry. */
function eventsOf(child: node.ChildProcess): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (const name of ['spawn', 'error', 'exit', 'close']) {
    child.on(name, (...args) =>
      seen.push([name, ...args.map(arg => (arg instanceof Error ? fieldsOf(arg) : arg))]),
    );
  }
  return new Promise(resolve => child.once('close', () => resolve(seen)));
}

function fieldsOf(error: Error): object {
  return { ...error, name: error.name, message: error.message };
}

/** Runs on both, and wants the same of both. */
async function same(run: (module: Module) => unknown): Promise<unknown> {
  const theirs = await run(node);
  const own = await run(ours as unknown as Module);
  expect(own).toEqual(theirs);
  return own;
}

describe('the same as node:child_process', () => {
  test.each([
    ['exit code', 'sh', ['-c', 'exit 3'], {}],
    ['death by signal', 'sh', ['-c', 'kill -9 $$'], {}],
    ['no such program', 'no-such-program', ['a', 'b'], {}],
    ['not executable', '/etc/passwd', [], {}],
    ['a directory', '/tmp', [], {}],
    ['PATH of the child', 'probe', ['exit', '4'], { env: { PATH: `/nowhere:${folder}` } }],
    ['no PATH', 'sh', ['-c', 'exit 5'], { env: {} }],
    ['not in PATH', 'sh', [], { env: { PATH: '/nowhere' } }],
    ['shell', 'exit $((2 * 3))', [], { shell: true }],
    ['argv0', 'sh', ['-c', 'exit 7'], { argv0: 'another' }],
    ['killSignal and timeout', 'sleep', ['100'], { timeout: 20, killSignal: 'SIGINT' }],
    ['a bad fd', 'true', [], { stdio: ['ignore', 999, 'ignore'] }],
  ])('events: %s', async (_, file, args, options) => {
    await same(async ({ spawn }) => {
      try {
        return await eventsOf(spawn(file, args, options as object));
      } catch (error) {
        return { thrown: (error as NodeJS.ErrnoException).code };
      }
    });
  });

  test('a script without #! is run by sh', async () => {
    const script = join(folder, 'script');
    writeFileSync(script, 'echo $0 $1', { mode: 0o755 });
    await same(async ({ spawn }) => outcome(spawn(script, ['one'])));
  });

  test('wrong arguments throw the same', async () => {
    for (const wrong of [
      [''],
      [3],
      ['true', 'x'],
      ['true', [], { cwd: 3 }],
      ['true', [], { uid: 'x' }],
      ['true', [], { detached: 3 }],
      ['true\0', []],
      ['true', ['\0']],
      ['true', [], { stdio: 'x' }],
      ['true', [], { signal: 3 }],
      ['true', [], { timeout: -1 }],
      ['true', [], { env: { a: '\0' } }],
    ]) {
      await same(({ spawn }) => {
        try {
          return (spawn as (...args: unknown[]) => unknown)(...wrong);
        } catch (error) {
          return (error as NodeJS.ErrnoException).code;
        }
      });
    }
  });

  test('stdio: pipes there and back, overlapped, extra fds, a file, a stream', async () => {
    const file = join(folder, 'output');
    await same(async ({ spawn }) => {
      const fd = openSync(file, 'w');
      const child = spawn('sh', ['-c', 'cat; echo five >&5; echo four >&4; cat <&3 >&2'], {
        stdio: ['pipe', 'overlapped', 'pipe', 'pipe', fd, 'pipe'],
      });
      closeSync(fd);
      let five = '';
      (child.stdio as unknown as NodeJS.ReadableStream[])[5]?.on('data', text => (five += text));
      child.stdin?.end('zero');
      (child.stdio[3] as NodeJS.WritableStream).end('three');
      return { ...(await outcome(child)), five, file: readFileSync(file, 'utf8') };
    });
  });

  test('stdio: the socket of a server as a stream of the child', async () => {
    await same(async ({ spawn }) => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const client = (await import('node:net')).connect(port, '127.0.0.1');
      const [socket] = await once(server, 'connection');
      const child = spawn('echo', ['over the wire'], { stdio: ['ignore', socket, 'inherit'] });
      const [[data]] = await Promise.all([once(client, 'data'), once(child, 'exit')]);
      client.destroy();
      socket.destroy();
      server.close();
      return String(data);
    });
  });

  test("'ignore' is /dev/null for the first three, nothing for others; 'inherit' is ours", async () => {
    await same(async ({ spawn }) => {
      const child = spawn(
        'sh',
        ['-c', 'readlink /proc/self/fd/0 /proc/self/fd/2; test -e /proc/self/fd/3'],
        {
          stdio: ['ignore', 'pipe', 'ignore', 'ignore'],
        },
      );
      return outcome(child);
    });
  });

  test.each(['json', 'advanced'] as const)('fork and the channel: %s', async serialization => {
    const module = join(folder, 'echo.mjs');
    writeFileSync(
      module,
      `process.on('message', m => { process.send({ got: m, args: process.argv.slice(2) }, () => m.end && setImmediate(() => process.disconnect())); });`,
    );
    await same(async ({ fork }) => {
      const child = fork(module, ['x'], { serialization, execArgv: [] });
      const seen: unknown[] = [];
      child.on('message', message => seen.push(message));
      child.send({ n: 1 });
      if (serialization === 'advanced') child.send({ map: new Map([[1, 2n]]) } as never);
      child.send({ end: true });
      const [exit] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
      return { seen, exit, connected: child.connected };
    });
  });

  test('a server is sent over the channel', async () => {
    const module = join(folder, 'server.mjs');
    writeFileSync(
      module,
      `import { createServer } from 'node:net'; const s = createServer().listen(0, '127.0.0.1', () => process.send('server', s)); process.on('disconnect', () => process.exit());`,
    );
    await same(async ({ fork }) => {
      const child = fork(module, { execArgv: [] });
      const [message, server] = await once(child, 'message');
      const listening = server.listening;
      server.close();
      child.disconnect();
      return [message, listening, await once(child, 'exit')];
    });
  });

  test('exec and execFile: output, errors, buffers, maxBuffer, timeout, kill', async () => {
    for (const [command, options] of [
      ['echo out; echo err >&2', {}],
      ['echo out', { encoding: 'buffer' }],
      ['exit 3', {}],
      ['echo too much', { maxBuffer: 3 }],
      ['exec sleep 100', { timeout: 20 }],
      ['exec sleep 100', { timeout: 20, killSignal: 'SIGKILL' }],
      ['echo', { cwd: '/tmp' }],
      ['no-such-program-here', {}],
      ['echo $HOME', { env: { HOME: 'x' } }],
    ] as const) {
      await same(
        ({ exec }) =>
          new Promise(resolve =>
            exec(command, options as object, (error, ...output) =>
              resolve([error && fieldsOf(error), ...output]),
            ),
          ),
      );
    }
    await same(
      ({ execFile }) =>
        new Promise(resolve =>
          execFile('no-such', ['x'], (error, ...o) => resolve([error && fieldsOf(error), o])),
        ),
    );
  });

  test('promisify', async () => {
    await same(async ({ exec, execFile }) => {
      const good = await promisify(execFile)('echo', ['x']);
      const promise = promisify(exec)('echo y; exit 2');
      const pid = typeof promise.child.pid;
      const bad = await promise.catch(error => fieldsOf(error));
      return [good, pid, bad];
    });
  });

  test('an AbortSignal, before and after the start', async () => {
    await same(async ({ spawn }) => {
      const early = await eventsOf(spawn('sleep', ['100'], { signal: AbortSignal.abort('why') }));
      const controller = new AbortController();
      const child = spawn('sleep', ['100'], { signal: controller.signal });
      setTimeout(() => controller.abort(), 20);
      return [early, await eventsOf(child)];
    });
  });

  test('kill: what it returns, and signal 0', async () => {
    await same(async ({ spawn }) => {
      const child = spawn('sleep', ['100']);
      const answers: unknown[] = [child.kill(0), child.killed, child.kill('SIGTERM'), child.killed];
      await once(child, 'exit');
      answers.push(child.kill(), child.exitCode, child.signalCode);
      try {
        child.kill('SIGNOTHING' as never);
      } catch (error) {
        answers.push((error as NodeJS.ErrnoException).code);
      }
      return answers;
    });
  });

  test('detached has a session of its own, others have ours', async () => {
    await same(async ({ spawn }) => {
      const sessions = [];
      for (const detached of [false, true]) {
        const child = spawn(probe, ['report'], { detached });
        sessions.push(JSON.parse((await outcome(child)).stdout).leader);
      }
      return sessions;
    });
  });

  test('uid and gid: the ids, no groups', async () => {
    await same(async ({ spawn }) => {
      const child = spawn(probe, ['report'], { uid: 1234, gid: 4321 });
      const { uid, gid, groups, permitted } = JSON.parse((await outcome(child)).stdout);
      return { uid, gid, groups, permitted };
    });
  });

  test('signals are at their defaults, none is blocked', async () => {
    await same(async ({ spawn }) => {
      const { ignored, blocked } = JSON.parse((await outcome(spawn(probe, ['report']))).stdout);
      return { ignored, blocked };
    });
  });
});

test('a server from another network is sent over the channel, and serves there', async () => {
  using lab = await ours.createNamespaces(['net'], { loopback: true });
  const module = join(folder, 'inner-server.mjs');
  writeFileSync(
    module,
    `import { createServer } from 'node:net'; const s = createServer().listen(0, '127.0.0.1', () => process.send('server', s)); process.on('disconnect', () => process.exit());`,
  );
  const child = lab.fork(module, { execArgv: [] });
  const [, server] = await once(child, 'message');
  child.disconnect();
  await once(child, 'exit'); // it is ours alone now
  const { port } = server.address();
  server.on('connection', (socket: Socket) => socket.end('from the lab'));
  const inside = lab.run(() => connect(port, '127.0.0.1'));
  const [data] = await once(inside, 'data');
  expect(String(data)).toBe('from the lab');
  await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toMatchObject({
    code: 'ECONNREFUSED',
  });
  inside.destroy();
  server.close();
});

test('it is a ChildProcess, with the fields that Node gives it', async () => {
  const child = ours.spawn('true', ['x']);
  expect(child).toBeInstanceOf(node.ChildProcess);
  expect(child.spawnfile).toBe('true');
  expect(child.spawnargs).toEqual(['true', 'x']);
  await once(child, 'exit');
});

test.each(both)('AsyncLocalStorage is seen in the events: %s', async (_, { spawn }) => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  await storage.run('here', async () => {
    const child = spawn('echo', ['x']);
    for (const name of ['spawn', 'exit', 'close'])
      child.on(name, () => seen.push(storage.getStore()));
    child.stdout?.on('data', () => seen.push(storage.getStore()));
    await once(child, 'close');
  });
  expect(seen).toEqual(['here', 'here', 'here', 'here']);
});

test.each(both)('an uncaught error in a listener is an uncaughtException: %s', async name => {
  const script = `import { spawn } from '${name[0] === 'n' ? 'node:child_process' : 'linux-namespaces'}';
    process.on('uncaughtException', e => { console.log(e.message); });
    spawn('true').on('exit', () => { throw new Error('thrown'); });`;
  const child = node.spawn(process.execPath, ['--input-type=module', '-e', script]);
  expect(await outcome(child)).toMatchObject({ stdout: 'thrown\n', code: 0 });
});

test('unref lets the process end before the child; ref holds it', async () => {
  const script = `import { spawn } from 'linux-namespaces';
    const child = spawn('sleep', ['100'], { stdio: 'ignore' }); child.unref(); console.log(child.pid);
    const held = spawn('sh', ['-c', 'exit 6'], { stdio: 'ignore' }); held.unref(); held.ref();
    held.on('exit', code => console.log(code));`;
  const child = node.spawn(process.execPath, ['--input-type=module', '-e', script]);
  const { stdout, code } = await outcome(child);
  const [pid, six] = stdout.split('\n').map(Number);
  expect([six, code]).toEqual([6, 0]);
  process.kill(pid as number, 'SIGKILL'); // it is still there
});

test('1,000 children at once', async () => {
  const children = Array.from({ length: 1000 }, (_, i) =>
    ours.spawn(probe, ['exit', String(i % 100)], { stdio: 'ignore' }),
  );
  const codes = await Promise.all(
    children.map(child => once(child, 'exit').then(([code]) => code)),
  );
  expect(codes).toEqual(Array.from({ length: 1000 }, (_, i) => i % 100));
});

test('children of Workers, with pipes', async () => {
  const code = `const { parentPort } = require('node:worker_threads');
    import('linux-namespaces').then(({ spawn }) => {
      const child = spawn('echo', ['from a worker']);
      child.stdout.on('data', text => parentPort.postMessage(String(text)));
      child.on('exit', code => parentPort.postMessage(code));
    });`;
  const workers = Array.from({ length: 4 }, () => new Worker(code, { eval: true }));
  await Promise.all(
    workers.map(async worker => {
      const seen: unknown[] = [];
      worker.on('message', message => seen.push(message));
      expect(await once(worker, 'exit')).toEqual([0]);
      expect(new Set(seen)).toEqual(new Set(['from a worker\n', 0]));
    }),
  );
});

test('what another spawns meanwhile is Node’s own', async () => {
  const { channel } = await import('node:diagnostics_channel');
  const made: node.ChildProcess[] = [];
  let nested: node.ChildProcess | undefined;
  const listener = (message: unknown) => {
    made.push((message as { process: node.ChildProcess }).process);
    if (made.length === 1) nested = node.spawn(probe, ['report']);
  };
  channel('child_process').subscribe(listener);
  const child = ours.spawn(probe, ['report'], { unshare: ['pid'] });
  channel('child_process').unsubscribe(listener);
  const [outer, inner] = await Promise.all([outcome(child), outcome(nested as never)]);
  expect(made).toHaveLength(2);
  expect(JSON.parse(outer.stdout).pid).toBe(1);
  expect(JSON.parse(inner.stdout).pid).not.toBe(1);
  expect(JSON.parse(outer.stdout).env).not.toHaveProperty('LINUX_NAMESPACES_PLAN');
});

test('paths that another realm has made: bytes, and URLs of a class of its own', async () => {
  const bytes = runInNewContext('new Uint8Array(bytes)', { bytes: [...Buffer.from('/tmp')] });
  const url = { href: 'file:///tmp', protocol: 'file:', hostname: '', pathname: '/tmp' };
  for (const cwd of [bytes, url]) {
    const { stdout } = await outcome(ours.spawn('pwd', [], { cwd }));
    expect(stdout).toBe('/tmp\n');
    expect(`${ours.spawnSync('pwd', [], { cwd }).stdout}`).toBe('/tmp\n');
  }
  const { stdout } = await outcome(
    ours.spawn('pwd', [], { root: url as URL, cwd: '/', unshare: ['mnt'] }),
  ).catch(error => ({ stdout: error.message }));
  expect(stdout).toMatch(/pwd ENOENT/); // there are no programs in that root
});

test('fork is refused where there is no Node', () => {
  mkdirSync(join(folder, 'empty'), { recursive: true });
  expect(() => ours.fork('x.js', { root: join(folder, 'empty') })).toThrow(/openWorker/);
});

test('in the REPL, and where a domain is active', async () => {
  const library = new URL('../../../lib/index.js', import.meta.url).href;
  const repl = node.spawn(process.execPath, ['-i'], { stdio: ['pipe', 'pipe', 'pipe'] });
  repl.stdin.write(`import('${library}').then(({ spawn, evaluate }) => {
    spawn('true').on('exit', code => evaluate(process.pid, ['uts'], () => 7).catch(error => error.code)
      .then(seven => { console.log('ended', code, typeof seven); process.exit(); }));
  }); undefined\n`);
  const { stdout, stderr, code } = await outcome(repl);
  expect(stdout).toContain('ended 0');
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const script = `import domain from 'node:domain'; import { spawn } from '${library}';
    domain.create(); globalThis.domain = 'x';
    spawn('true').on('exit', code => console.log('ended', code));`;
  const other = node.spawn(process.execPath, ['--input-type=module', '-e', script]);
  expect(await outcome(other)).toMatchObject({ stdout: 'ended 0\n', stderr: '', code: 0 });
});
