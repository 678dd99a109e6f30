// listNamespaces beside lsns, with 100, 1,000, 5,000 and 20,000 processes, with and without a look into
// their files, and the longest pause of the event loop meanwhile. Rounds alternate, so that what else
// the machine does hits all alike. Needs root and a C compiler; LSNS names another lsns.
// node bench/inspect.mjs [rounds] [processes...]
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { listNamespaces } from 'linux-namespaces';

const [rounds = 5, ...counts] = process.argv.slice(2).map(Number);
const [lsns, ...flags] = (process.env.LSNS ?? 'lsns').split(' ');
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-bench-'));
const sleepers = join(folder, 'sleepers');
execFileSync('cc', ['-O2', '-o', sleepers, new URL('sleepers.c', import.meta.url).pathname]);

const median = list => list.sort((a, b) => a - b)[list.length >> 1];

/** Milliseconds: that it took, that a processor worked for it, and that the loop stood still. */
async function measure(look) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const used = process.cpuUsage();
  delay.enable();
  const begin = performance.now();
  const found = await look();
  const took = performance.now() - begin;
  delay.disable();
  const { user, system } = process.cpuUsage(used);
  return { took, worked: (user + system) / 1000, pause: delay.max / 1e6, found };
}

const ways = {
  lsns: () =>
    promisify(execFile)(lsns, [...flags, '--json', '--output-all'], { maxBuffer: 1 << 28 }),
  everything: () => listNamespaces(),
  'holders: false': () => listNamespaces({ holders: false }),
};

try {
  for (const count of counts.length > 0 ? counts : [100, 1_000, 5_000, 20_000]) {
    const child = spawn(sleepers, [`${count}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [word] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
      if (String(word).trim() !== 'ready') throw new Error(`no ${count} processes to be had`);
      const results = Object.fromEntries(Object.keys(ways).map(name => [name, []]));
      for (let round = 0; round <= rounds; round++) {
        for (const [name, look] of Object.entries(ways)) {
          const result = await measure(look);
          if (round > 0) results[name].push(result);
        }
      }
      const all = readdirSync('/proc').filter(name => /^\d/.test(name)).length;
      const rows = results.everything[0].found.length;
      console.log(
        `\n${count} sleepers: ${all} processes, ${rows} namespaces; medians of ${rounds}`,
      );
      console.table(
        Object.fromEntries(
          Object.entries(results).map(([name, list]) => [
            name,
            {
              ms: median(list.map(one => one.took)).toFixed(1),
              'times faster': median(list.map((one, i) => results.lsns[i].took / one.took)).toFixed(
                1,
              ),
              'ms of processor':
                name === 'lsns' ? '' : median(list.map(one => one.worked)).toFixed(1),
              'longest pause, ms':
                name === 'lsns' ? '' : median(list.map(one => one.pause)).toFixed(1),
            },
          ]),
        ),
      );
    } finally {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      // They die after it: the next round should not see them.
      const left = () => execFileSync('sh', ['-c', `pgrep -fc '^${sleepers} ' || true`]);
      while (Number(left()) > 0) await sleep(500);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
