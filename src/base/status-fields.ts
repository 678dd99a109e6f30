/**
 * The lines of /proc/PID/status, proc_pid_status(5). One of them is a name that the process gives itself: it can have
 * all but a newline in it, also what a regular expression takes for the end of a line.
 */

/** '' where there is no such line. */
export function fieldIn(status: string, name: string): string {
  const line = status.split('\n').find(line => line.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim() ?? '';
}

export function numbersIn(status: string, name: string): number[] {
  return fieldIn(status, name).split(/\s+/).filter(Boolean).map(Number);
}
