/** What people write for a target: a pid, or the name of a container. */
import type { Target } from '../target.ts';
import { UsageError } from './arguments.ts';

export async function targetOf(text: string): Promise<Target> {
  if (/^\d+$/.test(text)) return Number(text);
  throw new UsageError(`a target is a pid: ${text}`);
}
