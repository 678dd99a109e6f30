/**
 * Makes new namespaces that live without a process. Those of types that a thread can be in are made by
 * a thread of their own, all others by the launcher, in a process that ends when they are open.
 */

import type { Held } from '../base/addon.ts';
import { binding } from '../base/binding.ts';
import { checkBoolean, checkPath, isTop, namesOf, optionsIn } from '../base/check.ts';
import { errnos } from '../base/errnos.ts';
import { checkTypeList, failure, invalidValue } from '../base/errors.ts';
import { kindOf, kinds, maskOf, type NamespaceType, typesIn } from '../base/namespace-types.ts';
import { requirePermission } from '../base/permission.ts';
import { noProc } from '../base/proc.ts';
import { trace } from '../base/trace.ts';
import { Fds } from '../target/fds.ts';
import { Namespaces } from '../target/namespaces.ts';
import { creationAdvice, refusedInside, startAdvice } from './advice.ts';
import { loopbackMissing, stepFailure } from './failures.ts';
import { encode } from './launcher-request.ts';
import { type CreateOptions, checkCreateOptions, typeOfOption } from './options.ts';

export interface CreateNamespacesOptions extends CreateOptions {
  /**
   * With `pid`: gives the new namespace a first process of ours, which reaps orphans, so that children
   * can come and go in it. It ends, and with it everything in the namespace, when the handle is closed
   * or dropped, and when this process ends, however it ends. Default: false: the first child started
   * in the namespace is its first process, and with that the namespace ends (Linux 6.11).
   */
  init?: boolean | undefined;
  /** With `mnt`: a directory, as an absolute path, that becomes the root directory in it. */
  root?: string | undefined;
}

const names = namesOf<CreateNamespacesOptions>({ ...typeOfOption, init: true, root: true });

/**
 * Makes new namespaces of `types`, which live for as long as the handle is open or anything runs in
 * them: by file descriptors alone, but for the process of `init`. This thread stays where it is.
 *
 * Needs CAP_SYS_ADMIN, unless `user` is among them: then they belong to the new user namespace, whose
 * maker has all power in it. Rejects with `NamespaceError`: EPERM without it, ENOSPC where a limit of
 * /proc/sys/user/max_*_namespaces is reached; `syscall` names the step.
 */
export async function createNamespaces(
  types: readonly NamespaceType[],
  given: CreateNamespacesOptions = {},
): Promise<Namespaces> {
  const options = optionsIn(given, names);
  const wanted = check(types, options);
  const threadsDo = wanted.every(type => kindOf[type].refusal === undefined);
  const made = await (threadsDo ? byThread : byProcess)(wanted, options);
  trace('createNamespaces', () => made.inodes());
  return Namespaces.of(made);
}

async function byThread(
  types: readonly NamespaceType[],
  { hostname, domainname, loopback = false }: CreateOptions,
): Promise<Fds> {
  const made = await binding.create(maskOf(types), types, hostname, domainname, loopback);
  if (made.error < 0) {
    const type = types.length === 1 ? types[0] : undefined;
    const { error, step } = made;
    if (step !== 'unshare') throw inThread(error, step, types);
    throw failure(error, step, { type, advice: creationAdvice(error, { created: types }) });
  }
  return new Fds(new Map(types.map((type, i) => [type, made.fds[i] as number])));
}

async function byProcess(
  types: readonly NamespaceType[],
  options: CreateNamespacesOptions,
): Promise<Fds> {
  requirePermission();
  const { init = false, root } = options;
  const flags = types.map(type => kindOf[type].flag);
  const create = encode(types, options, { hold: true, init }) as Uint8Array;
  const made = await binding.hold(flags, types, create, isTop(root) ? undefined : root, init);
  if (made.error < 0) throw heldFailure(made, types);
  const fds = new Map(types.map((type, i) => [type, made.fds[i] as number]));
  return new Fds(fds, made.init);
}

function heldFailure({ error, step, detail, words }: Held, types: readonly NamespaceType[]): Error {
  const making = { created: types };
  if (step === 'create') return stepFailure(error, detail, {}, making, words);
  const type = types.length === 1 ? types[0] : step === 'open' ? typesIn(detail)[0] : undefined;
  const denied = step === 'open' && (error === errnos.EACCES || error === errnos.EPERM);
  const early = step === 'open' && type === 'pid';
  const advice = denied
    ? 'CAP_SYS_PTRACE is missing, to look into a process with ids of its own (options.owner)'
    : early
      ? 'a pid namespace without a process can be held from Linux 6.11 on; before, with init: true'
      : step === 'unshare'
        ? creationAdvice(error, making)
        : (startAdvice(error, step) ?? refusedInside(error, step, making));
  return failure(error, step, { type, advice });
}

/** A step of the thread after it has made them. */
function inThread(errno: number, step: string, types: readonly NamespaceType[]): Error {
  if (step === 'open' && errno === errnos.ENOENT) {
    return failure(errno, step, { target: '/proc/thread-self/ns', advice: noProc });
  }
  const type = step === 'ioctl' ? 'net' : step.endsWith('name') ? 'uts' : undefined;
  const advice =
    step === 'ioctl' && errno === errnos.EPERM
      ? loopbackMissing
      : refusedInside(errno, step, { created: types });
  return failure(errno, step, { type, advice });
}

/** The types in the order of the one table. */
function check(types: unknown, options: CreateNamespacesOptions): readonly NamespaceType[] {
  const given = checkTypeList(types);
  const wanted = kinds.map(kind => kind.name).filter(name => given.includes(name));
  checkCreateOptions(options, wanted);
  const { init, root, mountProc, propagation } = options;
  if (init !== undefined) checkBoolean('options.init', init);
  if (init && !wanted.includes('pid')) {
    throw invalidValue('options.init', 'left out without a new pid namespace', init);
  }
  if (root !== undefined) {
    checkPath('options.root', root);
    if (!wanted.includes('mnt')) {
      throw invalidValue('options.root', 'left out without a new mnt namespace', root);
    }
    if (propagation === 'unchanged') {
      throw invalidValue('options.propagation', "not 'unchanged' with a root", propagation);
    }
  }
  if (mountProc && wanted.includes('pid') && !init) {
    // It would be that of our own pid namespace: only who is in one can mount its /proc.
    throw invalidValue('options.mountProc', 'with init: true for a new pid namespace', mountProc);
  }
  return wanted;
}
