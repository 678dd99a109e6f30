/** `namespacesOf` and `sameNamespaces`: which namespaces a target has. */
import { binding } from '../base/binding.ts';
import { checkTypes, failure, invalidValue } from '../base/errors.ts';
import { kinds, type NamespaceType, type Types } from '../base/namespace-types.ts';
import type { Fds } from '../target/fds.ts';
import { knownTypes } from '../target/known-types.ts';
import { Namespaces } from '../target/namespaces.ts';
import { openThread } from '../target/process.ts';
import { pidIn } from '../target/process-identity.ts';
import { openTarget, type Paths, type Target } from '../target/target.ts';

export interface NamespaceIdentity {
  /** The number by which /proc and lsns know it; the kernel may give it again later. */
  readonly inode: number;
  /** The kernel's 64-bit id, never given again (Linux 6.18). */
  readonly id: bigint | undefined;
}

export interface PlacedIdentity extends NamespaceIdentity {
  /** Whether the calling thread is in the same one. */
  readonly ours: boolean;
}

/**
 * The namespaces of a process, of a handle or of paths, by type: `namespacesOf(pid).net.ours` says
 * whether a container has the network of the host. A handle and paths have only what they name, a
 * kernel only the types that it knows (cgroup from Linux 4.6, time from 5.6).
 *
 * Throws `NamespaceError` where the target cannot be opened: ESRCH, EACCES.
 */
export function namespacesOf(
  target: number | { readonly pid?: number | undefined },
): Record<NamespaceType, PlacedIdentity>;
export function namespacesOf(
  target: Paths | Namespaces,
): Partial<Record<NamespaceType, PlacedIdentity>>;
export function namespacesOf(target: Target): Partial<Record<NamespaceType, PlacedIdentity>> {
  const own = ownIdentities();
  const theirs = [...identitiesOf(target)].map(([type, identity]) => {
    const ours = own.get(type)?.inode === identity.inode;
    return [type, { ...identity, ours }] as const;
  });
  return Object.fromEntries(theirs);
}

/**
 * Whether two targets are in the same namespaces: of all of `types`. Default: all types that both
 * have.
 *
 * Throws `NamespaceError` where a target cannot be opened, and a `TypeError` for a type that one of
 * them has not, or where there is no type that both have.
 */
export function sameNamespaces(one: Target, other: Target, types?: Types): boolean {
  const wanted = types === undefined ? 'all' : checkTypes(types);
  const first = openAll(one);
  try {
    // Both open at once: else the second could have got the number of the first.
    const second = openAll(other);
    try {
      const both = first.types.filter(type => second.get(type) !== undefined);
      if (both.length === 0) throw invalidValue('other', 'a target with a type in common', other);
      const compared = wanted === 'all' ? both : wanted;
      const missing = compared.find(type => !both.includes(type));
      if (missing !== undefined) throw invalidValue('types', 'types that both have', missing);
      return compared.every(type => inodeIn(first, type) === inodeIn(second, type));
    } finally {
      second.release();
    }
  } finally {
    first.release();
  }
}

/** @internal */
export function identitiesOf(target: Target): ReadonlyMap<NamespaceType, NamespaceIdentity> {
  return identitiesIn(openAll(target));
}

/** Those of the calling thread. @internal */
export function ownIdentities(): ReadonlyMap<NamespaceType, NamespaceIdentity> {
  return identitiesIn(openThread(knownTypes()));
}

function identitiesIn(fds: Fds): ReadonlyMap<NamespaceType, NamespaceIdentity> {
  try {
    return new Map(
      fds.types.map(type => {
        const id = binding.getId(fds.get(type) ?? -1);
        const inode = inodeIn(fds, type);
        return [type, { inode, id: typeof id === 'bigint' ? id : undefined }];
      }),
    );
  } finally {
    fds.release();
  }
}

function inodeIn(fds: Fds, type: NamespaceType): number {
  const inode = binding.getInode(fds.get(type) ?? -1);
  if (typeof inode === 'number') throw failure(inode, 'statx', { type });
  return inode[0];
}

/** All that a target has, whether it is ours or not. */
function openAll(target: Target): Fds {
  if (target instanceof Namespaces) return openTarget(target, target.types);
  const isPaths = typeof target === 'object' && target !== null && pidIn(target) === undefined;
  const named = isPaths
    ? kinds.map(kind => kind.name).filter(type => Object.hasOwn(target, type))
    : [];
  return openTarget(target, named.length > 0 ? named : knownTypes());
}
