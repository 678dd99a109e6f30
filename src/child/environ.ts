/**
 * The environment of a process, as it is in its memory: as much of it, and for as long, as that process
 * likes; and therefore bounded here.
 */
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';

/**
 * What execve(2) takes, where the stack is limited to 8 MiB as it mostly is: a quarter, with eight bytes
 * for the pointer to each variable. More could not be given to a child.
 */
export const environMost = 2_097_152;
const pointer = 8;

/** Milliseconds. It is read at once, unless the process is in the way. */
export const environWait = 1000;

/** Where there is no process to take one from: enough to find a program. */
export const bareEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
};

/** Through an fd of /proc/PID. `failed` makes the error. */
export function environmentIn(
  directory: number,
  failed: (errno: number, advice?: string) => Error,
): Record<string, string> {
  const bytes = binding.readEnviron(directory, environMost, environWait);
  if (bytes === errnos.ETIMEDOUT) {
    throw failed(
      bytes,
      `its /proc/PID/environ is not answered within ${environWait} ms: ${instead}`,
    );
  }
  if (typeof bytes === 'number') throw failed(bytes);
  // Without a prototype: a variable may be called __proto__.
  const env: Record<string, string> = Object.create(null);
  const text = bytes.toString();
  let size = bytes.length;
  for (let at = 0; at < text.length; ) {
    size += pointer;
    if (size > environMost) throw failed(errnos.E2BIG, `its environment is too large: ${instead}`);
    const zero = text.indexOf('\0', at);
    const end = zero < 0 ? text.length : zero;
    const pair = text.slice(at, end);
    const equals = pair.indexOf('=');
    if (equals > 0) env[pair.slice(0, equals)] = pair.slice(equals + 1);
    at = end + 1;
  }
  return env;
}

const instead = 'say which variables the child gets, options.env: { ... }';
