// Processes that nobody can read the command line of: they win when a list does not come back. Whoever may
// mount FUSE in a namespace of his own can do this; it holds up every `ps` of the machine, so it is run in a
// guest (npm run test:kernels -- newest test/attacks/hang.mjs). See hang.c. A run is one such process; five are
// there at once, since to set one up takes longer than the lists.
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile, folder, library, report, start } from './harness.mjs';

const { listNamespaces, listSockets, processTree } = library;
const hang = compile('hang');
const unshare = ['unshare', '-mnupf', '--kill-child', '--mount-proc', hang];
const atOnce = 5;

async function startOne() {
  const attacker = await start(...unshare, mkdtempSync(join(folder, 'mount-')));
  const children = readFileSync(`/proc/${attacker.pid}/task/${attacker.pid}/children`, 'utf8');
  const pid = Number(children.trim());
  while (!readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') D ')) await sleep(10);
  return { attacker, pid };
}

/** Have they won? The next ones are others: what a list has left behind is no help with those. */
async function attempt() {
  const targets = await Promise.all(Array.from({ length: atOnce }, startOne));
  try {
    const lists = [listNamespaces()];
    for (const { pid } of targets) lists.push(processTree(pid), listSockets(pid));
    return await Promise.race([Promise.all(lists).then(() => false), sleep(300_000, true)]);
  } finally {
    for (const { attacker } of targets) attacker.kill('SIGKILL');
  }
}

let batch;
await report(run => {
  if (run % atOnce === 0) batch = attempt();
  return batch;
});
