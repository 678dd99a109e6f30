// `linux-namespaces run` beside unshare(1), with the same arguments: output, exit code and effect.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { all, folder, makeImage, outcome, probe } from '../child/fixtures/targets.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const ours = (...args: string[]) =>
  outcome(spawn(process.execPath, [main, 'run', ...args], { cwd: '/' }));
const theirs = (...args: string[]) => outcome(spawn('unshare', args, { cwd: '/' }));

/** What a program sees of where it is: all that must be equal, and which namespaces are not ours. */
const look = `
  cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
  grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status
  cat /proc/self/timens_offsets
  grep -E ' / / | - proc ' /proc/self/mountinfo | sed -E 's/^[0-9]+ [0-9]+ [0-9:]+//; s/(shared|master):[0-9]+/\\1/'
  pwd
  ${all.map(type => `[ "$(readlink /proc/self/ns/${type})" = "${linkOf(type)}" ] && echo ${type} || echo new ${type}`).join('\n')}`;

function linkOf(type: string): string {
  return execFileSync('readlink', [`/proc/self/ns/${type}`], { encoding: 'utf8' }).trim();
}

const same: string[] = [
  '',
  '-n',
  '-u -i -n -C',
  '-fp --mount-proc',
  '-Tf',
  '-Tf --monotonic 100 --boottime=200',
  '-m',
  '-m --propagation unchanged',
  '-m --propagation slave',
  '-U',
  '-r',
  '-rn',
  '-c',
  '--map-root-user --net --mount --pid --fork --mount-proc',
  '--map-user 12 --map-group 34',
  '-U --setgroups allow',
  '-r --keep-caps',
  '-n -S 12 -G 34',
  '-n -w /tmp',
  '-n --kill-child=CLD',
  '-UmuinpCTf -r --mount-proc',
];

test.each(same)('%s', async line => {
  const args = [...line.split(' ').filter(Boolean), '--', 'sh', '-c', look];
  const [own, wanted] = await Promise.all([ours(...args), theirs(...args)]);
  expect(wanted.stdout.length).toBeGreaterThan(100);
  expect(own).toEqual(wanted);
});

test.each([
  ['run -R / true'],
  ['run -m -R / --mount-proc=/proc -w /usr pwd'],
  ['run --mount-proc=/proc true'],
  ['enter --net=/proc/self/ns/net -r/ true'],
  ['--root / --directory runc.root=/no/such find pid 4194303'],
])('%s: in a directory that is gone, what is named from / is there', async line => {
  const gone = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
  const words = ['-c', gone, 'sh', process.execPath, main, ...line.split(' ')];
  const { stderr } = await outcome(spawn('sh', words, { cwd: folder }));
  expect(stderr).toBe(
    line.includes('find') ? 'linux-namespaces: there is no process 4194303\n' : '',
  );
});

// Debian's unshare (2.38) fails at these, for want of rights in /etc/subuid and in the wrong order.
test.each([
  ['--map-users 0:100000:10 --map-groups 0:200000:10 -S 0 -G 0', '0 100000 10', '0 200000 10'],
  ['--map-users 100000,0,10 --map-groups=200000,0,10', '0 100000 10', '0 200000 10'],
  ['-r --map-users 1:100000:10', '0 0 1 1 100000 10', '0 0 1'],
  ['-r --map-users +1:0100000:+10', '0 0 1 1 100000 10', '0 0 1'],
])('maps of ranges: %s', async (line, uids, gids) => {
  const cat = ['cat', '/proc/self/uid_map', '/proc/self/gid_map'];
  const { stdout, stderr } = await ours(...line.split(' '), ...cat);
  expect(stderr).toBe('');
  expect(stdout.trim().replaceAll(/\s+/g, ' ')).toBe(`${uids} ${gids}`);
});

test('another root', async () => {
  const args = ['-m', '-R', makeImage(), '/bin/probe', 'report'];
  const [own, wanted] = await Promise.all([ours(...args), theirs(...args)]);
  const cwdOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout).cwd;
  expect(cwdOf(own)).toBe(cwdOf(wanted));
});

test.each([
  ['exit', '0'],
  ['exit', '3'],
  ['exit', '127'],
  ['die', '15'],
  ['die', '9'],
])('ends as the program does: %s %s', async (...words) => {
  const args = ['-n', '-p', '-f', probe, ...words];
  const [own, wanted] = await Promise.all([ours(...args), theirs(...args)]);
  expect({ code: own.code, signal: own.signal }).toEqual({
    code: wanted.code,
    signal: wanted.signal,
  });
});

const bound = join(folder, 'bound');
afterEach(() => {
  if (existsSync(bound)) execFileSync('umount', [bound]);
  execFileSync('rm', ['-f', bound]);
});

test('--net=FILE keeps the network, over a file that is there as over none', async () => {
  const args = [`--net=${bound}`, 'readlink', '/proc/self/ns/net'];
  for (const exists of [true, false]) {
    if (exists) writeFileSync(bound, '');
    const { stdout, stderr } = await ours(...args);
    expect(stderr).toBe('');
    expect(stdout).toBe(`net:[${statSync(bound).ino}]\n`);
    execFileSync('umount', [bound]);
    execFileSync('rm', [bound]);
  }
  writeFileSync(bound, 'not empty');
  expect(await ours(...args)).toMatchObject({ stdout: '', code: 1 });
  expect(readFileSync(bound, 'utf8')).toBe('not empty');
  execFileSync('mount', ['--bind', probe, bound]); // for afterEach
});

test.each([
  ...['SOON', 'RTMIN+31', 'RTMAX-31', 'RTMIN-1', 'RTMAX+1', 'RTMIN+', '0', '65'].map(name => [
    `--kill-child=${name}`,
    `--kill-child: no signal ${name}`,
  ]),
  ['--owner 5', 'an owner is UID:GID'],
  ['--map-users 1:2', 'a range is INSIDE:OUTSIDE:COUNT'],
  ['-S nobody', 'an id is a number'],
  ['-T --monotonic soon', 'a number of seconds'],
  ['--propagation sometimes -m', '--propagation is private or'],
  ['--mount-proc=', '--mount-proc= names no directory'],
  ['-R /no/such/place -m', 'ENOENT'],
])('refused in one line: %s', async (line, message) => {
  const { stdout, stderr, code } = await ours(...line.split(' '), probe, 'report');
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  expect(stderr).toMatch(/^linux-namespaces: .*\n$/);
  expect(stderr).toContain(message);
});

test('a FILE that was not joined to its option: said where there is no such program', async () => {
  for (const option of ['-n', '--net']) {
    const { stderr, code } = await ours(option, '/no/such', 'true');
    expect(code).toBe(127);
    expect(stderr).toMatch(
      /\/no\/such: there is no such program; a FILE is joined by =: --net=\/no\/such\n$/,
    );
  }
  expect((await ours('-n', 'no-such-program')).stderr).toMatch(/there is no such program\n$/);
});
