/**
 * NODE_DEBUG=linux-namespaces: a line on stderr for each step of a call, with types, inodes, process and
 * result; never what is in an environment, in arguments or in files. Nothing is put together without it.
 */
import { builtin } from './lazy-builtins.ts';

const { debuglog } = builtin('node:util')();

type Facts = Readonly<Record<string, unknown>>;

const log = debuglog('linux-namespaces');

/** After a step: `facts` is asked where somebody wants to know. */
export function trace(step: string, facts: () => Facts): void {
  if (log.enabled) log('%s %s', step, JSON.stringify(facts()));
}

/** The same for a step that may fail. */
export function traced<Result>(
  step: string,
  call: () => Result,
  facts: (result: Result) => Facts,
): Result {
  if (!log.enabled) return call();
  try {
    const result = call();
    trace(step, () => facts(result));
    return result;
  } catch (error) {
    const { code, syscall, type, target } = error as Error & Facts;
    trace(step, () => ({ failed: code, syscall, type, pid: pidOf(target) }));
    throw error;
  }
}

/** A target may be a path that somebody else has named. */
function pidOf(target: unknown): number | undefined {
  return typeof target === 'number' ? target : undefined;
}
