// `linux-namespaces enter` beside nsenter, with the same arguments: output, exit code and effect.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  folder,
  makeImage,
  type Outcome,
  outcome,
  probe,
  type Report,
  type Started,
  startTarget,
} from '../child/fixtures/targets.ts';
import { wordsOf } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const ours = (...args: string[]) =>
  outcome(spawn(process.execPath, [main, 'enter', ...args], { cwd: '/' }));
const theirs = (...args: string[]) => outcome(spawn('nsenter', args, { cwd: '/' }));

let target: Started;
let boxed: Started;
beforeAll(async () => {
  target = await startTarget(['mnt', 'net', 'pid', 'uts', 'ipc', 'cgroup', 'time'], { keep: true });
  boxed = await startTarget(['user', 'mnt', 'net', 'pid'], { keep: true, root: makeImage() });
});

/** In the order of a table: TARGET and BOXED stand for pids. */
const same: string[] = [
  '-t TARGET -n',
  '-t TARGET -m -u -i -n -p -C -T',
  '-tTARGET -a',
  '--target=TARGET --all',
  '--target TARGET --net --uts --',
  '-t TARGET --ut',
  '-t TARGET -n -S 12 -G 34',
  '-n/proc/TARGET/ns/net',
  '--net=/proc/TARGET/ns/net -u/proc/TARGET/ns/uts',
  '-t TARGET -p --net=/proc/BOXED/ns/net',
  '-t BOXED -U -n',
  '-t BOXED -U -n --preserve-credentials',
];

/** What differs from process to process, and what nsenter leaves open. */
const comparable = ({ pid: _, ...report }: Report) => ({
  ...report,
  ppid: 0,
  fds: [],
  argv: undefined,
  leader: undefined,
});

const fill = (line: string) => wordsOf(line, { TARGET: target.pid, BOXED: boxed.pid });

async function both(args: string[]): Promise<{ own: Outcome; wanted: Outcome }> {
  const [own, wanted] = await Promise.all([ours(...args), theirs(...args)]);
  return { own, wanted };
}

test.each(same)('%s', async line => {
  const { own, wanted } = await both([...fill(line), probe, 'report']);
  expect(own.stderr).toBe('');
  expect(comparable(JSON.parse(own.stdout))).toEqual(comparable(JSON.parse(wanted.stdout)));
});

test('a program of the container, in its root', async () => {
  const args = '-t BOXED -U -m -r -p --wdns=/ /bin/probe report';
  const { own, wanted } = await both(fill(args));
  expect(comparable(JSON.parse(own.stdout))).toEqual(comparable(JSON.parse(wanted.stdout)));
});

// Newer than Debian's nsenter (2.38), which cannot be asked.
test('-S follow -G follow: who the target is, also in the numbers of its user namespace', async () => {
  const ids = async (line: string) => {
    const { uid, gid }: Report = JSON.parse((await ours(...fill(line), probe, 'report')).stdout);
    return { uid, gid };
  };
  const other = await startTarget(['user', 'net'], { uid: 54321 });
  const line = `-t ${other.pid} -n -S follow -G follow`;
  expect(await ids(line)).toEqual({ uid: [54321, 54321, 54321], gid: [54321, 54321, 54321] });
  expect(await ids(`${line} -U`)).toEqual({ uid: [0, 0, 0], gid: [0, 0, 0] });
});

test.each([
  ['exit', '0'],
  ['exit', '3'],
  ['exit', '126'],
  ['exit', '255'],
  ['die', '15'],
  ['die', '9'],
  ['die', '6'],
])('ends as the program does: %s %s', async (...words) => {
  const { own, wanted } = await both(['-t', `${target.pid}`, '-n', '-p', probe, ...words]);
  expect({ code: own.code, signal: own.signal }).toEqual({
    code: wanted.code,
    signal: wanted.signal,
  });
});

