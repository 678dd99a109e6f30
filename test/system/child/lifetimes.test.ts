// How children begin and end: with us, without us, by signals, in frozen cgroups, out of Workers.
import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { openWorker, spawn } from 'linux-namespaces';
import { afterEach, expect, test } from 'vitest';
import { isEmulated, seconds } from '../../timeouts.ts';
import { all, cgroup2, outcome, probe, startTarget } from './fixtures/targets.ts';

function stateOf(pid: number): string | undefined {
  try {
    return /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
const alive = (pid: number) => !['Z', 'X', undefined].includes(stateOf(pid));

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

const left: number[] = [];
afterEach(() => {
  for (const pid of left.splice(0)) if (alive(pid)) process.kill(pid, 'SIGKILL');
});

/** Runs a script in a Node of its own, which prints pids; gives that Node and the pids. */
async function parent(script: string) {
  const node = nodeSpawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  left.push(node.pid as number);
  const [line] = await once(node.stdout, 'data');
  const pids = String(line).trim().split(' ').map(Number);
  left.push(...pids);
  return { node, pids };
}

const begin = `import { openWorker, spawn } from 'linux-namespaces'; import { once } from 'node:events';
  const start = options => spawn(${JSON.stringify(probe)}, ['wait'], { stdio: 'ignore', env: {}, ...options });`;

test('killOnParentExit: killed with the parent, whoever it has become; others live on', async () => {
  const target = await startTarget(all);
  const { node, pids } = await parent(`${begin}
    const target = ${target.pid};
    const options = [{}, { uid: 1000, gid: 1000 }, { capabilities: ['CAP_KILL'], uid: 7 }, { target, root: '/' },
      { target, root: '/', credentials: 'target' }, { unshare: ['pid'] }];
    const children = options.map(o => start({ ...o, killOnParentExit: true }));
    children.push(start({}));
    console.log(children.map(c => c.pid).join(' ')); setInterval(() => {}, 1000);`);
  expect(pids.map(alive)).toEqual(pids.map(() => true));
  node.kill('SIGKILL');
  await once(node, 'exit');
  const free = pids.pop() as number;
  for (const pid of pids) await expect.poll(() => alive(pid)).toBe(false);
  expect(alive(free)).toBe(true);
});

test('killOnParentExit in a Worker: its end is not that of the parent', async () => {
  const { node, pids } = await parent(`
    import { Worker } from 'node:worker_threads'; import { once } from 'node:events';
    const worker = new Worker(\`const { parentPort } = require('node:worker_threads');
      import('linux-namespaces').then(({ spawn }) => {
        const pids = [{}, { unshare: ['pid'] }].map(o =>
          spawn(${JSON.stringify(probe)}, ['wait'], { stdio: 'ignore', killOnParentExit: true, ...o }).pid);
        parentPort.postMessage(pids);
      });\`, { eval: true, execArgv: [] });
    const [pids] = await once(worker, 'message');
    await worker.terminate();
    await new Promise(done => setTimeout(done, 100));
    console.log(pids.join(' ')); setInterval(() => {}, 1000);`);
  expect(pids).toHaveLength(2);
  expect(pids.map(alive)).toEqual([true, true]);
  node.kill('SIGKILL');
  await once(node, 'exit');
  for (const pid of pids) await expect.poll(() => alive(pid)).toBe(false);
});

test('a Worker that is terminated leaves its child running, and nobody a zombie', async () => {
  const code = `const { parentPort } = require('node:worker_threads');
    import('linux-namespaces').then(({ spawn }) => {
      const child = spawn(${JSON.stringify(probe)}, ['cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
      const second = spawn(${JSON.stringify(probe)}, ['wait'], { stdio: 'ignore', killOnParentExit: true });
      parentPort.postMessage([child.pid, second.pid]);
    });`;
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(code, { eval: true });
    const [[pid, second]] = await once(worker, 'message');
    left.push(pid, second);
    await worker.terminate();
    expect(alive(second)).toBe(true);
    process.kill(second, 'SIGKILL');
    // The first one's pipes are gone: it ends by itself.
    await expect.poll(() => stateOf(pid)).toBe(undefined);
    await expect.poll(() => stateOf(second)).toBe(undefined);
  }
});

test('signals reach the program itself, in a pid namespace too; no go-between is orphaned', async () => {
  const target = await startTarget(['pid', 'mnt']);
  const child = spawn(probe, ['wait'], { target: target.pid, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')).toBe(`${probe}\0wait\0`);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  expect(stateOf(child.pid as number)).toBe(undefined);
});

test('stop and continue', async () => {
  const target = await startTarget(['pid', 'mnt']);
  const child = spawn(probe, ['wait'], { target: target.pid, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const pid = child.pid as number;
  child.kill('SIGSTOP');
  await expect.poll(() => stateOf(pid)).toBe('T');
  child.kill('SIGCONT');
  await expect.poll(() => stateOf(pid)).toBe('S');
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
});

test('every exit code and signal is the program’s own', async () => {
  const target = await startTarget(['pid', 'mnt', 'user']);
  for (const code of [0, 1, 3, 126, 127, 128, 255]) {
    const child = spawn(probe, ['exit', `${code}`], { target: target.pid });
    expect(await outcome(child)).toMatchObject({ code, signal: null });
  }
  for (const [number, name] of [
    [6, 'SIGABRT'],
    [9, 'SIGKILL'],
    [11, 'SIGSEGV'],
    [13, 'SIGPIPE'],
    [15, 'SIGTERM'],
    [29, 'SIGIO'],
  ] as const) {
    const child = spawn(probe, ['die', `${number}`], { target: target.pid });
    expect(await outcome(child)).toMatchObject({ code: null, signal: name });
  }
});

const tree = cgroup2();

test.skipIf(tree === undefined)(
  "cgroup: 'target', also of a frozen target: Node goes on [cgroup 2]",
  async () => {
    const group = join(tree as string, `linux-namespaces-${process.pid}`);
    mkdirSync(group);
    const children: ReturnType<typeof spawn>[] = [];
    try {
      const target = await startTarget(['net', 'pid', 'mnt', 'cgroup']);
      writeFileSync(join(group, 'cgroup.procs'), String(target.pid));
      const options = { target: target.pid, cgroup: 'target', stdio: 'ignore' } as const;
      const child = spawn(probe, ['wait'], options);
      children.push(child);
      const worker = await openWorker(target.pid, 'all', { cgroup: 'target' });
      for (const { pid } of [child, worker]) {
        expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(
          `0::/linux-namespaces-${process.pid}\n`,
        );
      }
      await worker.close();

      writeFileSync(join(group, 'cgroup.freeze'), '1');
      await expect
        .poll(() => readFileSync(join(group, 'cgroup.events'), 'utf8'))
        .toContain('frozen 1');
      const killed = spawn(probe, ['exit', '0'], {
        ...options,
        timeout: 200,
        killSignal: 'SIGKILL',
      });
      const killedExit = once(killed, 'exit');
      const thawed = spawn(probe, ['exit', '5'], options);
      children.push(killed, thawed);
      for (let turn = 0; turn < 20; turn++) await sleep(1);
      expect(await killedExit).toEqual([null, 'SIGKILL']);
      expect(thawed.exitCode).toBe(null);
      writeFileSync(join(group, 'cgroup.freeze'), '0');
      expect(await once(thawed, 'exit')).toEqual([5, null]);
      target.stop();
    } finally {
      writeFileSync(join(group, 'cgroup.freeze'), '0');
      for (const child of children) child.kill('SIGKILL');
      await expect.poll(() => readFileSync(join(group, 'cgroup.procs'), 'utf8')).toBe('');
      rmdirSync(group);
    }
  },
);

/** Bytes of malloc's own heap: what V8 takes and gives back on its own (64 MB from Node 24 on) is not in it. */
function allocated(): number {
  const [, kB] = /\[heap\]\nSize:\s+(\d+)/.exec(readFileSync('/proc/self/smaps', 'utf8')) ?? [];
  return Number(kB) * 1024;
}

const rounds = isEmulated ? 20 : 200;
test('thousands of spawns: fds, threads, children and memory as before', {
  timeout: seconds(300),
}, async () => {
  const target = await startTarget(['net', 'pid', 'mnt', 'uts']);
  const round = (count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, i) => {
        const child = spawn(i % 10 === 0 ? '/nowhere' : probe, ['exit', '0'], {
          target: target.pid,
          stdio: i % 5 === 0 ? 'pipe' : 'ignore',
        });
        for (const stream of [child.stdout, child.stderr]) stream?.resume();
        // Of a child that failed, 'error' comes before its pipes are closed.
        const pipes = [child.stdin, child.stdout, child.stderr].filter(pipe => pipe !== null);
        const ends = pipes.map(pipe => once(pipe, 'close'));
        return Promise.all([once(child, 'close').catch(error => error), ...ends]);
      }),
    );
  const look = () => ({
    fds: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
      .length,
  });
  for (let i = 0; i < 40; i++) await round(50);
  await expect.poll(() => look().children).toBe(1); // the target
  const before = look();
  gc();
  const memory = process.memoryUsage();
  const native = allocated();
  for (let i = 0; i < rounds; i++) await round(50);
  // Or fewer: what earlier tests have started ends, and is closed, when Node gets to it.
  for (const what of ['children', 'fds', 'threads'] as const) {
    await expect.poll(() => look()[what]).toBeLessThanOrEqual(before[what]);
  }
  gc();
  const each = 200; // bytes
  expect(process.memoryUsage().heapUsed - memory.heapUsed).toBeLessThan(rounds * 50 * each);
  expect(allocated() - native).toBeLessThan(rounds * 50 * 4 * each);
  // What malloc maps for itself is more than 128 KiB: one such for each would be 1.2 GB.
  expect(process.memoryUsage().rss - memory.rss).toBeLessThan(150 << 20);
  expect(existsSync(`/proc/${target.pid}`)).toBe(true);
});
