/** Listening to an AbortSignal: many calls may share one, and it sees one listener for all of them. */
import { own } from './own-properties.ts';

interface Listeners {
  readonly calls: Set<() => void>;
  readonly end: () => void;
}

const listening = new WeakMap<AbortSignal, Listeners>();

/** Calls `listener` when it is aborted. What this gives ends the listening. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = listening.get(signal) ?? listen(signal);
  listeners.calls.add(listener);
  return () => {
    listeners.calls.delete(listener);
    if (listeners.calls.size === 0) listeners.end();
  };
}

function listen(signal: AbortSignal): Listeners {
  const calls = new Set<() => void>();
  const tell = () => {
    for (const call of [...calls]) call();
  };
  const end = () => {
    signal.removeEventListener('abort', tell);
    listening.delete(signal);
  };
  signal.addEventListener('abort', tell);
  const listeners = { calls, end };
  listening.set(signal, listeners);
  return listeners;
}

/** What `work` comes to, which may be a caller's and never come to anything; or an AbortError, at once. */
export async function untilAborted<T>(
  work: T | PromiseLike<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return work;
  let end = () => {};
  const aborted = new Promise<never>((_, reject) => {
    const abort = () => reject(abortError(signal));
    if (signal.aborted) abort();
    else end = onAbort(signal, abort);
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    end();
  }
}

/** The values of a caller's `source`, and an AbortError also while it gives none. */
export async function* valuesUntilAborted<T>(
  source: Iterable<T | PromiseLike<T>> | AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const values = (async function* () {
    for await (const value of source) yield value;
  })();
  try {
    for (;;) {
      const { done, value } = await untilAborted(values.next(), signal);
      if (done) return;
      yield value;
    }
  } finally {
    const ended = values.return(undefined);
    if (signal.aborted) {
      ended.catch(() => {}); // it is not waited for: it may never end
      (source as { destroy?: () => void }).destroy?.();
    } else {
      await ended;
    }
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** As Node's, which it shows nobody. `make`: of a class of its own. */
export function abortError<E extends Error = Error>(
  signal: AbortSignal,
  make: (message: string, options: ErrorOptions) => E = (message, options) =>
    new Error(message, options) as E,
): E {
  const error = make('The operation was aborted', { cause: signal.reason });
  const name = { value: 'AbortError', configurable: true, writable: true };
  return Object.assign(Object.defineProperty(error, 'name', own(name)), { code: 'ABORT_ERR' });
}
