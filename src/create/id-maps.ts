/**
 * Who is who in a new user namespace: from what the caller says to the lines of uid_map and gid_map,
 * and who may write them. user_namespaces(7), subuid(5).
 */
import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { optionsIn } from '../base/check.ts';
import { errnos } from '../base/errnos.ts';
import { failure, invalidType, invalidValue } from '../base/errors.ts';
import { own } from '../base/own-properties.ts';
import { isRoot } from '../base/own-rights.ts';
import { idMapIn } from '../base/proc.ts';

/** `length` ids from `inside` on are those outside from `outside` on. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly length: number;
}
export type IdRule = 'root' | 'current' | 'auto' | 'subids' | 'all' | number | IdRange;
export type IdRules = IdRule | readonly IdRule[];
/** The programs that map more than ourselves for a user. */
export type MapProgram = 'newuidmap' | 'newgidmap';
export type IdMap = IdRules | { readonly uid?: IdRules; readonly gid?: IdRules };

const idMost = 2 ** 32 - 1; // all ones is no id
const linesMost = 340; // UID_GID_MAP_MAX_EXTENTS, since Linux 4.15
const bytesMost = 4095; // less than a page: proc_id_map_write
const words: readonly unknown[] = ['root', 'current', 'auto', 'subids', 'all'];

/** The text of a map; the program that has to write it, where we may not ourselves. */
export interface WrittenMap {
  readonly text: string;
  readonly program: string | undefined;
  /** Nobody but ourselves is mapped. */
  readonly onlyUs: boolean;
}

/** Whose ids are mapped, and by whom. */
export interface Mapper {
  readonly uid: number;
  readonly gid: number;
  /** The user namespace is made inside one that was joined. */
  readonly inside: boolean;
}

interface Half {
  readonly id: 'uid' | 'gid';
  readonly known: string;
  readonly ranges: string;
  readonly program: MapProgram;
}
const halves: Readonly<Record<'uid' | 'gid', Half>> = {
  uid: { id: 'uid', known: '/proc/self/uid_map', ranges: '/etc/subuid', program: 'newuidmap' },
  gid: { id: 'gid', known: '/proc/self/gid_map', ranges: '/etc/subgid', program: 'newgidmap' },
};

export function checkIdMap(name: string, map: unknown): void {
  const parts = bothOf(map as IdMap);
  for (const [id, rules] of Object.entries(parts)) {
    const list = rules === undefined ? [] : Array.isArray(rules) ? rules : [rules];
    for (const rule of list) checkRule(parts.uid === parts.gid ? name : `${name}.${id}`, rule);
    if (Array.isArray(rules) && list.length === 0) {
      throw invalidValue(name, 'not empty', map);
    }
  }
  if (parts.uid === undefined && parts.gid === undefined) {
    throw invalidValue(name, 'a rule, a list of rules, or { uid, gid }', map);
  }
}

function bothOf(map: IdMap): { uid?: IdRules | undefined; gid?: IdRules | undefined } {
  if (
    typeof map !== 'object' ||
    map === null ||
    Array.isArray(map) ||
    Object.hasOwn(map, 'inside')
  ) {
    return { uid: map as IdRules, gid: map as IdRules };
  }
  const { uid, gid } = optionsIn<{ uid?: IdRules; gid?: IdRules }>(
    map as object,
    ['uid', 'gid'],
    'options.idMap',
  );
  return { uid, gid };
}

function checkRule(name: string, rule: unknown): void {
  if (words.includes(rule)) return;
  if (typeof rule === 'number') {
    if (!isPart(rule, 1)) throw invalidValue(name, 'an id below 4294967295', rule);
    return;
  }
  const what = "'root', 'current', 'auto', 'subids', 'all', an id, or { inside, outside, length }";
  if (typeof rule !== 'object' || rule === null) throw invalidType(name, what, rule);
  const { inside, outside, length } = own(rule) as Record<string, unknown>;
  if (!isPart(inside, length) || !isPart(outside, length)) {
    throw invalidValue(name, `${what}, of whole numbers, with no id above 4294967294`, rule);
  }
}

function isPart(first: unknown, length: unknown): boolean {
  return (
    Number.isInteger(first) &&
    Number.isInteger(length) &&
    (first as number) >= 0 &&
    (length as number) >= 1 &&
    (first as number) + (length as number) <= idMost
  );
}

/** The two maps; undefined where nobody is to be mapped. */
export function writeMaps(
  map: IdMap,
  mapper: Mapper,
): { uid: WrittenMap | undefined; gid: WrittenMap | undefined } {
  const { uid, gid } = bothOf(map);
  return { uid: write(uid, halves.uid, mapper), gid: write(gid, halves.gid, mapper) };
}

function write(rules: IdRules | undefined, half: Half, mapper: Mapper): WrittenMap | undefined {
  if (rules === undefined) return undefined;
  const own = mapper[half.id];
  const list = Array.isArray(rules) ? (rules as readonly IdRule[]) : [rules as IdRule];
  const lines: IdRange[] = [];
  for (const rule of list) {
    for (const range of rangesOf(rule, own, half, mapper)) {
      // What somebody wrote in numbers must not be changed in silence.
      if (typeof rule === 'object') refuseOverlap(range, lines, rules);
      lines.push(...withoutTaken(range, lines, rule === 'auto'));
    }
  }
  const text = lines.map(line => `${line.inside} ${line.outside} ${line.length}\n`).join('');
  if (lines.length > linesMost || text.length > bytesMost) {
    const most = `of at most ${linesMost} ranges and ${bytesMost} bytes`;
    throw invalidValue('options.idMap', most, `${lines.length} ranges, ${text.length} bytes`);
  }
  const [first] = lines;
  const onlyUs = lines.length === 1 && first?.length === 1 && first.outside === own;
  const ourselves = onlyUs || mapper.inside || isRoot();
  return { text, onlyUs, program: ourselves ? undefined : find(half.program) };
}

