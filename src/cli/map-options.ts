/** The options of `run` that say who is who in a new user namespace, as unshare(1) combines them. */
import { type IdMap, type IdRule, withoutTaken } from '../create/id-maps.ts';
import type { CreateOptions } from '../create/options.ts';
import { UsageError } from './arguments.ts';
import { idOf, idOrNameOf, numberOf } from './ids.ts';

interface Given {
  readonly 'map-auto'?: true;
  readonly 'map-subids'?: true;
  readonly 'map-users'?: readonly string[];
  readonly 'map-groups'?: readonly string[];
  readonly owner?: string;
}
type Order = readonly { readonly name: string; readonly value: string | true }[];

export async function mapOf(given: Given, order: Order): Promise<IdMap | undefined> {
  const owner = ownerOf(given.owner);
  const uid = rules(
    given,
    await singleOf(order, 'user'),
    given['map-users'],
    owner?.uid ?? process.geteuid?.(),
  );
  const gid = rules(
    given,
    await singleOf(order, 'group'),
    given['map-groups'],
    owner?.gid ?? process.getegid?.(),
  );
  if (uid.length === 0 && gid.length === 0) return undefined;
  return { ...(uid.length > 0 && { uid }), ...(gid.length > 0 && { gid }) };
}

/** Who we are in it: the last option counts that says so. */
async function singleOf(order: Order, kind: 'user' | 'group'): Promise<number | undefined> {
  let single: number | undefined;
  for (const { name, value } of order) {
    if (name === 'map-root-user') single = 0;
    if (name === 'map-current-user')
      single = (kind === 'user' ? process.geteuid : process.getegid)?.();
    if (name === `map-${kind}`) single = await idOrNameOf(value as string, kind);
  }
  return single;
}

/** Ranges are what is left by the single id, inside and outside. */
function rules(
  given: Given,
  single: number | undefined,
  ranges: readonly string[] = [],
  outside = 0,
): IdRule[] {
  const all: IdRule[] = single === undefined ? [] : [single];
  if (given['map-auto']) all.push('auto');
  if (given['map-subids']) all.push('subids');
  const taken = single === undefined ? [] : [{ inside: single, outside, length: 1 }];
  for (const rule of ranges.map(ruleOf)) {
    if (typeof rule === 'object') all.push(...withoutTaken(rule, taken));
    else all.push(rule);
  }
  return all;
}

function ruleOf(text: string): IdRule {
  if (text === 'auto' || text === 'subids' || text === 'all') return text;
  // With commas as unshare before 2.39 had it: what is outside comes first.
  const parts = text.replace(/^(\d+),(\d+),/, '$2:$1:').split(':');
  const [inside, outside, length] = parts.map(numberOf);
  if (
    inside === undefined ||
    outside === undefined ||
    length === undefined ||
    length === 0 ||
    parts.length > 3 ||
    Math.max(inside, outside) + length >= 2 ** 32
  ) {
    throw new UsageError(`a range is INSIDE:OUTSIDE:COUNT, auto, subids or all: ${text}`);
  }
  return { inside, outside, length };
}

export function ownerOf(text: string | undefined): CreateOptions['owner'] {
  if (text === undefined) return undefined;
  const [uid, gid, ...more] = text.split(':');
  if (uid === undefined || gid === undefined || more.length > 0) {
    throw new UsageError(`an owner is UID:GID: ${text}`);
  }
  return { uid: idOf(uid), gid: idOf(gid) };
}
