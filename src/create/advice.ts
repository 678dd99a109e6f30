/** Why the kernel does not make namespaces, or not what was asked of them, and what to do. */
import { errnos } from '../base/errnos.ts';
import type { NamespaceType } from '../base/namespace-types.ts';
import {
  filterAdvice,
  filterHint,
  hasCapability,
  isRoot,
  profileAdvice,
  textOf,
} from '../base/own-rights.ts';
import { mountsIn } from '../base/proc.ts';

/** Where the new namespaces are made. */
export interface Making {
  readonly created: readonly NamespaceType[];
  /** A user namespace has been joined before, in which we have all rights. */
  readonly inside?: boolean;
}

/** What unshare(2) has refused. */
export function creationAdvice(errno: number, making: Making): string | undefined {
  const { created: types, inside = false } = making;
  if (errno === errnos.ENOSPC) return limits(types);
  if (errno === errnos.EINVAL && types.includes('time')) {
    return 'time namespaces need Linux 5.6, and a kernel that is built with them';
  }
  if (types.includes('user')) {
    return errno === errnos.EPERM || errno === errnos.EACCES
      ? (switchAdvice() ?? userAdvice(errno))
      : filterAdvice(errno, 'unshare', true);
  }
  const hasRights = inside || hasCapability('CAP_SYS_ADMIN');
  const filtered = filterAdvice(errno, 'unshare', hasRights);
  if (filtered !== undefined || errno !== errnos.EPERM) return filtered;
  if (hasRights) return 'a security module refuses it';
  const hint = filterHint();
  if (hint !== '') return `CAP_SYS_ADMIN is missing, and ${hint}`;
  return isRoot()
    ? 'CAP_SYS_ADMIN is missing to this root, as in a container: give it that (--cap-add SYS_ADMIN), or create a user namespace, too'
    : 'CAP_SYS_ADMIN is missing: run as root, or create a user namespace, too';
}

/** create_user_ns, kernel/user_namespace.c, and what is asked before it. */
function userAdvice(errno: number): string {
  const chroot =
    'a process in a chroot cannot create user: use pivot_root(2), or do it outside of it';
  if (isInChroot()) return chroot;
  return (
    filterAdvice(errno, 'unshare', true) ??
    'a process in a chroot, or without ids of its own, cannot create user, and a security module may refuse it'
  );
}

/** Of a root directory that is no mount point there is no line; one that is may be a chroot all the same. */
function isInChroot(): boolean {
  const text = textOf('/proc/self/mountinfo');
  return text !== undefined && !mountsIn(text).some(({ point }) => point === '/');
}

function limits(types: readonly NamespaceType[]): string {
  const each = types.map(type => {
    const path = `/proc/sys/user/max_${type}_namespaces`;
    return `${path} (${textOf(path) ?? 'unreadable'})`;
  });
  const nested = types.filter(type => type === 'user' || type === 'pid');
  const levels = nested.length === 0 ? '' : `, or 32 levels of ${nested.join(' and ')}`;
  return `a limit is reached: ${each.join(', ')}${levels}`;
}

const switches: readonly [path: string, refusing: string, wanted: string][] = [
  ['kernel/unprivileged_userns_clone', '0', '1'],
  ['kernel/apparmor_restrict_unprivileged_userns', '1', '0'],
];

/** Distributions have switches of their own for users' user namespaces; who has CAP_SYS_ADMIN is free of them. */
function switchAdvice(): string | undefined {
  if (hasCapability('CAP_SYS_ADMIN')) return undefined;
  for (const [path, refusing, wanted] of switches) {
    if (textOf(`/proc/sys/${path}`) !== refusing) continue;
    const profile = path.includes('apparmor')
      ? ', or give node an AppArmor profile with userns'
      : '';
    const set = `set the sysctl ${path.replace('/', '.')} to ${wanted}`;
    return isRoot() ? `${set} outside${profile}` : `run as root, or ${set}${profile}`;
  }
  return undefined;
}

/**
 * Of any step that follows on the creation of a user namespace: AppArmor lets it be made, and takes away
 * all rights in it; a filter lets it be made, and refuses what it is for.
 */
export function refusedInside(
  errno: number,
  syscall: string,
  { created, inside = false }: Making,
): string | undefined {
  const refused = errno === errnos.EPERM || errno === errnos.EACCES;
  if (!refused && errno !== errnos.ENOSYS) return undefined;
  const withUser = created.includes('user');
  if (refused && withUser) {
    const restricted = switchAdvice();
    if (restricted !== undefined) return restricted;
  }
  const hasRights = withUser || inside || hasCapability('CAP_SYS_ADMIN');
  const mounting = syscall === 'mount' || syscall === 'pivot_root' || syscall === 'umount2';
  return filterAdvice(errno, syscall, hasRights) ?? (mounting ? profileAdvice(errno) : undefined);
}

/** What the launcher and its start need of the kernel, whatever they are for. */
export function startAdvice(errno: number, syscall: string): string | undefined {
  const filtered = filterAdvice(errno, syscall, false);
  if (filtered !== undefined) return filtered;
  if (syscall === 'memfd_create' && errno === errnos.EACCES) {
    return 'set the sysctl vm.memfd_noexec to 0 or 1';
  }
  // A file of memory counts, too.
  if (errno === errnos.EFBIG) return 'the limit of the size of a file (ulimit -f) is too low';
  if (syscall === 'close_range' || (syscall === 'pidfd_open' && errno === errnos.ENOSYS)) {
    return 'children in namespaces, and namespaces of all types but net, uts, ipc and cgroup, need Linux 5.9';
  }
  return undefined;
}
