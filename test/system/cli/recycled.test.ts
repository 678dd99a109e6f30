// The process of a pid ends while the command is at work, and another gets that pid. Who owns files in the root
// of the first can bring that about: a lease of it (fcntl(2), F_SETLEASE) on /etc/group, which is read for
// --user, keeps the command waiting there for 45 seconds, and says when.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { outcome, probe } from '../child/fixtures/targets.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-recycled-'));
const hook = join(folder, 'hook.cjs');
/** Read when `exec` has opened the files of the process, and before it starts anything. */
const variables = join(folder, 'variables');
afterAll(() => rmSync(folder, { recursive: true }));

writeFileSync(variables, 'A=1\n');

/** When it asks for a file for the first time, the process is exchanged. */
writeFileSync(
  hook,
  `const fs = require('node:fs');
  const { spawn } = require('node:child_process');
  const { PID: pid, WHEN: when } = process.env;
  const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  let done = false;
  function exchange() {
    done = true;
    process.kill(pid, 'SIGKILL');
    while (fs.existsSync('/proc/' + pid)) wait();
    for (let tries = 0; tries < 100; tries++) {
      fs.writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
      const other = spawn('sleep', ['1000000'], { stdio: 'ignore', detached: true });
      other.unref();
      if (other.pid === Number(pid)) return;
      other.kill('SIGKILL');
    }
    process.exit(99);
  }
  for (const name of ['statSync', 'readFileSync']) {
    const original = fs[name];
    fs[name] = (path, ...more) => {
      if (!done && path === when) exchange();
      return original(path, ...more);
    };
  }`,
);

/** In a pid namespace of its own, where nobody else takes the number, with a /proc in it. */
async function run(line: string, when: string) {
  const source = `
    const { spawn } = require('node:child_process');
    const target = spawn('unshare', ['-nu', ${JSON.stringify(probe)}, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
    target.stdout.once('data', () => {
      const fill = text => text.replace('PID', target.pid).replace('FILE', ${JSON.stringify(variables)});
      const words = fill(${JSON.stringify(line)}).split(' ');
      const env = { ...process.env, PID: target.pid, WHEN: fill(${JSON.stringify(when)}) };
      const command = spawn(process.execPath, ['-r', ${JSON.stringify(hook)}, ${JSON.stringify(main)}, ...words], { env, stdio: 'inherit' });
      command.once('exit', code => process.exit(code));
    });`;
  const line_ = ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, '-e', source];
  return outcome(spawn('unshare', line_));
}

test.each([
  ['exec --env-file FILE PID echo it ran', 'FILE'],
  ['debug PID echo it ran', '/proc/PID/cgroup'],
  ['enter -t PID -u -S follow echo it ran', '/proc/PID'],
])('%s: nothing is run in the place of another', async (line, when) => {
  const { code, stdout, stderr } = await run(line, when);
  expect(stderr).toContain('and another (startTime');
  expect({ code, stdout }).toEqual({ code: line.startsWith('enter') ? 1 : 125, stdout: '' });
});
