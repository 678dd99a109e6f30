// What a worker costs: cold start beside `node -e 0`, a warm call beside a message of
// node:worker_threads there and back, memory. Rounds alternate, so that what else the machine does
// hits all alike. Needs root and util-linux. node bench/workers.mjs [rounds]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { evaluate, openWorker } from 'linux-namespaces';
import { interleave, row } from './measure.mjs';

const rounds = Number(process.argv[2] ?? 20);
const calls = 1000;

const unshare = spawn(
  'unshare',
  ['--kill-child', '-f', '-CimnpuT', '--mount-proc', 'sh', '-c', 'echo; exec sleep 3600'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
await once(unshare.stdout, 'data');
const pid = Number(readFileSync(`/proc/${unshare.pid}/task/${unshare.pid}/children`, 'utf8'));

async function milliseconds(work) {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

async function node(...args) {
  const child = spawn(process.execPath, args, { stdio: 'ignore', env: { PATH: process.env.PATH } });
  await once(child, 'exit');
}

/** Private memory, in MB: what is there once more for each. */
function memoryOf(id) {
  const text = readFileSync(`/proc/${id}/smaps_rollup`, 'utf8');
  const kb = name => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return (kb('Private_Clean') + kb('Private_Dirty')) / 1024;
}

const worker = await openWorker(pid, 'all');
const thread = new Worker(
  `const { parentPort } = require('node:worker_threads');
   parentPort.on('message', ([id, value]) => parentPort.postMessage([id, value]));`,
  { eval: true },
);
let answered;
thread.on('message', ([, value]) => answered(value));
const ask = value =>
  new Promise(resolve => {
    answered = resolve;
    thread.postMessage([1, value]);
  });
const same = value => value;

const each = async call => {
  for (let i = 0; i < calls; i++) await call(i);
};

try {
  const cold = await interleave(rounds, {
    floor: () => milliseconds(() => node('-e', '0')),
    ours: () => milliseconds(() => evaluate(pid, 'all', () => 0)),
  });
  const warm = await interleave(rounds, {
    floor: () => milliseconds(() => each(ask)),
    ours: () => milliseconds(() => each(i => worker.evaluate(same, i))),
  });
  const idle = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  await new Promise(done => setTimeout(done, 1000));
  const rows = [
    row(
      'cold: evaluate(pid, "all", () => 0)',
      `${cold.ours.toFixed(1)} ms`,
      `node -e 0: ${cold.floor.toFixed(1)} ms`,
      cold.ratio('ours', 'floor'),
      '1.5',
      cold.ratio('ours', 'floor') <= 1.5,
    ),
    row(
      'warm: worker.evaluate(fn, i)',
      `${((warm.ours / calls) * 1000).toFixed(1)} us`,
      `worker_threads: ${((warm.floor / calls) * 1000).toFixed(1)} us`,
      warm.ratio('ours', 'floor'),
      '1.5',
      warm.ratio('ours', 'floor') <= 1.5,
    ),
    row(
      'memory of an open worker, private',
      `${memoryOf(worker.pid).toFixed(1)} MB`,
      `node -e: ${memoryOf(idle.pid).toFixed(1)} MB`,
      memoryOf(worker.pid) / memoryOf(idle.pid),
      '',
      true,
    ),
  ];
  console.table(rows);
  idle.kill();
} finally {
  unshare.kill('SIGKILL');
  await worker.close();
  await thread.terminate();
}
