// Where the command differs from nsenter, unshare and lsns: a test for each row of docs/command.md. That
// the tools do otherwise was seen with util-linux 2.42; Debian has 2.38.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  makeImage,
  type Outcome,
  outcome,
  probe,
  type Report,
  type Started,
  startTarget,
} from '../child/fixtures/targets.ts';
import { wordsOf } from '../shared/support.ts';

const root = join(import.meta.dirname, '../../..');
const main = join(root, 'lib/cli.cjs');
const options = { cwd: '/usr', env: { PATH: process.env['PATH'], SHELL: '/bin/sh', VALUE: 'x' } };
const ours = (...args: string[]) => outcome(spawn(process.execPath, [main, ...args], options));
const asUser = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'];
const ofUser = (...args: string[]) =>
  outcome(
    spawn(asUser[0] as string, [...asUser.slice(1), process.execPath, main, ...args], options),
  );

/** For files that are bound; private, as that of a mount namespace has to be. */
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-differences-'));
let here: Started;
let net: Started;
let boxed: Started;
let image: string;
beforeAll(async () => {
  execFileSync('mount', ['-t', 'tmpfs', 'files', folder]);
  execFileSync('mount', ['--make-private', folder]);
  chmodSync(folder, 0o755);
  image = makeImage();
  here = await startTarget([], { keep: true });
  net = await startTarget(['net'], { keep: true });
  boxed = await startTarget(['mnt', 'net', 'pid'], {
    root: image,
    env: { THEIRS: 'yes' },
    keep: true,
  });
});
afterAll(() => {
  execFileSync('umount', ['-l', folder]);
  rmSync(folder, { recursive: true });
});

const fill = (line: string) =>
  wordsOf(line, { HERE: here.pid, NET: net.pid, BOXED: boxed.pid, IMAGE: image, FOLDER: folder });
const report = async (line: string, run = ours): Promise<Report> => {
  const { stdout, stderr } = await run(...fill(line), probe, 'report');
  expect(stderr).toBe('');
  return JSON.parse(stdout);
};
const refused = async (line: string, words: string, program = ['true'], run = ours) => {
  const { stdout, stderr, code } = await run(...fill(line), ...program);
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  expect(stderr).toMatch(/^linux-namespaces: [^\n]*\n$/);
  expect(stderr).toContain(words);
  expect(stderr).not.toContain('options.');
};
const said = async (line: string, program: string[], run = ours) => {
  const { stdout, stderr, code } = await run(...fill(line), ...program);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return stdout.trim();
};
const bound = (file: string) => statSync(file).dev !== statSync(folder).dev;

