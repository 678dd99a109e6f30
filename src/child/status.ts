/** Whose rights a process has, as /proc/PID/status says; proc_pid_status(5). */

import { readFileSync } from 'node:fs';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import type { IdMapLine } from '../base/proc.ts';
import { fieldIn, numbersIn } from '../base/status-fields.ts';
import { type CapabilitySets, noCapabilities } from './capabilities.ts';

export interface Credentials {
  /** Real, effective, saved. */
  uid: number[];
  gid: number[];
  /** undefined: the same as ours. */
  groups: number[] | undefined;
  capabilities: CapabilitySets;
  noNewPrivs: boolean;
  umask: number;
}

/**
 * The lines about rights, without those that change all the time. Lines end with a newline and nothing
 * else: the process's name, which it gives itself, may have a carriage return in it, or U+2028, where
 * a regular expression sees the beginning of a line.
 */
export function rightsIn(status: string): string {
  const names = /^(Umask|Uid|Gid|Groups|NoNewPrivs|Cap[A-Z][a-z]+):/;
  return status
    .split('\n')
    .filter(line => names.test(line))
    .join('\n');
}

/** `holds`: whether its capabilities mean anything where the child is to be. */
export function credentialsIn(
  rights: string,
  pid: number,
  maps: { uid: readonly IdMapLine[]; gid: readonly IdMapLine[] } | undefined,
  holds: boolean,
): Credentials {
  const field = (name: string) => fieldIn(rights, name);
  const bits = (name: string) => BigInt(`0x${field(name) || '0'}`);
  const uids = (id: number) => (maps ? translated(id, maps.uid, pid) : id);
  const gids = (id: number) => (maps ? translated(id, maps.gid, pid) : id);
  const groups = numbersIn(rights, 'Groups');
  const uid = numbersIn(rights, 'Uid').slice(0, 3).map(uids);
  // By its real or its effective uid a 0 gets at an exec whatever is inheritable or in the bounding set:
  // also what the target has given up, and cannot get back (a securebit, which nobody else can see).
  const most = uid.slice(0, 2).includes(0) ? bits('CapPrm') : ~0n;
  return {
    uid,
    gid: numbersIn(rights, 'Gid').slice(0, 3).map(gids),
    groups: sameGroups(groups) ? undefined : groups.map(gids),
    capabilities: holds
      ? {
          inheritable: bits('CapInh') & most,
          permitted: bits('CapPrm'),
          effective: bits('CapEff'),
          bounding: bits('CapBnd') & most,
          ambient: bits('CapAmb'),
        }
      : noCapabilities,
    noNewPrivs: field('NoNewPrivs') === '1',
    umask: Number.parseInt(field('Umask') || '022', 8),
  };
}

function translated(id: number, ranges: readonly IdMapLine[], pid: number): number {
  for (const [inside, outside, length] of ranges) {
    if (id >= outside && id < outside + length) return inside + (id - outside);
  }
  const advice = `its id ${id} does not exist in its user namespace; credentials: 'inherit' keeps ours`;
  throw failure(errnos.EINVAL, 'setresuid', { type: 'user', target: pid, advice });
}

/** Those that have no number in its user namespace could not be set, but they can stay. */
function sameGroups(groups: readonly number[]): boolean {
  // Not process.getgroups(), which adds the group of the process.
  const own = numbersIn(readFileSync('/proc/self/status', 'utf8'), 'Groups');
  // Each as often as it is there: a target can have one of ours as many times as we have groups.
  const sorted = (list: readonly number[]) => [...list].sort((one, other) => one - other);
  return `${sorted(own)}` === `${sorted(groups)}`;
}
