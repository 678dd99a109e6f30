/** What scenarios.mjs works with: the library, processes in namespaces, and a folder for files. */
import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import { join } from 'node:path';
import { limit, removeCgroups } from './cgroups.mjs';

export const library = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
export const all = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];

/** A process in new namespaces. */
async function startTarget(options) {
  const child = nodeSpawn(
    'unshare',
    ['--kill-child', '-f', ...options, 'sh', '-c', 'echo ready; exec sleep infinity'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const inner = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  return { pid: Number(inner), stop: () => child.kill('SIGKILL') };
}

/** The targets, and a folder for files. */
export async function makeWorld() {
  const folder = fs.mkdtempSync(join(os.tmpdir(), 'linux-namespaces-faults-'));
  fs.chmodSync(folder, 0o755);
  const tree = join(folder, 'tree');
  fs.mkdirSync(join(tree, 'a/b'), { recursive: true });
  for (let i = 0; i < 40; i++) fs.writeFileSync(join(tree, `a/file${i}`), `${i}`.repeat(i));
  fs.writeFileSync(join(tree, 'a/b/large'), Buffer.alloc(300_000, 'x'));
  fs.linkSync(join(tree, 'a/file7'), join(tree, 'a/b/seven'));
  fs.symlinkSync('a/file1', join(tree, 'link'));
  const [plain, deep, limited] = await Promise.all([
    startTarget(['--net', '--uts', '--ipc']),
    startTarget(['-CimnpuT', '-r', '--mount-proc']),
    startTarget(['--net']),
  ]);
  limit(limited.pid);
  const state = join(folder, 'state/run/runc/web');
  fs.mkdirSync(state, { recursive: true });
  const fields = fs.readFileSync(`/proc/${plain.pid}/stat`, 'latin1').split(') ')[1].split(' ');
  const config = { rootfs: '/srv', labels: ['bundle=/srv'], hostname: 'web' };
  fs.writeFileSync(
    join(state, 'state.json'),
    JSON.stringify({
      id: 'web',
      init_process_pid: plain.pid,
      init_process_start: Number(fields[19]),
      created: '2026-01-01T00:00:00Z',
      config,
    }),
  );
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    folder,
    tree,
    port: /** @type {net.AddressInfo} */ (server.address()).port,
    plain: plain.pid,
    deep: deep.pid,
    limited: limited.pid,
    /** Of tar(1), with all that is in the tree. */
    archive: execFileSync('tar', ['-cf', '-', '-C', tree, '.'], { maxBuffer: 2 ** 26 }),
    inodes: new Map(
      [plain.pid, deep.pid, limited.pid, 'self'].map(pid => [
        pid,
        Object.fromEntries(all.map(type => [type, fs.readlinkSync(`/proc/${pid}/ns/${type}`)])),
      ]),
    ),
    stop() {
      for (const target of [plain, deep, limited]) target.stop();
      removeCgroups(process.pid);
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
