// Docker's capabilities and CAP_SYS_PTRACE: a worker is stopped as it appears in the container, and what
// it holds is taken and spoken by. Won where a process of the host is killed, Node is aborted, or anything
// was taken but the worker's own pipes: its streams, answers and requests (attacks.md, A2).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { compile, container, docker, libraryUrl, node, report } from './harness.mjs';

const program = compile('steal');

await report(async () => {
  const victims = [1, 2].map(() => spawn('sleep', ['1000'], { stdio: 'ignore' }));
  const pids = victims.map(victim => String(victim.pid));
  const before = [
    'setpriv',
    '--bounding-set',
    `-all,${docker('sys_ptrace')}`,
    '--inh-caps',
    '-all',
  ];
  const target = await container(['-pmnuif', '--mount-proc'], [...before, program, ...pids]);
  try {
    // What the launcher calls where it is seen: 0.1 getpriority, now ppoll.
    const { signal, code } = await node(
      `import { openWorker } from '${libraryUrl}';
       const worker = await openWorker(${target.pid}, 'all').catch(() => undefined);
       await new Promise(done => setTimeout(done, 1500));
       worker?.close().catch(() => {});
       setTimeout(() => process.exit(), 300).unref();`,
      ['getpriority', 'ppoll'],
    );
    // On a machine with a lot to do it may be caught later: what Node has opened by then is its own.
    const { dev, ino } = statSync(process.execPath);
    const isNode = target.lines.includes(`is ${dev} ${ino}`);
    const taken = target.lines.filter(line => !isNode && /^fd (?![0-4] 10000$)/.test(line));
    const killed = victims.some(victim => victim.exitCode !== null || victim.signalCode !== null);
    if (!target.lines.some(line => line.startsWith('fd'))) throw new Error('caught nothing');
    const won = killed || taken.length > 0 || signal !== null || code >= 128;
    if (won) console.error({ killed, taken, signal, code, lines: target.lines });
    return won;
  } finally {
    await target.stop();
    for (const victim of victims) {
      if (victim.exitCode !== null || victim.signalCode !== null) continue;
      victim.kill('SIGKILL');
      await once(victim, 'exit');
    }
  }
});
