/** The sockets of containers: of a network that is the host's, those of their own processes alone. */
import { type ProcessRow, processRows } from '../base/processes.ts';
import type { Container, Port } from '../containers/container.ts';
import { Members } from '../containers/membership.ts';
import type { SocketInfo } from '../inspect/socket-types.ts';
import { listSockets, type SocketOptions } from '../inspect/sockets.ts';
import { group } from './table.ts';

export interface ContainerSocket {
  /** Several where it is a network that they share, and no process tells whose it is. */
  readonly containers: readonly Container[];
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
): Promise<ContainerSocket[]> {
  const running = containers.filter(({ pid, namespaces }) => pid !== undefined && namespaces?.net);
  const sockets: ContainerSocket[] = [];
  for (const sharing of group(running, one => one.namespaces?.net?.inode).values()) {
    const [first] = sharing as [Container, ...Container[]];
    for (const socket of await seenIn(first, options)) {
      const owner = ownerOf(socket, membership);
      if (owner !== undefined ? sharing.includes(owner) : !first.namespaces?.net?.host) {
        sockets.push({ containers: owner === undefined ? sharing : [owner], socket });
      }
    }
  }
  return sockets;
}

/** A container may end meanwhile. */
async function seenIn(container: Container, options: SocketOptions): Promise<SocketInfo[]> {
  try {
    return await listSockets(container, options);
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
export function publishedOf({ containers, socket }: ContainerSocket): string[] {
  if (socket.protocol === 'unix') return [];
  const { port } = socket.local;
  return containers
    .flatMap(({ ports = [] }) => ports)
    .filter(({ privatePort, type }) => privatePort === port && type === socket.protocol)
    .flatMap(published => outsideOf(published) ?? []);
}

/** An IPv6 address stands in brackets, as before a port. */
export function endOf({ address, port }: { address: string; port: number }): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
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
