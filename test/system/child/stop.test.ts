// A container is stopped by a signal to its first process (docker stop), while a child of ours is, or has ended, in its
// pid namespace. That process can go only when the last zombie in there has been reaped, and that is ours to do, also
// where JavaScript does not get to it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';

const library = JSON.stringify(import.meta.resolve('linux-namespaces'));

/** It says `ready`, then whether the container has ended while it was at work, or blocked, and how the child has. */
const script = (pid: number, program: string[], isBlocked: boolean) => `
  import { once } from 'node:events';
  import { readFileSync } from 'node:fs';
  import { spawn } from ${library};
  const state = pid => {
    try {
      return /^State:\\t(.)/m.exec(readFileSync('/proc/' + pid + '/status', 'utf8'))[1];
    } catch {
      return 'X';
    }
  };
  const isOver = () => ['Z', 'X'].includes(state(${pid}));
  const [file, ...args] = ${JSON.stringify(program)};
  const child = spawn(file, args, { target: ${pid}, namespaces: ['pid'], stdio: 'ignore' });
  const ended = once(child, 'exit');
  await once(child, 'spawn');
  const end = Date.now() + ${seconds(60)};
  if (file === 'true') {
    if (!${isBlocked}) await ended;
    while (!['Z', 'X'].includes(state(child.pid)) && Date.now() < end);
  }
  process.stdout.write('ready\\n');
  while (!isOver() && Date.now() < end) {
    if (!${isBlocked}) await new Promise(done => setTimeout(done, 10));
  }
  console.log(isOver() ? 'over' : 'held');
  console.log(...(await ended));`;

test.each([
  ['has ended', false, ['true'], '0 null'],
  ['has ended', true, ['true'], '0 null'],
  ['runs', false, ['sleep', '1000'], 'null SIGKILL'],
  ['runs', true, ['sleep', '1000'], 'null SIGKILL'],
] as const)(
  'a child that %s, JavaScript blocked: %s',
  { timeout: seconds(120) },
  async (_, isBlocked, program, how) => {
    const wait = 'trap "exit 7" TERM; echo $$; while :; do sleep 0.1; done';
    const started = ['-p', '-f', '--kill-child', 'sh', '-c', wait];
    const container = spawn('unshare', started, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(container, 'exit');
    await once(container.stdout, 'data');
    const path = `/proc/${container.pid}/task/${container.pid}/children`;
    const pid = Number(readFileSync(path, 'utf8'));
    const code = script(pid, [...program], isBlocked);
    const node = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const lines = createInterface({ input: node.stdout })[Symbol.asyncIterator]();
      const next = async () => (await lines.next()).value;
      expect(await next()).toBe('ready');
      process.kill(pid, 'SIGTERM');
      expect([await next(), await next()]).toEqual(['over', how]);
      expect(await ended).toEqual([7, null]);
    } finally {
      node.kill('SIGKILL');
      container.kill('SIGKILL');
    }
  },
);
