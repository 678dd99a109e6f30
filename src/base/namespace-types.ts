/**
 * The one table of namespace types: name, CLONE_NEW* flag, order of joining, and whether a thread of
 * Node may be in another one than the rest of the process. Everything else asks here.
 */

/** A type of namespace, in the word that `/proc/PID/ns` uses. */
export type NamespaceType = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'time' | 'user' | 'uts';

/** Which types of a target are meant. `'all'`: those in which the target differs from us. */
export type Types = readonly NamespaceType[] | 'all';

export interface Kind {
  readonly name: NamespaceType;
  /** CLONE_NEW*, from `linux/sched.h`. */
  readonly flag: number;
  /** Why no thread of Node can be moved into one; undefined where it can. setns(2) has the rules. */
  readonly refusal?: string;
}

/** In the order in which they have to be joined: power first, what the paths depend on last. */
export const kinds: readonly Kind[] = [
  {
    name: 'user',
    flag: 0x10000000,
    refusal: 'cannot be joined by a thread of Node (the kernel wants a process of one thread)',
  },
  { name: 'cgroup', flag: 0x02000000 },
  { name: 'ipc', flag: 0x08000000 },
  { name: 'uts', flag: 0x04000000 },
  { name: 'net', flag: 0x40000000 },
  {
    name: 'pid',
    flag: 0x20000000,
    refusal: 'cannot be joined by a thread of Node (it could start no further thread)',
  },
  {
    name: 'mnt',
    flag: 0x00020000,
    refusal: 'cannot be joined by a thread of Node (it shares root and cwd with the other threads)',
  },
  {
    name: 'time',
    flag: 0x00000080,
    refusal: 'cannot be joined by a thread of Node (the kernel wants a process of one thread)',
  },
];

export const kindOf: Readonly<Record<NamespaceType, Kind>> = Object.fromEntries(
  kinds.map(kind => [kind.name, kind]),
) as Record<NamespaceType, Kind>;

/** The types that one thread can be in while the others stay where they are. */
export const threadKinds: readonly Kind[] = kinds.filter(kind => kind.refusal === undefined);

export function isType(value: unknown): value is NamespaceType {
  return typeof value === 'string' && Object.hasOwn(kindOf, value);
}

/** The names of the types whose flags are set in `mask`, in joining order. */
export function typesIn(mask: number): NamespaceType[] {
  return kinds.filter(kind => (mask & kind.flag) !== 0).map(kind => kind.name);
}

export function maskOf(types: readonly NamespaceType[]): number {
  return types.reduce((mask, type) => mask | kindOf[type].flag, 0);
}
