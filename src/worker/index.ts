/** The door of this room: its functions, loaded by the first call of one of them. */
import { createRequire } from 'node:module';
import type * as room from './evaluate.ts';

const load = createRequire(import.meta.url);
const open = (): typeof room => load('./evaluate.js') as typeof room;

/**
 * Starts a Node process of our own in namespaces of `target`, all eight types, whatever its image
 * holds: no Node, no shell, no C library are needed there. The result has to be closed.
 *
 * Needs what joining needs (CAP_SYS_ADMIN, or the ownership of the target's user namespace). Rejects
 * with `NamespaceError` where the target cannot be opened or joined, with a `WorkerError` where the
 * worker ends before it is ready. Linux 5.9.
 */
export const openWorker: typeof room.openWorker = async (...args) => open().openWorker(...args);

/**
 * Runs one function in a worker of its own: `openWorker`, `worker.evaluate`, `worker.close`. Where it
 * gives an async iterator, the worker is closed at the end of that.
 */
export const evaluate: typeof room.evaluate = async (...args) => open().evaluate(...args);
