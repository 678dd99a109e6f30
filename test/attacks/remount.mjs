// What unmount.mjs and copy-unmount.mjs share: a container in which files are mounted anew before each run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { openRoot } = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const runs = Number(process.argv[2] ?? 10);
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-unmount-'));
export const at = name => join(folder, name);

/**
 * Before each run `script` mounts what is to be mounted. Then one of the calls that `callsOf` makes is
 * made, one after the other: it has won where `isLeft` does not find the mounts in mountinfo.
 */
export async function play(script, callsOf, isLeft) {
  const loop = `cd "$0" && while read -r line; do ${script} && echo ready; done`;
  const child = spawn('unshare', ['-m', 'sh', '-c', loop, folder], {
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
    const calls = callsOf(root);
    for (let run = 0; run < runs; run++) {
      await calls[run % calls.length]().catch(() => {});
      if (!isLeft(readFileSync(`/proc/${child.pid}/mountinfo`, 'utf8'))) won++;
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
}
