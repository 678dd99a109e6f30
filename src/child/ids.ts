/** Who the program is to be: from Node's own options, which come last. */
import { invalidValue } from '../base/errors.ts';
import type { Bounds } from './bounds.ts';
import type { NodeOptions } from './launch.ts';
import { launchFlags as flag } from './launch-flags.ts';
import { isSettable } from './options.ts';
import type { Credentials } from './status.ts';

/** `detached`, `uid` and `gid` are Node's: it has checked them when it gives them to us. */
export function withIds(
  { detached, uid, gid, keepGroups }: Omit<NodeOptions, 'cwd' | 'envPairs'>,
  flags: number,
  credentials: (Credentials & Bounds) | undefined,
  groups: readonly number[] | undefined,
): { flags: number; ids: Uint32Array } {
  const hasUid = (uid ?? null) !== null;
  const hasGid = (gid ?? null) !== null;
  const uids = hasUid ? three(uid) : (credentials?.uid ?? three(uid));
  const gids = hasGid ? three(gid) : (credentials?.gid ?? three(gid));
  let all = flags;
  if (detached) all |= flag.setsid;
  if (credentials || hasUid) all |= flag.uid;
  if (credentials || hasGid) all |= flag.gid;
  // Another user than ours or the target's has none of the groups of that.
  if ((hasUid || hasGid) && groups === undefined) all = (all & ~flag.groups) | flag.groupsTry;
  if (keepGroups) all &= ~(flag.groups | flag.groupsTry);
  return { flags: all, ids: Uint32Array.from([...uids, ...gids]) };
}

/** setresuid(2): all ones leave an id as it is, which nobody gets who has not asked for just that. */
function three(id: NodeOptions['uid']): [number, number, number] {
  const one = id === 'keep' ? 2 ** 32 - 1 : (id ?? 0);
  if (id !== 'keep' && !isSettable(one)) throw invalidValue('options.uid or gid', 'an id', id);
  return [one, one, one];
}