function rangesOf(rule: IdRule, own: number, half: Half, mapper: Mapper): readonly IdRange[] {
  if (typeof rule === 'object') return [rule];
  if (typeof rule === 'number') return [{ inside: rule, outside: own, length: 1 }];
  if (rule === 'root') return [{ inside: 0, outside: own, length: 1 }];
  if (rule === 'current') return [{ inside: own, outside: own, length: 1 }];
  if (mapper.inside) {
    throw invalidValue('options.idMap', 'in numbers where user is joined', rule);
  }
  if (rule === 'all') return known(half);
  let next = 0;
  return lentTo(half, mapper).map(({ first, length }) => {
    const inside = rule === 'auto' ? next : first;
    next += length;
    return { inside, outside: first, length };
  });
}

/** Everybody whom our own user namespace knows. */
function known(half: Half): IdRange[] {
  let text = '';
  try {
    text = readFileSync(half.known, 'utf8');
  } catch (error) {
    const { errno = errnos.ENOENT } = error as NodeJS.ErrnoException;
    const advice = "idMap: 'all' needs /proc, as proc(5) has it";
    throw failure(errno, 'open', { type: 'user', target: half.known, advice });
  }
  return idMapIn(text).map(([inside, , length]) => ({ inside, outside: inside, length }));
}

/** The ranges of /etc/subuid that are lent to us: lines of name or uid, first id, number of ids. */
function lentTo(half: Half, mapper: Mapper): { first: number; length: number }[] {
  const names = [String(mapper.uid)];
  try {
    const { uid, username } = userInfo();
    if (uid === mapper.uid) names.push(username);
  } catch {
    // a uid without a name
  }
  let text = '';
  try {
    text = readFileSync(half.ranges, 'utf8');
  } catch (error) {
    const { errno = errnos.EINVAL } = error as NodeJS.ErrnoException;
    if (errno !== errnos.ENOENT)
      throw failure(errno, 'open', { type: 'user', target: half.ranges });
  }
  const lent = text.split('\n').flatMap(line => {
    const [name = '', first, length] = line.trim().split(':');
    const isOurs = names.includes(name) && isPart(Number(first || NaN), Number(length || NaN));
    return isOurs ? [{ first: Number(first), length: Number(length) }] : [];
  });
  if (lent.length > 0) return lent;
  const advice = `no ids are lent to ${names.at(-1)}: usermod --add-subuids and --add-subgids do that`;
  throw failure(errnos.ENOENT, 'open', { type: 'user', target: half.ranges, advice });
}

const places = ['/usr/bin', '/bin', '/usr/sbin', '/run/wrappers/bin'];

/** By absolute path: a set-user-ID program is not looked for in a PATH that anybody may have set. */
export function mapProgram(program: MapProgram): string | undefined {
  return places.map(place => `${place}/${program}`).find(path => existsSync(path));
}

function find(program: MapProgram): string {
  const path = mapProgram(program);
  if (path !== undefined) return path;
  const advice = `as a user, ids of others are mapped by ${program}(1): install the package uidmap (or shadow-utils)`;
  throw failure(errnos.ENOENT, 'execve', { type: 'user', target: program, advice });
}

function refuseOverlap(range: IdRange, lines: readonly IdRange[], given: unknown): void {
  const meet = (one: number, other: number, length: number) =>
    one < other + length && other < one + range.length;
  for (const line of lines) {
    if (
      meet(range.inside, line.inside, line.length) ||
      meet(range.outside, line.outside, line.length)
    ) {
      throw invalidValue('options.idMap', 'of ranges that do not overlap', given);
    }
  }
}

/**
 * The range without those whom earlier lines map: what is left of the ids inside is paired with what
 * is left of those outside, in order. The highest ones have no partner, unless it `grows` inside, as
 * ids that are lent to us are too few to waste one. As unshare(1) does it, but for its versions before
 * 2.40 and from 2.41 to 2.42, which wasted one by mistake (util-linux, pull request 4457).
 */
export function withoutTaken(range: IdRange, lines: readonly IdRange[], grows = false): IdRange[] {
  const taken = lines.reduce((sum, line) => sum + line.length, 0);
  const room = { inside: range.length + (grows ? taken : 0), outside: range.length };
  const left = (side: 'inside' | 'outside') => {
    let parts: [number, number][] = [[range[side], range[side] + room[side]]];
    for (const line of lines) {
      const [from, to] = [line[side], line[side] + line.length];
      parts = parts.flatMap(([start, end]): [number, number][] => [
        [start, Math.min(end, from)],
        [Math.max(start, to), end],
      ]);
      parts = parts.filter(([start, end]) => start < end);
    }
    return parts;
  };
  const inside = left('inside');
  const outside = left('outside');
  const pairs: IdRange[] = [];
  for (let [i, o] = [inside.shift(), outside.shift()]; i && o; ) {
    const length = Math.min(i[1] - i[0], o[1] - o[0]);
    pairs.push({ inside: i[0], outside: o[0], length });
    i = i[0] + length < i[1] ? [i[0] + length, i[1]] : inside.shift();
    o = o[0] + length < o[1] ? [o[0] + length, o[1]] : outside.shift();
  }
  return pairs;
}
