/** Processes as the addon lists them, with what is asked of them. */

import { looked, split, typesInRows } from './addon-rows.ts';
import { binding } from './binding.ts';
import { lookingLimits } from './limits.ts';
import type { NamespaceType } from './namespace-types.ts';

export interface ProcessRow {
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly command: string;
  readonly pids: readonly number[];
  readonly cgroup: string;
  /** Inodes; a type that may not be read is not there. */
  readonly namespaces: ReadonlyMap<NamespaceType, number>;
}

const width = 4 + typesInRows.length;

export interface ProcessRows extends Map<number, ProcessRow> {
  /** Processes that could not be looked into, or not as a whole. */
  unreadable: number;
}

/** Those with these pids that are still there; without any pids, all. */
export async function processRows(pids: readonly number[] = []): Promise<ProcessRows> {
  const { rows, texts, unreadable } = await looked(() =>
    binding.listProcesses(Int32Array.from(pids), lookingLimits()),
  );
  const words = split(texts);
  const table = new Map<number, ProcessRow>();
  for (let i = 0; i * width < rows.length; i++) {
    const [pid = 0, ppid = 0, uid = 0, start = 0, ...inodes] = rows.subarray(
      i * width,
      (i + 1) * width,
    );
    const [command = '', list = '', cgroup = ''] = words.slice(i * 3, i * 3 + 3);
    const namespaces = new Map<NamespaceType, number>();
    typesInRows.forEach((type, t) => {
      if (inodes[t]) namespaces.set(type, inodes[t]);
    });
    const numbers = list === '' ? [pid] : list.split(/\s+/).map(Number);
    table.set(pid, { pid, ppid, uid, start, command, pids: numbers, cgroup, namespaces });
  }
  return Object.assign(table, { unreadable });
}

/** What files and links of one process say, by name; -errno of what could not be read. */
export type ProcessFiles = (name: string) => string | number;

/**
 * Files and links of some processes, each through one directory of /proc; `owners` are whose its user namespace is and
 * those above are. ETIMEDOUT: of a process that keeps its readers waiting.
 */
export async function readProcesses(
  pids: readonly number[],
  names: readonly string[],
): Promise<readonly ProcessFiles[]> {
  const { errors, texts } = await looked(() =>
    binding.readProcesses(Int32Array.from(pids), names, lookingLimits()),
  );
  const words = split(texts);
  return pids.map((_, i) => name => {
    const at = i * names.length + names.indexOf(name);
    return errors[at] || (words[at] ?? '');
  });
}
