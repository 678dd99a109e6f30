// A program on a terminal of its own: what it is inside, what comes out and goes in, how it ends.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openNamespaces, type SpawnOptions, spawn, type Terminal } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { folder, makeImage, startTarget } from './fixtures/targets.ts';

type Child = ReturnType<typeof start>;

function start(file: string, args: string[] = [], options: SpawnOptions = {}) {
  return spawn(file, args, { terminal: true, ...options } as { terminal: true });
}

/** All that the program writes, when everything has ended. */
async function outcome(child: Child) {
  let output = '';
  child.terminal.setEncoding('utf8').on('data', text => {
    output += text;
  });
  let failure: NodeJS.ErrnoException | undefined;
  child.on('error', error => {
    failure = error;
  });
  const [code, signal] = await new Promise<unknown[]>(resolve => {
    child.on('close', (...ended) => resolve(ended));
  });
  return { output: output.replaceAll('\r\n', '\n'), code, signal, failure };
}

const sh = (script: string, options?: SpawnOptions) =>
  outcome(start('sh', ['-c', script], options));

/** Reads on until `wanted` has come, and leaves the rest to be read. */
async function until(terminal: Terminal, wanted: string): Promise<string> {
  let text = '';
  while (!text.includes(wanted)) {
    const chunk: unknown = terminal.read();
    if (chunk !== null) text += chunk;
    else if (terminal.readableEnded) throw new Error(`no ${wanted} in ${text}`);
    else
      await new Promise(resolve => {
        for (const name of ['readable', 'end']) terminal.once(name, resolve);
      });
  }
  return text;
}

