// What a child costs, from the call to its 'exit': `true` in four namespaces, ours beside a floor in C,
// child_process.spawn('true') and child_process.spawn('nsenter', ...); at 50 MB and at 2 GB, with stdio
// ignored and piped. Needs root, util-linux and a C compiler. Rounds alternate, so that what else the
// machine does hits all alike. node bench/children.mjs [runs] [types]
import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNamespaces, spawn } from 'linux-namespaces';

const runs = Number(process.argv[2] ?? 200);
const types = /** @type {import('linux-namespaces').NamespaceType[]} */ (
  (process.argv[3] ?? 'net,uts,ipc,pid').split(',')
);
const letters = { cgroup: '-C', ipc: '-i', mnt: '-m', net: '-n', pid: '-p', uts: '-u' };
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-bench-'));
const floor = join(folder, 'floor');
execFileSync('cc', ['-O2', '-o', floor, new URL('children-floor.c', import.meta.url).pathname]);

const unshare = nodeSpawn(
  'unshare',
  ['--kill-child', '-f', '-Cimnpu', '--mount-proc', 'sh', '-c', 'echo; exec sleep 3600'],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
await once(unshare.stdout, 'data');
const pid = Number(readFileSync(`/proc/${unshare.pid}/task/${unshare.pid}/children`, 'utf8'));
const handle = openNamespaces(pid, types);
const nsenter = ['-t', `${pid}`, ...types.map(type => letters[type]), '/bin/true'];

async function time(start) {
  const begin = process.hrtime.bigint();
  const child = start();
  child.stdout?.resume();
  child.stderr?.resume();
  const [code] = await once(child, 'exit');
  const took = Number(process.hrtime.bigint() - begin) / 1e3;
  if (code !== 0) throw new Error(`exit code ${code}`);
  return took;
}

const median = list => list.sort((a, b) => a - b)[list.length >> 1];

async function measure(stdio) {
  const ways = {
    'child_process.spawn nsenter': () => nodeSpawn('nsenter', nsenter, { stdio }),
    'child_process.spawn true': () => nodeSpawn('/bin/true', [], { stdio }),
    'spawn, by pid': () => spawn('/bin/true', [], { stdio, target: pid, namespaces: types }),
    'spawn, by handle': () => handle.spawn('/bin/true', [], { stdio }),
    'spawn, no namespaces': () => spawn('/bin/true', [], { stdio }),
  };
  const times = Object.fromEntries(['floor in C', ...Object.keys(ways)].map(name => [name, []]));
  const rounds = 10;
  for (let round = 0; round < rounds; round++) {
    const each = Math.ceil(runs / rounds);
    const lines = execFileSync(floor, [`${pid}`, `${each}`, ...types], { encoding: 'utf8' });
    times['floor in C'].push(...lines.trim().split('\n').map(Number));
    for (const [name, start] of Object.entries(ways)) {
      for (let i = 0; i < each; i++) times[name].push(await time(start));
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

try {
  const results = {};
  let ballast;
  for (const size of ['50 MB', '2 GB']) {
    if (size === '2 GB') ballast = Array.from({ length: 32 }, () => Buffer.alloc(64 << 20, 1));
    for (const stdio of ['ignore', 'pipe']) {
      const column = await measure(stdio);
      for (const [name, us] of Object.entries(column)) {
        results[name] ??= {};
        results[name][`${size}, ${stdio}`] =
          `${us.toFixed(0)} us (${(us / column['floor in C']).toFixed(2)})`;
      }
    }
  }
  if (ballast.length !== 32) throw new Error();
  console.log(`median of ${runs} runs, ${types.join(' ')}, in brackets: times the floor`);
  console.table(results);
} finally {
  unshare.kill('SIGKILL');
  handle.close();
  rmSync(folder, { recursive: true, force: true });
}
