/** Users as the lists of a container have them, /etc/passwd and /etc/group: read by us, at most so many bytes. */

import { once } from 'node:events';
import { fstatSync, readFileSync } from 'node:fs';
import { idMapIn } from '../base/proc.ts';
import { numbersIn } from '../base/status-fields.ts';
import type { ContainerRoot } from '../root/container-root.ts';
import { UsageError } from './arguments.ts';
import { numberOf } from './ids.ts';

/** Bytes of a list; what lies behind them is not looked at. */
const most = 1_048_576;

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
  /** The program in its entry. */
  readonly shell: string | undefined;
}

export function idsOf({ uid, gid, groups }: ContainerUser): Ids {
  return { uid, gid, groups };
}

type Ids = Pick<ContainerUser, 'uid' | 'gid' | 'groups'>;
type Row = readonly string[];

/**
 * `spec`: USER, USER:GROUP or, for root, :GROUP, each a name or a number, as docker exec's --user. What can be a
 * number is one: a list may call anybody so.
 */
export async function userIn(root: ContainerRoot, spec: string): Promise<ContainerUser> {
  const [given, group] = spec.split(':');
  const user = given || '0';
  const number = numberOf(user);
  const users = await rowsOf(root, '/etc/passwd', 4);
  const entry = users.find(([name, , id]) =>
    number === undefined ? name === user : Number(id) === number,
  );
  const uid = number ?? (entry && Number(entry[2]));
  if (uid === undefined)
    throw new Error(`there is no user ${user} in its /etc/passwd; a number needs no entry`);
  requireId(uid, spec);
  const groups = await rowsOf(root, '/etc/group', 3);
  const named = group ? gidOf(groups, group) : undefined;
  const name = entry?.[0];
  const gid = named ?? Number(entry?.[3] ?? 0);
  requireId(gid, spec);
  // With a group that is named there are no others.
  const others = named === undefined && name !== undefined ? groupsOf(groups, name) : [];
  return {
    uid,
    gid,
    groups: [...new Set([gid, ...others])],
    home: entry?.[5] || '/',
    shell: entry?.[6],
  };
}

/**
 * What its engine has given a process beside the groups of the user as whom it was started (--group-add; fsGroup in
 * Kubernetes), in the numbers of its user namespace. None where it is somebody else by now.
 */
export function addedGroups(pid: number, { uid, gid, groups }: ContainerUser): number[] {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const inside = (name: string, map: string) => {
    const ranges = idMapIn(readFileSync(`/proc/${pid}/${map}`, 'utf8'));
    return numbersIn(status, name).flatMap(id =>
      ranges
        .filter(([, outside, count]) => id >= outside && id < outside + count)
        .map(([first, outside]) => first + (id - outside)),
    );
  };
  const isStill = (ids: readonly number[], id: number) => `${ids}` === `${[id, id, id, id]}`;
  if (!isStill(inside('Uid', 'uid_map'), uid) || !isStill(inside('Gid', 'gid_map'), gid)) return [];
  return inside('Groups', 'gid_map').filter(id => !groups.includes(id));
}

function gidOf(groups: readonly Row[], group: string): number {
  const gid = numberOf(group) ?? Number(groups.find(([name]) => name === group)?.[2]);
  if (Number.isNaN(gid)) throw new Error(`there is no group ${group} in its /etc/group`);
  return gid;
}

/** Those that Node takes for a child, and Docker for a container. */
const idMost = 2_147_483_647;

function requireId(id: number, spec: string): void {
  if (id <= idMost) return; // NaN is not
  throw new UsageError(`--user ${spec}: a uid or gid is a number from 0 to ${idMost}`);
}

function groupsOf(groups: readonly Row[], user: string): number[] {
  return groups.filter(([, , , members = '']) => members.split(',').includes(user)).map(idIn);
}

const idIn = ([, , id]: Row) => Number(id);

/** Those whose third field is an id; lines may end as on Windows. */
async function rowsOf(root: ContainerRoot, path: string, fields: number): Promise<Row[]> {
  const text = await contentOf(root, path);
  return text
    .split(/\r?\n/)
    .map(line => line.split(':'))
    .filter(row => row.length >= fields && /^\d{1,10}$/.test(row[2] ?? ''))
    .filter(row => !row.some(field => field.includes('\0'))); // that would be one more variable
}

/**
 * '' where there is no such list. Nothing is read of what says that it has nothing, as files of the kernel do to which
 * a link may lead: with our rights, one of them (/proc/kmsg) loses what is read, and waits for more.
 */
async function contentOf(root: ContainerRoot, path: string): Promise<string> {
  const parts: Buffer[] = [];
  try {
    const content = root.createReadStream(path, { end: most - 1 });
    const [fd] = await once(content, 'open');
    if (fstatSync(fd).size === 0) content.destroy();
    else for await (const part of content) parts.push(part);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // It is not ours, which has the same path; and with `special` it is no list either.
    if (!['ENOENT', 'ENOTDIR'].includes(code))
      throw new Error(`its ${path} cannot be read: ${code}`);
  }
  return Buffer.concat(parts).toString();
}
