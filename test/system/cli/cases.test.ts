// What went wrong beside nsenter and unshare in version 0.1, each for its kind. Debian's tools (2.38) lack
// some of the options, so it is said here what newer ones do.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNamespaces } from 'linux-namespaces';
import { nsOwner, nsOwnerUid } from 'linux-namespaces/syscalls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  makeImage,
  outcome,
  probe,
  type Report,
  type Started,
  startTarget,
} from '../child/fixtures/targets.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const line = (...args: string[]) =>
  outcome(spawn(process.execPath, [main, ...args], { cwd: '/usr' }));
const said = async (...args: string[]) => {
  const { stdout, stderr, code } = await line(...args);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return stdout.trim();
};
const report = async (...args: string[]): Promise<Report> =>
  JSON.parse(await said(...args, probe, 'report'));

const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-cases-'));
let count = 0;
const fresh = () => {
  const file = join(folder, `${count++}`);
  writeFileSync(file, '');
  return file;
};
const mapped: ReturnType<typeof spawn>[] = [];
/** A process as 5:6 of a user namespace in which 0 is 1000 outside. */
let inside: string;
let net: Started;
beforeAll(async () => {
  execFileSync('mount', ['-t', 'tmpfs', 'files', folder]);
  execFileSync('mount', ['--make-private', folder]);
  net = await startTarget(['net'], { keep: true });
  const maps = ['--map-users=0:1000:2000', '--map-groups=0:1000:2000', '-S', '5', '-G', '6', '-u'];
  const child = spawn(process.execPath, [main, 'run', ...maps, 'sh', '-c', 'echo $$; read end']);
  mapped.push(child);
  inside = await new Promise(resolve =>
    child.stdout.once('data', text => resolve(`${text}`.trim())),
  );
});
afterAll(() => {
  for (const child of mapped) child.stdin?.end();
  execFileSync('umount', ['-l', folder]);
  rmSync(folder, { recursive: true });
});

test.each(['-a', '-U', '-U -u', '-a --preserve-credentials'])(
  'enter %s -S follow -G follow: who the target is inside',
  async types => {
    const { uid, gid } = await report(
      'enter',
      ...types.split(' '),
      ...`-S follow -G follow -t ${inside}`.split(' '),
    );
    expect({ uid, gid }).toEqual({ uid: [5, 5, 5], gid: [6, 6, 6] });
  },
);

test('-S follow: outside of user, in our numbers; by a file, in those of that', async () => {
  const outside = await report('enter', '-u', '-S', 'follow', '-G', 'follow', '-t', inside);
  expect([outside.uid[0], outside.gid[0]]).toEqual([1005, 1006]);
  const file = [`--user=/proc/${inside}/ns/user`, '-S', 'follow', '-t', inside];
  expect((await report('enter', ...file)).uid[0]).toBe(5);
  const parent = ['--user-parent', '-u', '-S', 'follow', '-t', inside];
  expect((await report('enter', ...parent)).uid[0]).toBe(1005);
});

test.each(['-U', '-a', '-U -n'])('enter %s --keep-caps', async types => {
  const { ambient } = await report('enter', ...types.split(' '), '--keep-caps', '-t', inside);
  expect(ambient).toMatch(/^0+1f+$/);
});

test('--keep-caps without a user namespace has no effect', async () => {
  expect((await report('run', '--keep-caps')).ambient).toMatch(/^0+$/);
  expect((await report('enter', '-n', '--keep-caps', '-t', `${net.pid}`)).ambient).toMatch(/^0+$/);
});

test('groups stay with --preserve-credentials, and with -S alone', async () => {
  const groups = async (...args: string[]) => {
    const all = ['--groups', '0,1500', process.execPath, main, ...args, probe, 'report'];
    const { stdout } = await outcome(spawn('setpriv', all));
    return JSON.parse(stdout).groups;
  };
  const target = ['-n', '-t', `${net.pid}`];
  expect(await groups('enter', '--preserve-credentials', ...target)).toEqual([0, 1500]);
  expect(await groups('enter', '-S', '1000', ...target)).toEqual([0, 1500]);
  expect(await groups('run', '-S', '1000')).toEqual([0, 1500]);
  expect(await groups('run', '-S', '1000', '-G', '1000')).toEqual([]);
  expect(await groups('enter', '-U', '-t', inside)).toEqual([]);
});