test.each([['/no/such'], ['/etc/passwd']])('cannot be executed: %s', async file => {
  const { own, wanted } = await both(['-t', `${target.pid}`, '-n', file]);
  expect(own.code).toBe(wanted.code);
  expect(own.stderr).toMatch(/^linux-namespaces: cannot execute .*\n$/);
});

test('a program that is not there: what may have been meant', async () => {
  const boxed = await startTarget(['mnt', 'net'], { root: makeImage() });
  const end = async (line: string) => {
    const { stderr, code } = await ours('-t', `${boxed.pid}`, ...line.split(' '));
    expect(code).toBe(127);
    return stderr.replace(/^linux-namespaces: cannot execute \S+: there is no such program/, '');
  };
  const files = ` in the files of ${boxed.pid}; without`;
  expect(await end('-n -m no-such -l')).toBe(`${files} -m, or with debug, this machine's\n`);
  expect(await end('-a no-such')).toBe(`${files} -a, or with debug, this machine's\n`);
  expect(await end('-n -r no-such')).toBe(`${files} -r, or with debug, this machine's\n`);
  expect(await end('-n /no/such true')).toBe('; a FILE is joined by =: --net=/no/such\n');
  expect(await end('-n -u root id')).toBe('; -u is uts: a user is -S UID\n');
  expect(await end('-n no-such-program')).toBe('\n');
});

test('without a program: the shell of the user', async () => {
  const shell = join(folder, 'shell');
  mkdirSync(folder, { recursive: true });
  writeFileSync(shell, '#!/bin/sh\necho the shell\n', { mode: 0o755 });
  const env = { ...process.env, SHELL: shell };
  const args = ['-t', `${target.pid}`, '-n'];
  const own = await outcome(spawn(process.execPath, [main, 'enter', ...args], { env }));
  const wanted = await outcome(spawn('nsenter', args, { env }));
  expect(own).toEqual(wanted);
});

test.each([
  ['-t TARGET', 'which namespaces?'],
  ['-n', 'whose namespaces?'],
  ['-t 4194303 -n', 'linux-namespaces: there is no process 4194303\n'],
  ['-t TARGET -x', 'unknown option -x'],
  ['-t TARGET -n --root=/tmp -m', '--root=DIR is of our file system'],
  ['-t TARGET -S nobody -n', 'a uid is a number'],
  ['--net=/etc/passwd', 'this file is no namespace'],
  ['-t TARGET -n -e', '--env: the variables of the target are for its own programs'],
  ['-t TARGET -n -e -r/tmp', '--env: the variables of the target are for its own programs'],
])('refused in one line: %s', async (line, message) => {
  const { stdout, stderr, code } = await ours(...fill(line), probe, 'report');
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  expect(stderr).toMatch(/^linux-namespaces: .*\n$/);
  expect(stderr).toContain(message);
});

test.each([
  ['TARGET true', 'enter -t TARGET -a true'],
  ['TARGET', 'enter -t TARGET -a'],
  ['-n TARGET ip addr', 'enter -t TARGET -n ip addr'],
  ['-r -S 0 -- TARGET ls -l', 'enter -t TARGET -r -S 0 ls -l'],
  ['TARGET -n -u hostname', 'enter -t TARGET -n -u hostname'],
  ['--net=/run/netns/blue -m TARGET', 'enter -t TARGET --net=/run/netns/blue -m'],
])('without -t, and a target where the program stands: %s', async (line, wanted) => {
  const meant = `whose namespaces? did you mean: linux-namespaces ${fill(wanted).join(' ')}`;
  expect(await ours(...fill(line))).toEqual({
    ...{ stdout: '', code: 1, signal: null },
    stderr: `linux-namespaces: ${meant}\n`,
  });
});

