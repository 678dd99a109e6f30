/** `listSockets`: the sockets of a network namespace and whose they are, by sock_diag(7). */
import { setImmediate as turn } from 'node:timers/promises';
import { looked } from '../base/addon-rows.ts';
import { binding } from '../base/binding.ts';
import { checkBoolean, namesOf, optionsIn } from '../base/check.ts';
import { lookingLimits } from '../base/limits.ts';
import { type ProcessRow, processRows } from '../base/processes.ts';
import type { Target } from '../target/target.ts';
import { dump, getLink, linkName } from './netlink.ts';
import {
  type Bare,
  everyState,
  inetRequests,
  internet,
  unconnected,
  unix,
  unixRequest,
} from './sock-diag.ts';
import type { InternetSocket, SocketList, SocketProcess, UnixSocket } from './socket-types.ts';

export interface SocketOptions {
  /**
   * Only those that wait for others: tcp and unix that listen, udp and unix that are connected to
   * nobody; `ss -l`. Default: false.
   */
  listening?: boolean | undefined;
}

const names = namesOf<SocketOptions>({ listening: true });

/**
 * The tcp, udp and unix sockets in the network namespace of a target, and the processes that have them
 * open, wherever these are.
 *
 * Asks on a thread of its own that enters the namespace, which needs CAP_SYS_ADMIN (root has it) unless
 * it is ours. Only the kernel is believed; its answers may be 64 MiB long in all (EFBIG) and take ten
 * seconds (ETIMEDOUT). Whose files may not be looked into is in no `processes`. Rejects with `NamespaceError`
 * where the target cannot be opened (ESRCH, EACCES) or entered (EPERM). sock_diag(7), Linux 3.3.
 */
export async function listSockets(
  target: Target,
  options: SocketOptions = {},
): Promise<SocketList> {
  const [list] = await withOwners([await socketsIn(target, options)]);
  return list as SocketList;
}

export type BareSocket = Bare<InternetSocket> | Bare<UnixSocket>;

/** The same without the processes. */
export async function socketsIn(target: Target, options: SocketOptions): Promise<BareSocket[]> {
  const { listening = false } = optionsIn(options, names);
  checkBoolean('options.listening', listening);
  const states = listening ? unconnected : everyState;
  const requests = [...inetRequests(states), unixRequest(states), getLink];
  const answers = await dump(target, requests);
  const [unixAnswer = [], links = []] = answers.splice(-2);
  const interfaces = new Map(links.map(linkName));
  const sockets: BareSocket[] = [];
  for (const [i, answer] of answers.entries()) {
    await inTurns(answer, body => sockets.push(internet(body, i, interfaces)));
  }
  await inTurns(unixAnswer, body => sockets.push(unix(body)));
  return sockets;
}

/** Of several networks in one go: each file of each process of the machine is looked at for it. */
export async function withOwners(lists: readonly (readonly BareSocket[])[]): Promise<SocketList[]> {
  const owners = await ownersOf(new Set(lists.flat().map(socket => socket.inode)));
  const { unreadable } = owners;
  return lists.map(sockets => {
    const list = sockets.map(socket => ({ ...socket, processes: owners.get(socket.inode) ?? [] }));
    return Object.assign(list, { unreadable });
  });
}

const atOnce = 1000;

/** Long lists are gone through in pieces, with whatever else is to be done in between. */
async function inTurns<T>(list: readonly T[], take: (one: T) => void): Promise<void> {
  for (let at = 0; at < list.length; at += atOnce) {
    if (at > 0) await turn();
    list.slice(at, at + atOnce).forEach(take);
  }
}

interface Owners extends Map<number, SocketProcess[]> {
  unreadable: number;
}

async function ownersOf(inodes: ReadonlySet<number>): Promise<Owners> {
  const { rows, unreadable } = await looked(() => binding.listSocketOwners(lookingLimits()));
  const held: { inode: number; pid: number; fd: number }[] = [];
  for (let at = 0; at < rows.length; at += 3) {
    const [inode = 0, pid = 0, fd = 0] = rows.subarray(at, at + 3);
    if (inodes.has(inode)) held.push({ inode, pid, fd });
  }
  const pids = [...new Set(held.map(one => one.pid))];
  const table =
    pids.length > 0
      ? await processRows(pids)
      : Object.assign(new Map<number, ProcessRow>(), { unreadable: 0 });
  const owners = new Map<number, SocketProcess[]>();
  for (const { inode, pid, fd } of held) {
    const row = table.get(pid);
    if (row === undefined) continue; // it is gone
    const list = owners.get(inode) ?? [];
    owners.set(inode, list);
    list.push({ pid, pids: row.pids, fd, command: row.command });
  }
  return Object.assign(owners, { unreadable: Math.max(unreadable, table.unreadable) });
}
