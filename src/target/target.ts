/** From a target, as a caller names it, to open fds of its namespaces. */

import { unreadable } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { checkTypes, failure, invalidType, invalidValue } from '../base/errors.ts';
import { isType, kindOf, kinds, type NamespaceType, type Types } from '../base/namespace-types.ts';
import { has, own, property } from '../base/own-properties.ts';
import { traced } from '../base/trace.ts';
import { type Fds, openEach } from './fds.ts';
import { knownTypes } from './known-types.ts';
import { Namespaces } from './namespaces.ts';
import { type ByPidfd, checkPid, openProcess, openThread, type Process } from './process.ts';
import {
  awaitStart,
  isChild,
  livePid,
  type Owner,
  pidIn,
  startTimeIn,
} from './process-identity.ts';

/** Paths of namespaces, such as `{ net: '/run/netns/blue' }`. */
export type Paths = { readonly [type in NamespaceType]?: string };

/**
 * Whose namespaces: a pid (or the id of a thread) as our /proc shows it, something with a `pid` (a
 * ChildProcess, a Container), paths of namespaces, or an open handle.
 *
 * Our own pid means the main thread, wherever that is: in a callback inside, and for a Worker also where a callback of
 * the main thread happens to be. A handle that was opened before any callback is ours for good.
 */
export type Target = number | Owner | Paths | Namespaces;

/**
 * Opens namespaces of `target`, so that they stay reachable whatever becomes of it. The result has to
 * be closed.
 *
 * Opening a process needs the right to look into it (ptrace(2), PTRACE_MODE_READ): root's or its owner's.
 * Throws `NamespaceError`: ESRCH where there is no such process, or it has exited; EACCES where it may not be looked
 * into; ETIMEDOUT where it keeps who looks waiting for a second; EINVAL for a path that is no namespace or one of
 * another type.
 */
export function openNamespaces(target: Target, types: Types): Namespaces {
  return Namespaces.of(openTarget(target, checkTypes(types)));
}

/** Opens the namespaces of `target`; the caller owns one use of the result. `byPidfd`: as of `openProcess`. */
export function openTarget(target: Target, types: Types, byPidfd?: ByPidfd): Fds {
  return traced(
    'openTarget',
    () => open(target, types, byPidfd),
    fds => ({ pid: pidOf(target), ...fds.inodes() }),
  );
}

function open(target: Target, types: Types, byPidfd?: ByPidfd): Fds {
  if (target instanceof Namespaces) return openHandle(target, types);
  awaitStart(target);
  if (typeof target === 'number') {
    return openTypes({ pid: target, isChild: false, startTime: undefined }, types, byPidfd);
  }
  if (typeof target !== 'object' || target === null) {
    throw invalidType('target', 'a pid, an object with a pid, paths, or Namespaces', target);
  }
  if (isOwner(target)) {
    const process = {
      pid: livePid(target),
      isChild: isChild(target),
      startTime: startTimeIn(target),
    };
    return openTypes(process, types, byPidfd);
  }
  return openPaths(own(target), types);
}

function openTypes(process: Process, types: Types, byPidfd?: ByPidfd): Fds {
  return types === 'all'
    ? keepDifferent(openProcess(process, knownTypes()))
    : openProcess(process, types, byPidfd);
}

/** Has it a pid, and not a path by that name? */
function isOwner(target: Owner | Paths): target is Owner {
  return has(target, 'pid') && typeof property(target, 'pid') !== 'string';
}

/** undefined: it is no process. What is wrong with it, `openTarget` says. */
export function pidOf(target: Target | undefined): number | undefined {
  if (target instanceof Namespaces) return undefined;
  awaitStart(target);
  return pidIn(target);
}

/**
 * As `pidOf`, of what is about to be opened by it: throws for a number that is no pid, and for a child that has
 * ended, whose pid may be another's by now.
 */
export function processOf(target: Target | undefined): number | undefined {
  const pid = pidOf(target);
  if (pid === undefined) return undefined;
  if (typeof target === 'object') livePid(target as Owner);
  checkPid(pid);
  return pid;
}

function openHandle(handle: Namespaces, types: Types): Fds {
  const fds = handle.fds();
  const chosen = types === 'all' ? fds.types.filter(type => differs(fds.get(type), type)) : types;
  for (const type of chosen) handle.fd(type); // throws where it has none
  return chosen.length === fds.types.length
    ? fds.retain()
    : openEach(chosen, type => must(binding.dup(handle.fd(type)), 'fcntl', type));
}

function openPaths(paths: Paths, types: Types): Fds {
  for (const [type, path] of Object.entries(paths)) {
    if (!isType(type)) throw invalidValue('target', 'a pid or paths by type of namespace', paths);
    if (typeof path !== 'string') throw invalidType(`target.${type}`, 'a path', path);
    if (path === '' || path.includes('\0')) {
      throw invalidValue(`target.${type}`, 'a path, not empty and without null bytes', path);
    }
  }
  const given = kinds.map(kind => kind.name).filter(type => paths[type] !== undefined);
  if (given.length === 0) throw invalidValue('target', 'a pid or paths by type', paths);
  const wanted = types === 'all' ? given : types;
  const fds = openEach(wanted, type => openPath(paths[type], type));
  return types === 'all' ? keepDifferent(fds) : fds;
}

function openPath(path: string | undefined, type: NamespaceType): number {
  if (path === undefined) throw invalidValue('types', 'among those that the target names', type);
  const fd = binding.openNamespace(path);
  if (fd < 0) {
    const ofProcess = fd === errnos.EACCES && path.startsWith('/proc/') ? unreadable() : undefined;
    const advice = fd === errnos.EINVAL ? 'this file is no namespace' : ofProcess;
    throw failure(fd, 'open', { type, target: path, advice });
  }
  const flag = binding.getType(fd);
  if (flag === kindOf[type].flag) return fd;
  binding.close(fd);
  const actual = kinds.find(kind => kind.flag === flag)?.name ?? 'another type';
  throw failure(flag < 0 ? flag : errnos.EINVAL, 'ioctl', {
    type,
    target: path,
    advice: `this namespace is ${actual}, not ${type}`,
  });
}

/** Drops, and closes, what is ours already. */
function keepDifferent(fds: Fds): Fds {
  try {
    const types = fds.types.filter(type => differs(fds.get(type), type));
    return openEach(types, type => must(binding.dup(fds.get(type) ?? -1), 'fcntl', type));
  } finally {
    fds.release();
  }
}

function differs(fd: number | undefined, type: NamespaceType): boolean {
  const ours = openThread([type]);
  try {
    const theirs = binding.getInode(fd ?? -1);
    const own = binding.getInode(ours.get(type) ?? -1);
    return String(theirs) !== String(own);
  } finally {
    ours.release();
  }
}

function must(value: number, syscall: string, type: NamespaceType): number {
  if (value < 0) throw failure(value, syscall, { type });
  return value;
}
