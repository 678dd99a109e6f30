// A start that somebody holds up: it costs Node nothing meanwhile, and leaves nothing behind.
import { spawn as nodeSpawn } from 'node:child_process';
import { readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freeze } from '../shared/freezer.ts';
import { outcome, probe, startTarget } from './fixtures/targets.ts';

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

test('in a frozen cgroup, forked into a new pid namespace: the event loop waits', async context => {
  const target = await startTarget(['net']);
  const frozen = freeze(target.pid);
  if (frozen === undefined) return context.skip('there is no freezer here');
  const { cgroup, file, thawed } = frozen;
  const script = `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { performance } from 'node:perf_hooks';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { spawn } from 'linux-namespaces';
    const children = () => readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim();
    const child = spawn(${JSON.stringify(probe)}, ['wait'], {
      target: ${target.pid}, namespaces: ['net'], unshare: ['pid'], cgroup: 'target', stdio: 'ignore', env: {},
    });
    await sleep(100); // what forked has ended
    const turns = () => performance.nodeTiming.uvMetricsInfo.loopCount;
    const before = turns();
    await sleep(500);
    const more = turns() - before;
    writeFileSync(${JSON.stringify(file)}, '${thawed}');
    while (children() !== String(child.pid)) await sleep(5); // no zombie beside it
    child.on('exit', (...how) => console.log(more < 100 ? 'waited' : more, JSON.stringify(how)));
    child.kill('SIGKILL');`;
  const node = nodeSpawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    expect(await outcome(node)).toMatchObject({
      stdout: 'waited [null,"SIGKILL"]\n',
      stderr: '',
    });
  } finally {
    node.kill('SIGKILL');
    writeFileSync(file, thawed);
    const rest = () => readFileSync(`${cgroup}/cgroup.procs`, 'utf8').match(/\d+/g) ?? [];
    await expect
      .poll(() => {
        for (const pid of rest()) end(Number(pid));
        return rest();
      })
      .toEqual([]);
    rmdirSync(cgroup);
  }
});
