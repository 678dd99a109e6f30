/** clone(2), and the end of what it made. */
import { constants } from 'node:os';
import { binding } from '../base/binding.ts';
import { checkVariables } from '../base/check.ts';
import { errnos } from '../base/errnos.ts';
import { failure, invalidType, invalidValue } from '../base/errors.ts';
import { maskOf, type NamespaceType } from '../base/namespace-types.ts';
import { requirePermission } from '../base/permission.ts';
import { creationAdvice } from '../create/advice.ts';
import { checkInteger, checkList } from './check.ts';

/** What `clone` made: `pidfd` is the caller's to close. */
export interface Cloned {
  readonly pid: number;
  readonly pidfd: number;
}

/**
 * Runs the program `file` (a path, as for execve(2)) as a child of this process in new namespaces of
 * `types`, with our standard input and output. As the kernel makes them: no ids, names, mounts or
 * interfaces are set up; `spawn` with `unshare` does that. `args` are those after the program's name,
 * `env` is process.env by default. With `pid` it is the first process; with `time` it is in the new one.
 *
 * Somebody has to wait for it, `waitid` does; else its entry stays until this process ends.
 * Throws with `syscall` 'execve' where the program cannot be run.
 *
 * clone3(2), Linux 5.3; clone(2) where there is none, but for `time`.
 */
export function clone(
  types: NamespaceType | readonly NamespaceType[],
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Cloned {
  requirePermission();
  const wanted = checkList(types);
  if (!Array.isArray(args)) throw invalidType('args', 'an array of strings', args);
  checkVariables('env', env);
  const texts = [file, ...args];
  for (const text of texts) {
    if (typeof text !== 'string') throw invalidType('file and args', 'strings', text);
    if (text.includes('\0')) throw invalidValue('file and args', 'without null bytes', text);
  }
  const pairs = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const { error, step, pid, pidfd } = binding.clone(maskOf(wanted), file, texts, pairs);
  if (error === 0) return { pid, pidfd };
  if (step === 'execve') throw failure(error, step, { target: file });
  const type = wanted.length === 1 ? wanted[0] : undefined;
  const advice =
    error === errnos.ENOSYS
      ? 'time is made by clone3(2) alone, which a filter or an old kernel refuses'
      : creationAdvice(error, { created: wanted });
  throw failure(error, step, { type, advice });
}

/**
 * Waits for the end of a child that `clone` made, and reaps it. Not for those of `spawn`, which are
 * waited for already (ECHILD). The event loop stays alive meanwhile.
 *
 * waitid(2), P_PIDFD. Linux 5.4.
 */
export async function waitid(
  pidfd: number,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  checkInteger('pidfd', pidfd);
  const { error, code, signal } = await binding.wait(pidfd);
  if (error < 0) throw failure(error, 'waitid');
  if (signal === 0) return { code, signal: null };
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  return { code: null, signal: names.find(([, number]) => number === signal)?.[0] ?? null };
}
