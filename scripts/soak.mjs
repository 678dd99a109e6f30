/**
 * npm run soak [-- --times N] [-- --full] [-- PHASE ...]
 *
 * Does the same over and over, with a thread beside it that is never idle, and compares what there is
 * before and after: files, threads, children and zombies, mounts, hooks, where each thread is, memory. A
 * phase that leaves one thing in a thousand rounds, or some bytes in each, is found; the longer, the less.
 *
 * Needs root, unshare(1) and the built addon. Takes about two minutes; `--times 10` ten times as long;
 * `--full`: 10^6 switches, 10^5 children, 10^4 of all else, some hours.
 */

import { executionAsyncId } from 'node:async_hooks';
import { spawn as nodeSpawn, spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { compare, counts, keys, nativeBytes, takeCensus } from './census.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { times: { type: 'string', default: '1' }, full: { type: 'boolean', default: false } },
});

// In a mount namespace of its own, what others mount meanwhile is not counted; and with gc().
if (process.env.SOAK !== 'inside') {
  const line = ['--mount', '--propagation', 'private', process.execPath, '--expose-gc'];
  const { status, signal } = spawnSync(
    'unshare',
    [...line, fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    { stdio: 'inherit', env: { ...process.env, SOAK: 'inside' } },
  );
  process.exit(signal ? 1 : status);
}

const library = await import(process.env.LINUX_NAMESPACES ?? '../lib/index.js');

/** What a phase may keep of memory, whatever it does: bytes. Caches fill, heaps fall to pieces. */
const allowance = 6 * 2 ** 20;
/** And in each round. */
const perRound = 64;

async function startTarget(...options) {
  const child = nodeSpawn(
    'unshare',
    ['--kill-child', '-f', ...options, 'sh', '-c', 'echo; exec sleep infinity'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const pid = Number(fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'));
  return { pid, stop: () => child.kill('SIGKILL') };
}

const folder = fs.mkdtempSync(join(os.tmpdir(), 'linux-namespaces-soak-'));
const tree = join(folder, 'tree');
fs.mkdirSync(join(tree, 'sub'), { recursive: true });
for (let i = 0; i < 40; i++) fs.writeFileSync(join(tree, 'sub', `${i}`), `${i}`.repeat(100));
const target = await startTarget('--net', '--uts', '--ipc', '--pid', '--mount-proc');
const { pid } = target;
const handle = library.openNamespaces(pid, ['net', 'uts']);
const root = library.openRoot(pid);
const busy = new Worker('for (;;) Math.sqrt(2);', { eval: true });
process.on('exit', () => {
  target.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

function check(fine, what) {
  if (!fine) throw new Error(what);
}
const theirs = fs.readlinkSync(`/proc/${pid}/ns/net`);
const here = () => fs.readlinkSync('/proc/thread-self/ns/net');

const ended = child =>
  new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));

/** By name: rounds as a rule, with `--full`, how many at once, and one of them. */
/** @type {Record<string, [number, number, number, (times: number) => unknown]>} */
const phases = {
  switches: [
    20_000,
    1e6,
    1,
    i => check(handle.run(i % 100 === 0 ? here : () => theirs) === theirs, 'elsewhere'),
  ],
  'what callbacks start': [
    2000,
    1e5,
    4,
    i =>
      handle.run(async () => {
        await new Promise(setImmediate);
        if (i % 10 === 0) await lookup('localhost');
        check(here() === theirs, 'elsewhere');
      }),
  ],
  children: [
    400,
    1e5,
    4,
    async i => {
      const options = {
        target: pid,
        killOnParentExit: i % 2 === 0,
        credentials: i % 3 === 0 ? 'target' : undefined,
      };
      check((await ended(library.spawn('/bin/true', options))) === 0, 'exit code');
    },
  ],
  'programs of ours, in a root of their own': [
    100,
    1e4,
    2,
    async () => {
      const options = { target: pid, tools: true };
      check((await ended(library.spawn('/bin/true', options))) === 0, 'exit code');
    },
  ],
  'children that are waited for': [
    200,
    1e4,
    1,
    async i => {
      const options = { target: pid, input: 'x', timeout: i % 4 === 0 ? 1 : 0 };
      const { status, signal, error } = library.spawnSync('/bin/cat', options);
      check(status === 0 || signal !== null || error !== undefined, 'neither ended nor failed');
    },
  ],
  'children that fail': [
    200,
    1e4,
    4,
    async () => {
      await ended(library.spawn('/no/such', { target: pid })).then(
        () => check(false, 'it ran'),
        () => {},
      );
      await new Promise(setImmediate); // Node closes their pipes in the next turn of its loop
    },
  ],
  'new namespaces': [
    100,
    1e4,
    2,
    async i => {
      const types = i % 2 === 0 ? ['net', 'uts'] : ['user', 'mnt', 'pid'];
      (
        await library.createNamespaces(types, i % 2 === 0 ? { hostname: 'h' } : { idMap: 'root' })
      ).close();
    },
  ],
  workers: [
    15,
    1e4,
    2,
    async i => check((await library.evaluate(pid, 'all', n => n + 1, i)) === i + 1, 'answer'),
  ],
  copies: [
    60,
    1e4,
    2,
    async i => {
      const copy = join(folder, `copy${i}`);
      await root.copyOut(tree, copy);
      await root.copyIn(copy, `${copy}-in`);
      for (const path of [copy, `${copy}-in`]) await root.rm(path, { recursive: true });
    },
  ],
  files: [
    300,
    1e4,
    4,
    async i => {
      const path = join(folder, `file${i}`);
      await root.writeFile(path, 'text', { atomic: i % 2 === 0 });
      check((await root.readFile(path, 'utf8')) === 'text', 'content');
      await root.rm(path);
    },
  ],
  lists: [
    30,
    1e4,
    1,
    async () => {
      await library.listNamespaces();
      await library.processTree();
      await library.listInterfaces(pid);
      await library.listSockets(pid);
    },
  ],
  containers: [60, 1e4, 1, () => library.listContainers()],
};

async function repeat(count, atOnce, from, round) {
  let next = 0;
  const lane = async () => {
    while (next < count) await round(from + next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

async function settle() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await sleep(20);
  }
}

/** What is left, waited for: contexts end with what they started, and that is for the collector to say. */
async function leftBehind(before) {
  let words = '';
  for (let tries = 0; tries < 50; tries++) {
    await settle();
    words = compare(before, takeCensus([folder]));
    // Node numbers promises only while there are hooks.
    if (words === '' && (await Promise.resolve().then(executionAsyncId)) !== 0)
      words = 'hooks are on';
    if (words === '') return '';
  }
  return words;
}

const rows = [];
const keysBefore = keys();
for (const [name, [usual, full, atOnce, round]] of Object.entries(phases)) {
  if (positionals.length > 0 && !positionals.some(part => name.includes(part))) continue;
  const count = Math.ceil((values.full ? full : usual * Number(values.times)) / 4) * 4;
  const started = Date.now();
  let failed = '';
  try {
    // What is made once, and kept, is made by then.
    await repeat(count / 4, atOnce, 0, round);
    await settle();
    const before = takeCensus([folder]);
    const start = nativeBytes();
    await repeat(count / 4, atOnce, count / 4, round);
    await settle();
    const middle = nativeBytes();
    await repeat(count / 2, atOnce, count / 2, round);
    failed = await leftBehind(before);
    const after = takeCensus([folder]);
    const grown = nativeBytes() - middle;
    const most = allowance + perRound * (count / 2);
    if (grown > most)
      failed ||= `memory: ${grown} bytes more after ${count / 2} rounds (${middle - start} in those before)`;
    rows.push({
      phase: name,
      rounds: count,
      seconds: (Date.now() - started) / 1000,
      ...counts(before, after),
      'KiB more': Math.round(grown / 1024),
      left: failed,
    });
  } catch (error) {
    rows.push({
      phase: name,
      rounds: count,
      seconds: (Date.now() - started) / 1000,
      left: String(error.stack),
    });
  }
  const { left, seconds } = rows.at(-1);
  console.log(`${name}: ${count} in ${Math.round(seconds)} s${left === '' ? '' : `: ${left}`}`);
}
await busy.terminate();
handle.close();
root.close();
console.table(rows);
// Of the user, so of all his processes: said, but no failure.
console.log(`This user's keys and keyrings: ${keysBefore} before, ${keys()} after.`);
process.exit(rows.some(row => row.left !== '') ? 1 : 0);
