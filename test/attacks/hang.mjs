// Processes that nobody can read the command line of: they win when a list does not come back. Whoever may
// mount FUSE in a namespace of his own can do this; it holds up every `ps` of the machine, so it is run in a
// guest (npm run test:kernels -- newest test/attacks/hang.mjs). See hang.c. A run is one such process. Fifteen are
// there at once, for to set up one takes long; of more than sixteen, not all would meet a thread that they can
// hold up (native/base/left_behind.cc).
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile, folder, library, reportApart, runs, start } from './harness.mjs';

const { listNamespaces, listSockets, processTree } = library;
const hang = compile('hang');
const unshare = ['unshare', '-mnupf', '--kill-child', '--mount-proc', hang];
const atOnce = 15;

const childrenOf = pid =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

async function startThem(count) {
  const attacker = await start(...unshare, mkdtempSync(join(folder, 'mount-')), `${count}`);
  const [server] = childrenOf(attacker.pid);
  const pids = childrenOf(server);
  if (pids.length !== count) throw new Error(`${pids.length} processes instead of ${count}`);
  for (const pid of pids) {
    while (!readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') D ')) await sleep(10);
  }
  return { attacker, server, pids };
}

/** One after the other: the first list meets all of them, for the next ones know where not to wait. */
async function listAll(pid, first) {
  const kinds = [() => listNamespaces(), () => processTree(pid), () => listSockets(pid)];
  for (let i = 0; i < kinds.length; i++) await kinds[(first + i) % kinds.length]();
  return false;
}

/** Have they won? The next ones are others: what a list has left behind is no help with those. */
async function attempt(run) {
  const { attacker, server, pids } = await startThem(Math.min(atOnce, runs - run));
  try {
    return await Promise.race([listAll(pids[0], run / atOnce), sleep(300_000, true)]);
  } finally {
    attacker.kill('SIGKILL');
    while (existsSync(`/proc/${server}`)) await sleep(10); // the last of its pid namespace
  }
}

let batch;
await reportApart(run => {
  if (run % atOnce === 0) batch = attempt(run);
  return batch;
}, 8);
