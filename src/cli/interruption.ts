/**
 * Ctrl-C of what changes files: the work is stopped and takes back what is not whole, one line says what is
 * left, and we end by that signal.
 */
import { constants } from 'node:os';
import { printable } from '../base/printable.ts';
import { inherited } from './inherited.ts';

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const most = 10_000; // milliseconds for that: a file system may never answer

/**
 * Gives `work` a signal that is aborted by the first of `endings`. `settle` resolves when nothing is written any
 * more, to what is left then; `isDone`: it came too late. The second one ends us at once.
 */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<void>,
  settle: (isDone: boolean) => Promise<string>,
): Promise<void> {
  const stop = new AbortController();
  let by: NodeJS.Signals | undefined;
  let late: NodeJS.Timeout | undefined;
  const end = (signal: NodeJS.Signals) => {
    if (by !== undefined) endBy(signal);
    by = signal;
    late = setTimeout(() => {
      say('a file system does not answer: what is not whole is still there');
      endBy(signal);
    }, most);
    stop.abort();
  };
  const heard = endings.filter(name => !isIgnored(name));
  for (const name of heard) process.on(name, end);
  try {
    let isDone = true;
    await work(stop.signal).catch(error => {
      if (error.code !== 'ABORT_ERR' || by === undefined) throw error;
      isDone = false;
    });
    if (by === undefined) return;
    say(await settle(isDone));
    endBy(by);
  } finally {
    clearTimeout(late);
    for (const name of heard) process.removeListener(name, end);
  }
}

function say(left: string): void {
  console.error(`linux-namespaces: interrupted: ${printable(left)}`);
}

/** Whoever started us sees that signal, and no exit code. */
function endBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** It stays so: nohup(1). */
function isIgnored(signal: NodeJS.Signals): boolean {
  return ((inherited().ignored >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}
