/**
 * What the kernel answers by thread: /proc/sys, /proc/self, /proc/net, /proc/sysvipc, namespaces, and
 * /dev/net/tun. Asked for by the thread pool it would be that of the process, or of wherever the main
 * thread happens to be; so this thread asks by itself, and gives the answer later as usual.
 */
import { fileURLToPath } from 'node:url';
import { binding } from '../../base/binding.ts';
import { type NamespaceError, refusal } from '../../base/errors.ts';
import { threadKinds } from '../../base/namespace-types.ts';
import { isBytes, isUrl } from '../../base/paths.ts';
import { setImmediate } from '../../base/timers.ts';
import { currentContext } from '../context.ts';

/** A path as Node's own functions have it by then, or an fd. `follow`: a link counts as its target. */
export interface Subject {
  readonly of: string | Uint8Array | number;
  readonly follow: boolean;
}

/** Of what a caller gives as a path; undefined where Node will say what is wrong with it. */
export function pathOf(given: unknown): string | Uint8Array | undefined {
  if (typeof given === 'string' || isBytes(given)) return given;
  try {
    return isUrl(given) ? fileURLToPath(given) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Does it matter which thread asks? undefined: that cannot be told without asking a file system that
 * may not answer.
 */
export function isByThread(subjects: readonly Subject[]): boolean | undefined {
  let all: boolean | undefined = false;
  for (const { of, follow } of subjects) {
    const answer =
      typeof of === 'number' ? binding.lookAtFd(of) : binding.lookAtPath(of, follow, false);
    const one = typeof answer === 'number' && answer < 0 ? undefined : matters(answer);
    if (one === true) return true;
    if (one === undefined) all = undefined;
  }
  return all;
}

/** The same, for good. What cannot be told even so is asked for here, which is never wrong. */
export async function isByThreadAfterAll(subjects: readonly Subject[]): Promise<boolean> {
  for (const { of, follow } of subjects) {
    if (matters(await binding.lookWaiting(of, follow))) return true;
  }
  return false;
}

/** The same at once, at the price of waiting for the server of the file system. */
export function isByThreadAtOnce(path: string | Uint8Array): boolean {
  return matters(binding.lookAtPath(path, true, true));
}

/**
 * Of the memory of a process and of the whole machine: the same for every thread, and such that they
 * may keep their reader waiting for good.
 */
const memory =
  /\/\d+\/(?:task\/\d+\/)?(?:auxv|clear_refs|cmdline|environ|map_files(?:\/.*)?|maps|mem|numa_maps|pagemap|smaps|smaps_rollup)$/;
const machine = /^(?!.*\/sys\/).*\/(?:kcore|kmsg|vmcore)$/;

function matters(answer: number | string): boolean {
  if (typeof answer === 'number') return answer !== 0;
  return !memory.test(answer) && !machine.test(answer);
}

export function refuseFile(what: string, advice: string): NamespaceError {
  const types = currentContext()?.types ?? threadKinds.map(kind => kind.name);
  return refusal(types, `${what} would ask the kernel by another thread`, { advice });
}

/** Does `ask` now, and says later what came of it. */
export function answer<T>(ask: () => T, done: (error: Error | null, result?: T) => void): void {
  let result: T;
  try {
    result = ask();
  } catch (error) {
    setImmediate(done, error as Error);
    return;
  }
  setImmediate(done, null, result);
}
