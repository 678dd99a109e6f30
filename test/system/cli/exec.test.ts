// `linux-namespaces exec`, with and without a terminal: what the program is given, what the operator's
// terminal is afterwards, how it ends.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn as spawnOn } from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { addedGroups, userIn } from '../../../src/cli/container-user.ts';
import { openRoot } from '../../../src/root/open-root.ts';
import { seconds } from '../../timeouts.ts';
import {
  folder,
  makeImage,
  outcome,
  probe,
  type Started,
  startTarget,
} from '../child/fixtures/targets.ts';
import { hex, StateRoot } from '../containers/state-root.ts';
import { freeze } from '../shared/freezer.ts';
import { Screen } from '../shared/screen.ts';
import { hasProgram } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const exec = (...args: string[]) => outcome(spawn(process.execPath, [main, 'exec', ...args]));

let target: Started;
beforeAll(async () => {
  const env = { PATH: process.env['PATH'] ?? '', OF_TARGET: 'yes', HOME: '/of/target' };
  target = await startTarget(['mnt', 'pid', 'uts', 'ipc', 'net'], { keep: true, env });
});

describe('without a terminal', () => {
  test('environment, user and directory', async () => {
    const pid = `${target.pid}`;
    const show = ['sh', '-c', 'echo "$OF_TARGET $HOME $A $B $TERM $OURS $(id -u):$(id -G) $PWD"'];
    process.env['OURS'] = 'never';
    process.env['B'] = 'ours';
    expect((await exec(pid, ...show)).stdout).toBe('yes /of/target     0:0 /\n');
    const file = join(folder, 'variables');
    writeFileSync(file, '# none\n\nA=file\nB=file\n');
    const options = ['--env-file', file, '-e', 'A=line', '-e', 'B', '-u', 'daemon', '-w', '/tmp'];
    expect((await exec(...options, pid, ...show)).stdout).toBe(
      'yes /usr/sbin line ours   1:1 /tmp\n',
    );
    expect((await exec('-u=1', '-w=/usr', '-e=A=b=c', pid, ...show)).stdout).toBe(
      'yes /usr/sbin b=c    1:1 /usr\n',
    );
    // Of a name alone we have no value: docker leaves it alone in a file, and takes it away on the line.
    writeFileSync(file, 'OF_TARGET\nA=5\n');
    expect((await exec('--env-file', file, pid, ...show)).stdout).toMatch(/^yes \/of\/target 5 /);
    expect((await exec('-e', 'OF_TARGET', pid, ...show)).stdout).toMatch(/^ \/of\/target /);
    expect((await exec('-u', '33:tty', pid, 'id', '-G')).stdout).toBe('5\n');
    expect((await exec('-u', '4711', pid, 'id', '-u')).stdout).toBe('4711\n');
    for (const text of ['export A=1', 'A =1', '\tA B', 'A\tB=1']) {
      writeFileSync(file, `C=1\n${text}\n`);
      const refused = await exec('--env-file', file, pid, 'true');
      expect(refused, text).toMatchObject({
        code: 125,
        stderr: expect.stringContaining(`${file}: a name has no spaces: `),
      });
    }
    const wrong = await exec('-u', 'no-such-user', pid, 'id');
    expect(wrong).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/no user no-such-user/),
    });
  });

  // Node looks for it among all words up to `--`, which the command's own first lines write.
  test('--env-file is not Node’s', async () => {
    const pid = `${target.pid}`;
    const run = (...args: string[]) => outcome(spawn(main, ['exec', ...args]));
    const file = join(folder, 'options');
    writeFileSync(file, 'NODE_OPTIONS=--no-such-option\nA=file\n');
    const show = ['sh', '-c', 'echo "$A $NODE_OPTIONS $*"', 'sh', '--env-file', '/no/such'];
    expect(await run('--env-file', file, pid, ...show)).toMatchObject({
      code: 0,
      stdout: 'file --no-such-option --env-file /no/such\n',
    });
    expect(await run('--env-file', '/no/such', pid, 'true')).toMatchObject({
      code: 125,
      stderr: "linux-namespaces: ENOENT: no such file or directory, open '/no/such'\n",
    });
    expect(await run('--env-file', '/etc', pid, 'true')).toMatchObject({
      code: 125,
      stderr: "linux-namespaces: EISDIR: illegal operation on a directory, read '/etc'\n",
    });
  });

  test('stdin only with -i; no descriptor but three', async () => {
    const run = (...options: string[]) => {
      const child = spawn(process.execPath, [main, 'exec', ...options, `${target.pid}`, 'cat']);
      child.stdin.on('error', () => {});
      child.stdin.end('typed');
      return outcome(child);
    };
    expect((await run('-i')).stdout).toBe('typed');
    expect((await run()).stdout).toBe('');
    // As docker's options are told.
    expect((await run('--interactive=true', '--tty=false')).stdout).toBe('typed');
    expect((await run('-i', '--interactive=false')).stdout).toBe('');
    const { stdout } = await exec(`${target.pid}`, 'sh', '-c', 'ls /proc/self/fd | wc -l');
    expect(Number(stdout)).toBe(4); // and the directory
  });

  test('stdin that can only be written, as under nohup, is empty', async () => {
    const line = (words: string) => `"$0" "$1" ${words} 0>/dev/null >"$2"; echo $?`;
    const run = async (words: string) => {
      const file = join(folder, 'said');
      const args = ['-c', line(words), process.execPath, main, file];
      const { stdout, stderr } = await outcome(spawn('sh', args));
      return { code: stdout, stderr, said: readFileSync(file, 'utf8') };
    };
    const { pid } = target;
    expect(await run(`exec -i ${pid} sh -c 'cat; echo end; exit 7'`)).toEqual({
      ...{ code: '7\n', stderr: '', said: 'end\n' },
    });
    expect(await run(`debug ${pid} echo end`)).toEqual({ code: '0\n', stderr: '', said: 'end\n' });
  });

  test('groups that were added to those of its user: in the numbers of its user namespace', async () => {
    const maps = ['users', 'groups'].map(name => `--map-${name}=0:100000:65536`);
    const run = [process.execPath, main, 'run', ...maps, '-S', '0', '-G', '0'];
    const setpriv = ['setpriv', '--reuid=5', '--regid=6', '--groups=6,7,8'];
    const { pid } = await startTarget([], { before: [...run, ...setpriv] });
    const user = { uid: 5, gid: 6, groups: [6, 7], home: '/', shell: undefined };
    expect(addedGroups(pid, user)).toEqual([8]);
    expect(addedGroups(pid, { ...user, uid: 4 })).toEqual([]);
    expect(addedGroups(pid, { ...user, gid: 5 })).toEqual([]);
  });

  test('what can be a number is one, also where the list of users calls others so', async () => {
    const root = makeImage();
    writeFileSync(
      join(root, 'etc/passwd'),
      '7:x:0:0::/root:/bin/probe\nseven:x:7:8::/7:/bin/probe\n',
    );
    writeFileSync(join(root, 'etc/group'), '9:x:0:\n');
    const { pid } = await startTarget(['mnt', 'pid'], { root });
    const run = async (user: string) => {
      const { stdout } = await exec('-u', user, `${pid}`, '/bin/probe', 'report');
      return JSON.parse(stdout);
    };
    expect(await run('7')).toMatchObject({ uid: [7, 7, 7], gid: [8, 8, 8] });
    expect(await run('7:9')).toMatchObject({ uid: [7, 7, 7], gid: [9, 9, 9] });
  });

  test('lists that end their lines as on Windows, or leave out their last fields, as docker reads them', async () => {
    const image = makeImage();
    const { pid } = await startTarget(['mnt', 'pid'], { root: image });
    using root = openRoot(pid);
    writeFileSync(join(image, 'etc/passwd'), 'one:x:7:8::/one:/bin/probe\r\ntwo:x:9:9\r\n');
    writeFileSync(join(image, 'etc/group'), 'more:x:5:two,one\r\nbare:x:6\r\n');
    const shell = '/bin/probe';
    expect(await userIn(root, 'one')).toEqual({
      ...{ uid: 7, gid: 8, groups: [8, 5], home: '/one', shell },
    });
    expect(await userIn(root, 'two:bare')).toMatchObject({ uid: 9, gid: 6, groups: [6] });
  });

  test('a list that is none: said whose it is; where there is no /etc, numbers do', async () => {
    const image = makeImage();
    const { pid } = await startTarget(['mnt', 'pid'], { root: image });
    using root = openRoot(pid);
    mkdirSync(join(image, 'etc/passwd'));
    await expect(userIn(root, '7')).rejects.toThrow('its /etc/passwd cannot be read: EISDIR');
    rmSync(join(image, 'etc'), { recursive: true });
    writeFileSync(join(image, 'etc'), '');
    expect(await userIn(root, '7')).toMatchObject({ uid: 7, gid: 0, home: '/' });
  });

  test('of a list of users, a home with a zero byte in it is no variable more', async () => {
    const root = makeImage();
    const rows = 'two:x:7:7::/\0MORE=1:/bin/probe\none:x:8:8::/:/bin/probe\n';
    writeFileSync(join(root, 'etc/passwd'), rows);
    const { pid } = await startTarget(['mnt', 'pid'], { root });
    const run = (user: string) => {
      const line = `"$0" "$1" exec -u ${user} ${pid} /bin/probe report 2>&1 | cat`;
      return execFileSync('sh', ['-c', line, process.execPath, main], { encoding: 'utf8' });
    };
    expect(run('one')).toMatch(/HOME/);
    expect(run('two')).toMatch(/there is no user two/);
  });

  test('of a list of users that is a link to the log of the kernel nothing is read', async () => {
    const root = makeImage();
    symlinkSync('/proc/kmsg', join(root, 'etc/passwd'));
    const { pid } = await startTarget(['mnt', 'pid'], { root });
    const line = [main, 'exec', '-u', 'one', `${pid}`, '/bin/probe', 'report'];
    const child = spawn(process.execPath, line, { timeout: seconds(10) });
    const stderr = expect.stringContaining('there is no user one in its /etc/passwd');
    expect(await outcome(child)).toMatchObject({ stdout: '', stderr, code: 125 });
  });

  // Our root, who can change whatever it has a descriptor of: in place by pipes, and by way of this command.
  test.each([
    ['pipes', '2>&1 | cat'],
    ['a file', '>FILE 2>&1'],
    ['files', '>FILE 2>FILE2 <FILE3 -i'],
  ])('of %s, nothing of the machine’s can be changed by what is run', (_, redirected) => {
    const names = ['attacked', 'attacked2', 'attacked3'].map(name => join(folder, name));
    for (const name of names) writeFileSync(name, 'ours', { mode: 0o600 });
    const files = ['/dev/null', ...names];
    const modes = () => files.map(name => statSync(name).mode);
    const [before, { mtimeMs }] = [modes(), statSync('/dev/null')];
    const script =
      'for fd in 0 1 2; do chmod 4666 /proc/self/fd/$fd; touch -d @7 /proc/self/fd/$fd; done; true';
    const [how = '', option = ''] = redirected.split(/ (?=-i$)/);
    const line = how.replace(/FILE(\d?)/g, (_all, number) => join(folder, `attacked${number}`));
    execFileSync('sh', [
      '-c',
      `"$0" "$1" exec ${option} ${target.pid} sh -c '${script}' ${line}`,
      ...[process.execPath, main],
    ]);
    expect([modes(), statSync('/dev/null').mtimeMs]).toEqual([before, mtimeMs]);
  });

  const ends: [string[], number][] = [
    [['TARGET', 'sh', '-c', 'exit 3'], 3],
    [['TARGET', 'sh', '-c', 'kill -KILL $$'], 137],
    [['TARGET', 'no-such-program'], 127],
    [['TARGET', '/etc'], 126],
    [['TARGET', '/etc/passwd/x'], 126],
    [['TARGET', 'x'.repeat(300)], 126],
    [['TARGET', ''], 127],
    [['-w', '/no/such', 'TARGET', 'true'], 125],
    [['-u', '4294967295', 'TARGET', 'true'], 125],
    [['-u', '0:99999999999', 'TARGET', 'true'], 125],
    [['-w', '/etc/passwd', 'TARGET', 'true'], 125],
    [['-u', 'no-such-user', 'TARGET', 'true'], 125],
    [['no-such-container', 'true'], 125],
    [['-it', 'TARGET', 'true'], 125],
    [['--nosuch', 'TARGET', 'true'], 125],
    [[], 125],
  ];
  const lineOf = (args: string[]) => args.map(arg => arg.replace('TARGET', `${target.pid}`));
  test.each(ends)('%j ends with %i', async (args, code) => {
    expect(await exec(...lineOf(args))).toMatchObject({ code });
  });

  test.each(ends)('%j by pipes, in the place of the command, ends with %i', async (args, code) => {
    const script = '{ "$@"; echo $? >&3; } 3>&2 2>&1 </dev/null | cat';
    const words = ['-c', script, 'sh', process.execPath, main, 'exec', ...lineOf(args)];
    expect((await outcome(spawn('sh', words))).stderr).toBe(`${code}\n`);
  });

  test('by pipes, what a signal has killed is an exit code to who waits, too, and no signal', async () => {
    const code = `const { spawn } = require('node:child_process');
      const all = ['exec', ...process.argv.slice(1)];
      spawn(${JSON.stringify(main)}, all, { stdio: ['ignore', 1, 1] }).once('exit', (...end) => {
        console.error(JSON.stringify(end));
      });`;
    const line = '"$@" | cat';
    const words = ['-c', line, 'sh', process.execPath, '-e', code, `${target.pid}`, 'sh', '-c'];
    for (const [signal, number] of [
      ['KILL', 9],
      ['TERM', 15],
      ['SEGV', 11],
    ] as const) {
      const { stderr } = await outcome(spawn('sh', [...words, `kill -${signal} $$`]));
      expect(JSON.parse(stderr), signal).toEqual([128 + number, null]);
    }
  });

  test.each([
    ['', 'echo lost', 125],
    ['-t', 'echo lost', 125],
    ['', 'true', 0],
    ['', 'exit 3', 3],
  ])('on a full disk "%s" %s ends with %i', async (option, script, code) => {
    const line = `"$0" "$1" exec ${option} ${target.pid} sh -c '${script}' >/dev/full`;
    const { stderr, ...end } = await outcome(spawn('sh', ['-c', line, process.execPath, main]));
    expect(end).toMatchObject({ code });
    expect(stderr).toMatch(code === 125 ? /ENOSPC/ : /^$/);
  });

  test('words and values that are no UTF-8 are handed on as they are, or refused', async () => {
    const line = (where: string) =>
      `A=$(printf '\\377') && "$0" "$1" exec ${target.pid} printf %s "$A" ${where}`;
    const run = (where: string) =>
      outcome(spawn('sh', ['-c', line(where), process.execPath, main]));
    expect(await run('2>&1 | od -An -tx1')).toMatchObject({ stdout: ' ff\n' });
    expect(await run('>/dev/null')).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/no UTF-8/),
    });
    const named = `A=$(printf '\\377') "$0" "$1" exec -e A ${target.pid} true`;
    expect(await outcome(spawn('sh', ['-c', named, process.execPath, main]))).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/A: its value is no UTF-8/),
    });
  });

  const meant: [string, string, number][] = [
    ['exec PID -it sh', 'options stand before the container: exec -it PID sh', 125],
    [
      'exec -i PID -u nobody -w /tmp id -u',
      'options stand before the container: exec -i -u nobody -w /tmp PID id -u',
      125,
    ],
    [
      'debug PID --privileged ls',
      'options stand before the container: debug --privileged PID ls',
      125,
    ],
    ['exec PID --nosuch sh', 'unknown option --nosuch (see linux-namespaces exec --help)', 125],
    ['exec -w /no/such PID true', 'there is no directory /no/such in PID', 125],
    ['exec -w /etc/passwd PID true', 'there is no directory /etc/passwd in PID', 125],
    ['exec -w no/such PID true', 'there is no directory no/such in PID', 125],
    [
      'exec PID no-such',
      "cannot execute no-such: there is no such program; debug PID runs this machine's",
      127,
    ],
    ...['2147483648', '4294967295', '0:2147483648'].map((user): [string, string, number] => [
      `exec -u ${user} PID true`,
      `--user ${user}: a uid or gid is a number from 0 to 2147483647`,
      125,
    ]),
    ['exec -it PID true', '--tty: stdin is no terminal (-i alone needs none)', 125],
  ];
  test.each(meant)('%s: %s', async (line, words, code) => {
    const filled = (text: string) => text.replaceAll('PID', `${target.pid}`);
    const result = await outcome(spawn(process.execPath, [main, ...filled(line).split(' ')]));
    const stderr = `linux-namespaces: ${filled(words)}\n`;
    expect(result).toMatchObject({ stdout: '', stderr, code });
  });

  test('-- before the program, as kubectl has it', async () => {
    const inside = ['--', 'sh', '-c', 'echo $0 $#', '-x', '--'];
    expect(await exec(`${target.pid}`, ...inside)).toMatchObject({ stdout: '-x 1\n', code: 0 });
  });

  test('without a program, the shell reads stdin', async () => {
    const child = spawn(process.execPath, [main, 'exec', `${target.pid}`]);
    child.stdin.end('echo "$OF_TARGET"; exit 4');
    expect(await outcome(child)).toMatchObject({ stdout: 'yes\n', code: 4 });
  });

  test('a container that does not run', async () => {
    using state = new StateRoot();
    const id = hex('51').slice(0, 64);
    const config = { ID: id, Name: '/old', State: { StartedAt: '2026-01-01T00:00:00Z' } };
    state.write(`var/lib/docker/containers/${id}/config.v2.json`, config);
    const run = (...words: string[]) =>
      outcome(spawn(process.execPath, [main, '--root', state.root, ...words]));
    const stderr = /^linux-namespaces: old is not running \(\w+\)\n$/;
    expect((await run('exec', 'old', 'true')).stderr).toMatch(stderr);
    for (const words of [
      ['cat', 'old:/etc/hosts'],
      ['cp', 'old:/etc', folder],
    ]) {
      expect((await run(...words)).stderr).toMatch(
        /^linux-namespaces: old is not running \(\w+\): its files are reached by docker cp\n$/,
      );
    }
  });

  test('-d does not wait', async () => {
    const mark = join(folder, 'detached');
    const script = `while ! test -e ${mark}; do sleep 0.05; done; touch ${mark}2`;
    expect(await exec('-d', `${target.pid}`, 'sh', '-c', script)).toMatchObject({ code: 0 });
    writeFileSync(mark, '');
    await new Promise<void>((resolve, reject) => {
      const child = spawn('sh', ['-c', `while ! test -e ${mark}2; do sleep 0.05; done`]);
      child.on('exit', code => (code === 0 ? resolve() : reject(code)));
    });
  });

  test('a frozen process is refused at once', async context => {
    const paused = await startTarget(['uts']);
    const frozen = freeze(paused.pid);
    if (frozen === undefined) return context.skip('there is no freezer here');
    try {
      expect(await exec(`${paused.pid}`, 'true')).toMatchObject({
        code: 125,
        stderr: `linux-namespaces: ${paused.pid} is paused: nothing runs in it until it is resumed; debug ${paused.pid} runs beside it\n`,
      });
    } finally {
      frozen.thaw();
    }
    expect(await exec(`${paused.pid}`, 'true')).toMatchObject({ code: 0 });
  });
});

