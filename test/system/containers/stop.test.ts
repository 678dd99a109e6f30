// A container stops while a child of ours is, or has ended, in its pid namespace: its first process can go only when
// the last zombie in there has been reaped, and that is ours to do, also where JavaScript does not get to it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Docker, missing, startDocker } from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';

const absent = missing('dockerd', 'runc', 'iptables');
const library = JSON.stringify(import.meta.resolve('linux-namespaces'));

/** It says `ready`, then whether the container has ended while it was at work, or blocked. */
const script = (pid: number, program: string[], blocked: boolean) => `
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
  const child = spawn(file, args, { target: ${pid}, stdio: 'ignore' });
  await once(child, 'spawn');
  const end = Date.now() + ${seconds(60)};
  if (file === 'true' && ${blocked}) while (state(child.pid) !== 'Z' && Date.now() < end);
  process.stdout.write('ready\\n');
  while (!isOver() && Date.now() < end) {
    if (!${blocked}) await new Promise(done => setTimeout(done, 10));
  }
  console.log(isOver() ? 'over' : 'held');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  console.log(child.exitCode, child.signalCode);`;

describe.skipIf(absent)(`docker stop [${absent || 'installed'}]`, () => {
  let docker: Docker;
  beforeAll(async () => {
    docker = await startDocker();
  }, seconds(120));
  afterAll(() => docker?.stop());

  const start = async () => {
    const wait = 'trap "exit 7" TERM; while :; do sleep 0.1; done';
    const id = await docker.start('busybox:1', 'sh', '-c', wait);
    return { id, pid: (await docker.inspect(id)).State.Pid as number };
  };
  /** SIGKILL would come after a minute, and be 137. */
  const stop = async (id: string) => {
    await docker.docker('stop', '-t', '60', id);
    const { Running, ExitCode } = (await docker.inspect(id)).State;
    return { Running, ExitCode };
  };
  const stopped = { Running: false, ExitCode: 7 };

  test('beside docker exec', { timeout: seconds(120) }, async () => {
    const { id } = await start();
    await docker.docker('exec', '-d', id, 'sleep', '1000');
    expect(await stop(id)).toEqual(stopped);
  });

  test.each([
    ['that has ended', ['true'], false, '0 null'],
    ['that has ended, JavaScript blocked', ['true'], true, '0 null'],
    ['that runs', ['sleep', '1000'], false, 'null SIGKILL'],
    ['that runs, JavaScript blocked', ['sleep', '1000'], true, 'null SIGKILL'],
  ])('beside a child %s', { timeout: seconds(120) }, async (_, program, blocked, end) => {
    const { id, pid } = await start();
    const code = script(pid, program, blocked);
    const node = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const lines = createInterface({ input: node.stdout })[Symbol.asyncIterator]();
      const next = async () => (await lines.next()).value;
      expect(await next()).toBe('ready');
      expect(await stop(id)).toEqual(stopped);
      expect([await next(), await next()]).toEqual(['over', end]);
    } finally {
      if (node.exitCode === null && node.kill('SIGKILL')) await once(node, 'close');
    }
  });
});
