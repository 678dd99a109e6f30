/**
 * Two copies of this library in one thread, also in two `vm` contexts of it (Jest, vitest's vmThreads).
 * Each would take where the other has put the thread for outside, so only one at a time may have it
 * inside.
 *
 * What they know of each other goes over a diagnostics channel: a thread has one of each name, whatever
 * context asks, and whatever is frozen.
 */
import { builtin } from '../base/lazy-builtins.ts';

const diagnostics = builtin('node:diagnostics_channel');

/** Shared by all copies of one thread. */
interface Thread {
  /** The copy that has the thread inside namespaces, by its address. */
  inside?: Copy | undefined;
}
interface Copy {
  readonly url: string;
}
interface Question {
  thread?: Thread;
}

const me: Copy = { url: import.meta.url };
let thread: Thread | undefined;

function join(): Thread {
  const copies = diagnostics().channel('linux-namespaces.thread');
  const question: Question = {};
  copies.publish(question);
  if (question.thread !== undefined) return question.thread;
  const first: Thread = {};
  copies.subscribe(message => {
    (message as Question).thread ??= first;
  });
  return first;
}

/** Throws where another copy has the thread inside. */
export function checkCopies(): void {
  thread ??= join();
  if (!isOthers()) return;
  throw new Error(
    `another copy of linux-namespaces, ${thread.inside?.url}, runs this code inside namespaces; install one for both (npm ls linux-namespaces)`,
  );
}

/** Is it another copy that has the thread inside? */
export function isOthers(): boolean {
  return thread?.inside !== undefined && thread.inside !== me;
}

/** For a thread that is no other's. */
export function tellCopies(inside: boolean): void {
  if (thread !== undefined) thread.inside = inside ? me : undefined;
}
