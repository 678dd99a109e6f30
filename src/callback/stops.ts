/**
 * Code that may be stopped in the middle, as by the option `timeout` of node:vm: V8 runs no `finally` of
 * it, so the thread may still be where that code was.
 */
import { comeBackTo, currentContext } from './context.ts';

let stoppable = false;

/** Does such code run? Then nothing may be left to a `finally` alone. */
export function isStoppable(): boolean {
  return stoppable;
}

/** Calls what runs such code, and is not stopped itself. */
export function runStoppable<R>(fn: () => R): R {
  const from = currentContext();
  const before = stoppable;
  stoppable = true;
  try {
    return fn();
  } finally {
    stoppable = before;
    comeBackTo(from);
  }
}
