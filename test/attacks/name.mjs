/**
 * A process of a user calls itself "\rUid:0 0 0": to a regular expression with the flag m that is a line
 * of its /proc/PID/status, and stands before the true one.
 *
 *     node name.mjs [runs]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const { execFile } = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const runs = Number(process.argv[2] ?? 10);
const names = ['\\rUid:0 0 0', '\\342\\200\\250Uid:0 0 0'];
let won = 0;
for (let i = 0; i < runs; i++) {
  const user = ['--reuid=1000', '--regid=1000', '--clear-groups', '--inh-caps=-all'];
  const script = `printf '${names[i % names.length]}' > /proc/self/comm; echo ready; read x`;
  // Not printf of another process: the name is that of the shell.
  const line = ['-m', 'setpriv', ...user, '--bounding-set=-all', 'bash', '-c', script];
  const target = spawn('unshare', line, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(target.stdout, 'data');
  const status = await new Promise(done => {
    const options = { target: target.pid, namespaces: ['mnt'], credentials: 'target', env: {} };
    execFile('/bin/cat', ['/proc/self/status'], options, (error, out) => done(`${error ?? out}`));
  });
  const lines = status.split('\n');
  const field = name => lines.find(line => line.startsWith(`${name}:`))?.split(/\s+/)[1];
  if (field('Uid') !== '1000') won++;
  target.kill('SIGKILL');
  await once(target, 'close');
}
console.log(`won ${won} of ${runs}`);
process.exitCode = won === 0 ? 0 : 1;
