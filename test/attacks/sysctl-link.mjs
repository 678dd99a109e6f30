/**
 * node sysctl-link.mjs [runs]: a user without privileges mounts proc and sysfs in namespaces of his own,
 * and puts links to a setting of the kernel and to a file of /sys where root's program writes its
 * configuration. He wins where the machine's value or the file's mode or owner has changed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const { openRoot } = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const runs = Number(process.argv[2] ?? 10);
const setting = '/proc/sys/vm/stat_interval';
const attribute = '/sys/kernel/mm/ksm/pages_to_scan';

const before = { value: readFileSync(setting, 'utf8'), ...statSync(attribute) };
const now = () => ({ value: readFileSync(setting, 'utf8'), ...statSync(attribute) });
const restore = () => {
  writeFileSync(setting, before.value);
  chmodSync(attribute, before.mode & 0o7777);
  chownSync(attribute, before.uid, before.gid);
};

const user = '--reuid=1000 --regid=1000 --clear-groups --inh-caps=-all --bounding-set=-all';
const script = `mount -t tmpfs tmpfs /tmp && mount -t sysfs sysfs /sys &&
  ln -s ${setting} /tmp/config && ln -s ${attribute} /tmp/attribute && echo ready && exec sleep 600`;
const unshare = ['unshare', '-Urmpfn', '--kill-child', '--mount-proc', 'sh', '-c', script];
const child = spawn('setpriv', [...user.split(' '), ...unshare], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let won = 0;
try {
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('no such target can be started'))),
  ]);
  let pid = child.pid;
  for (;;) {
    const [below] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    if (!below) break;
    pid = Number(below);
  }
  const root = openRoot(pid);
  const calls = [
    () => root.writeFile('/tmp/config', '7\n'),
    () => root.appendFile('/tmp/config', '7\n'),
    () => root.chmod('/tmp/attribute', 0o666),
    () => root.chown('/tmp/attribute', 0, 0),
    async () => {
      await using_(await root.open('/tmp/config', 'r+'), handle => handle.write('7\n'));
    },
    async () => {
      await using_(await root.open('/tmp/attribute'), handle => handle.chmod(0o666));
    },
  ];
  for (let run = 0; run < runs; run++) {
    await calls[run % calls.length]().catch(() => {});
    const { value, mode, uid, gid } = now();
    if (
      [value, mode, uid, gid].join() !== [before.value, before.mode, before.uid, before.gid].join()
    )
      won++;
    restore();
    await sleep(0);
  }
  root.close();
} finally {
  restore();
  child.kill('SIGKILL');
}
console.log(`won ${won} of ${runs}`);
process.exitCode = won === 0 ? 0 : 1;

async function using_(handle, use) {
  try {
    await use(handle);
  } finally {
    await handle.close();
  }
}