/** The terminals that this process holds. */
const held = () =>
  readdirSync('/proc/self/fd')
    .map(fd => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter(path => path.includes('ptmx')).length;

// What a terminal has to be: its name leads to it, it is that of a new session, and the user's.
const look = `test "$(stat -L -c %i,%d /dev/fd/0)" = "$(stat -c %i,%d "$(tty)")" && echo named
  stat -c %u "$(tty)"; echo out > "$(tty)"; stty size; echo $TERM
  ps -o pid=,sid=,tpgid= -p $$ | { read p s t; test $p = $s && test $s = $t && echo session; }
  test -e /dev/fd/3 && echo leak; exit 3`;

test('is the controlling terminal of a new session, and has a name', async () => {
  const options = { terminal: { columns: 91, rows: 17, name: 'vt100' } };
  expect(await sh(look, options)).toMatchObject({
    output: 'named\n0\nout\n17 91\nvt100\nsession\n',
    code: 3,
  });
  expect((await sh('stty size; echo $TERM', { env: { PATH: process.env['PATH'] } })).output).toBe(
    '24 80\nxterm\n',
  );
  expect((await sh('echo $TERM', { env: { TERM: 'mine' } })).output).toBe('mine\n');
  expect(held()).toBe(0);
});

const devpts = 'mount -t devpts -o newinstance,mode=620 devpts /dev/pts';
const places: [string, readonly ('mnt' | 'pid' | 'user' | 'uts')[], SpawnOptions, string][] = [
  ['a mount namespace', ['mnt', 'pid'], {}, '0'],
  ['a mount namespace, as a user', ['mnt', 'pid'], { uid: 33, gid: 33 }, '33'],
  ['a user namespace', ['user', 'mnt', 'pid'], {}, '0'],
  ['a pid namespace below it', ['mnt', 'pid'], { unshare: ['pid'] }, '0'],
];
test.each(places)('is of the devpts of %s', async (_, types, options, uid) => {
  const before = ['sh', '-c', `mount -t tmpfs tmpfs /mnt; ${devpts} && exec "$@"`, 'sh'];
  const target = await startTarget(types, { before });
  const { output, failure } = await sh(
    `tty; stat -c '%u %a' "$(tty)"; : > /dev/tty && echo mine; : > "$(tty)" && echo by name`,
    { target: target.pid, ...options },
  );
  expect({ output, failure }).toEqual({
    output: `/dev/pts/0\n${uid} 620\nmine\nby name\n`,
    failure: undefined,
  });
});

test('where the root has none, it is of ours', async () => {
  const target = await startTarget(['mnt', 'pid'], { root: makeImage() });
  const child = start('/bin/probe', ['wait'], { target: target.pid });
  expect(await until(child.terminal, '\n')).toBeTruthy();
  expect(readlinkSync(`/proc/${child.pid}/fd/0`)).toMatch(/\d$/);
  child.kill('SIGKILL');
  expect(await outcome(child)).toMatchObject({ signal: 'SIGKILL' });
});

test('of what is no devpts nothing is opened: links, FIFOs and files in its place', async () => {
  const fakes = [
    'mount -t tmpfs tmpfs /dev/pts; mkfifo /dev/pts/ptmx',
    'mount -t tmpfs tmpfs /dev/pts; ln -s /proc/1/root/dev/ptmx /dev/pts/ptmx',
    'mount -t tmpfs tmpfs /dev/pts; mknod /dev/pts/ptmx c 10 130',
    `${devpts}; touch /mnt/file; mount --bind /etc/hostname /dev/pts/ptmx`,
  ];
  for (const fake of fakes) {
    const before = ['sh', '-c', `${fake}; exec "$@"`, 'sh'];
    const target = await startTarget(['mnt', 'pid'], { before });
    // Ours, which has no name in there.
    const { output, failure } = await sh('test -t 0 && echo terminal; tty', { target: target.pid });
    expect({ output, failure }).toEqual({ output: 'terminal\nnot a tty\n', failure: undefined });
  }
});

test('a handle gives one, too', async () => {
  const target = await startTarget(['uts', 'net']);
  const handle = openNamespaces(target.pid, ['net', 'uts']);
  const child = handle.spawn('tty', { terminal: true });
  handle.close();
  expect((await outcome(child)).output).toMatch(/^\/dev\/pts\/\d+\n$/);
});

describe('what passes', () => {
  test('typing, Ctrl-D, Ctrl-C, and the size', async () => {
    const cat = start('cat');
    cat.terminal.write('grüße\n');
    await until(cat.terminal, 'grüße\r\ngrüße\r\n');
    cat.terminal.write('\x04');
    expect(await outcome(cat)).toMatchObject({ code: 0 });

    const sleep = start('sh', ['-c', 'echo ready; exec sleep 1000']);
    await until(sleep.terminal, 'ready');
    sleep.terminal.write('\x03');
    expect(await outcome(sleep)).toMatchObject({ output: '^C', signal: 'SIGINT' });

    const script = 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.1; done';
    const sized = start('sh', ['-c', script], { terminal: { columns: 10, rows: 20 } });
    expect([sized.terminal.columns, sized.terminal.rows]).toEqual([10, 20]);
    await until(sized.terminal, 'ready');
    sized.terminal.resize(111, 33);
    expect(await outcome(sized)).toMatchObject({ output: '33 111\n' });
    expect([sized.terminal.columns, sized.terminal.rows]).toEqual([111, 33]);
    sized.terminal.resize(1, 1); // has ended: nothing
  });

  test('job control', async () => {
    const shell = start('bash', ['--norc', '-i'], {
      terminal: { name: 'dumb' },
      env: { PATH: process.env['PATH'], PS1: '$ ' },
    });
    await until(shell.terminal, '$ ');
    // While the shell reads a line, the terminal does not echo: it has to be through with that.
    shell.terminal.write("echo g''o; cat\n");
    await until(shell.terminal, 'go\r\n');
    shell.terminal.write('ready\n');
    await until(shell.terminal, 'ready\r\nready\r\n');
    shell.terminal.write('\x1a');
    await until(shell.terminal, 'Stopped');
    shell.terminal.write('jobs\n');
    await until(shell.terminal, 'Stopped');
    shell.terminal.destroy();
    expect(await once(shell, 'close')).toEqual([null, 'SIGHUP']);
  });

  test('3 MB with a marker at the end: nothing is lost', { timeout: seconds(60) }, async () => {
    for (let run = 0; run < 5; run++) {
      const child = start('sh', ['-c', 'head -c 3000000 /dev/zero | tr "\\0" x; printf MARKER']);
      let length = 0;
      let last = '';
      for await (const chunk of child.terminal) {
        length += chunk.length;
        last = String(chunk).slice(-6);
        if (run === 1) await new Promise(setImmediate);
      }
      expect([length, last]).toEqual([3_000_006, 'MARKER']);
    }
  });

  test('who does not read stops the program; who does not listen reads nothing away', async () => {
    const child = start('sh', ['-c', 'yes | head -c 1000000; echo END']);
    child.terminal.pause();
    await new Promise(resolve => setTimeout(resolve, 200));
    expect(child.exitCode).toBeNull();
    const all = outcome(child);
    child.terminal.resume();
    const { output } = await all;
    expect(output.length).toBe(1_000_004);
    expect(output.endsWith('END\n')).toBe(true);
  });

  test('1 MB goes in, with back-pressure', { timeout: seconds(60) }, async () => {
    const child = start('sh', ['-c', 'stty raw -echo; echo ready; head -c 1000000 | cksum']);
    await until(child.terminal, 'ready');
    const block = Buffer.alloc(10_000, 'abcdefghi\n');
    for (let i = 0; i < 100; i++) {
      if (!child.terminal.write(block)) await once(child.terminal, 'drain');
    }
    const sum = execFileSync('cksum', { input: Buffer.alloc(1_000_000, 'abcdefghi\n') });
    expect((await outcome(child)).output.trim()).toBe(String(sum).trim());
  });
});

describe('ends', () => {
  test('events: exit, end, close of the terminal, close', async () => {
    const seen: string[] = [];
    const child = start('echo', ['out']);
    for (const name of ['exit', 'close']) child.on(name, () => seen.push(name));
    for (const name of ['end', 'close'])
      child.terminal.on(name, () => seen.push(`terminal ${name}`));
    child.terminal.resume();
    await once(child, 'close');
    expect(seen).toEqual(['exit', 'terminal end', 'close', 'terminal close']);
    expect([child.stdin, child.stdout, child.stderr]).toEqual([null, null, null]);
  });

  test('nobody listens: it closes all the same', async () => {
    const child = start('sh', ['-c', 'yes | head -c 1000']);
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(child.terminal.destroyed).toBe(true);
  });

  test('with what the program leaves on it', async () => {
    const { output } = await sh('trap "" HUP; (sleep 0.3; echo late) & echo first');
    expect(output).toBe('first\nlate\n');
  });

  test('not while the program has closed it: that may open it once more', async () => {
    const script = 'exec <&- >&- 2>&-; sleep 0.3; echo again > /dev/tty';
    expect(await sh(script)).toMatchObject({ output: 'again\n', code: 0, signal: null });
  });

  test('destroy() hangs up', async () => {
    const child = start('sh', ['-c', 'echo ready; exec sleep 1000']);
    await until(child.terminal, 'ready');
    child.terminal.destroy();
    expect(await once(child, 'close')).toEqual([null, 'SIGHUP']);
  });

  test('by kill, timeout and signal', async () => {
    const killed = start('sleep', ['1000']);
    killed.kill('SIGKILL');
    expect(await outcome(killed)).toMatchObject({ signal: 'SIGKILL' });
    expect(await outcome(start('sleep', ['1000'], { timeout: 50 }))).toMatchObject({
      signal: 'SIGTERM',
    });
    const controller = new AbortController();
    const aborted = outcome(start('sleep', ['1000'], { signal: controller.signal }));
    controller.abort();
    expect(await aborted).toMatchObject({ failure: { name: 'AbortError' }, signal: 'SIGTERM' });
  });

  test('a program that is not there is Node’s own error, and the terminal ends', async () => {
    const child = start('no-such-program');
    expect(await outcome(child)).toMatchObject({ output: '', failure: { code: 'ENOENT' } });
    expect(child.terminal.destroyed).toBe(true);
    expect(held()).toBe(0);
  });

  test('nothing of ours is open inside, nor here afterwards', async () => {
    const target = await startTarget(['mnt', 'pid']);
    const { output } = await sh('ls -l /proc/self/fd | grep -c ptmx', { target: target.pid });
    expect(output).toBe('0\n');
    expect(held()).toBe(0);
  });
});

test('what cannot be', () => {
  const wrong = (terminal: unknown, more = {}) => {
    const options = { terminal, ...more } as SpawnOptions;
    return () => spawn('true', options);
  };
  expect(wrong(1)).toThrow('"options.terminal" must be a boolean or an object');
  expect(wrong({ colums: 80 })).toThrow('such as columns');
  expect(wrong({ columns: 0 })).toThrow('an integer from 1 to 65535');
  expect(wrong({ rows: 65_536 })).toThrow('an integer from 1 to 65535');
  expect(wrong({ rows: '5' })).toThrow('must be a number');
  expect(wrong({ name: 'a\0b' })).toThrow('a name such as');
  expect(wrong(true, { stdio: 'pipe' })).toThrow('"options.stdio" must be left out');
  expect(wrong(true, { setsid: false })).toThrow('"options.setsid" must be left out');
});

test('who holds the other end for ever does not stop the event loop when ours is closed', async context => {
  const program = join(folder, 'hold-terminal');
  const source = fileURLToPath(new URL('../../attacks/hold-terminal.c', import.meta.url));
  execFileSync('cc', ['-o', program, source]);
  const child = start(program, ['10']);
  const said = await until(child.terminal, '\n');
  if (said.startsWith('cannot')) return context.skip('there is no userfaultfd here');
  while (!/S/.test(stateOf(child.pid))) await sleep(10); // it waits, in its write
  const before = performance.now();
  child.terminal.destroy();
  expect(performance.now() - before).toBeLessThan(2000);
  child.kill('SIGKILL');
  await once(child, 'close');
});

const stateOf = (pid = 0) => readFileSync(`/proc/${pid}/status`, 'utf8').split('\n')[2] ?? '';
