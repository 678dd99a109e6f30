/** Why a worker answers no more, as an error for what is pending. */

import { abortError } from '../base/abort.ts';
import { errnos } from '../base/errnos.ts';
import { NamespaceError } from '../base/errors.ts';
import { own } from '../base/own-properties.ts';

interface Facts {
  readonly code: string;
  readonly exitCode?: number | null;
  readonly signal?: NodeJS.Signals | null;
  readonly stderr?: string;
}

/** What is known of the end of a worker's process: why its calls are answered no more. */
export class WorkerError extends Error {
  /**
   * `'ERR_WORKER_EXITED'`: its process ended. `'ERR_WORKER_OUT_OF_MEMORY'`: it needed more heap than
   * it may have. `'ERR_WORKER_NOT_RUNNING'`: it was closed. `'ETIMEDOUT'`: the option `timeout`.
   * `'ABORT_ERR'`: the option `signal`; its `name` is `'AbortError'` then, as with Node's own
   * functions. `'EPROTO'`: what came from it was not an answer of ours, so it was killed: another
   * program may have got hold of it.
   */
  declare readonly code: string;
  /** Of a process that ended: how. Null where a signal ended it. */
  declare readonly exitCode?: number | null;
  /** The signal that ended it, or null. */
  declare readonly signal?: NodeJS.Signals | null;
  /** The last that it wrote there, at most 4 KiB. */
  declare readonly stderr?: string;

  /** @internal */
  constructor(message: string, facts: Facts, options?: ErrorOptions) {
    super(message, options);
    Object.assign(this, facts);
  }

  static {
    // As in Node's own errors: seen in the stack, not listed among the fields.
    const name = { value: 'WorkerError', configurable: true, writable: true };
    Object.defineProperty(WorkerError.prototype, 'name', own(name));
  }
}

export function exited(
  exitCode: number | null,
  signal: NodeJS.Signals | null,
  stderr: string,
): WorkerError {
  const memory = stderr.includes('JavaScript heap out of memory');
  const how = signal === null ? `with exit code ${exitCode}` : `by ${signal}`;
  const last = stderr.trim();
  const message = memory
    ? 'the worker reached its limit of memory: JavaScript heap out of memory'
    : `the worker ended ${how}${last && `, and said:\n${last}`}`;
  const code = memory ? 'ERR_WORKER_OUT_OF_MEMORY' : 'ERR_WORKER_EXITED';
  return new WorkerError(message, { code, exitCode, signal, stderr });
}

/** Node started, but without what joins in it. */
export function stayedOutside(): NamespaceError {
  const message =
    'this node did not load the object that joins (LD_PRELOAD); nothing was run; use spawn()';
  return new NamespaceError(message, errnos.EOPNOTSUPP, 'ENOTSUP', 'execveat', {});
}

export function closed(): WorkerError {
  return new WorkerError('the worker was closed', { code: 'ERR_WORKER_NOT_RUNNING' });
}

export function timedOut(milliseconds: number): WorkerError {
  const message = `the worker took longer than ${milliseconds} ms and was killed`;
  return new WorkerError(message, { code: 'ETIMEDOUT' });
}

/** What it was answered with `what`. */
export function brokenProtocol(what: string): WorkerError {
  const message = `the worker broke the protocol and was killed: ${what}; is it still ours?`;
  return new WorkerError(message, { code: 'EPROTO' });
}

/** As Node's own functions reject. */
export function aborted(signal: AbortSignal): WorkerError {
  return abortError(
    signal,
    (message, options) => new WorkerError(message, { code: 'ABORT_ERR' }, options),
  );
}
