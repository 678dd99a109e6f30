// The commands that look: ls beside lsns, tree, ports, and js.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { createNamespaces } from 'linux-namespaces';
import { beforeAll, expect, test } from 'vitest';
import { inodesOf, outcome, type Started, startTarget } from '../child/fixtures/targets.ts';
import { lsns } from '../shared/lsns.ts';
import { hasProgram } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const run = (...args: string[]) => outcome(spawn(process.execPath, [main, ...args]));

let target: Started;
beforeAll(async () => {
  target = await startTarget(['mnt', 'net', 'pid', 'uts'], { keep: true });
});

type Row = Record<string, number | string | null>;

// Without -l lsns puts some rows into others, by the process that made them; ours is always a list.
test.each([
  '-J -l -t net',
  '-J -l -t uts -t pid',
  '-J -l --output NS,TYPE,PATH,NPROCS,PID,PPID,UID,USER,NETNSID -p TARGET',
  '-J -l -o ns,type,pns,ons,command -p TARGET',
])('ls %s: as lsns has it', async line => {
  const args = line.replace('TARGET', `${target.pid}`).split(' ');
  const wanted: Row[] = JSON.parse((await lsns(...args)).stdout).namespaces;
  const { stdout } = await run('ls', ...args);
  const rows: Row[] = JSON.parse(stdout).namespaces;
  // Others come and go while two programs look one after the other.
  const own = Object.values(inodesOf(target.pid));
  const apart = own.filter(place => !Object.values(inodesOf('self')).includes(place));
  const ofTarget = (list: Row[]) => {
    return list
      .filter(({ ns }) => apart.some(place => place.endsWith(`[${ns}]`)))
      .sort((one, other) => Number(one['ns']) - Number(other['ns']));
  };
  expect(ofTarget(wanted)).not.toEqual([]);
  expect(ofTarget(rows).map(sorted)).toEqual(ofTarget(wanted).map(sorted));
});

function sorted(row: Row): [string, unknown][] {
  return Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1));
}

test('ls: a table, a raw list, trees, and the processes of one', async () => {
  const inode = execFileSync('readlink', [`/proc/${target.pid}/ns/uts`], { encoding: 'utf8' });
  const number = inode.replace(/\D/g, '');
  const lines = async (...args: string[]) => (await run('ls', ...args)).stdout.split('\n');
  expect((await lines())[0]).toMatch(/^ +NS TYPE +NPROCS +PID USER +COMMAND$/);
  // Its first process is the one that made it, above the target.
  const list = await lines('-n', '-r', '-o', 'NS,NPROCS', '-t', 'uts');
  expect(list).toContain(`${number} 2`);
  const tree = await lines('-T', '-o', 'NS,TYPE');
  expect(tree.some(line => new RegExp(`^[├└]─${number} +uts$`).test(line))).toBe(true);
  const [head, row, below] = await lines(number);
  expect(head).toMatch(/^ *PID +PPID USER COMMAND$/);
  expect(row).toMatch(/unshare/);
  expect(below?.trim().split(/\s+/)[0]).toBe(`${target.pid}`);
});

test.each([
  ['-o nonsense', 'no column nonsense'],
  ['-t nonsense', 'no type of namespace: nonsense'],
  ['--tree=nonsense', 'a tree is by owner, parent or process'],
  ['1', 'there is no namespace 1; those of the process: --task 1\n'],
  ['-p 4194303', 'there is no process 4194303\n'],
])('ls %s: refused in one line', async (line, message) => {
  const { stdout, stderr, code } = await run('ls', ...line.split(' '));
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  expect(stderr).toMatch(/^linux-namespaces: .*\n$/);
  expect(stderr).toContain(message);
});

test('help COMMAND is COMMAND --help', async () => {
  const help = await run('help', 'tree');
  expect(help).toEqual(await run('tree', '--help'));
  expect(help.stdout).toMatch(/^linux-namespaces tree /);
});

