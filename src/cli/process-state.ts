/** What a process is doing, as ps(1) has it: the library's tree has what stays. */
import { readFileSync } from 'node:fs';

export interface ProcessState {
  /** `R`, `S`, `D`, `T`, `t`, `Z`, `I`; empty where it has ended meanwhile, or may not be looked at. */
  readonly state: string;
  readonly threads: number | undefined;
}

/** proc_pid_stat(5): the name, in brackets, may have brackets and spaces in it. */
export function processState(pid: number): ProcessState {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', threads: Number(fields[17]) };
  } catch {
    return { state: '', threads: undefined };
  }
}
