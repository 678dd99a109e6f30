/**
 * What holds a process down besides its rights: limits of resources, how soon it is killed for memory, the
 * label of a security module. As texts of /proc/PID have it.
 */
import { readFileSync } from 'node:fs';

export interface Bounds {
  /** Of each resource in the order of their numbers: soft and hard. */
  readonly limits: BigUint64Array;
  /** oom_score_adj. */
  readonly oomScore: string;
  /** What has to be written to which file, so that the next exec has the label; undefined: it has it. */
  readonly label: { readonly file: string; readonly text: string } | undefined;
}

const unlimited = 2n ** 64n - 1n;
const resources = 16; // RLIM_NLIMITS

/** proc_pid_limits(5); undefined where the process has ended meanwhile. */
export function limitsIn(text: string): BigUint64Array | undefined {
  const rows = text
    .split('\n')
    .slice(1)
    .map(line => /^.{25} (\S+) +(\S+)/.exec(line))
    .filter(row => row !== null);
  if (rows.length !== resources) return undefined;
  const number = (word = '') => (word === 'unlimited' ? unlimited : BigInt(word));
  return BigUint64Array.from(rows.flatMap(([, soft, hard]) => [number(soft), number(hard)]));
}

/**
 * proc_pid_attr(5). AppArmor has a folder of its own there, and its profile a mode behind it; of others
 * (SELinux), the text is the label. A process that has none can be followed whatever we are: what holds us
 * down holds the child, too. `read`: of the target, by name below /proc/PID; undefined: it has no such file.
 */
export function labelOf(read: (name: string) => string | undefined): Bounds['label'] {
  for (const folder of ['attr/apparmor', 'attr']) {
    const theirs = labelIn(read(`${folder}/current`));
    if (theirs === undefined) continue;
    const isAppArmor = folder !== 'attr';
    const name = isAppArmor ? theirs.replace(/ \(\w+\)$/, '') : theirs;
    if (theirs === labelIn(ownLabel(`${folder}/current`)) || name === 'unconfined')
      return undefined;
    return { file: `/proc/self/${folder}/exec`, text: isAppArmor ? `exec ${name}` : name };
  }
  return undefined;
}

function labelIn(text: string | undefined): string | undefined {
  return text?.replace(/[\0\n]+$/, '') || undefined;
}

/** By name below /proc/self; undefined where there is no such module. */
export function ownLabel(name: string): string | undefined {
  try {
    return readFileSync(`/proc/self/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
