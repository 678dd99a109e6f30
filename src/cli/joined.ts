/**
 * Which namespaces `enter` joins: those of a process, of files, of each some. They are opened once, and
 * what follows from them (whose numbers count, who we are inside) is of just these.
 */
import { readFileSync } from 'node:fs';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { idMapIn } from '../base/proc.ts';
import { inodeOf, ownUserNamespace } from '../child/ours.ts';
import { type Fds, openEach } from '../target/fds.ts';
import { Namespaces } from '../target/namespaces.ts';
import type { Owner } from '../target/process-identity.ts';
import { openTarget, type Paths } from '../target/target.ts';
import { UsageError } from './arguments.ts';

export interface Choice {
  readonly process: Owner | undefined;
  /** Of the process: 'all', those in which it differs from us. */
  readonly types: readonly NamespaceType[] | 'all';
  readonly files: Paths;
  /** In place of the user namespace, that which owns it. */
  readonly userParent: boolean;
}

/** undefined where there are none. Our own user namespace is left out: nobody can join it again. */
export function openJoined({ process, types, files, userParent }: Choice): Namespaces | undefined {
  const parts: Fds[] = [];
  const opened = (fds: Fds) => parts.push(fds);
  try {
    const ofFiles = kinds.map(kind => kind.name).filter(type => files[type] !== undefined);
    if (ofFiles.length > 0) opened(openTarget(files, ofFiles));
    if (process !== undefined && types.length > 0) opened(openTarget(process, types));
    if (userParent) parts.unshift(openParent(parts, process));
    const fdOf = (type: NamespaceType) =>
      parts.find(fds => fds.get(type) !== undefined)?.get(type) ?? -1;
    const wanted = kinds
      .map(kind => kind.name)
      .filter(type => fdOf(type) >= 0)
      .filter(type => type !== 'user' || inodeOf(fdOf(type)) !== ownUserNamespace());
    if (wanted.length === 0) return undefined;
    return Namespaces.of(openEach(wanted, type => must(binding.dup(fdOf(type)), 'fcntl', type)));
  } finally {
    for (const fds of parts) fds.release();
  }
}

/** Of the user namespace of a file; else of the process's; else of whatever there is. */
function openParent(parts: readonly Fds[], process: Owner | undefined): Fds {
  const ofFile = parts.find(fds => fds.get('user') !== undefined)?.retain();
  const from = ofFile ?? (process ? openTarget(process, ['user']) : parts[0]?.retain());
  if (from === undefined)
    throw new UsageError('--user-parent: of whose user namespace? --target PID');
  try {
    const fd = from.get('user') ?? from.get(from.types[0] as NamespaceType) ?? -1;
    return openEach(['user'], () => {
      const owner = binding.getOwner(fd);
      if (owner >= 0) return owner;
      const advice =
        owner === errnos.EPERM ? 'the parent is above ours, or there is none' : undefined;
      throw failure(owner, 'ioctl', { type: 'user', target: process?.pid, advice });
    });
  } finally {
    from.release();
  }
}

function must(value: number, syscall: string, type: NamespaceType): number {
  if (value < 0) throw failure(value, syscall, { type });
  return value;
}

/**
 * The number that an id of ours has in a joined user namespace. Only a process that is in it shows its
 * map: the one that was named or, where it is in another, any.
 */
export async function idInside(
  id: number,
  kind: 'uid' | 'gid',
  joined: Namespaces,
  pid: number,
): Promise<number> {
  const wanted = joined.inode('user');
  const map = mapOf(pid, kind, wanted) ?? (await anyMap(kind, wanted));
  for (const [inside, outside, count] of map) {
    if (id >= outside && id < outside + count) return inside + (id - outside);
  }
  throw new UsageError(`the ${kind} ${id} of the target has no number in the user namespace`);
}

/** undefined where the process is not, or no longer, in that user namespace. */
function mapOf(pid: number, kind: 'uid' | 'gid', user: number) {
  try {
    const map = idMapIn(readFileSync(`/proc/${pid}/${kind}_map`, 'utf8'));
    const now = openTarget(pid, ['user']);
    const inode = inodeOf(now.get('user') ?? -1);
    now.release();
    return inode === user ? map : undefined;
  } catch {
    return undefined; // it has ended
  }
}

async function anyMap(kind: 'uid' | 'gid', user: number) {
  const { processRows } = await import('../base/processes.ts');
  for (const { pid, namespaces } of (await processRows()).values()) {
    const map = namespaces.get('user') === user ? mapOf(pid, kind, user) : undefined;
    if (map !== undefined) return map;
  }
  throw new UsageError(`follow: no process shows the map of the user namespace: say a ${kind}`);
}
