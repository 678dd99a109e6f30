/** Users as the lists of a container have them, /etc/passwd and /etc/group: read by us, at most so many bytes. */

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

/** `spec`: USER, USER:GROUP or, for root, :GROUP, each a name or a number, as docker exec's --user. */
export async function userIn(root: ContainerRoot, spec: string): Promise<ContainerUser> {
  const [given = '', group] = spec.split(':');
  const user = given === '' && group ? '0' : given;
  const users = await rowsOf(root, '/etc/passwd', 7);
  const entry = users.find(([name]) => name === user) ?? users.find(([, , id]) => id === user);
  const uid = entry === undefined ? numberOf(user) : Number(entry[2]);
  if (uid === undefined)
    throw new Error(`there is no user ${user} in its /etc/passwd; a number needs no entry`);
  requireId(uid, spec);
  const groups = await rowsOf(root, '/etc/group', 4);
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

function gidOf(groups: readonly Row[], group: string): number {
  const gid = Number(groups.find(([name]) => name === group)?.[2] ?? numberOf(group));
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

/** Those whose third field is an id. */
async function rowsOf(root: ContainerRoot, path: string, fields: number): Promise<Row[]> {
  const text = await contentOf(root, path);
  return text
    .split('\n')
    .map(line => line.split(':'))
    .filter(row => row.length >= Math.min(fields, 4) && /^\d{1,10}$/.test(row[2] ?? ''))
    .filter(row => !row.some(field => field.includes('\0'))); // that would be one more variable
}

/** '' where there is no such list. */
async function contentOf(root: ContainerRoot, path: string): Promise<string> {
  const parts: Buffer[] = [];
  try {
    for await (const part of root.createReadStream(path, { end: most - 1 })) parts.push(part);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return Buffer.concat(parts).toString();
}
