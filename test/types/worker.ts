/**
 * The types of workers, checked by `npm run lint` (tsc): what compiles here has to, and what is marked
 * must not. Never run.
 */
import { evaluate, WorkerError } from 'linux-namespaces';

try {
  await evaluate(1, 'all', () => 1);
} catch (error) {
  if (error instanceof WorkerError) {
    const code: string = error.code;
    const exitCode: number | null | undefined = error.exitCode;
    const signal: NodeJS.Signals | null | undefined = error.signal;
    const stderr: string | undefined = error.stderr;
    void [code, exitCode, signal, stderr];
    // @ts-expect-error: what is known of the end is not to be changed
    error.code = 'other';
  }
}