test.each(['net', 'uts', 'ipc', 'mount', 'cgroup', 'time', 'pid'])(
  'run -r --%s=FILE: what is kept belongs to the new user namespace',
  async type => {
    const file = fresh();
    const user = await said('run', '-r', `--${type}=${file}`, 'readlink', '/proc/self/ns/user');
    const name = type === 'mount' ? 'mnt' : type;
    const handle = openNamespaces({ [name]: file }, [name as 'net']);
    const owner = nsOwner(handle.fd(name as 'net'));
    expect(`user:[${statSync(`/proc/self/fd/${owner}`).ino}]`).toBe(user);
    handle.close();
  },
);

test('run -r --user=FILE keeps the user namespace itself', async () => {
  const file = fresh();
  const user = await said('run', '-r', `--user=${file}`, 'readlink', '/proc/self/ns/user');
  expect(`user:[${statSync(file).ino}]`).toBe(user);
  const handle = openNamespaces({ user: file }, ['user']);
  expect(nsOwnerUid(handle.fd('user'))).toBe(0);
  handle.close();
  expect(await said('enter', `--user=${file}`, 'id', '-u')).toBe('0');
});

test('run --mount=FILE --mount-proc: /proc is that of the new pid namespace', async () => {
  const look = ['sh', '-c', 'echo /proc/[0-9]*; pwd'];
  const mount = fresh();
  const flags = [`--mount=${mount}`, '--mount-proc', '-p', '-f'];
  expect(await said('run', ...flags, ...look)).toBe('/proc/1\n/usr');
  const both = [`--mount=${fresh()}`, `--pid=${fresh()}`, '--mount-proc', '-f'];
  expect(await said('run', ...both, ...look)).toBe('/proc/1\n/usr');
  // What is kept has it, too.
  expect(await said('enter', `--mount=${mount}`, 'sh', '-c', 'echo /proc/[0-9]*')).toBe(
    '/proc/[0-9]*',
  );
});

test.each([
  '-T --pid=FILE -f',
  '-T --pid=FILE -f --monotonic 100',
  '-p --time=FILE',
  '--pid=FILE --time=FILE',
])('run %s', async types => {
  const words = types.split(' ').map(word => word.replace('FILE', fresh()));
  expect((await report('run', ...words)).pid).toBe(1);
});

test('a run that fails leaves a file as it was', async () => {
  const file = fresh();
  expect((await line('run', `--mount=${file}`, `--net=${folder}/none/there`, 'true')).code).toBe(1);
  expect([existsSync(file), statSync(file).dev]).toEqual([true, statSync(folder).dev]);
});

test('the program does not see the file that was bound', async () => {
  const file = fresh();
  expect(await said('run', '-m', `--ipc=${file}`, 'cat', '/proc/self/mountinfo')).not.toContain(
    file,
  );
  expect(statSync(file).dev).not.toBe(statSync(folder).dev);
});

test('propagation that stays: a new /proc is not seen outside', async () => {
  // In a mount namespace of the test's own, with everything shared in it.
  const script = `mount --make-rshared / && before=$(grep -c ' /proc ' /proc/self/mountinfo) &&
    "$0" "$1" run -m --propagation unchanged --mount-proc -p -f true &&
    echo $(($(grep -c ' /proc ' /proc/self/mountinfo) - before))`;
  const child = spawn('unshare', ['-m', 'sh', '-c', script, process.execPath, main]);
  expect(await outcome(child)).toMatchObject({ stdout: '0\n', stderr: '' });
});

test('-e and -r with a target, beside a file', async () => {
  const boxed = await startTarget(['mnt'], { root: makeImage(), env: { THEIRS: 'yes' } });
  const file = `--net=/proc/${net.pid}/ns/net`;
  const flags = ['enter', '-t', `${boxed.pid}`, '-r', '-e', file, '/bin/probe', 'report'];
  const { env, cwd } = JSON.parse(await said(...flags));
  expect({ env, cwd }).toMatchObject({ env: { THEIRS: 'yes' }, cwd: '/' });
});

