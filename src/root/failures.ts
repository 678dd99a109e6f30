/** From what a call came to, to an error in Node's words and with what to do about it. */
import type { CallResult } from '../base/addon.ts';
import { errnos } from '../base/errnos.ts';
import { type Files, fileFailure, type NamespaceError } from '../base/errors.ts';
import { filterAdvice, filterHint, isRoot } from '../base/own-rights.ts';
import type { Request } from './request.ts';

/** Node's own codes for what is no failure of a system call. */
const codes: Readonly<Record<string, string>> = {
  [`remove ${errnos.EISDIR}`]: 'ERR_FS_EISDIR',
};

const special =
  'a FIFO, a device or a socket may block or do something: ask for it with `special: true`';
const advices: Readonly<Record<string, string>> = {
  [`open ${errnos.EINVAL}`]: special,
  [`readFile ${errnos.EINVAL}`]: special,
  [`replace ${errnos.EINVAL}`]: 'only a file can be replaced',
  [`copy ${errnos.EINVAL}`]: 'its owner does not exist there',
  [`copy ${errnos.EBUSY}`]:
    'something is mounted there, and would be lost: only a file is written in its place',
  [`remove ${errnos.EISDIR}`]: 'remove a directory with `recursive: true`',
  [`remove ${errnos.ENOTEMPTY}`]: 'somebody puts files into it while it is removed',
  [`list ${errnos.EFBIG}`]: 'more paths than fit into 256 MiB: list its directories one by one',
  [`chown ${errnos.EINVAL}`]: 'there is no such id in the user namespace of the container',
  [errnos.ESTALE]:
    'a directory was moved or unmounted while we were in it, or is in another mount namespace than the process',
  [errnos.EBUSY]:
    'something is mounted there in the container, which would be lost: write to it without `atomic`, or unmount it first',
  [errnos.EOVERFLOW]:
    'the file system belongs to a user namespace in which the owner of the new file has no id',
};

/** By the words that native/root/copy_name.h gives with an error. */
const reasons: Readonly<Record<string, string>> = {
  special: `${special}, or leave it out with 'skip'`,
  same: 'a file cannot be copied onto itself, nor a directory into itself',
  device: 'what is there is a FIFO, a device or a socket, or a link to one: it is not replaced',
  dangling: 'a link that leads nowhere is not written through',
  node: "there the container's root may make no device, nor do we: leave it out with 'skip'",
  slash: 'a path that ends in a slash means a directory, which has to be there',
  flat: 'this is a directory, and `recursive` is false',
};

/** The operations that give such a word. */
const withReason: ReadonlySet<string> = new Set(['copy', 'put', 'putEnd', 'attributes']);

export function callFailure(
  { value, at, data, system, foreign }: CallResult,
  request: Request,
  target: number | string | undefined,
): Error {
  // As it was given, a slash at its end included, unless it is something below that.
  const shown =
    at.length === 0 || request.shown === undefined
      ? request.shown
      : `${request.shown.replace(/\/+$/, '')}/${at.toString()}`;
  const reason = withReason.has(request.operation) ? data.toString() : '';
  const files = {
    path: shown,
    dest: request.shownOther,
    code:
      value === errnos.EEXIST && request.exists !== undefined
        ? request.exists
        : codes[reason === 'flat' ? `remove ${errnos.EISDIR}` : `${request.operation} ${value}`],
  };
  const denied = value === errnos.EPERM || value === errnos.EACCES;
  // Who is not root has no rights that could have been given up.
  if (denied && ((foreign && isRoot()) || (value === errnos.EPERM && system.length > 0))) {
    return refusedChange(value, request.syscall, files, { system, target });
  }
  return fileFailure(value, request.syscall, files, {
    target: target,
    advice:
      reasons[reason] ??
      advices[`${request.operation} ${value}`] ??
      advices[value] ??
      hint(value, request),
  });
}

function foreign(target: number | string | undefined): string {
  return typeof target === 'number'
    ? 'its owner is no id of the container, whose root has no right to do this'
    : 'no id of its user namespace is known by a mount namespace alone, nor who may do this: say a pid';
}

/** Something was to be changed that is no file, or not the container's. */
export function refusedChange(
  errno: number,
  syscall: string,
  files: Files,
  { system, target }: { system: Buffer; target: number | string | undefined },
): NamespaceError {
  const name = system.toString();
  const advice =
    name === ''
      ? foreign(target)
      : `it is on a file system of type ${name}, which holds no files but what the kernel shows of itself, and may be the whole machine's: ask for it with \`fileSystems: ['${name}']\``;
  return fileFailure(errno, syscall, files, { type: 'mnt', target, advice });
}

/** What a process finds in /proc of itself is not there for us, who are none of the container's. */
const ofSelf = /^\/*proc\/+(self|thread-self|net|mounts)(\/|$)|^\/*etc\/+mtab$/;

function hint(value: number, { shown }: Request): string | undefined {
  if (value === errnos.ENOENT && shown !== undefined && ofSelf.test(shown)) {
    return 'in the /proc of the container nothing is `self` for a process outside of it: take the number of one of its processes, as in /proc/1/mounts or /proc/1/net/tcp';
  }
  if (value === errnos.ENOSYS) {
    return filterAdvice(value, 'openat2', false) ?? 'this needs openat2(2), Linux 5.6';
  }
  if (value === errnos.EACCES || value === errnos.EPERM) {
    if (isRoot()) return (value === errnos.EPERM && filterHint()) || undefined;
    return 'without root only what belongs to you can be reached from outside; evaluate() and spawn() do it inside, as the root of the container';
  }
  return undefined;
}
