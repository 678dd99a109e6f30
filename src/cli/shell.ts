/** What is run where no program is named: the user's shell. */
import { userInfo } from 'node:os';

/**
 * That of SHELL; without it, of our own entry in the list of users. Inside of another root, or as
 * another user, that would have to be looked up in there, by modules of the container with our
 * rights (nsswitch.conf(5)): then it is the one that is everywhere.
 */
export function userShell(isHere: boolean, { SHELL: named }: NodeJS.ProcessEnv): string {
  if (named) return named;
  try {
    return (isHere && userInfo().shell) || '/bin/sh';
  } catch {
    return '/bin/sh'; // an id without an entry
  }
}