/** The beginning of a row's first cell, and what shows it. */
const rows: [row: string, shown: () => Promise<void>][] = [
  [
    '`-t PID:INODE`',
    async () => {
      await refused('enter -t NET -N 3', 'unknown option -N');
      await refused('enter -t NET -Z', 'unknown option -Z');
      await refused('enter --net=:5', 'ENOENT');
    },
  ],
  [
    '`-a` joins all',
    async () => {
      const { cwd } = await report('enter -a -t NET');
      expect(cwd).toBe('/usr');
      const nested = await startTarget(['user', 'net'], { uid: 54321 });
      const line = `enter -a --preserve-credentials -t ${nested.pid}`;
      expect(await said(line, ['readlink', '/proc/self/ns/net'], ofUser)).toBe(
        readlinkSync(`/proc/${nested.pid}/ns/net`),
      );
    },
  ],
  [
    '`-U`, `-a` or `--user-parent`',
    async () => {
      for (const option of ['-U', '-U -n', '-a -U']) await report(`enter -t NET ${option}`);
      const nested = await startTarget(['user']);
      await report(`enter -t ${nested.pid} --user-parent`);
    },
  ],
  [
    '`-r=DIR`, `-w=DIR`',
    async () => {
      await refused('enter -t BOXED -m --root=/tmp', '--root=DIR is of our file system');
      await refused('enter -t BOXED -m --wd=/tmp', '--wd=DIR is of our file system');
      await refused('enter -t BOXED -r -w/tmp', '--wd=DIR is of our file system');
    },
  ],
  [
    '`-e` without',
    async () => {
      await refused('enter -t BOXED -n -e', '--env: the variables');
      await refused('enter -t HERE -r -e', '--env must be other than');
    },
  ],
  [
    '`-F` with `-p`',
    async () => {
      await refused('enter -t BOXED -F -p', '--no-fork: with a pid namespace');
      await refused('enter -t BOXED -F -a', '--no-fork: with a pid namespace');
      await report('enter -t BOXED -F -n');
    },
  ],
  [
    '`-r` without `-m`',
    async () => {
      expect((await report('enter -t HERE -r')).cwd).toBe('/');
      expect((await report('enter -t HERE -r -w')).cwd).toBe(readlinkSync(`/proc/${here.pid}/cwd`));
    },
  ],
  [
    '`-S follow` where',
    async () => {
      const { stdout } = spawnMapped();
      const [line] = (await new Promise<Buffer>(resolve => stdout.once('data', resolve)))
        .toString()
        .split('\n');
      await refused(`enter -t NET --user=/proc/${line}/ns/user -S follow`, 'has no number');
    },
  ],
  [
    '`-r`, `-w`, `-e` or `-c`',
    async () => {
      const { stdout } = await ours(...fill('enter -t BOXED -r /bin/probe report'));
      expect(JSON.parse(stdout).cwd).toBe('/');
    },
  ],
  [
    '`-W DIR`',
    async () => {
      for (const option of ['-W /tmp', '-W=/tmp', '-W/tmp', '--wdns /tmp', '--wdns=/tmp']) {
        expect((await report(`enter -t NET -n ${option}`)).cwd).toBe('/tmp');
      }
    },
  ],
  [
    '`-mu`',
    async () => {
      const type = ['readlink', '/proc/self/ns/net'];
      const wanted = readlinkSync(`/proc/${net.pid}/ns/net`);
      expect(await said('enter -t NET -un', type)).toBe(wanted);
      await refused('enter -t NET -m./u', 'ENOENT');
    },
  ],
  [
    '`-c` with hierarchies',
    async () => {
      // In one that is not ours alone: where it is, is compared by test/system/child.
      expect(await said('enter -t NET -c', ['cat', '/proc/self/cgroup'])).toBe(
        readFileSync(`/proc/${net.pid}/cgroup`, 'utf8').trim(),
      );
    },
  ],
  [
    'SIGTERM leaves the program',
    async () => {
      const child = spawn(process.execPath, [main, ...fill('enter -t BOXED -p'), probe, 'wait']);
      const ended = outcome(child);
      await new Promise(resolve => child.stdout.once('data', resolve));
      child.kill('SIGTERM');
      expect(await ended).toMatchObject({ signal: 'SIGTERM' });
    },
  ],
  [
    'without `-f`, `-p` and `-T`',
    async () => {
      expect((await report('run -p')).pid).toBe(1);
      expect((await report('run -p -f')).pid).toBe(1);
      const file = join(folder, 'pid');
      writeFileSync(file, '');
      expect((await report(`run --pid=${file}`)).pid).toBe(1);
      expect(bound(file)).toBe(true);
      const names = 'run -T --monotonic 10000';
      expect(await said(names, ['cat', '/proc/self/timens_offsets'])).toMatch(/monotonic +10000/);
    },
  ],
  [
    '`-R DIR` with `-m`',
    async () => {
      const { stdout } = await ours(...fill('run -m -R IMAGE /bin/probe report'));
      expect(JSON.parse(stdout).cwd).toBe('/');
      await refused('run -m --propagation unchanged -R IMAGE', '--propagation unchanged');
    },
  ],
  [
    '`-R DIR` with a `-w`',
    async () => {
      const from = async (line: string) => {
        const { stdout, stderr } = await ours(...fill(line), '/bin/probe', 'report');
        expect(stderr).toBe('');
        return JSON.parse(stdout).cwd;
      };
      for (const more of ['', '-m ']) {
        expect(await from(`run ${more}-R IMAGE -w bin`)).toBe('/bin');
        expect(await from(`run ${more}-R IMAGE -w .`)).toBe('/');
        expect(await from(`run ${more}-R IMAGE -w ..`)).toBe('/');
        expect(await said(`run ${more}-R / -w usr`, ['pwd'])).toBe('/usr');
        await refused(`run ${more}-R IMAGE -w share`, 'there is no directory share in ');
      }
    },
  ],
  [
    'FILE has to be there',
    async () => {
      const file = join(folder, 'new');
      await said(`run --net=${file}`, ['true']);
      expect(bound(file)).toBe(true);
      await refused(`run --net=${file}`, 'EEXIST');
      const full = join(folder, 'full');
      writeFileSync(full, 'content');
      await refused(`run --net=${full}`, 'EEXIST');
      expect(readFileSync(full, 'utf8')).toBe('content');
    },
  ],
  [
    'a FILE that cannot be bound',
    async () => {
      const file = join(folder, 'first');
      const mark = join(folder, 'ran');
      await refused(`run --ipc=${file} --net=/no/such/file`, 'net of /no/such/file', [
        'touch',
        mark,
      ]);
      expect([existsSync(file), existsSync(mark)]).toEqual([false, false]);
      writeFileSync(file, '');
      await refused(`run --ipc=${file} --net=/no/such/file`, 'net of /no/such/file');
      expect(bound(file)).toBe(false);
      await refused('run -U --net=/tmp/linux-namespaces-none', 'EPERM', ['true'], ofUser);
    },
  ],
  [
    'with FILE, the program',
    async () => {
      const { fds } = await report(`run -r --ipc=${join(folder, 'ipc')}`);
      expect(fds).toEqual([0, 1, 2]);
    },
  ],
  [
    '`--setgroups` with a single',
    async () => {
      const read = ['cat', '/proc/self/setgroups'];
      expect(await said('run -r --setgroups=allow', read)).toBe('allow');
      expect(await said('run -r --setgroups=deny', read)).toBe('deny');
      await refused('run -r --setgroups=allow', 'EPERM', ['true'], ofUser);
    },
  ],
  [
    '`--owner` with `-r`',
    async () => {
      const map = await said('run --owner=1234:1235 -r', ['cat', '/proc/self/uid_map']);
      expect(map.split(/ +/)).toEqual(['0', '1234', '1']);
    },
  ],
  [
    '`--monotonic`, `--boottime`',
    async () => {
      const offsets = await said('run -T --monotonic 1.5', ['cat', '/proc/self/timens_offsets']);
      expect(offsets).toMatch(/^monotonic +1 +500000000$/m);
    },
  ],
  [
    '`--map-auto` maps',
    async () => {
      // Whom nobody lends anything, it says; test/system/create compares maps with /etc/subuid.
      const { stdout, stderr, code } = await ours(
        'run',
        '-r',
        '--map-auto',
        'cat',
        '/proc/self/uid_map',
      );
      const lent = /^(?:root|0):(\d+):(\d+)$/m.exec(readFileSync('/etc/subuid', 'utf8'));
      if (lent === null)
        expect({ code, lent: /no ids are lent/.test(stderr) }).toEqual({ code: 1, lent: true });
      else expect(stdout.trim().split(/\s+/).slice(3)).toEqual(['1', lent[1], lent[2]]);
    },
  ],
  [
    '`--whitelist-env` with',
    async () => {
      expect(await said('run --whitelist-env NONE', ['/usr/bin/env'])).toBe('');
      expect(await said('run --whitelist-env NONE,VALUE', ['/usr/bin/env'])).toBe('VALUE=x');
      expect(await said('run --clear-env', ['/usr/bin/env'])).toBe('');
    },
  ],
  [
    '`--map-users 0:5:0`',
    async () => {
      await refused('run -r --map-users 0:5:0', 'a range is INSIDE:OUTSIDE:COUNT');
      await refused('run --map-groups=auto --map-groups=0:5:0', 'a range is INSIDE:OUTSIDE:COUNT');
    },
  ],
  ['`--kill-child=9`', async () => void (await said('run --kill-child=9', ['true']))],
  [
    '`-G`, and `-U` of nsenter',
    async () => {
      expect(await said('run -r -G 0', ['id', '-g'])).toBe('0');
      const nested = await startTarget(['user'], { uid: 54321 });
      expect(await said(`enter -U -t ${nested.pid}`, ['id', '-u'], ofUser)).toBe('0');
    },
  ],
  [
    '`--keep-caps` with `-S`',
    async () => {
      const line = 'run --map-users 0:100000:10 --map-groups 0:100000:10 --keep-caps -S 5';
      const { uid, ambient } = await report(line);
      expect([uid, Number.parseInt(ambient, 16) > 0]).toEqual([[5, 5, 5], true]);
    },
  ],
  [
    '`--kill-child` is lost',
    async () => {
      const line = ['run', '--kill-child=USR1', '-S', '54321', 'sh', '-c'];
      const script = 'trap "echo it ended" USR1; echo ready; while :; do sleep 0.1; done';
      const child = spawn(process.execPath, [main, ...line, script], options);
      const ended = outcome(child);
      await new Promise(resolve => child.stdout.once('data', resolve));
      const below = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
      let text = '';
      child.stdout.on('data', more => (text += more));
      child.kill('SIGKILL');
      while (!text.includes('it ended'))
        await new Promise(resolve => child.stdout.once('data', resolve));
      process.kill(Number(below), 'SIGKILL');
      expect(await ended).toMatchObject({ stdout: 'ready\nit ended\n' });
    },
  ],
  [
    '`-S` and `-G` above',
    async () => {
      for (const option of ['-S', '-G']) {
        await refused(`run ${option} 4294967296`, 'no id of a user or group');
        await refused(`enter -t NET -n ${option} 4294967296`, 'no id of a user or group');
      }
    },
  ],
  [
    'SHELL is not set',
    async () => {
      const env = { PATH: process.env['PATH'] };
      const shell = async (...args: string[]): Promise<Outcome> => {
        const child = spawn(process.execPath, [main, ...args], { env });
        child.stdin.end('echo $0\n');
        return outcome(child);
      };
      const own = execFileSync('getent', ['passwd', '0'], { encoding: 'utf8' })
        .trim()
        .split(':')
        .at(-1);
      expect((await shell('run', '-n')).stdout).toBe(`-${own?.split('/').at(-1)}\n`);
      expect((await shell('run', '-n', '-S', '54321')).stdout).toBe('-sh\n');
    },
  ],
  [
    'long options that are unique',
    async () => expect((await report('enter --tar NET --ne')).cwd).toBe('/usr'),
  ],
  [
    'only namespaces with a process',
    async () => {
      const file = join(folder, 'kept');
      await said(`run --uts=${file}`, ['true']);
      const rows = await said('ls -n -r -P -o NS,NPROCS', []);
      expect(rows.split('\n')).toContain(`${statSync(file).ino} 0`);
    },
  ],
  [
    'some rows below others',
    async () => expect(await said('ls -n -o NS,TYPE -t net', [])).not.toMatch(/[├└]/),
  ],
  [
    '`-r` in a tree',
    async () => expect(await said('ls -r -T -o NS,TYPE', [])).not.toMatch(/[├└]|\\xe2/),
  ],
  [
    '`-J`: of several paths',
    async () => {
      const [one, other] = [join(folder, 'one'), join(folder, 'other')];
      await said(`run --net=${one}`, ['true']);
      writeFileSync(other, '');
      execFileSync('mount', ['--bind', one, other]);
      const filter = ['-Q', `NS == ${statSync(one).ino}`];
      const { namespaces } = JSON.parse(await said('ls -J -o NSFS', filter));
      expect(namespaces).toEqual([{ nsfs: `${one}\n${other}` }]);
    },
  ],
  ['of several INODEs', async () => refused('ls 1 2', 'one INODE or NAME, not 1 2')],
  [
    'what a user may not see',
    async () => {
      await refused('ls -p BOXED', 'EACCES', [], ofUser);
      await refused('ls -P -Q NS<1', 'not all is seen', [], ofUser);
    },
  ],
  [
    '`USER`: the owner',
    async () => {
      const before = ['setpriv', '--reuid=54321', '--clear-groups', '--keep-groups'].slice(0, 3);
      const other = await startTarget(['net'], { before });
      const { namespaces } = JSON.parse(await said(`ls -J -o PID,UID ${inode(other.pid)}`, []));
      expect(JSON.stringify(namespaces)).toContain(`{"pid":${other.pid},"uid":54321}`);
    },
  ],
  [
    'no columns `ID`, `CONTAINER`, `OURS`',
    async () => {
      expect(await said(`ls -n -o ID -p NET -t net`, [])).toMatch(/^\d+$|^$/);
      const ours = await said('ls -n -o CONTAINER,OURS -p NET -t net -t mnt', []);
      expect(ours.trim().split(/\s+/).sort()).toEqual(['no', 'yes']);
    },
  ],
];

