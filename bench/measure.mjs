/** What the rows share: the C floor, a process to look into, medians of interleaved rounds. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const file = name => fileURLToPath(new URL(name, import.meta.url));

const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
execFileSync('cc', ['-O2', '-o', join(folder, 'floor'), file('floor.c')]);

/** Nanoseconds. In a process of its own, with nothing else in this one meanwhile. */
export async function floor(...args) {
  const { stdout } = await promisify(execFile)(join(folder, 'floor'), args.map(String));
  return Number(stdout);
}

/** Nanoseconds for one call of `fn`. */
export function perCall(fn, calls) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) fn(i);
  return Number(process.hrtime.bigint() - start) / calls;
}

export function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/**
 * Runs the ways one after the other, round after round, so that what else the machine does hits all
 * alike. The first round warms up and is not counted. Gives the median of each way, and by `ratio`
 * the median of the ratios of neighbours.
 * @returns {Promise<Record<string, any>>}
 */
export async function interleave(rounds, ways) {
  const names = Object.keys(ways);
  const results = Object.fromEntries(names.map(name => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const value = await ways[name]();
      if (round > 0) results[name].push(value);
    }
  }
  const medians = Object.fromEntries(names.map(name => [name, median(results[name])]));
  const ratio = (one, other) => median(results[one].map((value, i) => value / results[other][i]));
  return { ...medians, ratio };
}

/** Runs `use` with the pid of a process that has a network of its own. */
export async function withTarget(use) {
  const child = spawn('unshare', ['--net', 'sleep', '3600'], { stdio: 'ignore' });
  const ended = new Promise(resolve => child.once('exit', resolve));
  try {
    const place = pid => readlinkSync(`/proc/${pid}/ns/net`);
    while (place(child.pid) === place('thread-self')) await sleep(5);
    return await use(child.pid);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

/** A row of the table. `ratio` is ours to the floor; `good` says whether it reaches the goal. */
export function row(what, ours, least, ratio, goal, good) {
  return { what, ours, floor: least, ratio: ratio.toFixed(2), goal, ok: good ? 'ok' : 'NOT' };
}

export const us = nanoseconds => `${(nanoseconds / 1000).toFixed(2)} us`;
