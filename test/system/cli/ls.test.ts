// `linux-namespaces ls` beside lsns(8): the processes in one namespace, order of words, filters, files
// that keep a namespace, trees. What Debian's lsns (2.38) does not have is said here.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcome, type Started, startTarget } from '../child/fixtures/targets.ts';
import { lsns } from '../shared/lsns.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const ours = (...args: string[]) => outcome(spawn(process.execPath, [main, 'ls', ...args]));
const lines = async (...args: string[]) => (await ours(...args)).stdout.trimEnd().split('\n');

const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-ls-'));
const file = join(folder, 'kept');
const other = join(folder, 'kept again');
let target: Started;
let nested: Started;
let net: string;
let kept: string;

beforeAll(async () => {
  target = await startTarget(['net', 'uts'], { keep: true });
  nested = await startTarget(['user', 'net'], { keep: true });
  net = inode(target.pid, 'net');
  // Of its own, so that nothing is mounted over what others use.
  mkdirSync(join(folder, 'x'));
  for (const path of [file, other]) writeFileSync(path, '');
  execFileSync('unshare', [`--net=${file}`, 'true']);
  execFileSync('mount', ['--bind', file, other]);
  execFileSync('mount', ['--bind', file, file]);
  kept = `${statSync(file).ino}`;
});

afterAll(() => {
  for (const path of [file, file, other]) execFileSync('umount', [path]);
  rmSync(folder, { recursive: true });
});

function inode(pid: number | string, type: string): string {
  return readlinkSync(`/proc/${pid}/ns/${type}`).replace(/\D/g, '');
}

// Columns of one process stand as wide as they need, so spaces do not count.
const words = ({ stdout, code }: { stdout: string; code: number | null }) => ({
  code,
  lines: stdout.split('\n').map(line => line.trim().split(/ +/).join(' ')),
});

test.each([
  'NET',
  'NET -n',
  '-n NET',
  'NET -o PID',
  '-n NET -o PID,PPID,UID,USER,COMMAND',
  'NET -o +NS,TYPE',
  '-r -l NET',
  'NET -l -r -o NS,TYPE,PATH,PID',
  '-J NET',
  '-l NET',
  '-l -p TARGET -t net',
  '-p TARGET -t net -o NS,TYPE -n -l',
  '-n -t net -t net -l -o NS -p TARGET',
  '-n -l -p TARGET -t net --output-all -o NS,TYPE',
])('%s: as lsns', async line => {
  const args = line.replace('NET', net).replace('TARGET', `${target.pid}`).split(' ');
  const [own, wanted] = await Promise.all([ours(...args), lsns(...args)]);
  expect(wanted.stdout.length).toBeGreaterThan(5);
  if (args.includes('-J')) expect(JSON.parse(own.stdout)).toEqual(JSON.parse(wanted.stdout));
  else expect(words(own)).toEqual(words(wanted));
});

test('-J INODE: the same objects', async () => {
  const args = ['-J', net, '-o', 'PID,PPID,USER,COMMAND,NS,TYPE'];
  const [own, wanted] = await Promise.all([ours(...args), lsns(...args)]);
  expect(JSON.parse(own.stdout)).toEqual(JSON.parse(wanted.stdout));
  const [maker] = JSON.parse(own.stdout).namespaces;
  expect(maker.children).toMatchObject([{ pid: target.pid }]);
});

test.each([
  ['-J -r', '--json and --raw: one of them'],
  ['-P -p 1', '--persistent and --task: one of them'],
  ['-p 1 5', '--task is for all namespaces'],
  ['-T=bogus -J', 'not by bogus'],
  ['-T=bogus -r', 'not by bogus'],
  ['-t bogus', 'no type of namespace: bogus'],
  ['5 6', 'one INODE or NAME, not 5 6'],
  ['no-such', 'no container no-such'],
  ['-Q PID==', 'is not expected there'],
  ['-Q FOO', 'no column FOO'],
])('%s: refused, by lsns too where it has that', async (line, message) => {
  const own = await ours(...line.split(' '));
  expect(own).toMatchObject({ stdout: '', code: 1 });
  expect(own.stderr).toMatch(/^linux-namespaces: .*\n$/);
  expect(own.stderr).toContain(message);
  expect(own.stderr).not.toContain('options.');
  if (line !== '5 6') expect((await lsns(...line.split(' '))).code).toBe(1);
});

test('JSON: a user is a text, also without a name; what is not there is null, or 0', async () => {
  const nobody = await startTarget(['user', 'net'], { uid: 54321 });
  const columns = 'NS,PID,UID,USER,PPID,NPROCS,PNS,ONS,PATH,COMMAND,NETNSID';
  const { stdout } = await ours('-J', '-o', columns);
  const rows: Record<string, unknown>[] = JSON.parse(stdout).namespaces;
  const of = (number: string) => rows.find(({ ns }) => `${ns}` === number);
  expect(of(inode(nobody.pid, 'net'))).toMatchObject({ uid: 54321, user: '54321', pns: 0 });
  expect(of(kept)).toMatchObject({
    ...{ pid: null, ppid: null, path: null, command: null },
    ...{ nprocs: 0, uid: 0, user: 'root', netnsid: 'unassigned' },
    ons: Number(inode('self', 'user')),
  });
  expect(of(inode('self', 'uts'))).toMatchObject({ netnsid: null });
});

