// A launcher that is killed while the first process in a joined pid namespace forks the second: nobody has
// told the caller which that is.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { hasProgram, read, until } from '../shared/support.ts';
import { outcome, probe, startTarget } from './fixtures/targets.ts';

interface Look {
  pid: number;
  state: string;
  /** In how many pid namespaces. */
  depth: number;
  program: string;
}

function look(pid: number): Look | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const [, state = ''] = /^State:\t(.)/m.exec(status) ?? [];
    const depth = /^NSpid:(.*)/m.exec(status)?.[1]?.trim().split('\t').length ?? 0;
    const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return { pid, state, depth, program };
  } catch {
    return undefined; // it is gone
  }
}

function childrenOf(pid: number): number[] {
  const list = read(`/proc/${pid}/task/${pid}/children`)?.trim();
  return list ? list.split(' ').map(Number) : [];
}

const looks = (parent: number) => childrenOf(parent).flatMap(pid => look(pid) ?? []);
function goOn(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // it has ended
  }
}

const hasEnded = (pid: number) => 'ZX'.includes(look(pid)?.state ?? 'X');

test.skipIf(!hasProgram('strace'))(
  'the second is ended, and the error says what has happened [needs strace]',
  async () => {
    const target = await startTarget(['pid']);
    const script = `import { spawn } from 'linux-namespaces';
      const options = { target: ${target.pid}, namespaces: ['pid'], unshare: ['pid'], env: {} };
      const child = spawn(${JSON.stringify(probe)}, ['wait'], { ...options, stdio: 'ignore' });
      for (const name of ['error', 'exit']) {
        child.on(name, first => console.log(name, first.code ?? first, first.syscall));
      }`;
    // The first stops when the second runs; so may Node, which goes on.
    const stop = ['-e', 'trace=fcntl', '-P', 'anon_inode:[pidfd]'];
    stop.push('-e', 'inject=fcntl:signal=SIGSTOP');
    const node = [process.execPath, '--input-type=module', '-e', script];
    const strace = spawn('strace', ['-f', '-qq', '-o', '/dev/null', ...stop, ...node]);
    const ended = outcome(strace);
    const traced = await until(
      'Node',
      () => looks(strace.pid ?? 0).find(({ program }) => program === process.execPath)?.pid,
    );
    onTestFinished(() => {
      for (const { pid } of looks(traced)) process.kill(pid, 'SIGKILL');
      strace.kill('SIGKILL');
    });
    const second = await until('the second', () => {
      goOn(traced);
      return looks(traced).find(({ depth, program }) => depth === 3 && program === probe)?.pid;
    });
    const ofLauncher = looks(traced).filter(({ state }) => state !== 'Z');
    const launcher = ofLauncher.find(({ depth }) => depth === 1)?.pid ?? 0;
    const first = ofLauncher.find(({ depth }) => depth === 2)?.pid ?? 0;
    expect([launcher, first]).not.toContain(0);
    process.kill(launcher, 'SIGKILL');
    await until('the end of the launcher', () => hasEnded(launcher));
    await until('the end of the second', () => {
      goOn(first);
      goOn(traced);
      return hasEnded(second);
    });
    expect(await ended).toMatchObject({ stdout: 'error ESRCH clone\n', stderr: '' });
  },
);
