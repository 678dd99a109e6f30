/** setns(2) and unshare(2) for the calling thread. */
import { gone, joiningMissing } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { kindOf, maskOf, type NamespaceType } from '../base/namespace-types.ts';
import { moved } from '../callback/context.ts';
import { checkWayBack } from '../callback/thread.ts';
import { creationAdvice } from '../create/advice.ts';
import { checkInteger, checkList } from './check.ts';
import { nsType } from './nsfs.ts';

/**
 * Moves the calling thread, and no other, into the namespace that `fd` holds; or, by a pidfd, into
 * those of a process, in all of `types` or in none. Without `types`, `fd` has to be a namespace, of
 * whatever type.
 *
 * What it does lasts for the rest of the running code. In a callback of `withNamespaces` also for what
 * that starts from then on, and it is over where the callback is; anywhere else it is for good, and the
 * location that `outside` goes to. That is so for net, uts, ipc and cgroup. `pid` is where the thread's
 * children will be, and in a foreign one the thread can start no further thread; `mnt` wants a thread
 * that has its own root and cwd (after `unshare('mnt')`) and resets both: neither is undone by anything
 * but a call back. `user` and `time` no thread of Node can join.
 *
 * Refused, EINVAL: `mnt` together with another type, for the kernel would then move the root and the
 * cwd of every thread of this process.
 *
 * setns(2). Linux 3.0 (net, ipc, uts), 3.8 (user, mnt, pid), 4.6 (cgroup), 5.8 (time, and pidfds).
 */
export function setns(fd: number, types?: NamespaceType | readonly NamespaceType[]): void {
  checkInteger('fd', fd);
  const wanted = types === undefined ? [nsType(fd)] : checkList(types);
  if (wanted.includes('mnt') && wanted.length > 1) {
    const advice =
      'with another type in the same call, the kernel would move the root and cwd of every thread of this process: one call for mnt, one for the others';
    throw failure(errnos.EINVAL, 'setns', { type: 'mnt', advice });
  }
  prepare(wanted);
  const done = binding.setns(fd, maskOf(wanted));
  if (done < 0) {
    const type = wanted.find(type => kindOf[type].refusal !== undefined) ?? wanted[0];
    throw failure(done, 'setns', { type, advice: joiningAdvice(done, wanted) });
  }
  moved(wanted);
}

/**
 * Moves the calling thread, and no other, into new namespaces: of all of `types`, or of none. How long
 * it stays there is as with `setns`. With `pid` and `time` the thread stays, and its children will be in
 * the new ones; with `mnt` the thread has a root and cwd of its own from then on, so that
 * `process.chdir` and files opened by the thread pool part ways. `user` no thread of Node can create.
 *
 * unshare(2). Linux 2.6.16 (mnt), 2.6.19 (uts, ipc), 2.6.24 (net), 3.8 (pid), 4.6 (cgroup), 5.6 (time).
 */
export function unshare(types: NamespaceType | readonly NamespaceType[]): void {
  const wanted = checkList(types);
  prepare(wanted);
  const done = binding.unshare(maskOf(wanted));
  if (done < 0) {
    const type = wanted.length === 1 ? wanted[0] : undefined;
    const advice =
      done === errnos.EINVAL && wanted.includes('user')
        ? 'user: cannot be created by a thread of Node (the kernel wants a process of one thread); use spawn() with unshare'
        : creationAdvice(done, { created: wanted });
    throw failure(done, 'unshare', { type, advice });
  }
  moved(wanted);
}

/** A thread of the pool is born where its maker is, and stays there: they are all made before. */
function prepare(types: readonly NamespaceType[]): void {
  checkWayBack(types);
  const warm = binding.warmThreadPool();
  if (warm < 0) throw failure(warm, 'uv_queue_work');
}

function joiningAdvice(errno: number, types: readonly NamespaceType[]): string | undefined {
  if (errno === errnos.EPERM) {
    return joiningMissing();
  }
  if (errno === errnos.ESRCH) return gone;
  const other = types.find(type => kindOf[type].refusal !== undefined);
  if (other === undefined) return undefined;
  return `${other}: ${kindOf[other].refusal}; use spawn() or evaluate()`;
}
