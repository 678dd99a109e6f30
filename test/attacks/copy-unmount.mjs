/**
 * node copy-unmount.mjs [runs]: a file that is mounted in a container, as a volume or /etc/hosts is, gets a new content by
 * copyIn: alone, in a tree, as a link or by a further name. It has won where the mount has gone from the container.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { openRoot } = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const runs = Number(process.argv[2] ?? 10);
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-copy-unmount-'));
const at = name => join(folder, name);
for (const name of ['tree', 'links', 'names', 'in']) mkdirSync(at(name));
for (const name of ['conf', 'tree/app.conf', 'names/app.conf']) writeFileSync(at(name), name);
symlinkSync('x', at('links/app.conf'));
linkSync(at('names/app.conf'), at('names/app.other'));

// It mounts the file anew for each line that it reads.
const script = `cd "$0/in" && while read -r line; do
    umount app.conf app.other 2>/dev/null; rm -rf app.conf app.other; : > app.conf; : > app.other
    mount --bind ../conf app.conf && mount --bind ../conf app.other && echo ready
  done`;
const child = spawn('unshare', ['-m', 'sh', '-c', script, folder], {
  stdio: ['pipe', 'pipe', 'ignore'],
});
const anew = () => {
  child.stdin.write('\n');
  return once(child.stdout, 'data');
};
let won = 0;
try {
  await anew();
  const root = openRoot(child.pid);
  const calls = [
    () => root.copyIn(at('tree/app.conf'), at('in/app.conf')),
    () => root.copyIn(at('tree'), at('in')),
    () => root.copyIn(at('links'), at('in')),
    () => root.copyIn(at('names'), at('in')),
  ];
  for (let run = 0; run < runs; run++) {
    await calls[run % calls.length]().catch(() => {});
    const left = readFileSync(`/proc/${child.pid}/mountinfo`, 'utf8').match(/\/in\/app\.\w+ /g);
    if (left?.length !== 2) won++;
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
