/** A process that does not get through an exec for some time: held-exec.c. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from 'linux-namespaces';
import { read, until } from './support.ts';

/** Why there can be none; or ''. */
export const noHeldExec: string = existsSync('/dev/fuse') ? '' : 'no /dev/fuse';

/** Its program, in that folder. */
export function buildHeldExec(folder: string): string {
  const program = join(folder, 'held-exec');
  const source = fileURLToPath(new URL('held-exec.c', import.meta.url));
  execFileSync('cc', ['-static', '-O1', '-w', '-o', program, source]);
  return program;
}

/** The first process of a pid namespace. `folder` is for its program; how long it is held up, in milliseconds. */
export async function startHeldExec(folder: string, time = 2000) {
  const program = buildHeldExec(folder);
  const place = { unshare: ['pid', 'mnt'], mountProc: true } as const;
  const child = spawn(program, [mkdtempSync(join(folder, 'mount-')), `${time}`], place);
  await once(child.stdout, 'data');
  await until('the exec to wait', () => isHeld(child.pid));
  return child;
}

/** Its exec does not hear of a signal; the end of its file system lets it go. */
export async function letGo(child: ChildProcess): Promise<void> {
  const children = read(`/proc/${child.pid}/task/${child.pid}/children`) ?? '';
  child.kill('SIGKILL');
  process.kill(Number.parseInt(children, 10), 'SIGKILL'); // the first is that of its file system
  await until('its end', () => child.exitCode !== null || child.signalCode !== null);
}

/** By its status: its stat has to wait for the same lock. */
export function isHeld(pid = 0): boolean {
  return /^State:\s+D/m.test(read(`/proc/${pid}/status`) ?? '');
}
