// A process that nobody can read the command line of: it wins when a list does not come back. Whoever may
// mount FUSE in a namespace of his own can do this. See hang.c.
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile, folder, library, report, start } from './harness.mjs';

const { listNamespaces, listSockets, processTree } = library;
const hang = compile('hang');

await report(async () => {
  const attacker = await start(
    ...['unshare', '-mnupf', '--kill-child', '--mount-proc', hang],
    mkdtempSync(join(folder, 'mount-')),
  );
  try {
    const pid = Number(
      readFileSync(`/proc/${attacker.pid}/task/${attacker.pid}/children`, 'utf8').trim(),
    );
    while (!readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') D ')) await sleep(10);
    const lists = Promise.all([listNamespaces(), processTree(pid), listSockets(pid)]);
    return await Promise.race([lists.then(() => false), sleep(15_000, true)]);
  } finally {
    attacker.kill('SIGKILL');
  }
});
