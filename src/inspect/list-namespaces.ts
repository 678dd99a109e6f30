/** `listNamespaces`: every namespace of the machine, as far as /proc shows it. */
import type { NamespaceScan } from '../base/addon-looks.ts';
import { looked, split, userNames } from '../base/addon-rows.ts';
import { binding } from '../base/binding.ts';
import { checkBoolean, namesOf, optionsIn } from '../base/check.ts';
import { checkTypes, invalidType } from '../base/errors.ts';
import { lookingLimits } from '../base/limits.ts';
import { kinds, maskOf, type NamespaceType, typesIn } from '../base/namespace-types.ts';
import type { Container } from '../containers/container.ts';
import type { Members } from '../containers/membership.ts';
import type { Target } from '../target/target.ts';
import { type ContainerChoice, checkChoice, membersOf } from './container-choice.ts';
import { identitiesOf, ownIdentities } from './identity.ts';

export interface ListOptions extends ContainerChoice {
  /** Only those of these types. Default: all types. */
  types?: readonly NamespaceType[] | undefined;
  /** Only those that a process, a handle or paths stand for. */
  target?: Target | undefined;
  /** Only those with no process in them, which something else keeps. Default: false. */
  persistent?: boolean | undefined;
  /**
   * Looks for what else holds a namespace (`holders`, and `mounts` in mount namespaces other than
   * ours), and so for those that only such a thing keeps alive. That is most of the work: every open
   * file and every thread of the machine. Default: true.
   */
  holders?: boolean | undefined;
}

const names = namesOf<ListOptions>({
  types: true,
  target: true,
  persistent: true,
  holders: true,
  containers: true,
});

/** A place in a mount namespace. */
export interface NamespaceMount {
  readonly path: string;
  /** The inode of the mount namespace in which that path leads there. */
  readonly mnt: number;
}

/**
 * A process that keeps a namespace alive without being in it: by an open file descriptor, by a socket
 * that was made in it, by a thread that is in it, or as the place where its children will be.
 */
export type NamespaceHolder =
  | { readonly by: 'fd' | 'socket'; readonly pid: number; readonly fd: number }
  | { readonly by: 'thread'; readonly pid: number; readonly tid: number }
  | { readonly by: 'children'; readonly pid: number };

export interface NamespaceInfo {
  readonly type: NamespaceType;
  /** The number by which /proc and lsns know it; the kernel may give it again later. */
  readonly inode: number;
  /** The kernel's 64-bit id, never given again (Linux 6.18). */
  readonly id: bigint | undefined;
  /** Whether the calling thread is in it. */
  readonly ours: boolean;
  /** The inode of the user namespace that owns it; undefined where that is out of our sight. */
  readonly owner: number | undefined;
  /** The uid of who made that user namespace; of a user namespace, of who made this. */
  readonly ownerUid: number | undefined;
  /** Of pid and user: the inode of the parent; undefined where that is out of our sight. */
  readonly parent: number | undefined;
  /** How many processes are in it. */
  readonly processes: number;
  /** The process with the lowest pid of these. */
  readonly pid: number | undefined;
  readonly ppid: number | undefined;
  /** Its arguments joined by spaces; if it has none, as a thread of the kernel, its name. */
  readonly command: string | undefined;
  /** Its effective uid. */
  readonly uid: number | undefined;
  readonly user: string | undefined;
  /** Of net: the id that it has in the network namespace of the caller (`ip netns list-id`). */
  readonly networkId: number | undefined;
  /** The containers that are in it, but for a namespace of the host's. */
  readonly containers: readonly Container[];
  /** Where it is mounted: first in our own mount namespace. */
  readonly mounts: readonly NamespaceMount[];
  /** Who else keeps it: one entry for each process and way. */
  readonly holders: readonly NamespaceHolder[];
}

/** By inode. */
export interface NamespaceList extends Array<NamespaceInfo> {
  /**
   * How many processes could not be looked into, or not as a whole: for want of rights, because they
   * keep us waiting, or because there is more of them than is read. What only these have is
   * not in the list.
   */
  readonly unreadable: number;
}

/**
 * Lists the namespaces of the machine, each once: those that a process is in, those that are only
 * held, and those that only own others. What comes and goes meanwhile may be in the list or not; a row
 * is always whole.
 *
 * Looks at /proc, on threads of its own. To look into processes of other users, CAP_SYS_PTRACE is
 * needed (root has it); those that may not be looked into are counted in `unreadable`.
 *
 * Rejects with `NamespaceError` where /proc is not mounted (ENOENT, ENOSYS), `target` cannot be
 * opened, or there are not enough file descriptors or memory (EMFILE, ENFILE, ENOMEM). lsns(8) has the same columns. Linux 4.11; the network's socket holders 5.6.
 */
