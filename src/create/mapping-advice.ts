/** Why newuidmap(1) or newgidmap(1) has refused: its own words, and what can be checked. */
import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { hasNoNewPrivs, textOf } from '../base/own-rights.ts';
import { idMapIn, mountsIn } from '../base/proc.ts';
import { type MapProgram, mapProgram } from './id-maps.ts';

/** `words`: what it has written to its stderr. */
export function mappingAdvice(program: MapProgram, words = ''): string {
  const said = words.trim().split('\n').join(' / ');
  return [said === '' ? [] : `it said "${said}"`, reason(program)].flat().join('; ');
}

function reason(program: MapProgram): string {
  const file = program === 'newuidmap' ? '/etc/subuid' : '/etc/subgid';
  const path = mapProgram(program);
  return (
    withoutPower(path) ??
    unknownUser() ??
    `the ranges have to be lent to us in ${file}, and nothing else`
  );
}

/** What keeps a program of root's from having root's rights. */
function withoutPower(path: string | undefined): string | undefined {
  if (hasNoNewPrivs()) {
    return 'no_new_privs is set, with which no program has more rights than who starts it: start without it (NoNewPrivileges=, setpriv --no-new-privs, --security-opt no-new-privileges)';
  }
  try {
    const { uid, mode } = statSync(path as string);
    if (uid !== 0) {
      return `${path} does not belong to root here, as in a user namespace (/proc/self/uid_map) that does not know root or belongs to another: do it outside of that`;
    }
    if (isOnNosuid(path as string)) {
      return `${path} is on a file system that is mounted nosuid: it has no rights there`;
    }
    const lines = idMapIn(textOf('/proc/self/uid_map') ?? '');
    if (lines.reduce((sum, [, , length]) => sum + length, 0) < 2 ** 32 - 1) {
      return 'we are in a user namespace already, and nothing that it does not know (/proc/self/uid_map) can be mapped below it';
    }
    if ((mode & 0o4000) === 0) {
      return `${path} has no set-user-ID bit; without file capabilities (getcap) it cannot work: install its package anew`;
    }
  } catch {
    // as if nothing were wrong with it
  }
  return undefined;
}

function isOnNosuid(path: string): boolean {
  const above = mountsIn(textOf('/proc/self/mountinfo') ?? '').filter(
    ({ point }) => point === '/' || path.startsWith(`${point}/`),
  );
  const longest = Math.max(...above.map(({ point }) => point.length));
  // Of several at one point, the last covers the others.
  return above.findLast(({ point }) => point.length === longest)?.flags.includes('nosuid') ?? false;
}

/** They want to know by name who calls them, with the group that the name has. */
function unknownUser(): string | undefined {
  try {
    const { uid, gid, username } = userInfo();
    if (uid !== process.geteuid?.() || uid !== process.getuid?.()) return undefined;
    return gid === process.getgid?.()
      ? undefined
      : `our gid is ${process.getgid?.()}, and ${username} has ${gid} in /etc/passwd: it refuses who is in another group`;
  } catch {
    return `our uid ${process.geteuid?.()} has no entry in /etc/passwd`;
  }
}
