/**
 * The namespaces that a child is to join, opened: of the target, in the order in which the launcher joins
 * them, and what lies on the way to them.
 */
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import type { NamespaceType } from '../base/namespace-types.ts';
import { type Fds, openEach } from '../target/fds.ts';
import { openTarget, pidOf, type Target } from '../target/target.ts';
import { type Own, ordered } from './options.ts';
import { inodeOf, ownUserNamespace } from './ours.ts';

/** The namespaces to join, without our own user namespace, which cannot be joined again. */
export function openJoins({ target, namespaces, userParent }: Own): Fds | undefined {
  if (target === undefined || (namespaces.length === 0 && !userParent)) return undefined;
  const fds =
    namespaces.length === 0 ? openTarget(target, ['user']) : openTarget(target, namespaces);
  try {
    const owner = userParent ? openOwner(target, fds) : undefined;
    const user = owner ?? fds.get('user');
    const keepUser = user !== undefined && inodeOf(user) !== ownUserNamespace();
    if (owner === undefined && (user === undefined || keepUser)) return fds.retain();
    const types = namespaces.length === 0 ? [] : fds.types.filter(type => type !== 'user');
    const wanted: NamespaceType[] = keepUser ? ordered([...types, 'user']) : [...types];
    return openEach(wanted, type => {
      const fd = type === 'user' ? (owner ?? fds.get(type)) : fds.get(type);
      return must(binding.dup(fd ?? -1), 'fcntl', type);
    });
  } finally {
    fds.release();
  }
}

/**
 * The user namespaces between ours and the one that is joined to which others belong that are joined:
 * who owns them has the right to those only from in there. Outermost first.
 */
export function openAbove(fds: Fds, hold: (fd: number) => number): number[] {
  const leaf = fds.get('user');
  if (leaf === undefined) return [];
  const ends = [inodeOf(leaf), ownUserNamespace()];
  const wanted = new Set<number>();
  for (const type of fds.types.filter(type => type !== 'user')) {
    const owner = binding.getOwner(fds.get(type) ?? -1);
    if (owner < 0) continue; // above ours, or of somebody else: setns(2) says so
    try {
      const inode = inodeOf(owner);
      if (!ends.includes(inode)) wanted.add(inode);
    } finally {
      binding.close(owner);
    }
  }
  const above: number[] = [];
  for (let fd = leaf; wanted.size > 0; ) {
    fd = binding.getParent(fd);
    if (fd < 0) break;
    hold(fd);
    if (wanted.delete(inodeOf(fd))) above.unshift(fd);
  }
  return above;
}

/** NS_GET_USERNS, ioctl_ns(2). */
const noOwner =
  'options.userParent: the user namespace that owns it is above ours, or it is the first of all';

function openOwner(target: Target, fds: Fds): number {
  const first = fds.types.includes('user') ? 'user' : fds.types[0];
  const pid = pidOf(target);
  const from = pid === undefined || first === 'user' ? fds.retain() : openTarget(target, ['user']);
  try {
    const fd = from.get(pid === undefined && first !== undefined ? first : 'user') ?? -1;
    const owner = binding.getOwner(fd);
    const advice = owner === errnos.EPERM ? noOwner : undefined;
    if (owner < 0) throw failure(owner, 'ioctl', { type: 'user', target: pid, advice });
    return owner;
  } finally {
    from.release();
  }
}

function must(value: number, syscall: string, type: NamespaceType): number {
  if (value < 0) throw failure(value, syscall, { type });
  return value;
}