test('tree: from above down to the target, with its pid inside and where it is apart', async () => {
  const { stdout } = await run('tree', `${target.pid}`);
  const lines = stdout.split('\n');
  const at = lines.findIndex(line => line.trim().startsWith(`${target.pid} `));
  expect(lines[at - 1]).toMatch(/ mnt,net,uts +.*─unshare /);
  expect(lines[at]).toMatch(/^ *\d+ +1 \S+ +S +pid +.*─.*probe wait$/);
});

test('-J: what a program calls itself steers no terminal, and is what it was', async () => {
  const name = 'evil\u009b31m\u007f\u202e\u2028\u200b';
  const child = spawn('sleep', ['1000'], { argv0: name });
  try {
    for (const args of [
      ['tree', '-J', `${child.pid}`],
      ['ls', '-J', '-o', 'COMMAND,PID', '-p', `${child.pid}`],
    ]) {
      const { stdout } = await run(...args);
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      if (args[0] === 'tree') expect(JSON.stringify(JSON.parse(stdout))).toContain(name);
    }
    const { stderr } = await run('tree', `${name}:x`);
    expect(stderr.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  } finally {
    child.kill();
  }
});

test('ports of a number that is no process: how to find who has that port', async () => {
  let port = 65_535;
  while (existsSync(`/proc/${port}`)) port--;
  const { stderr, code } = await run('ports', `${port}`);
  const words = `there is no process ${port}; of a port: find port ${port}`;
  expect({ stderr, code }).toEqual({ stderr: `linux-namespaces: ${words}\n`, code: 1 });
});

test('ports: who listens inside', async () => {
  const lab = await createNamespaces(['net'], { loopback: true });
  const server = lab.spawn(process.execPath, [
    '-e',
    "require('net').createServer().listen(4321, '127.0.0.1', () => console.log('ready'))",
  ]);
  try {
    await new Promise(resolve => server.stdout?.once('data', resolve));
    const { stdout } = await run('ports', `${server.pid}`);
    expect(stdout).toMatch(new RegExp(`tcp +LISTEN +127\\.0\\.0\\.1:4321 +${server.pid} +.*node`));
    expect(JSON.parse((await run('ports', '-J', `${server.pid}`)).stdout)).toMatchObject([
      { protocol: 'tcp', local: { address: '127.0.0.1', port: 4321 } },
    ]);
  } finally {
    server.kill();
    lab.close();
  }
});

test('ps in a working directory that is gone', async () => {
  const script = 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$0" "$1" ps';
  const { stdout, code } = await outcome(spawn('sh', ['-c', script, process.execPath, main]));
  expect({ stdout, code }).toEqual({
    stdout: expect.stringMatching(/^ENGINE +ID +NAME /),
    code: 0,
  });
});

test.skipIf(!hasProgram('script'))(
  'a terminal that does not know how wide it is has 80 columns [needs script]',
  async () => {
    const line = `stty cols 0 rows 0; ${process.execPath} ${main} ls -t net -o NS,COMMAND -n`;
    const { stdout } = await outcome(spawn('script', ['-qec', line, '/dev/null']));
    const shown = stripVTControlCharacters(stdout).split('\r\n');
    const own = inodesOf('self').net?.replace(/\D/g, '');
    expect(shown).toContainEqual(expect.stringMatching(new RegExp(`^ *${own} \\S`)));
    expect(Math.max(...shown.map(row => row.length))).toBeLessThanOrEqual(80);
  },
);

test.skipIf(!hasProgram('script'))(
  'ls: on a narrow terminal commands give way to the columns behind them [needs script]',
  async () => {
    const words = `ls -n -t net -p ${target.pid} -o NS,COMMAND,OURS`;
    const line = `stty cols 30 rows 9; ${process.execPath} ${main} ${words}`;
    const { stdout } = await outcome(spawn('script', ['-qec', line, '/dev/null']));
    expect(stripVTControlCharacters(stdout)).toMatch(/^\d{10} .{13}… no\r\n$/);
  },
);
