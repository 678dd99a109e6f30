/**
 * The environment of a process, as it is in its memory: as much of it, and for as long, as that process
 * likes; and therefore bounded here.
 */
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { target as limits } from '../base/limits.ts';
import type { Pairs } from './environment.ts';

/**
 * What execve(2) takes, where the stack is limited to 8 MiB as it mostly is: a quarter, with eight bytes
 * for the pointer to each variable. More could not be given to a child.
 */
export const environMost = 2_097_152;
const pointer = 8;

/** Where there is no process to take one from: enough to find a program. */
export const bareEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
};

/**
 * Through an fd of /proc/PID; undefined where the process has written something else over it. `failed`
 * makes the error.
 */
export function environmentIn(
  directory: number,
  failed: (errno: number, advice?: string) => Error,
): Pairs | undefined {
  const bytes = binding.readOfProcess(directory, 'environ', environMost, limits.wait);
  if (bytes === errnos.ETIMEDOUT) {
    throw failed(
      bytes,
      `its /proc/PID/environ is not answered within ${limits.wait} ms: ${instead}`,
    );
  }
  if (bytes === errnos.ENOSYS) throw failed(bytes, 'children need Linux 5.9');
  if (typeof bytes === 'number') throw failed(bytes);
  const pairs: Buffer[] = [];
  let size = bytes.length;
  for (let at = 0; at < bytes.length; ) {
    size += pointer;
    if (size > environMost) throw failed(errnos.E2BIG, `its environment is too large: ${instead}`);
    const zero = bytes.indexOf(0, at);
    const end = zero < 0 ? bytes.length : zero;
    if (end > at) pairs.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return isOverwritten(bytes, pairs[0]) ? undefined : pairs;
}

/**
 * Programs that show in the list of processes what they are doing (nginx, postgres, sshd; setproctitle(3))
 * write it over their arguments and, behind these, over their environment, from its beginning on; the rest
 * becomes zeros. So the first variable is empty, is none, or has a name like `postgres: writer state`.
 */
function isOverwritten(bytes: Buffer, first: Buffer | undefined): boolean {
  if (bytes.length === 0) return false;
  if (first === undefined || bytes[0] === 0) return true;
  const name = first.subarray(0, Math.max(0, first.indexOf('='))).toString('latin1');
  return name === '' || /[\s:]/.test(name);
}

const instead = 'say which variables the child gets, options.env: { ... }';