test.each([
  ['RTMIN+1', 35],
  ['sigrtmax-2', 62],
  ['RT3', 37],
  ['36', 36],
])('--kill-child=%s is signal %i', async (signal, number) => {
  const script = `trap "echo it ended; exit" ${number}; echo ready; while :; do sleep 0.1; done`;
  const line = [main, 'run', `--kill-child=${signal}`, 'bash', '--norc', '-c', script];
  const child = spawn(process.execPath, line, options);
  const ended = outcome(child);
  child.stdout.once('data', () => child.kill('SIGKILL'));
  expect(await ended).toMatchObject({ stdout: 'ready\nit ended\n', stderr: '' });
});

function inode(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/net`).replace(/\D/g, '');
}

/** A process in a user namespace that has numbers for others than us alone; it says its pid. */
function spawnMapped() {
  const line = ['run', '--map-users=0:100000:10', '--map-groups=0:100000:10', 'sh', '-c'];
  const child = spawn(process.execPath, [main, ...line, 'echo $$; read end'], options);
  children.push(child);
  return child;
}
const children: ReturnType<typeof spawn>[] = [];
afterAll(() => {
  for (const child of children) child.stdin?.end();
});

test.each(rows)('%s', async (_, shown) => {
  await shown();
});

test('each row of the document has its test here, and there are at most forty', () => {
  const text = readFileSync(join(root, 'docs/command.md'), 'utf8');
  const section = text.slice(text.indexOf('## Beside the tools of util-linux'));
  const cells = section
    .split('\n')
    .filter(line => /^\| (?!---)/.test(line))
    .map(line => line.slice(2))
    .filter(line => !/^(nsenter|unshare|both|lsns) \|/.test(line));
  expect(cells.length).toBeLessThanOrEqual(40);
  const without = cells.filter(cell => !rows.some(([row]) => cell.startsWith(row)));
  expect(without).toEqual([]);
  expect(cells.length).toBe(rows.length);
  // A reason for each.
  expect(cells.filter(cell => !/\| [^|]+ \|$/.test(cell.replaceAll('\\|', '')))).toEqual([]);
});
