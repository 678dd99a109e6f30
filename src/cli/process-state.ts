/** What a process is doing, as ps(1) has it: the library's tree has what stays. */
import { readFileSync } from 'node:fs';
import { fieldIn, numbersIn } from '../base/status-fields.ts';

export interface ProcessState {
  /** `R`, `S`, `D`, `T`, `t`, `Z`, `I`; empty where it has ended meanwhile, or may not be looked at. */
  readonly state: string;
  readonly threads: number | undefined;
}

/** proc_pid_status(5), for which no process can make us wait. */
export function processState(pid: number): ProcessState {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const [state = ''] = fieldIn(status, 'State');
    return { state, threads: numbersIn(status, 'Threads')[0] };
  } catch {
    return { state: '', threads: undefined };
  }
}
