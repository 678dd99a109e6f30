/** The sockets of containers: of a network that is the host's, those of their own processes alone. */
import { seesAllProcesses } from '../base/own-rights.ts';
import { type ProcessRow, processRows } from '../base/processes.ts';
import type { Container, Port } from '../containers/container.ts';
import { Members } from '../containers/membership.ts';
import type { SocketInfo } from '../inspect/socket-types.ts';
import { type BareSocket, type SocketOptions, socketsIn, withOwners } from '../inspect/sockets.ts';
import { group } from './table.ts';

export interface Sockets extends Array<ContainerSocket> {
  /** In the network of the host, and whose they are may not be seen. */
  readonly unowned: readonly SocketInfo[];
  /** How many processes could not be looked into for that. */
  readonly unreadable: number;
}

export interface ContainerSocket {
  /** Several where it is a network that they share, and no process tells whose it is. */
  readonly containers: readonly Container[];
  /** All that share the network: of a pod, another than who listens has the port published. */
  readonly sharing: readonly Container[];
  readonly socket: SocketInfo;
}

/** The processes of the machine, and which container each runs in. */
export interface Membership {
  rowOf(pid: number): ProcessRow | undefined;
  containerOf(pid: number): Container | undefined;
}

export async function membershipOf(containers: readonly Container[]): Promise<Membership> {
  const rows = await processRows();
  const members = new Members(containers);
  const rowOf = (pid: number) => rows.get(pid);
  const containerOf = (pid: number) => {
    const row = rowOf(pid);
    return row && members.ofProcess(row, rowOf);
  };
  return { rowOf, containerOf };
}

export async function socketsOf(
  containers: readonly Container[],
  membership: Membership,
  options: SocketOptions,
): Promise<Sockets> {
  const running = containers.filter(({ pid, namespaces }) => pid !== undefined && namespaces?.net);
  const sockets: ContainerSocket[] = [];
  const unowned: SocketInfo[] = [];
  let unreadable = 0;
  const isAll = seesAllProcesses(); // what has no process then is the kernel's own
  const groups = [...group(running, one => one.namespaces?.net?.inode).values()];
  const lists: BareSocket[][] = [];
  for (const [first] of groups) lists.push(await seenIn(first as Container, options));
  for (const [i, seen] of (await withOwners(lists)).entries()) {
    const sharing = groups[i] as [Container, ...Container[]];
    const [first] = sharing;
    for (const socket of seen) {
      const owner = ownerOf(socket, membership);
      if (owner !== undefined ? sharing.includes(owner) : !first.namespaces?.net?.host) {
        sockets.push({ containers: owner === undefined ? sharing : [owner], sharing, socket });
      } else if (socket.processes.length === 0 && !isAll) {
        unowned.push(socket);
        unreadable = seen.unreadable;
      }
    }
  }
  return Object.assign(sockets, { unowned, unreadable });
}

/** A container may end meanwhile. */
async function seenIn(container: Container, options: SocketOptions): Promise<BareSocket[]> {
  try {
    return await socketsIn(container, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return [];
    throw error;
  }
}

function ownerOf(socket: SocketInfo, membership: Membership): Container | undefined {
  for (const { pid } of socket.processes) {
    const owner = membership.containerOf(pid);
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** Where a socket's port is published: `0.0.0.0:8080`. */
export function publishedOf({
  sharing,
  socket,
}: Pick<ContainerSocket, 'sharing' | 'socket'>): string[] {
  if (socket.protocol === 'unix') return [];
  const { port } = socket.local;
  return sharing
    .flatMap(({ ports = [] }) => ports)
    .filter(({ privatePort, type }) => privatePort === port && type === socket.protocol)
    .flatMap(published => outsideOf(published) ?? []);
}

interface End {
  readonly address: string;
  readonly port: number;
  /** The only one by which it is reached. */
  readonly interface?: string | undefined;
}

/** An IPv6 address stands in brackets, as before a port; the interface behind it, as ss has it. */
export function endOf({ address, port, interface: name }: End): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `${host}${name === undefined ? '' : `%${name}`}:${port}`;
}

function outsideOf({ ip, publicPort }: Port): string | undefined {
  if (publicPort === undefined) return undefined;
  return ip === undefined ? `*:${publicPort}` : endOf({ address: ip, port: publicPort });
}

/** In docker's words: `0.0.0.0:8080->80/tcp`, `443/tcp`. */
export function portText(port: Port): string {
  const outside = outsideOf(port);
  const inside = `${port.privatePort}/${port.type}`;
  return outside === undefined ? inside : `${outside}->${inside}`;
}