test('a terminal that is hung up ends it, also where no SIGHUP comes', async () => {
  // In a session of its own, whose terminal it is not.
  const script = 'setsid -f sh -c \'echo "own=$$."; exec "$@"\' sh "$@"; exec sleep infinity';
  const inside = ['exec', '-it', `${target.pid}`, 'sh', '-c', 'echo rea""dy; exec sleep infinity'];
  const line = ['-c', script, 'sh', process.execPath, main, ...inside];
  const child = spawnOn('sh', line, { terminal: true });
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.terminal.on('data', bytes => {
      text += bytes;
      if (text.includes('ready')) resolve();
    });
  });
  const own = Number(/own=(\d+)\./.exec(text)?.[1]);
  try {
    child.terminal.destroy();
    await vi.waitUntil(() => !existsSync(`/proc/${own}`), { timeout: seconds(20) });
  } finally {
    if (existsSync(`/proc/${own}`)) process.kill(own, 'SIGKILL');
  }
});

test.each([
  ['-it', true],
  ['-i', undefined],
  ['-d', undefined],
] as const)('exec %s: what fails later than at once ends it', async (letters, terminal) => {
  const program = [probe, 'silence', '/mnt'];
  const slow = await startTarget(['mnt'], { program });
  const inside = [main, 'exec', letters, '-w', '/mnt/x', `${slow.pid}`, 'true'];
  const child = terminal
    ? spawnOn(process.execPath, inside, { terminal })
    : spawn(process.execPath, inside);
  const output = 'terminal' in child ? child.terminal : child.stderr;
  let text = '';
  output.on('data', bytes => (text += bytes));
  const ended = once(child, 'exit');
  const mounts = readlinkSync(`/proc/${slow.pid}/ns/mnt`);
  await vi.waitUntil(() => childrenOf(child.pid).some(pid => mountsOf(pid) === mounts), {
    timeout: seconds(20),
  });
  await sleep(200); // more than is waited for
  slow.stop(); // the file system ends with its server
  expect(await ended).toEqual([125, null]);
  expect(text).toMatch(/chdir (ENOTCONN|ECONNABORTED)/);
});

