/** Why a worker answers no more, as an error for what is pending. */
import { NamespaceError } from '../base/errors.ts';

/** What is known of the end of a worker's process. */
export interface WorkerError extends Error {
  /**
   * `'ERR_WORKER_EXITED'`: its process ended. `'ERR_WORKER_OUT_OF_MEMORY'`: it needed more heap than
   * it may have. `'ERR_WORKER_NOT_RUNNING'`: it was closed. `'ETIMEDOUT'`: the option `timeout`.
   * `'ABORT_ERR'`: the option `signal`. `'EPROTO'`: what came from it was not an answer of ours, so it
   * was killed: another program may have got hold of it.
   */
  code: string;
  exitCode?: number | null;
  signal?: NodeJS.Signals | null;
  /** The last that it wrote there, at most 4 KiB. */
  stderr?: string;
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
  return Object.assign(new Error(message), { code, exitCode, signal, stderr });
}

/** Node started, but without what joins in it. */
export function leftAtHome(): NamespaceError {
  const message =
    'this node did not load the object that joins (LD_PRELOAD); nothing was run; use spawn()';
  return new NamespaceError(message, -95, 'ENOTSUP', 'execveat', {});
}

export function closed(): WorkerError {
  return Object.assign(new Error('the worker was closed'), { code: 'ERR_WORKER_NOT_RUNNING' });
}

export function timedOut(milliseconds: number): WorkerError {
  const message = `the worker took longer than ${milliseconds} ms and was killed`;
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

/** What it was answered with `what`. */
export function brokenProtocol(what: string): WorkerError {
  const message = `the worker broke the protocol and was killed: ${what}; is it still ours?`;
  return Object.assign(new Error(message), { code: 'EPROTO' });
}

/** As Node's own functions reject. */
export function aborted(reason: unknown): WorkerError {
  const error = new Error('The operation was aborted', { cause: reason });
  return Object.defineProperty(Object.assign(error, { code: 'ABORT_ERR' }), 'name', {
    value: 'AbortError',
    configurable: true,
    writable: true,
  });
}
