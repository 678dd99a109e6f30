/** What the door opens: a worker that is kept, and one for a single call. */
import { checkTypes } from '../errors.ts';
import type { Types } from '../types.ts';
import { checkOptions, type WorkerOptions, type WorkerTarget } from './options.ts';
import { sourceOf } from './source.ts';
import { NamespaceWorker, type Result } from './worker.ts';

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

export async function evaluate<A extends unknown[], R>(
  target: WorkerTarget,
  types: Types,
  fn: (...args: A) => R,
  ...args: A
): Promise<Result<R>> {
  sourceOf(fn); // before there is a process
  const worker = new NamespaceWorker(target, checkTypes(types), {});
  let streams = false;
  try {
    const result = await worker.evaluate(fn, ...args);
    streams = isIterator(result);
    return streams ? (closing(result, worker) as Result<R>) : result;
  } finally {
    if (!streams) await worker.close();
  }
}

function isIterator(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** The values of `iterator`; the worker ends with it. */
async function* closing(iterator: unknown, worker: NamespaceWorker): AsyncGenerator<unknown> {
  try {
    return yield* iterator as AsyncIterable<unknown>;
  } finally {
    await worker.close();
  }
}