test('NSFS: each path once, one below the other, with -W on one line', async () => {
  const args = ['-n', '-l', '-t', 'net', '-o', 'NS,NSFS', '-Q', `NS == ${kept}`];
  expect(await lines(...args)).toEqual([`${kept} ${file}`, `${' '.repeat(kept.length)} ${other}`]);
  expect(await lines(...args, '-W')).toEqual([`${kept} ${file},${other}`]);
  expect(await lines(...args, '-r')).toEqual([`${kept} ${file},${other.replace(' ', '\\x20')}`]);
  const json = async (...more: string[]) =>
    JSON.parse((await ours('-J', ...args, ...more)).stdout).namespaces[0].nsfs;
  expect(await json()).toBe(`${file}\n${other}`);
  expect(await json('-W')).toBe(`${file},${other}`);
});

test('-Q: what holds is shown', async () => {
  const ns = async (filter: string) => lines('-n', '-r', '-o', 'NS', '-Q', filter);
  expect(await ns(`NS == ${net}`)).toEqual([net]);
  expect(await ns(`PID > 0 && TYPE == "net" and NS eq ${net}`)).toEqual([net]);
  expect(await ns(`NSFS =~ "${other}$"`)).toEqual([kept]);
  expect(await ns(`NPROCS == 0 and NS == ${kept}`)).toEqual([kept]);
  expect(await ns(`NS == ${net} and NS == ${kept}`)).toEqual(['']);
  expect(await lines('-n', '-o', 'PID', net, '-Q', `PID == ${target.pid}`)).toEqual([
    `${target.pid}`,
  ]);
});

test('-T -p: with those that they hang from', async () => {
  const own = inode(nested.pid, 'net');
  const user = inode(nested.pid, 'user');
  const first = inode('self', 'user');
  const tree = async (...args: string[]) =>
    (await lines('-n', '-o', 'NS,TYPE', '-p', `${nested.pid}`, ...args)).map(line =>
      line.replace(/ +/g, ' '),
    );
  const owners = await tree('-T');
  expect(owners[0]).toBe(`${first} user`);
  expect(owners.some(line => /^[├└]─/.test(line) && line.endsWith(`${user} user`))).toBe(true);
  expect(owners.at(-1)).toBe(` └─${own} net`);
  // By parent, what has none stands below what owns it.
  for (const option of ['-T=parent', '-Tparent']) {
    expect((await tree(option)).slice(0, 2)).toEqual([`${first} user`, `└─${user} user`]);
  }
  expect(await tree('-T', '-t', 'net')).toEqual([`${own} net`]);
});

test('a tree whose column is not shown is a list in its order; children are not in JSON', async () => {
  const args = ['-p', `${nested.pid}`, '-T', '-t', 'net', '-t', 'user'];
  const types = ['user', 'user', 'net'];
  expect(await lines('-n', '-o', 'TYPE', ...args)).toEqual(types);
  const json = async (columns: string) =>
    JSON.parse((await ours('-J', '-o', columns, ...args)).stdout).namespaces;
  expect(await json('TYPE')).toEqual(types.map(type => ({ type })));
  expect(await json('TYPE,NS')).toMatchObject([{ children: [{ children: [{ type: 'net' }] }] }]);
  const inside = await lines('-J', '-o', 'PID', net);
  expect(inside.join()).not.toContain('children');
});

test('a tree by process: below the row before it that has the parent, of whatever type', async () => {
  const { pid } = await startTarget(['net', 'pid', 'uts', 'ipc']);
  const args = ['-t', 'net', '-t', 'pid', '-t', 'uts', '-t', 'ipc', '-p', `${pid}`, '-n'];
  const [row = ''] = (await lines('-T=process', '-o', 'TYPE,COMMAND', ...args)).filter(line =>
    line.startsWith('pid'),
  );
  const number = (type: string) => Number(inode(pid, type));
  const isLater = ['net', 'uts', 'ipc'].some(type => number(type) < number('pid'));
  expect(row).toMatch(isLater ? /^pid +└─\/.*probe wait$/ : /^pid +\/.*probe wait$/);
});

test('a row with nothing in it is a line', async () => {
  const args = ['-o', 'NSFS', '-t', 'uts', '-p', `${target.pid}`];
  expect((await ours(...args)).stdout).toBe('NSFS\n\n');
  expect((await ours('-n', ...args)).stdout).toBe('\n');
});

test('-r in a tree: in its order, without its lines', async () => {
  expect(await lines('-n', '-r', '-o', 'PID,PPID', net)).toEqual([
    expect.stringMatching(/^\d+ \d+$/),
    expect.stringMatching(new RegExp(`^${target.pid} \\d+$`)),
  ]);
});

test('-H: what is in the columns', async () => {
  const table = await lines('-H');
  const all = (await lines('-r', '--output-all'))[0]?.split(' ');
  expect(table.map(line => line.trim().split(' ')[0])).toEqual(all);
  expect(table[0]).toMatch(/^ +NS <integer> \w/);
  const { stdout } = await ours('--list-columns', '-J');
  expect(JSON.parse(stdout)['lsns-columns'][1]).toMatchObject({ holder: 'TYPE', type: '<string>' });
});
