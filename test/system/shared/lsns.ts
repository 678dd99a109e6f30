/** lsns(8) of this machine, to compare with. */
import { spawn } from 'node:child_process';
import { type Outcome, outcome } from '../child/fixtures/targets.ts';

/** Where a process ends while it looks, it now and then ends itself, and says nothing: then it is asked again. */
export async function lsns(...args: string[]): Promise<Outcome> {
  for (let i = 1; ; i++) {
    const found = await outcome(spawn('lsns', args));
    if (found.stdout !== '' || found.stderr !== '' || i === 20) return found;
  }
}
