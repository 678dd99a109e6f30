// Containers whose process makes a user namespace while its credentials are read (their engine's seccomp
// filter has to be off for that): what it gets there, it lends to nobody. test/attacks/onew.mjs has the race.

import { execFileSync, spawn as start } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SpawnOptions, spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Docker,
  missing,
  type Podman,
  startDocker,
  startPodman,
} from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { outcome } from '../child/fixtures/targets.ts';
import { hasProgram, read, until } from '../shared/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-onew-'));
chmodSync(folder, 0o755);
const program = join(folder, 'onew');
beforeAll(() => {
  const source = fileURLToPath(new URL('../../attacks/onew.c', import.meta.url));
  execFileSync('cc', ['-static', '-O1', '-o', program, source]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const script = `
  import { evaluate } from 'linux-namespaces';
  const look = () => /CapEff:.*/.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[0];
  console.log(await evaluate(Number(process.argv[1]), 'all', look).catch(error => error.message));`;

/** What a worker of the container has, where strace holds the reading until its process has it all. */
async function race(pid: number): Promise<string> {
  const held = Array.from({ length: 100 }, (_, i) => ['-P', `/proc/self/fd/${i}/status`]).flat();
  const slow = ['-e', 'trace=openat', '-e', 'inject=openat:delay_enter=1000000'];
  const node = [process.execPath, '--input-type=module', '-e', script, `${pid}`];
  const child = start('strace', ['-f', '-qq', '-o', '/dev/null', ...held, ...slow, ...node]);
  const ended = outcome(child);
  let held40 = 0;
  await until('strace to hold the reading', () => {
    // strace tries ptrace on a child of its own first: what is seen here may have ended.
    const tracee = read(`/proc/${child.pid}/task/${child.pid}/children`);
    const stat = (tracee && read(`/proc/${tracee}/stat`)) || '';
    held40 = stat.slice(stat.lastIndexOf(')')).startsWith(') t') ? held40 + 1 : 0;
    return held40 > 40;
  });
  process.kill(pid, 'SIGUSR1');
  return (await ended).stdout.trim();
}

const options = [
  '--security-opt',
  'seccomp=unconfined',
  '--cap-drop=ALL',
  '-v',
  `${folder}:/attack:ro`,
];
const line = [...options, 'busybox:1', '/attack/onew'];
const isPowerful = (pid: number) =>
  /CapEff:\t0*[1-9a-f]/.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
const withoutStrace = hasProgram('strace') ? '' : 'strace';

for (const [name, program, startEngine] of [
  ['Docker', 'dockerd', startDocker],
  ['Podman', 'podman', startPodman],
] as const) {
  const without = withoutStrace || missing(program);
  describe.skipIf(without)(`${name} [${without || 'installed'}]`, () => {
    let engine: Docker | Podman;
    beforeAll(async () => {
      engine = await startEngine();
    }, seconds(180));
    afterAll(() => engine?.stop(), seconds(60));

    test('a program and a worker with its mnt have no more than it has, unless it is asked for', async () => {
      const id = await engine.start('--cap-drop=ALL', 'busybox:1', 'sleep', '1000');
      const { Pid: target } = (await engine.inspect(id.trim())).State;
      const capabilities = (pid: number | string) =>
        /CapEff:\t(\S+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      // Looked at from outside: with mnt alone there is no /proc/self in there.
      const sets = async (options: SpawnOptions) => {
        const child = spawn('sleep', ['1000'], { target, killOnParentExit: true, ...options });
        await once(child, 'spawn');
        const seen = capabilities(child.pid as number);
        child.kill('SIGKILL');
        await once(child, 'exit');
        return seen;
      };
      const ours = capabilities('self');
      const none = '0'.repeat(16);
      expect(ours).not.toBe(none);
      expect(await sets({ namespaces: ['mnt'] })).toBe(none);
      expect(await sets({})).toBe(none);
      expect(await sets({ uid: 0 })).toBe(none);
      expect(await sets({ namespaces: ['mnt'], credentials: 'inherit' })).toBe(ours);
      expect(await sets({ namespaces: ['net'] })).toBe(ours);
    });

    test('a worker gets nothing that the process has just got', async () => {
      const id = await engine.start(...line);
      const { State } = await engine.inspect(id.trim());
      const said = await race(State.Pid);
      expect(isPowerful(State.Pid)).toBe(true);
      expect(said).toMatch(/EAGAIN.*try again|^CapEff:\t0+$/);
    });
  });
}
