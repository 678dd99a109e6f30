/** Reads what /proc says of one process, where more than one room asks for it. */
import { readFileSync } from 'node:fs';

/**
 * When a process started, in clock ticks after boot; undefined where there is none, or it has ended.
 * With the pid it is a name for a process that is never given again. proc_pid_stat(5), field 22.
 */
export function startTimeOf(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name, in parentheses, may have anything in it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = 'X'] = fields;
  return state === 'Z' || state === 'X' ? undefined : Number(fields[19]);
}