test('the line that was meant is one for a shell', async () => {
  const code = `echo "it's \\n here" >&2; exit 3`;
  const { stderr } = await ours(`${target.pid}`, 'sh', '-c', code);
  const [, line = ''] = /did you mean: (.*)\n$/.exec(stderr) ?? [];
  const command = line.replace(/^linux-namespaces/, `'${process.execPath}' '${main}'`);
  const pasted = await outcome(spawn('sh', ['-c', command], { cwd: '/' }));
  const wanted = await theirs('-t', `${target.pid}`, '-a', 'sh', '-c', code);
  expect(pasted).toEqual(wanted);
  expect(pasted.code).toBe(3);
});

test.each(['true', '4194303 true', '-n ls', ''])(
  'without -t, and no target in its place: %s',
  async line => {
    const { stderr, code } = await ours(...line.split(' ').filter(Boolean));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^linux-namespaces: whose namespaces\? --target PID or NAME, or a file: .*\n$/,
    );
  },
);

test.each(['-m -r -e', '-n -r -e'])('%s: the environment of the target', async line => {
  const env = { PATH: '/bin', THEIRS: 'yes' };
  const rooted = await startTarget(['mnt', 'net'], { root: makeImage(), env });
  const args = ['-t', `${rooted.pid}`, ...line.split(' '), '/bin/probe', 'report'];
  const { stdout } = await ours(...args);
  expect(JSON.parse(stdout).env).toMatchObject(env);
});

test('a signal to the command is one to the program', async () => {
  const args = ['-t', `${target.pid}`, '-p', '-n', probe, 'wait'];
  const child = spawn(process.execPath, [main, 'enter', ...args]);
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'close')).toEqual([null, 'SIGTERM']);
});

test('a reader that stops reading is no error', async () => {
  const command = `"$0" "$1" enter -t ${target.pid} -n yes 2>&1 | head -n 1`;
  const child = spawn('sh', ['-c', command, process.execPath, main]);
  expect(await outcome(child)).toMatchObject({ stdout: 'y\n', code: 0 });
});

test('without the name of a program there is none, as for nsenter', async () => {
  const { own, wanted } = await both(['-t', `${target.pid}`, '-n', '']);
  expect([own.code, wanted.code]).toEqual([127, 127]);
  expect(own.stderr).toBe('linux-namespaces: cannot execute : there is no such program\n');
});

test.each(['4294967295', '4294967296', '99999999999999999999'])(
  '-S, -G %s: nobody is',
  async id => {
    for (const option of ['-S', '-G']) {
      const { stdout, stderr, code } = await ours('-t', `${target.pid}`, '-n', option, id, 'id');
      expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
      expect(stderr).toMatch(/^linux-namespaces: no id of a user or group: \d+\n$/);
    }
  },
);

test("Node's permission model holds for it", async () => {
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const addons = Number(process.versions.node.split('.')[0]) >= 22 ? ['--allow-addons'] : [];
  const flags = [permission, ...addons, '--allow-fs-read=*', '--allow-fs-write=*'];
  const child = spawn(process.execPath, [
    ...flags,
    main,
    'enter',
    '-t',
    `${target.pid}`,
    '-n',
    'id',
  ]);
  const { stdout, stderr, code } = await outcome(child);
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  // Node 20 refuses the addon.
  expect(stderr).toMatch(/Access to this API has been restricted|this Node may load none/);
});

test('what cannot be printed is an error in one line', async () => {
  for (const args of ['--version', '--help', 'enter --help', 'ps --help', 'ls']) {
    const child = spawn('sh', ['-c', `exec "$0" "$1" ${args} >/dev/full`, process.execPath, main]);
    const { stderr, code } = await outcome(child);
    expect(code, args).toBe(1);
    expect(stderr, args).toMatch(/^(\(node:.*\n)*linux-namespaces: .*ENOSPC.*\n$/);
  }
});

test('help fits a screen, and goes to stdout', async () => {
  const { stdout, stderr, code } = await outcome(spawn(process.execPath, [main, '--help']));
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const lines = stdout.trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(24);
  expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(90);
});
