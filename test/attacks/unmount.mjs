/**
 * node unmount.mjs [runs]: files and directories are mounted in a container, as volumes and /etc/hosts
 * are, and root's program replaces, renames and removes them. The attack, or rather the accident, has won
 * where the mount has gone from the container.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { openRoot } = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const runs = Number(process.argv[2] ?? 10);
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-unmount-'));
const at = name => join(folder, name);
for (const name of ['conf', 'app.conf', 'new']) writeFileSync(at(name), name);
for (const name of ['data', 'vol']) mkdirSync(at(name));

// It mounts both anew for each line that it reads.
const script = `cd "$0" && while read -r line; do
    umount app.conf vol 2>/dev/null; rm -rf app.conf vol moved; : > app.conf; mkdir vol; echo new > new
    mount --bind conf app.conf && mount --bind data vol && echo ready
  done`;
const child = spawn('unshare', ['-m', 'sh', '-c', script, folder], {
  stdio: ['pipe', 'pipe', 'ignore'],
});
const mounts = () =>
  readFileSync(`/proc/${child.pid}/mountinfo`, 'utf8').match(/ \S*\/(app\.conf|vol|moved) /g);
const anew = () => {
  child.stdin.write('\n');
  return once(child.stdout, 'data');
};
let won = 0;
try {
  await anew();
  const root = openRoot(child.pid);
  const calls = [
    () => root.writeFile(at('app.conf'), 'x', { atomic: true }),
    () => root.rename(at('new'), at('app.conf')),
    () => root.rename(at('app.conf'), at('moved')),
    () => root.rm(at('app.conf')),
    () => root.rm(at('vol'), { recursive: true }),
  ];
  for (let run = 0; run < runs; run++) {
    await calls[run % calls.length]().catch(() => {});
    const left = mounts()?.join() ?? '';
    if (!left.includes('/app.conf ') || !left.includes('/vol ')) won++;
    await anew();
  }
  root.close();
} finally {
  child.kill('SIGKILL');
  await once(child, 'close');
  rmSync(folder, { recursive: true, force: true });
}
console.log(`won ${won} of ${runs}`);
process.exitCode = won === 0 ? 0 : 1;
