/**
 * The pids in the state of engines are those of the pid namespace that the engines are in. Of engines in
 * another one (kind, k3d, minikube, docker in docker), the processes of that namespace are looked
 * through once, for which of ours each is.
 */
import { readlinkSync, statSync } from 'node:fs';
import { binding } from '../base/binding.ts';
import { type ProcessRow, processRows } from '../base/processes.ts';
import { openTarget } from '../target/target.ts';
import { pidIn } from './fields.ts';
import type { Looks } from './verified-process.ts';

/** Of the first pid namespace of a kernel: PROC_PID_INIT_INO, linux/proc_ns.h. */
const initial = 4_026_531_836;

export interface Pids {
  /** Ours; undefined where there is none. */
  readonly here: (pid: number) => number | undefined;
  /** Why a pid that is not there says nothing; undefined where it is known that it has ended. */
  readonly doubt: string | undefined;
}

const foreign = "its pids are of another pid namespace than ours (--pid=host has the host's)";

/** Of engines that are in our pid namespace. */
export const samePids: Pids = { here: pid => pid, doubt: undefined };

/** For the engines of that root directory. */
export async function pidsIn(root: string, files: Looks): Promise<Pids> {
  if (root === '') return samePids;
  const own = numberIn(ownLink());
  const [, process] = /^\/proc\/(\d+)\/root$/.exec(root) ?? [];
  if (process === undefined) {
    return own === initial || isOurs(root) ? samePids : { ...samePids, doubt: foreign };
  }
  const pid = pidIn(process) ?? 0;
  const theirs = numberIn((await files.of(pid))('ns/pid'));
  if (theirs === own && own !== undefined) return samePids;
  if (theirs === undefined) {
    return { ...samePids, doubt: `the pid namespace of ${process} is not shown to us` };
  }
  const rows = await processRows();
  const depth = (rows.get(pid)?.pids.length ?? 0) - 1;
  return depth > 0 ? translated(rows, theirs, depth) : { ...samePids, doubt: foreign };
}

function ownLink(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/** Of a link to a namespace. */
function numberIn(link: string | number | undefined): number | undefined {
  const [, number] = /\[(\d+)\]/.exec(`${link}`) ?? [];
  return number === undefined ? undefined : Number(number);
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
    byInner.get(pid)?.find(row => isBelow(row, row.pids.length - 1 - depth, theirs))?.pid;
  return { here, doubt: undefined };
}

/** Is the pid namespace so many above that of a process this one? Others have the same pids in theirs. */
function isBelow({ pid, namespaces }: ProcessRow, up: number, namespace: number): boolean {
  if (up === 0) return namespaces.get('pid') === namespace;
  try {
    const fds = openTarget(pid, ['pid']);
    try {
      return inodeAbove(fds.get('pid') ?? -1, up) === namespace;
    } finally {
      fds.release();
    }
  } catch {
    return false;
  }
}

function inodeAbove(fd: number, up: number): number | undefined {
  const parent = binding.getParent(fd);
  if (parent < 0) return undefined;
  try {
    return up > 1 ? inodeAbove(parent, up - 1) : [binding.getInode(parent)].flat()[0];
  } finally {
    binding.close(parent);
  }
}