export async function listNamespaces(given: ListOptions = {}): Promise<NamespaceList> {
  const options = check(given);
  const { types, target, persistent, holders = true } = options;
  const wanted = types ?? kinds.map(kind => kind.name);
  const own = ownIdentities();
  const only = target === undefined ? undefined : identitiesOf(target);
  const [scan, members] = await Promise.all([
    looked(binding.scanNamespaces(maskOf(wanted), holders, lookingLimits())),
    membersOf(options),
  ]);
  const users = await userNames(uidsOf(scan));
  const rows = rowsOf(scan, users, own, members);
  const chosen = rows.filter(
    row =>
      wanted.includes(row.type) &&
      !(persistent && row.processes > 0) &&
      (only === undefined || only.get(row.type)?.inode === row.inode),
  );
  return Object.assign(chosen, { unreadable: scan.unreadable });
}

function check(given: ListOptions): ListOptions {
  const options = optionsIn(given, names);
  const { types, persistent, holders } = options;
  if (types !== undefined && checkTypes(types) === 'all') {
    throw invalidType('options.types', 'an array of types', types);
  }
  checkChoice(options);
  for (const [name, value] of Object.entries({ persistent, holders })) {
    if (value !== undefined) checkBoolean(`options.${name}`, value);
  }
  return options;
}

const width = 10;

function uidsOf({ rows }: NamespaceScan): number[] {
  const uids: number[] = [];
  for (let at = 0; at < rows.length; at += width) uids.push(rows[at + 9] as number);
  return uids;
}

function rowsOf(
  scan: NamespaceScan,
  names: ReadonlyMap<number, string>,
  own: ReadonlyMap<NamespaceType, { inode: number }>,
  members: Members,
): NamespaceInfo[] {
  const count = scan.ids.length;
  const here = own.get('mnt')?.inode;
  const texts = split(scan.texts);
  const mounts = byRow(scan.mounts, 2, ([mnt = 0], i) => ({ path: texts[count + i] ?? '', mnt }));
  const holders = byRow(scan.holders, 4, holderOf);
  return Array.from(scan.ids, (id, i): NamespaceInfo => {
    const [type = 0, inode = 0, owner, ownerUid, parent, network, processes = 0, pid, ppid, uid] =
      scan.rows.subarray(i * width, (i + 1) * width);
    const name = typesIn(type)[0] as NamespaceType;
    const has = processes > 0;
    return {
      type: name,
      inode,
      id: id === 0n ? undefined : id,
      ours: own.get(name)?.inode === inode,
      owner: owner || undefined,
      ownerUid: known(ownerUid),
      parent: parent || undefined,
      processes,
      pid: has ? pid : undefined,
      ppid: has ? ppid : undefined,
      command: has ? texts[i] : undefined,
      uid: has ? uid : undefined,
      user: has ? names.get(uid ?? -1) : undefined,
      networkId: known(network),
      containers: members.ofNamespace(inode),
      mounts: (mounts.get(i) ?? []).sort(
        (one, other) => +(other.mnt === here) - +(one.mnt === here) || one.mnt - other.mnt,
      ),
      holders: holders.get(i) ?? [],
    };
  });
}

function known(number: number | undefined): number | undefined {
  return number === -1 ? undefined : number;
}

/** Flat rows that begin with the number of the row that they belong to. */
function byRow<T>(
  numbers: Float64Array,
  each: number,
  make: (rest: Float64Array, index: number) => T,
): Map<number, T[]> {
  const lists = new Map<number, T[]>();
  for (let at = 0; at < numbers.length; at += each) {
    const row = numbers[at] as number;
    const one = make(numbers.subarray(at + 1, at + each), at / each);
    const list = lists.get(row);
    if (list) list.push(one);
    else lists.set(row, [one]);
  }
  return lists;
}

const ways = ['fd', 'socket', 'thread', 'children'] as const; // native/inspect/namespace_table.h

function holderOf([way = 0, pid = 0, number = 0]: Float64Array): NamespaceHolder {
  const by = ways[way] as (typeof ways)[number];
  if (by === 'thread') return { by, pid, tid: number };
  return by === 'children' ? { by, pid } : { by, pid, fd: number };
}
