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
  'copy -95': special,
  'copy -22':
    'a file cannot be copied onto itself, nor a directory into itself; or its owner does not exist there',
  'remove -21': 'remove a directory with `recursive: true`',
  'chown -22': 'there is no such id in the user namespace of the container',
  [errnos.ENOSYS]: 'this needs openat2(2), Linux 5.6',
  [errnos.ESTALE]: 'somebody moved a directory while we were in it',
};

export function callFailure(
  { value, at }: CallResult,
  request: Request,
  target: number | string | undefined,
): Error {
  const below = at.length === 0 ? '' : `/${at.toString()}`;
  const shown =
    request.shown === undefined ? undefined : `${request.shown.replace(/\/+$/, '')}${below}`;
  const files = {
    path: shown || request.shown,
    dest: request.shownOther,
    code: codes[`${request.operation} ${value}`],
  };
  return fileFailure(value === errnos.EOPNOTSUPP ? errnos.EINVAL : value, request.syscall, files, {
    target: target,
    advice: advices[`${request.operation} ${value}`] ?? advices[value],
  });
}
