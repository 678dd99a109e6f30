// A pid that the kernel gives again, for certain: in a pid namespace of the test's own, where the next
// one can be chosen (proc(5), ns_last_pid). What is held of the old process never means the new one.
import { spawn as nodeSpawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { outcome, probe } from './fixtures/targets.ts';

async function inPidNamespace(script: string) {
  const source = `
    import * as node from 'node:child_process';
    import { once } from 'node:events';
    import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
    import { openNamespaces, spawn, spawnSync } from 'linux-namespaces';
    const probe = ${JSON.stringify(probe)};
    const alive = pid => /^State:\\t[RS]/m.test(readFileSync('/proc/' + pid + '/status', 'utf8'));
    /** A process with this pid, which is free. */
    const again = async (pid, file = probe, args = ['wait']) => {
      for (let i = 0; i < 100; i++) {
        writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
        const child = node.spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        await once(child.stdout, 'data');
        if (child.pid === pid) return child;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      throw new Error('the pid did not come again');
    };
    const attempt = call => { try { call(); return 'done'; } catch (error) { return error.code; } };
    const results = [];
    ${script}
    console.log(JSON.stringify(results));
    process.exit();`;
  const line = ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath];
  const child = nodeSpawn('unshare', [...line, '--input-type=module', '-e', source]);
  const { stdout, stderr } = await outcome(child);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

test('kill() of a child that has ended hits nobody', async () => {
  const results = await inPidNamespace(`
    const child = spawn(probe, ['wait'], { stdio: 'ignore' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const other = await again(child.pid);
    results.push(child.kill('SIGKILL'), child.kill(0), alive(other.pid), other.pid === child.pid);`);
  expect(results).toEqual([false, false, true, true]);
});

test('a ChildProcess that has ended is no target, whoever has its pid', async () => {
  const results = await inPidNamespace(`
    for (const module of [node, { spawn }]) {
      const child = module.spawn(probe, ['exit', '0'], { stdio: 'ignore' });
      await once(child, 'exit');
      const other = await again(child.pid, 'unshare', ['-n', probe, 'wait']);
      results.push(
        attempt(() => spawn(probe, ['exit', '0'], { target: child, namespaces: ['net'] })),
        attempt(() => openNamespaces(child, ['net'])),
        alive(other.pid) && other.pid === child.pid,
      );
    }`);
  expect(results).toEqual(['ESRCH', 'ESRCH', true, 'ESRCH', 'ESRCH', true]);
});

test('nothing is taken from a ChildProcess that has ended, where none of its namespaces is joined', async () => {
  const results = await inPidNamespace(`
    const child = node.spawn(probe, ['exit', '0'], { stdio: 'ignore' });
    await once(child, 'exit');
    const other = await again(child.pid);
    for (const more of [{ credentials: 'target' }, { root: 'target' }, { cgroup: 'target' }, { tools: true }]) {
      const options = { target: child, namespaces: [], stdio: 'ignore', ...more };
      results.push(
        attempt(() => spawn(probe, ['exit', '0'], options)),
        attempt(() => spawnSync(probe, ['exit', '0'], options)),
      );
    }
    results.push(other.pid === child.pid);`);
  expect(results).toEqual([...Array(8).fill('ESRCH'), true]);
});

test('an open handle stays that of the process it was opened from', async () => {
  const results = await inPidNamespace(`
    const first = node.spawn('unshare', ['-n', probe, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(first.stdout, 'data');
    const handle = openNamespaces(first.pid, ['net']);
    const theirs = handle.inode('net');
    first.kill('SIGKILL');
    await once(first, 'exit');
    const other = await again(first.pid, 'unshare', ['-n', probe, 'wait']);
    const child = handle.spawn(probe, ['wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    const net = pid => readlinkSync('/proc/' + pid + '/ns/net');
    results.push(net(child.pid) === 'net:[' + theirs + ']', net(child.pid) === net(other.pid));
    child.kill('SIGKILL');`);
  expect(results).toEqual([true, false]);
});
