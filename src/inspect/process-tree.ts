/** `processTree`: processes as a tree, with where each leaves the namespaces of its parent. */

import { userNames } from '../base/addon-rows.ts';
import { binding } from '../base/binding.ts';
import { optionsIn } from '../base/check.ts';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import type { NamespaceType } from '../base/namespace-types.ts';
import { goneAdvice, openProcess } from '../base/proc.ts';
import { type ProcessRow, processRows } from '../base/processes.ts';
import type { Container } from '../containers/container.ts';
import type { Members } from '../containers/membership.ts';
import { isChild, pidIn } from '../target/process-identity.ts';
import { pidOf, type Target } from '../target/target.ts';
import { type ContainerChoice, checkChoice, choiceNames, membersOf } from './container-choice.ts';
import { identitiesOf, ownIdentities } from './identity.ts';

export interface ProcessNode {
  /** As our /proc shows it. */
  readonly pid: number;
  readonly ppid: number;
  /** In each pid namespace from that of our /proc down to its own: the last is the pid inside. */
  readonly pids: readonly number[];
  /** The effective one. */
  readonly uid: number;
  readonly user: string | undefined;
  /**
   * Its arguments joined by spaces, at most 128 KiB; if it has none, as a thread of the kernel, its
   * name.
   */
  readonly command: string;
  /** Of version 2; where that is not in use, the one by which systemd knows it. As seen from ours. */
  readonly cgroup: string;
  readonly start: Date;
  /** The container that it runs in, also where it was started in it from outside. */
  readonly container: Container | undefined;
  /** The types in which it is in another namespace than its parent. */
  readonly differs: readonly NamespaceType[];
  /** By pid. */
  readonly children: readonly ProcessNode[];
}

export interface ProcessTree extends Array<ProcessNode> {
  /**
   * How many processes of the machine could not be looked into, or not as a whole: for want of rights
   * (`differs`, `container`), or because they keep us waiting (`command` is the name then).
   */
  readonly unreadable: number;
}

/**
 * The processes of a container with all that is above them, as a tree: from init to the engine's
 * monitor (shim), the container's first process, and all that runs in it, also what was started in it
 * from outside. Those are the processes in the pid namespace of the target; if that is ours, the
 * target alone; for a handle and for paths those that are in every one of these namespaces; and all
 * that descends from them. Without a target: all processes of the machine.
 *
 * A root is a process whose parent is not to be seen; mostly there is one. Rejects with
 * `NamespaceError` where the target cannot be opened (ESRCH, EACCES), or /proc is not mounted (ENOENT,
 * ENOSYS).
 */
export async function processTree(
  target?: Target,
  given: ContainerChoice = {},
): Promise<ProcessTree> {
  const options = optionsIn(given, choiceNames);
  checkChoice(options);
  const isTop = target === undefined ? () => true : topOf(target);
  if (isChild(target)) binding.close(openProcess(pidIn(target) ?? 0, true)); // or throws
  const [rows, members] = await Promise.all([processRows(), membersOf(options)]);
  const tops = [...rows.values()].filter(isTop);
  const pid = pidOf(target);
  if (tops.length === 0 && pid !== undefined) {
    throw failure(errnos.ESRCH, 'open', { target: pid, advice: goneAdvice(pid) });
  }
  const roots = await build(withRelatives(tops, rows), rows, members);
  return Object.assign(roots, { unreadable: rows.unreadable });
}

type Rows = ReadonlyMap<number, ProcessRow>;

/** Which processes are asked for, without those below them. */
function topOf(target: Target): (row: ProcessRow) => boolean {
  const theirs = identitiesOf(target);
  const pid = pidOf(target);
  if (pid === undefined) {
    return row => [...theirs].every(([type, { inode }]) => row.namespaces.get(type) === inode);
  }
  const space = theirs.get('pid')?.inode;
  const isOurs = space === ownIdentities().get('pid')?.inode;
  return isOurs ? row => row.pid === pid : row => row.namespaces.get('pid') === space;
}

/** With what descends from them, and their parents up to the first. */
function withRelatives(tops: readonly ProcessRow[], rows: Rows): ProcessRow[] {
  const children = groupByParent(rows);
  const chosen = new Set<ProcessRow>();
  const next = [...tops];
  for (let row = next.pop(); row; row = next.pop()) {
    if (chosen.has(row)) continue;
    chosen.add(row);
    for (const child of children.get(row.pid) ?? []) next.push(child);
  }
  for (const top of tops) {
    let row = rows.get(top.ppid);
    for (; row && !chosen.has(row); row = rows.get(row.ppid)) chosen.add(row);
  }
  return [...chosen];
}

function groupByParent(rows: Rows): Map<number, ProcessRow[]> {
  const groups = new Map<number, ProcessRow[]>();
  for (const row of rows.values()) {
    const group = groups.get(row.ppid);
    if (group) group.push(row);
    else groups.set(row.ppid, [row]);
  }
  return groups;
}

async function build(chosen: ProcessRow[], rows: Rows, members: Members): Promise<ProcessNode[]> {
  const names = await userNames(chosen.map(row => row.uid));
  const roots: ProcessNode[] = [];
  const children = new Map(chosen.map(row => [row.pid, [] as ProcessNode[]]));
  for (const row of chosen.sort((one, other) => one.pid - other.pid)) {
    const parent = rows.get(row.ppid);
    const node: ProcessNode = {
      pid: row.pid,
      ppid: row.ppid,
      pids: row.pids,
      uid: row.uid,
      user: names.get(row.uid),
      command: row.command,
      cgroup: row.cgroup,
      start: new Date(row.start),
      container: members.ofProcess(row, pid => rows.get(pid)),
      differs: parent ? differences(row, parent) : [],
      children: children.get(row.pid) ?? [],
    };
    (children.get(row.ppid) ?? roots).push(node);
  }
  return roots;
}

function differences(row: ProcessRow, parent: ProcessRow): NamespaceType[] {
  return [...row.namespaces]
    .filter(([type, inode]) => (parent.namespaces.get(type) ?? inode) !== inode)
    .map(([type]) => type);
}
