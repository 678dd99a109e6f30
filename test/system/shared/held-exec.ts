/** A process that does not get through an exec for two seconds: held-exec.c. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from 'linux-namespaces';
import { read, until } from './support.ts';

/** Why there can be none; or ''. */
export const noHeldExec: string = existsSync('/dev/fuse') ? '' : 'no /dev/fuse';

/** The first process of a pid namespace. `folder` is for its program. */
export async function startHeldExec(folder: string) {
  const program = join(folder, 'held-exec');
  const source = fileURLToPath(new URL('held-exec.c', import.meta.url));
  execFileSync('cc', ['-static', '-O1', '-w', '-o', program, source]);
  const place = { unshare: ['pid', 'mnt'], mountProc: true } as const;
  const child = spawn(program, [mkdtempSync(join(folder, 'mount-'))], place);
  await once(child.stdout, 'data');
  // Its stat has to wait for the same lock.
  const isHeld = () => /^State:\s+D/m.test(read(`/proc/${child.pid}/status`) ?? '');
  await until('the exec to wait', isHeld);
  return child;
}