test('-w in the root of the target, that is not the root of its mounts', async () => {
  const boxed = await startTarget([], { before: ['env', '-C', '/usr/share'] });
  expect(await said('enter', '-r', '-w', '-t', `${boxed.pid}`, 'pwd')).toBe('/usr/share');
});

test('the last of several that say who we are', async () => {
  const id = async (...flags: string[]) => said('run', ...flags, 'id', '-u');
  expect(await id('--map-user=5', '-r')).toBe('0');
  expect(await id('-r', '--map-user=5')).toBe('5');
  expect(await id('--map-user=5', '--map-user=6')).toBe('6');
  expect(await id('-r', '--map-user=nobody')).toBe(
    execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).trim(),
  );
});

test("of several, what util-linux takes: a FILE before its type alone, and what is the target's", async () => {
  const file = fresh();
  await said('run', `--uts=${file}`, '-u', 'true');
  expect(statSync(file).dev).not.toBe(statSync(folder).dev);
  execFileSync('umount', [file]);
  const other = readlinkSync(`/proc/${inside}/ns/net`);
  const joined = ['enter', '-t', `${net.pid}`, `--net=/proc/${inside}/ns/net`, '-n'];
  expect(await said(...joined, 'readlink', '/proc/self/ns/net')).toBe(other);
  const follow = [
    'enter',
    '-t',
    inside,
    '-u',
    '-S',
    'follow',
    '-S',
    '7',
    '-G',
    '7',
    '-G',
    'follow',
  ];
  const { uid, gid } = await report(...follow);
  expect([uid[0], gid[0]]).toEqual([1005, 1006]);
  const target = await startTarget([], { before: ['env', '-C', '/usr/share'] });
  expect(await said('enter', '-t', `${target.pid}`, '-w', '-w/tmp', 'pwd')).toBe('/usr/share');
});

test('without a program: the shell of SHELL, of whose environment it gets; what helps where there is none', async () => {
  const image = makeImage();
  const boxed = await startTarget(['mnt'], { root: image, env: { SHELL: '/bin/probe' } });
  const { argv } = JSON.parse(await said('enter', '-t', `${boxed.pid}`, '-m', '-r', '-e'));
  expect(argv['0']).toBe('-probe');
  const { stderr, code } = await line('enter', '-t', `${boxed.pid}`, '-m', '-r');
  expect({ stderr, code }).toEqual({
    stderr: expect.stringMatching(/^linux-namespaces: cannot execute .*names no program.*exec/),
    code: 127,
  });
});

test('ranges beside a single id have a hole for it', async () => {
  const map = async (...flags: string[]) =>
    (await said('run', ...flags, 'cat', '/proc/self/uid_map')).split(/\s+/).join(' ');
  expect(await map('-r', '--map-users=0:100000:1000')).toBe('0 0 1 1 100000 999');
  expect(await map('--map-user=5', '--map-users=0:100000:10')).toBe('5 0 1 0 100000 5 6 100005 4');
});

test.each([
  ['-m', '-R', '/'],
  ['-R', '/'],
  ['-m', '-R', '/proc/self/root/../'],
])('run %s %s %s', async (...flags) => {
  expect(await said('run', ...flags, 'pwd')).toBe('/');
});

test('run -R / without a mount namespace is a chroot: not for a user', async () => {
  const all = ['--reuid=54321', '--clear-groups', process.execPath, main, 'run', '-R', '/', 'true'];
  const { stderr, code } = await outcome(spawn('setpriv', all));
  expect({ stderr, code }).toEqual({ stderr: expect.stringContaining('chroot EPERM'), code: 1 });
});

