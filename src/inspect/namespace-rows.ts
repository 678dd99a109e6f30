/** The namespaces that the addon finds, one row each, with the containers that are in them. */
import type { NamespaceScan } from '../base/addon-looks.ts';
import { looked, split, userNames } from '../base/addon-rows.ts';
import { binding } from '../base/binding.ts';
import { lookingLimits } from '../base/limits.ts';
import { kinds, maskOf, type NamespaceType } from '../base/namespace-types.ts';
import type { Container } from '../containers/container.ts';
import type { Members } from '../containers/membership.ts';

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

export interface NamespaceRows {
  /** In order of their inodes. */
  readonly rows: NamespaceInfo[];
  /** How many processes could not be looked into, or not as a whole. */
  readonly unreadable: number;
}

type Own = ReadonlyMap<NamespaceType, { readonly inode: number }>;
type Containers = Pick<Members, 'ofNamespace'>;

/** `own`: the namespaces of who asks. Rejects as `listNamespaces` does, and where `containers` does. */
export async function namespaceRows(
  types: readonly NamespaceType[],
  holders: boolean,
  own: Own,
  containers: Promise<Containers>,
): Promise<NamespaceRows> {
  const [scan, members] = await Promise.all([
    looked(() => binding.scanNamespaces(maskOf(types), holders, lookingLimits())),
    containers,
  ]);
  const users = await userNames(uidsOf(scan));
  const rows = rowsOf(scan, users, own, members).filter(row => types.includes(row.type));
  return { rows, unreadable: scan.unreadable };
}

const width = 10;
const names = new Map(kinds.map(({ flag, name }) => [flag, name]));

function uidsOf({ rows }: NamespaceScan): number[] {
  const uids: number[] = [];
  for (let at = 0; at < rows.length; at += width) uids.push(rows[at + 9] as number);
  return uids;
}

function rowsOf(
  scan: NamespaceScan,
  users: ReadonlyMap<number, string>,
  own: Own,
  members: Containers,
): NamespaceInfo[] {
  const count = scan.ids.length;
  const here = own.get('mnt')?.inode;
  const texts = split(scan.texts);
  const mounts = byRow(scan.mounts, 2, ([mnt = 0], i) => ({ path: texts[count + i] ?? '', mnt }));
  const holders = byRow(scan.holders, 4, holderOf);
  return Array.from(scan.ids, (id, i): NamespaceInfo => {
    const [type = 0, inode = 0, owner, ownerUid, parent, network, processes = 0, pid, ppid, uid] =
      scan.rows.subarray(i * width, (i + 1) * width);
    const name = names.get(type) as NamespaceType;
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
      user: has ? users.get(uid ?? -1) : undefined,
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
