/**
 * The pids in the state of engines are those of the pid namespace that the engines are in. Of engines in
 * another one (kind, k3d, minikube, docker in docker), the processes of that namespace are looked
 * through once, for which of ours each is.
 */
import { readlinkSync, statSync } from 'node:fs';
import { binding } from '../base/binding.ts';
import { type ProcessRow, processRows } from '../base/processes.ts';

/** Of the first pid namespace of a kernel: PROC_PID_INIT_INO, linux/proc_ns.h. */
const initial = 4_026_531_836;

export interface Pids {
  /** Ours; undefined where there is none. */
  readonly here: (pid: number) => number | undefined;
  /** Why a pid that is not there says nothing; undefined where it is known that it has ended. */
  readonly doubt: string | undefined;
}

const foreign = "its pids are of another pid namespace than ours (--pid=host has the host's)";

/** For the engines of that root directory. */
export async function pidsIn(root: string): Promise<Pids> {
  const same = { here: (pid: number) => pid, doubt: undefined };
  if (root === '') return same;
  const own = namespaceOf('self');
  const [, process] = /^\/proc\/(\d+)\/root$/.exec(root) ?? [];
  if (process === undefined) {
    return own === initial || isOurs(root) ? same : { ...same, doubt: foreign };
  }
  const theirs = namespaceOf(process);
  if (theirs === own && own !== undefined) return same;
  if (theirs === undefined) {
    return { ...same, doubt: `the pid namespace of ${process} is not shown to us` };
  }
  const rows = await processRows();
  const depth = (rows.get(Number(process))?.pids.length ?? 0) - 1;
  return depth > 0 ? translated(rows, theirs, depth) : { ...same, doubt: foreign };
}

function namespaceOf(process: string): number | undefined {
  try {
    return Number(/\d+/.exec(readlinkSync(`/proc/${process}/ns/pid`))?.[0]);
  } catch {
    return undefined;
  }
}

/** In a container of our own: a directory of ours, and not one of the host's that is mounted in it. */
function isOurs(root: string): boolean {
  const device = (path: string) => statSync(path, { throwIfNoEntry: false })?.dev;
  return device(root) === device('/');
}

/** `depth`: how many pid namespaces theirs is below ours. */
function translated(rows: ReadonlyMap<number, ProcessRow>, theirs: number, depth: number): Pids {
  const byInner = new Map<number, ProcessRow[]>();
  for (const row of rows.values()) {
    const inner = row.pids[depth];
    if (inner !== undefined) byInner.set(inner, [...(byInner.get(inner) ?? []), row]);
  }
  const here = (pid: number) =>
    byInner.get(pid)?.find(row => isBelow(row.pid, row.pids.length - 1 - depth, theirs))?.pid;
  return { here, doubt: undefined };
}

/** Is the pid namespace so many above that of a process this one? Others have the same pids in theirs. */
function isBelow(pid: number, up: number, namespace: number): boolean {
  let fd = binding.openNamespace(`/proc/${pid}/ns/pid`);
  for (let i = 0; i < up && fd >= 0; i++) {
    const parent = binding.getParent(fd);
    binding.close(fd);
    fd = parent;
  }
  if (fd < 0) return false;
  const inode = binding.getInode(fd);
  binding.close(fd);
  return typeof inode !== 'number' && inode[0] === namespace;
}