test.each([
  ['run --monotonic 5 true', '--monotonic and --boottime'],
  ['run --boottime 5 true', '--monotonic and --boottime'],
  ['run --propagation=bogus true', '--propagation is private or'],
  ['run --setgroups=maybe true', '--setgroups is allow or deny'],
  ['run --setgroups=deny true', '--setgroups deny is for'],
  ['run -nx true', 'unknown option -x'],
  [
    'run --net=/no/such/blue true',
    'mount ENOENT, no such file or directory; there is no directory',
  ],
  ['run --net=/etc/passwd true', 'open EEXIST, file already exists; there is a file of that name'],
  ['run -u/x true', 'unknown option -/'],
  ['run --net= true', '--net= names no file'],
  ['run --map-user=nonsense true', 'there is no user nonsense'],
  ['run --map-group=nonsense true', 'there is no group nonsense'],
  ['run --map-users=0:0:0 true', 'a range is'],
  ['run --owner=5 true', 'an owner is UID:GID'],
  ['run -m --mount-proc=/no/such true', 'mount ENOENT; --mount-proc needs'],
  ['run -m -R /no/such true', '--root has to be a directory'],
  ['run -R /no/such true', 'chroot ENOENT; --root has to be a directory'],
  ['run -R /etc/passwd true', 'chroot ENOTDIR; --root has to be a directory'],
  ['run -m --root= true', '--root= names no directory'],
  ['run --root= true', '--root= names no directory'],
  ['run -u --wd= true', '--wd= names no directory'],
  ['enter -n --wdns= -t NET true', '--wdns= names no directory'],
  ['enter -n -W= -t NET true', '--wdns= names no directory'],
  ['enter -n= -t NET true', '--net= names no file'],
  ['enter -n --root= -t NET true', '--root= names no directory'],
  ['enter -n -w -W / -t NET true', '--wd and --wdns: one of them'],
  ['enter -n -t NET -t NET true', 'one target'],
  ['enter -n -t NET -W /no/such true', ': there is no directory /no/such inside\n'],
  ['enter -n -t NET -W=/etc/passwd true', ': there is no directory /etc/passwd inside\n'],
  ['run -u -w no/such true', ': there is no directory no/such\n'],
  ['run -R /usr -w no/such true', ': there is no directory no/such in /usr\n'],
  ['enter -U -t INSIDE -G 5000 true', 'setresgid EINVAL'],
  ['cat NET:/dev/null', 'EINVAL; ask for it with cp --special'],
])('%s: one line, in the words of the command', async (text, message) => {
  const words = text.replaceAll('NET', `${net.pid}`).replaceAll('INSIDE', inside).split(' ');
  const { stdout, stderr, code } = await line(...words);
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  expect(stderr).toMatch(/^linux-namespaces: [^\n]*\n$/);
  for (const part of message.split('; ')) expect(stderr).toContain(part);
  expect(stderr).not.toMatch(/options|idMap|mountProc|userParent/);
  expect(existsSync('/usr/x')).toBe(false);
});

test('variables that are named after what JavaScript calls so are not there', async () => {
  const names = ['toString', 'constructor', '__proto__', 'hasOwnProperty'];
  for (const name of names) {
    const env = ['sh', '-c', 'od -An -c /proc/$$/environ'];
    expect(await said('run', '-u', `--whitelist-env=${name}`, ...env), name).toBe('');
    expect(await said('exec', '-e', name, `${net.pid}`, ...env), name).not.toContain(name);
  }
});

test('a variable that is no UTF-8 is not changed on its way', async () => {
  const text = `A=$(printf '\\377') "$0" "$1" run -u --whitelist-env=A true`;
  const child = spawn('sh', ['-c', text, process.execPath, main]);
  expect(await outcome(child)).toMatchObject({
    stderr: 'linux-namespaces: A: its value is no UTF-8\n',
    code: 1,
  });
});

test('a number as strtoul(3) reads it', async () => {
  expect(await said('enter', '-t', `+${net.pid}`, '-n', '-S', ' 7', 'id', '-u')).toBe('7');
});

test('a user goes into a user namespace of his, and one below it', async () => {
  const user = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'];
  const script = 'unshare -U -r sh -c "echo \\$\\$; read end"';
  const nested = spawn(user[0] as string, [
    ...user.slice(1),
    'unshare',
    '-r',
    '-u',
    'sh',
    '-c',
    script,
  ]);
  mapped.push(nested);
  const words = await new Promise<string>(resolve =>
    nested.stdout.once('data', text => resolve(`${text}`)),
  );
  const flags = ['enter', '-U', '-u', '--preserve-credentials', '-t', words.trim()];
  const uts = ['readlink', '/proc/self/ns/uts'];
  const child = spawn(user[0] as string, [
    ...user.slice(1),
    process.execPath,
    main,
    ...flags,
    ...uts,
  ]);
  expect(await outcome(child)).toMatchObject({
    stdout: `${readlinkSync(`/proc/${words.trim()}/ns/uts`)}\n`,
    stderr: '',
  });
});
