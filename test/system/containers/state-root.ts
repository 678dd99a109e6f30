/** A root directory with what engines leave there, for tests that need no engine. */
import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { read } from '../shared/support.ts';

export class StateRoot {
  readonly root = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));

  /** With every directory that it needs; all that is new belongs to `owner`. */
  write(path: string, content: unknown, owner = 0): void {
    const made: string[] = [];
    for (let at = join(this.root, path); !existsSync(at); at = dirname(at)) made.push(at);
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(
      join(this.root, path),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
    for (const file of made) chownSync(file, owner, owner);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export const hex = (digit: string) => digit.repeat(64);

/** Field 22 of /proc/PID/stat. */
export function startTimeOf(pid: number): number {
  return Number(read(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')[19]);
}

/** As runc and crun write it of that process. */
export const runcState = (id: string, pid: number, config = {}) => ({
  id,
  init_process_pid: pid,
  init_process_start: startTimeOf(pid),
  created: '2026-01-01T00:00:00Z',
  config: { rootfs: '/x', labels: [], ...config },
});
export const crunStatus = (pid: number) => ({
  pid,
  'process-start-time': startTimeOf(pid),
  bundle: '/b',
  rootfs: '/r',
  created: '2026-01-01T00:00:00Z',
});

/** A process in a user namespace of that user's, as those of its containers are. */
export async function processOf(uid: number) {
  const line = ['--user', 'sh', '-c', 'echo; exec sleep infinity'];
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = nodeSpawn('unshare', line, { uid, gid: uid, stdio: [...stdio] });
  await once(child.stdout as Readable, 'data');
  return {
    pid: child.pid as number,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}
