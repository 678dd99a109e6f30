/** Users and groups as people write them: numbers, and names where a command takes them. */
import { binding } from '../base/binding.ts';
import { isId } from '../create/options.ts';
import { UsageError } from './arguments.ts';

/** As strtoul(3) reads it: undefined where it is no number. */
export function numberOf(text: string): number | undefined {
  return /^\s*\+?\d+$/.test(text) ? Number(text) : undefined;
}

export function idOf(text: string): number {
  const id = numberOf(text);
  if (id === undefined) throw new UsageError(`an id is a number: ${text}`);
  if (!isId(id)) throw new UsageError(`no id of a user or group: ${id}`);
  return id;
}

/** A number, or the name of one. */
export async function idOrNameOf(text: string, kind: 'user' | 'group'): Promise<number> {
  if (numberOf(text) !== undefined) return idOf(text);
  const { id } = text.includes('\0') ? { id: -1 } : await binding.idOf(text, kind === 'group');
  if (id < 0) throw new UsageError(`there is no ${kind} ${text}`);
  return id;
}
