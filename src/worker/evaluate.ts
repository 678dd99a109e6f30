/** A worker that is kept, and one for a single call. */
import { optionsIn } from '../base/check.ts';
import { checkTypes, invalidType } from '../base/errors.ts';
import type { Types } from '../base/namespace-types.ts';
import { own } from '../base/own-properties.ts';
import {
  checkOptions,
  type EvaluateOptions,
  evaluateNames,
  type WorkerOptions,
  type WorkerTarget,
} from './options.ts';
import { sourceOf } from './source.ts';
import { NamespaceWorker, type Result } from './worker.ts';

/**
 * Starts a Node process of our own in namespaces of `target`, all eight types, whatever its image
 * holds: no Node, no shell, no C library are needed there. The result has to be closed.
 *
 * Needs what joining needs (CAP_SYS_ADMIN, or the ownership of the target's user namespace). Rejects
 * with `NamespaceError` where the target cannot be opened or joined, with a `WorkerError` where the
 * worker ends before it is ready. Linux 5.9.
 */
export async function openWorker(
  target: WorkerTarget,
  types: Types,
  options?: WorkerOptions,
): Promise<NamespaceWorker> {
  const worker = new NamespaceWorker(target, checkTypes(types), checkOptions(options));
  try {
    await worker.ready;
    return worker;
  } catch (error) {
    await worker.close();
    throw error;
  }
}

/**
 * Runs one function in a worker of its own: `openWorker`, `worker.evaluate`, `worker.close`. Where it
 * gives an async iterator, the worker is closed at the end of that. In the place of `types` it takes
 * options, with `types` among them.
 */
export async function evaluate<A extends unknown[], R>(
  target: WorkerTarget,
  types: Types | EvaluateOptions,
  fn: (...args: A) => R,
  ...args: A
): Promise<Result<R>> {
  sourceOf(fn); // before there is a process
  const { types: listed, ...options } = optionsOf(types);
  const worker = new NamespaceWorker(target, checkTypes(listed), checkOptions(options));
  let streams = false;
  try {
    const result = await worker.evaluate(fn, ...args);
    streams = isIterator(result);
    return streams ? (closing(result, worker) as Result<R>) : result;
  } finally {
    if (!streams) await worker.close();
  }
}

function optionsOf(given: Types | EvaluateOptions): EvaluateOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return own({ types: given as Types });
  }
  for (const name of ['stdout', 'stderr']) {
    if (!Object.hasOwn(given, name)) continue;
    throw invalidType(`options.${name}`, 'left out: open a worker', Reflect.get(given, name));
  }
  return optionsIn(given as EvaluateOptions, evaluateNames);
}

function isIterator(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** The values of `iterator`; the worker ends with it. */
function closing(iterator: unknown, worker: NamespaceWorker): AsyncGenerator<unknown> {
  async function* values() {
    try {
      return yield* iterator as AsyncIterable<unknown>;
    } finally {
      await worker.close();
    }
  }
  const generator = values();
  // One that was never asked for a value runs no `finally`; a stream that is destroyed throws into it.
  for (const name of ['return', 'throw'] as const) {
    const end = generator[name].bind(generator);
    const value = (given: unknown) => end(given).finally(() => worker.close());
    Reflect.defineProperty(generator, name, own({ value }));
  }
  return generator;
}
