/** `linux-namespaces find`: which container has this process, port, address or interface. */
import { isIPv6 } from 'node:net';
import type { Container, Containers } from '../containers/container.ts';
import { nameOf } from '../containers/container-names.ts';
import { type InterfaceInfo, listInterfaces } from '../inspect/interfaces.ts';
import { listSockets } from '../inspect/sockets.ts';
import { readArguments, UsageError } from './arguments.ts';
import { networksOf, peersHere } from './container-networks.ts';
import { endOf, membershipOf, portText, socketsOf } from './container-sockets.ts';
import { containersHere, sayUnseen } from './containers-here.ts';
import { numberOf } from './ids.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import type { Context } from './subcommand.ts';
import { type Column, insideOf, printJson, printTable, tableOptions } from './table.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  json: { short: 'J', about: 'as JSON' },
  ...tableOptions,
  ...lookupOptions,
} as const satisfies Described;

export const usage: Usage = {
  lines: [
    '[option...] pid PID',
    '[option...] port PORT',
    '[option...] address ADDRESS',
    '[option...] interface NAME',
  ],
  about: [
    'Says which containers a process runs in; listen on a port, or have it published; have an IP or MAC address; are at the other end of an interface of this machine, or on this bridge. Nothing is printed, and the exit code is 1, where there is none.',
  ],
  options,
  examples: [
    ['linux-namespaces find pid 7238', 'whose is it?'],
    ['linux-namespaces find port 8080', 'published, or listened on inside'],
    ['linux-namespaces find interface vethe56e1b8', 'who is at the other end'],
  ],
};

/** What was found, by the names of columns. */
type Row = { readonly container: Container } & Readonly<Record<string, unknown>>;

interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** What it is where it is no container's. */
  readonly otherwise: string;
}

type Way = (wanted: string, containers: Containers) => Promise<Answer>;

const ways: Readonly<Record<string, Way>> = {
  pid: byPid,
  port: byPort,
  address: (wanted, containers) => {
    const address = canonical(wanted);
    return byInterface(containers, `no interface has the address ${wanted}`, one => {
      return one.mac === address || one.addresses.some(({ address: own }) => own === address);
    });
  },
  interface: (wanted, containers) =>
    byInterface(
      containers,
      `no interface ${wanted} of this machine leads into a container`,
      (_, peer) => peer?.name === wanted || peer?.master === wanted,
    ),
};

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  const [what = '', wanted, ...others] = rest;
  const way = Object.hasOwn(ways, what) ? ways[what] : undefined;
  if (way === undefined || wanted === undefined || others.length > 0) {
    const not = rest.length === 0 ? '' : `, not ${rest.join(' ')}`;
    throw new UsageError(`find what? pid PID, port PORT, address ADDRESS, or interface NAME${not}`);
  }
  const containers = await containersHere(lookupOf(lookup, given));
  const { columns, rows, otherwise } = await way(wanted, containers);
  sayUnseen(containers.problems, rows.length === 0);
  if (rows.length === 0) throw new UsageError(otherwise);
  if (given.json) {
    return printJson(
      rows.map(({ container, ...found }) => {
        const { engine, id, pid } = container;
        return { name: nameOf(container), engine, id, pid, ...found };
      }),
    );
  }
  printTable<Row>(
    rows,
    [
      { name: 'ENGINE', of: ({ container }) => container.engine },
      { name: 'ID', of: ({ container }) => container.id.slice(0, 12) },
      { name: 'NAME', of: ({ container }) => nameOf(container), shrinks: true },
      ...columns.map((name): Column<Row> => {
        return { name: name.toUpperCase(), of: row => row[name] as string, shrinks: true };
      }),
    ],
    given,
  );
}

async function byPid(wanted: string, containers: Containers): Promise<Answer> {
  const process = numberOf(wanted);
  if (process === undefined) throw new UsageError(`a pid is a number: ${wanted}`);
  const membership = await membershipOf(containers);
  const row = membership.rowOf(process);
  const container = membership.containerOf(process);
  return {
    columns: ['process', 'inside', 'command'],
    rows:
      container === undefined
        ? []
        : [{ container, process, inside: insideOf(row?.pids), command: row?.command }],
    otherwise:
      row === undefined
        ? `there is no process ${process}`
        : `process ${process} runs in no container: ${row.command}`,
  };
}

async function byPort(wanted: string, containers: Containers): Promise<Answer> {
  const port = numberOf(wanted);
  if (port === undefined) throw new UsageError(`a port is a number: ${wanted}`);
  const membership = await membershipOf(containers);
  const published = containers.flatMap(container =>
    (container.ports ?? [])
      .filter(({ publicPort }) => publicPort === port)
      .map(one => ({ container, published: portText(one) })),
  );
  const sockets = await socketsOf(containers, membership, { listening: true });
  const listening = sockets.flatMap(({ containers, socket }) => {
    if (socket.protocol === 'unix' || socket.local.port !== port) return [];
    const [process] = socket.processes;
    const listens = `${endOf(socket.local)}/${socket.protocol}`;
    return containers.map(container => ({
      ...{ container, listens, process: process?.pid, command: process?.command },
    }));
  });
  const rows = [...published, ...listening];
  return {
    columns: ['published', 'listens', 'process', 'command'],
    rows,
    otherwise: rows.length > 0 ? '' : await listenerHere(port),
  };
}

async function listenerHere(port: number): Promise<string> {
  const sockets = await listSockets(process.pid, { listening: true });
  const found = sockets.find(one => one.protocol !== 'unix' && one.local.port === port);
  if (found === undefined)
    return `nobody listens on port ${port}, and no container has it published`;
  const [owner] = found.processes;
  const who =
    owner === undefined ? 'a process that is not seen' : `${owner.command} (${owner.pid})`;
  return `no container has port ${port}: here listens ${who}`;
}

type Peers = Awaited<ReturnType<typeof peersHere>>;

async function byInterface(
  containers: Containers,
  otherwise: string,
  isMeant: (one: InterfaceInfo, peer: ReturnType<Peers>) => boolean,
): Promise<Answer> {
  const networks = await networksOf(containers);
  const peerOf = await peersHere();
  const rows = networks.flatMap(network =>
    network.interfaces.flatMap(one => {
      const peer = peerOf(network, one);
      if (one.type === 'loopback' || !isMeant(one, peer)) return [];
      const addresses = one.addresses.map(({ address }) => address);
      return network.containers.map(container => ({
        ...{ container, interface: one.name, address: addresses.join(','), mac: one.mac },
        ...{ peer: peer?.name, bridge: peer?.master },
      }));
    }),
  );
  const here = rows.length > 0 ? [] : await listInterfaces(process.pid);
  const ours = here.find(one => isMeant(one, { name: '', master: undefined }));
  return {
    columns: ['interface', 'address', 'mac', 'peer', 'bridge'],
    rows,
    otherwise: ours === undefined ? otherwise : `that is of this machine itself, on ${ours.name}`,
  };
}

/** As the kernel's are written here: an IPv6 address has more than one spelling. */
function canonical(address: string): string {
  if (!isIPv6(address)) return address.toLowerCase();
  return new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
}
