/** What to do about an errno of a state file or a socket, or what it means there. */
import { errnos } from '../base/errnos.ts';
import { state as limits } from '../base/limits.ts';

export const adviceFor: Record<number, string> = {
  [errnos.EACCES]: 'run as root, or as the user whose engine it is',
  [errnos.EAGAIN]: 'too many file systems of users do not answer',
  [errnos.EFBIG]: 'no engine writes as much',
  [errnos.EINVAL]: 'this is no regular file',
  [errnos.ELOOP]: 'a link is not followed there',
  [errnos.EPERM]: 'it does not belong to the user whose engine it is',
  [errnos.ETIMEDOUT]: `the file system did not answer within ${limits.timeout} ms`,
  [errnos.EXDEV]: 'this is outside of what the user has',
};
