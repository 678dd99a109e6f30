// Runtimes write down when a process started, by the clock of their time namespace; /proc shows it by the reader's.
import { uptime } from 'node:os';
import { listContainers } from 'linux-namespaces';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { placeOf, runScript, startTarget, type Target, until } from '../shared/support.ts';
import { crunStatus, runcState, StateRoot } from './state-root.ts';

let state: StateRoot;
let target: Target;
beforeEach(async () => {
  state = new StateRoot();
  target = await startTarget('--mount');
});
afterEach(async () => {
  state[Symbol.dispose]();
  await target.kill();
});

function hostsTime(): string | undefined {
  try {
    return placeOf(1, 'time');
  } catch {
    return undefined;
  }
}

const later = (found: ReturnType<typeof runcState>, ticks: number) => ({
  ...found,
  init_process_start: Math.max(1, found.init_process_start + ticks),
});

describe('looked for in a time namespace of our own', () => {
  /** As seen there, and when they started, in seconds from now. */
  function seenAt(boottime: number): [name: string, state: string, pid: number, age: number][] {
    const script = `import { listContainers, openNamespaces } from 'linux-namespaces';
      const all = await listContainers({ root: '${state.root}' });
      for (const one of all) if (one.pid) openNamespaces(one, ['mnt']).close();
      console.log(JSON.stringify(all.map(({ name, state, pid, started }) =>
        [name, state, pid, started && Math.round((Date.now() - started) / 1000)])));`;
    return JSON.parse(runScript(script, ['unshare', '-T', '-f', `--boottime=${boottime}`]));
  }

  test.each([
    ['ahead', () => 1000],
    ['behind', () => -1],
    ['that began after the process', () => 1 - Math.floor(uptime())],
  ])('by a clock %s', async (_, offset) => {
    await until('us to be older than that clock', () => process.uptime() > 2 || undefined);
    state.write('run/runc/web/state.json', runcState('web', process.pid));
    state.write('run/crun/db/status', crunStatus(process.pid));
    state.write('run/runc/old/state.json', later(runcState('old', process.pid), 2));
    // By the clock of who looks, another one's.
    state.write('run/runc/odd/state.json', later(runcState('odd', process.pid), offset() * 100));
    const seen = seenAt(offset());
    const age = process.uptime();
    expect(seen.map(([name, is, pid]) => [name, is, pid]).sort()).toEqual([
      ['db', 'running', process.pid],
      ['odd', 'exited', null],
      ['old', 'exited', null],
      ['web', 'running', process.pid],
    ]);
    for (const [, , pid, seconds] of seen) {
      if (pid !== null) expect(Math.abs(seconds - age)).toBeLessThan(30);
    }
  });

  test('where only children will be in it', () => {
    state.write('run/runc/web/state.json', runcState('web', target.pid));
    state.write('run/runc/old/state.json', later(runcState('old', target.pid), 1));
    const script = `import { writeFileSync } from 'node:fs';
      import { listContainers } from 'linux-namespaces';
      import { unshare } from 'linux-namespaces/syscalls';
      unshare(['time']);
      writeFileSync('/proc/self/timens_offsets', 'boottime 1000 0');
      const all = await listContainers({ root: '${state.root}' });
      console.log(all.map(({ name, state }) => name + ' ' + state).sort().join());`;
    // That we are still in the host's own is not known where its first process is not shown to us.
    const isShown = placeOf('self', 'time') === hostsTime();
    expect(runScript(script)).toBe(
      `${isShown ? 'old exited,web running' : 'old unknown,web unknown'}\n`,
    );
  });
});

test('where the clock of the host is hidden from us, it is taken for ours', () => {
  state.write('run/runc/web/state.json', runcState('web', target.pid));
  const script = `import { listContainers } from 'linux-namespaces';
    process.setgid(1000); process.setuid(1000);
    const [one] = await listContainers({ root: '${state.root}' });
    console.log(one.name, one.state, one.pid);`;
  const hide = `chmod 711 $1; touch $1/no; chmod 600 $1/no; mount --bind $1/no /proc/1/timens_offsets`;
  const under = ['unshare', '-m', 'sh', '-c', `${hide} && shift && exec "$@"`, 'sh', state.root];
  expect(runScript(script, under)).toBe(`web running ${target.pid}\n`);
});

test('of an engine in a time namespace of its own: unknown, as anybody can have such a clock', async () => {
  const inner = await startTarget('--mount', '--time', '--boottime=1000');
  try {
    state.write('run/runc/web/state.json', later(runcState('web', inner.pid), 100_000));
    state.write('run/runc/old/state.json', later(runcState('old', inner.pid), 101_000));
    const containers = await listContainers({ root: state.root });
    const seen = containers.map(({ name, state: is, pid }) => [name, is, pid]);
    expect(seen.sort()).toEqual([
      ['old', 'exited', undefined],
      ['web', 'unknown', undefined],
    ]);
    // Where that is the host, by its clock.
    const root = `/proc/${inner.pid}/root`;
    const directories = { runc: { root: `${state.root}/run/runc` } };
    const there = await listContainers({ root, directories });
    const web = there.find(({ pid }) => pid === inner.pid);
    expect(web).toMatchObject({ name: 'web', state: 'running' });
    expect(containers.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^runc:web: open ESRCH, .* is by the clock of another time namespace$/),
    ]);
  } finally {
    await inner.kill();
  }
});
