/** A signal ends the command when what is half-done has been taken away. */

/** What is ignored stays so: src/cli/inherited.ts listens to it. Another of the kind ends the command at once. */
const ending = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
const most = 5000; // milliseconds for that

/** `work` is aborted by the first of them, of which the command dies then. */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  let by: NodeJS.Signals | undefined;
  for (const name of ending) {
    if (process.listenerCount(name) > 0) continue;
    process.once(name, () => {
      by ??= name;
      stop.abort();
      setTimeout(() => process.kill(process.pid, name), most);
    });
  }
  try {
    await work(stop.signal);
  } catch (error) {
    if (by === undefined) throw error;
  }
  if (by !== undefined) process.kill(process.pid, by); // its handler is gone
}
