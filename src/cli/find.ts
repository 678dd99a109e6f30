/** `linux-namespaces find`: which container has this process, port, address or interface. */
import { isIP, isIPv6 } from 'node:net';
import type { Container, Containers } from '../containers/container.ts';
import { nameOf } from '../containers/container-names.ts';
import { type InterfaceInfo, listInterfaces } from '../inspect/interfaces.ts';
import type { SocketInfo } from '../inspect/socket-types.ts';
import { listSockets } from '../inspect/sockets.ts';
import { readArguments, UsageError } from './arguments.ts';
import { closedNetworks, networksOf, peersHere } from './container-networks.ts';
import { endOf, membershipOf, portText, type Sockets, socketsOf } from './container-sockets.ts';
import { containersHere } from './containers-here.ts';
import { numberOf } from './ids.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import type { Context } from './subcommand.ts';
import { type Column, insideOf, printJson, printTable, tableOptions } from './table.ts';
import { closedIn, noneOf, sayUnseen } from './unseen.ts';
import type { Described, Usage } from './usage.ts';
import { whoseProcess } from './whose-process.ts';

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
    'Says which containers a process runs in; listen on a port, or have it published; have an IP or MAC address; are at the other end of an interface of this machine, or on this bridge. Where there is none, or that cannot be told, nothing is printed, and the exit code is 1.',
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
  /** Where there are none: what it is, or why that cannot be told. */
  readonly none?: UsageError | undefined;
}

type Way = (wanted: string, containers: Containers) => Promise<Answer>;

const ways: Readonly<Record<string, Way>> = {
  pid: byPid,
  port: byPort,
  address: (wanted, containers) => {
    const isAddress = isIP(wanted) !== 0 || /^[\da-f]{2}(:[\da-f]{2})+$/i.test(wanted);
    if (!isAddress) throw new UsageError(`an address is an IP or MAC address: ${wanted}`);
    const address = canonical(wanted);
    const none = [`who has the address ${wanted}`, `no interface has the address ${wanted}`];
    return byInterface(containers, none as [string, string], one => {
      return one.mac === address || one.addresses.some(({ address: own }) => own === address);
    });
  },
  interface: (wanted, containers) =>
    byInterface(
      containers,
      [
        `where the interface ${wanted} leads`,
        `no interface ${wanted} of this machine leads into a container`,
      ],
      (_, peer) => peer?.name === wanted || peer?.master === wanted,
    ),
};

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  const [what = '', wanted, ...others] = rest;
  const way = Object.hasOwn(ways, what) ? ways[what] : undefined;
  if (way === undefined || !wanted || others.length > 0) {
    const { unknownFind } = await import('./find-words.ts');
    throw unknownFind(rest);
  }
  const containers = await containersHere(lookupOf(lookup, given));
  const { columns, rows, none } = await way(wanted, containers);
  if (none !== undefined) throw none;
  // One that is found for a process is the only one.
  if (what !== 'pid') {
    sayUnseen({ problems: containers.problems, closed: closedIn(containers) }, false);
  }
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
  const columns = ['process', 'inside', 'command'];
  const found = await whoseProcess(process, containers);
  if (found instanceof UsageError) return { columns, rows: [], none: found };
  const { row, container } = found;
  const { command } = row;
  return { columns, rows: [{ container, process, inside: insideOf(row.pids), command }] };
}

async function byPort(wanted: string, containers: Containers): Promise<Answer> {
  const port = numberOf(wanted);
  if (port === undefined || port < 1 || port > 65_535) {
    throw new UsageError(`a port is a number from 1 to 65535: ${wanted}`);
  }
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
    none: rows.length > 0 ? undefined : await noneHas(port, containers, sockets),
  };
}

async function noneHas(
  port: number,
  containers: Containers,
  { unowned, unreadable }: Sockets,
): Promise<UsageError> {
  const has = (one: SocketInfo) => one.protocol !== 'unix' && one.local.port === port;
  const closed = closedIn(containers);
  const isOfAll = unowned.some(has);
  const processes = isOfAll ? unreadable : 0;
  const found = (await listSockets(process.pid, { listening: true })).find(has);
  const [owner] = found?.processes ?? [];
  const who =
    owner === undefined ? 'a process that is not seen' : `${owner.command} (${owner.pid})`;
  return noneOf(
    `which container has port ${port}${found ? ` (here listens ${who})` : ''}`,
    { problems: containers.problems, closed, processes, isOfAll },
    found === undefined
      ? `nobody listens on port ${port}, and no container has it published`
      : `no container has port ${port}: here listens ${who}`,
  );
}

type Peers = Awaited<ReturnType<typeof peersHere>>;

async function byInterface(
  containers: Containers,
  [question, otherwise]: readonly [string, string],
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
  const columns = ['interface', 'address', 'mac', 'peer', 'bridge'];
  if (rows.length > 0) return { columns, rows };
  const here = await listInterfaces(process.pid);
  const ours = here.find(one => isMeant(one, { name: '', master: undefined }));
  const closed = [...closedIn(containers), ...closedNetworks(networks)];
  const none =
    ours === undefined
      ? noneOf(question, { problems: containers.problems, closed }, otherwise)
      : new UsageError(`that is of this machine itself, on ${ours.name}`);
  return { columns, rows, none };
}

/**
 * As the kernel's are written here: an IPv6 address has more than one spelling. What a server for both
 * families calls its clients of IPv4 (`::ffff:172.17.0.2`) is their address.
 */
function canonical(address: string): string {
  if (!isIPv6(address)) return address.toLowerCase();
  const text = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:(\w+):(\w+)$/.exec(text);
  return mapped === null ? text : mapped.slice(1).flatMap(bytesOf).join('.');
}

function bytesOf(word: string): [number, number] {
  const number = Number.parseInt(word, 16);
  return [number >>> 8, number & 0xff];
}
