/** From what a call came to, to an error in Node's words and with what to do about it. */
import type { CallResult } from '../binding.ts';
import { errnos } from '../errnos.ts';
import { fileFailure } from '../errors.ts';
import type { Request } from './calls.ts';

/** Node's own codes for what is no failure of a system call. */
const codes: Readonly<Record<string, string>> = {
  'remove -21': 'ERR_FS_EISDIR',
};

const special =
  'a FIFO, a device or a socket may block or do something: ask for it with `special: true`';
const advices: Readonly<Record<string, string>> = {
  'open -22': special,
  'readFile -22': special,
  'replace -22': 'only a file can be replaced',
  'copy -22': 'its owner does not exist there',
  'remove -21': 'remove a directory with `recursive: true`',
  'chown -22': 'there is no such id in the user namespace of the container',
  [errnos.ENOSYS]: 'this needs openat2(2), Linux 5.6',
  [errnos.ESTALE]: 'somebody moved a directory while we were in it',
};

/** By the words that native/place.h gives with an error. */
const reasons: Readonly<Record<string, string>> = {
  special: `${special}, or leave it out with 'skip'`,
  same: 'a file cannot be copied onto itself, nor a directory into itself',
  device: 'what is there is a FIFO, a device or a socket, or a link to one: it is not replaced',
  pseudo: 'what is there is a file of the kernel (proc, sysfs ...)',
  dangling: 'a link that leads nowhere is not written through',
  slash: 'a path that ends in a slash means a directory, which has to be there',
  flat: 'this is a directory, and `recursive` is false',
};

export function callFailure(
  { value, at, data }: CallResult,
  request: Request,
  target: number | string | undefined,
): Error {
  const below = at.length === 0 ? '' : `/${at.toString()}`;
  const shown =
    request.shown === undefined ? undefined : `${request.shown.replace(/\/+$/, '')}${below}`;
  const reason = request.operation === 'copy' ? data.toString() : '';
  const files = {
    path: shown || request.shown,
    dest: request.shownOther,
    code:
      value === errnos.EEXIST && request.exists !== undefined
        ? request.exists
        : codes[reason === 'flat' ? 'remove -21' : `${request.operation} ${value}`],
  };
  return fileFailure(value, request.syscall, files, {
    target: target,
    advice: reasons[reason] ?? advices[`${request.operation} ${value}`] ?? advices[value],
  });
}