test('exec -it: Ctrl-C ends what does not begin', async () => {
  const program = [probe, 'silence', '/mnt'];
  const slow = await startTarget(['mnt'], { program });
  const inside = [main, 'exec', '-it', '-w', '/mnt/x', `${slow.pid}`, 'true'];
  const child = spawnOn(process.execPath, inside, { terminal: true });
  child.terminal.resume();
  const ended = once(child, 'exit');
  const mounts = readlinkSync(`/proc/${slow.pid}/ns/mnt`);
  const launcher = await vi.waitUntil(
    () => childrenOf(child.pid).find(pid => mountsOf(pid) === mounts),
    { timeout: seconds(20) },
  );
  await sleep(200); // more than is waited for
  child.terminal.write('\x03');
  expect(await ended).toEqual([null, 'SIGINT']);
  await vi.waitUntil(() => mountsOf(launcher) === undefined, { timeout: seconds(20) });
});

const childrenOf = (pid = 0) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);

function mountsOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined; // it has ended
  }
}

// As anybody in there can, who may open /proc/PID/fd/1 of the program.
test('who keeps the output of a program open does not keep its end from being seen', async () => {
  const script = 'sleep 1000 & head -c 60000 /dev/zero | tr "\\0" x; printf MARKER; exit 3';
  const child = spawn(process.execPath, [main, 'exec', `${target.pid}`, 'sh', '-c', script]);
  try {
    const { code, stdout } = await outcome(child);
    expect([code, stdout.length, stdout.slice(-6)]).toEqual([3, 60_006, 'MARKER']);
  } finally {
    child.kill('SIGKILL');
    execFileSync('pkill', ['--ns', `${target.pid}`, '--nslist', 'pid', '-x', 'sleep']);
  }
});

// What does not fit any more into the terminals and streams on its way when its writer ends.
test.each([20_000, 40_000, 45_000, 50_000, 60_000])(
  'who reads slowly loses nothing of %i bytes',
  async size => {
    const mark = join(folder, `written-${size}`);
    const script = `head -c ${size} /dev/zero | tr "\\0" x; printf MARKER; : >${mark}`;
    const inside = [main, 'exec', '-t', `${target.pid}`, 'sh', '-c', script];
    const child = spawnOn(process.execPath, inside, { terminal: true });
    try {
      // Of the larger ones the rest is written only when the first is read.
      await vi.waitUntil(() => existsSync(mark), { timeout: 2000 }).catch(() => {});
      await sleep(300);
      let text = '';
      for await (const chunk of child.terminal) text += chunk;
      expect([text.length, text.slice(-6)]).toEqual([size + 6, 'MARKER']);
    } finally {
      child.kill('SIGKILL');
    }
  },
);

const hasTmux = hasProgram('tmux');

describe.skipIf(!hasTmux)('on a terminal [needs tmux]', () => {
  const screens: Screen[] = [];
  afterEach(() => {
    for (const screen of screens.splice(0)) screen.close();
  });
  const open = async () => {
    const screen = await Screen.open();
    screens.push(screen);
    return screen;
  };
  const line = (...args: string[]) => `${process.execPath} ${main} exec ${args.join(' ')}`;
  test('a shell: its name, UTF-8, Ctrl-C, resize, exit 3', async () => {
    const screen = await open();
    screen.type(line('-it', '-e', "'PS1=inside# '", `${target.pid}`, 'sh'));
    await screen.until(/inside# $/m);
    screen.type('tty; stty size; echo grüße');
    await screen.until(/\/dev\/pts\/\d+\n40 100\ngrüße/);
    screen.type('sleep 1000');
    await screen.until(/sleep 1000/);
    screen.key('C-c');
    await screen.until(/\^C\n+inside# $/m);
    screen.resize(90, 30);
    screen.type('until stty size | grep "30 90"; do sleep 0.05; done');
    await screen.until(/^30 90/m);
    screen.type('exit 3');
    await screen.until(/host# $/m);
    screen.type('echo code=$?');
    await screen.until(/code=3/);
    await screen.isUnchanged();
  });

  test('without a program and options, a shell as with -it', async () => {
    const screen = await open();
    screen.type(line(`${target.pid}`));
    await screen.until(/^(?!host# ).*[#$] $/m); // whatever its files make of that
    screen.type('tty; exit 3');
    await screen.until(/^\/dev\/pts\/\d+$/m);
    await screen.until(/host# $/m);
    screen.type('echo code=$?');
    await screen.until(/code=3/);
    await screen.isUnchanged();
  });

  test.each(['TERM', 'HUP', 'INT', 'USR1', 'ALRM'])('killed by SIG%s', async signal => {
    const screen = await open();
    screen.type(line('-it', '-e', "'PS1=inside# '", `${target.pid}`, 'sh'));
    await screen.until(/inside# $/m);
    const own = execFileSync('pgrep', ['-f', `exec -it -e PS1=inside#  ${target.pid} sh`]);
    for (const pid of String(own).trim().split('\n'))
      process.kill(Number(pid), `SIG${signal}` as 'SIGTERM');
    await screen.until(/host# $/m);
    await screen.isUnchanged();
  });

  test('20 MB of output, and its last line', async () => {
    const screen = await open();
    const script = `"yes 0123456789 | head -c 20000000 | tail -c 20000000; echo LAST''LINE"`;
    screen.type(line('-t', `${target.pid}`, 'sh', '-c', script));
    await screen.until(/LASTLINE\n+host# $/m);
    await screen.isUnchanged();
  });

  test.each(['-it', '-i', '-t', ''])('TIOCSTI with "%s" types nothing outside', async options => {
    const screen = await open();
    const source = join(folder, 'type.c');
    writeFileSync(
      source,
      `#include <sys/ioctl.h>
       int main(void) {
         for (int fd = 0; fd < 3; fd++)
           for (const char* c = "echo TY""PED\\n"; *c; c++) ioctl(fd, TIOCSTI, c);
         return 0;
       }`,
    );
    execFileSync('cc', ['-static', '-o', join(folder, 'type'), source]);
    screen.type(`${line(options, `${target.pid}`, join(folder, 'type'))}; echo en""ded`);
    await screen.until(/ended/);
    screen.type('echo and""more');
    // On its own terminal it may see what it has typed; nobody has run it.
    expect(await screen.until(/andmore/)).not.toMatch(/^TYPED|host# echo TYPED/m);
    await screen.isUnchanged();
  });
});

afterAll(() => {
  delete process.env['OURS'];
  delete process.env['B'];
});
