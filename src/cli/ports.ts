/** `linux-namespaces ports`: the sockets of a network namespace and whose they are, as `ss -nlp` has it. */
import type { Container, ContainerOptions } from '../containers/container.ts';
import { nameOf } from '../containers/container-names.ts';
import type { SocketInfo } from '../inspect/socket-types.ts';
import { listSockets } from '../inspect/sockets.ts';
import type { Target } from '../target/target.ts';
import { readArguments, UsageError } from './arguments.ts';
import { endOf, membershipOf, publishedOf, socketsOf } from './container-sockets.ts';
import { containersHere } from './containers-here.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import type { Context } from './subcommand.ts';
import { insideOf, printJson, printTable, tableOptions } from './table.ts';
import { targetOf } from './target-argument.ts';
import { closedIn, sayUnseen } from './unseen.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  all: { short: 'a', about: 'every socket, not only those that listen' },
  unix: { short: 'x', about: 'unix sockets too' },
  json: { short: 'J', about: 'as JSON' },
  ...tableOptions,
  ...lookupOptions,
} as const satisfies Described;

export const usage: Usage = {
  lines: ['[option...] [PID|NAME]'],
  about: [
    'Lists the ports on which somebody listens in the network of a process or container, or of all containers, with where they are published. Of a container in the network of the host, only what its own processes have.',
  ],
  options,
  examples: [
    ['linux-namespaces ports', 'of all containers'],
    ['linux-namespaces ports web', 'of this one'],
    ['linux-namespaces ports -a -J web', 'every socket of it, as JSON'],
  ],
};

/** Without containers: of one target. */
interface Row {
  readonly socket: SocketInfo;
  readonly containers?: readonly Container[];
  readonly sharing?: readonly Container[];
}

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  const [name, ...others] = rest;
  if (others.length > 0) throw new UsageError(`one target, not ${rest.join(' and ')}`);
  const where = lookupOf(lookup, given);
  const looking = { listening: !given.all };
  const all: Row[] =
    name === undefined
      ? await ofContainers(where, looking)
      : await ofTarget(await targetOf(name, where), looking);
  const rows = all.filter(({ socket }) => given.unix || socket.protocol !== 'unix');
  if (given.json) return printJson(rows.map(jsonOf));
  printTable(
    rows,
    [
      ...(name === undefined ? [{ name: 'CONTAINER', of: namesIn, shrinks: true as const }] : []),
      { name: 'PROTO', of: ({ socket }) => socket.protocol },
      { name: 'STATE', of: ({ socket }) => socket.state },
      { name: 'LOCAL', of: ({ socket }) => localOf(socket) },
      ...(given.all ? [{ name: 'PEER', of: ({ socket }: Row) => peerOf(socket) }] : []),
      ...(name === undefined ? [{ name: 'PUBLISHED', of: publishedIn }] : []),
      { name: 'PID', of: ({ socket }) => socket.processes[0]?.pid, right: true },
      { name: 'INSIDE', of: ({ socket }) => insideOf(socket.processes[0]?.pids), right: true },
      { name: 'PROCESS', of: ({ socket }) => socket.processes[0]?.command, shrinks: true },
    ],
    given,
  );
}

type Looking = Parameters<typeof socketsOf>[2];

async function ofContainers(where: ContainerOptions, looking: Looking): Promise<Row[]> {
  const containers = await containersHere(where);
  const rows = await socketsOf(containers, await membershipOf(containers), looking);
  const unseen = { problems: containers.problems, closed: closedIn(containers) };
  sayUnseen({ ...unseen, processes: rows.unreadable, isOfAll: true }, rows.length === 0);
  return rows;
}

async function ofTarget(target: Target, looking: Looking): Promise<Row[]> {
  if (isContainer(target) && target.namespaces?.net?.host) {
    const rows = await socketsOf([target], await membershipOf([target]), looking);
    sayUnseen({ processes: rows.unreadable, isOfAll: true }, rows.length === 0);
    return rows.map(({ socket }) => ({ socket }));
  }
  const sockets = await listSockets(target, looking).catch(error => {
    if (typeof target !== 'number' || target > 65_535 || error.code !== 'ESRCH') throw error;
    // Whoever has a port in mind types its number.
    throw new UsageError(`there is no process ${target}; of a port: find port ${target}`);
  });
  return sockets.map(socket => ({ socket }));
}

function isContainer(target: Target): target is Container & Target {
  return typeof target === 'object' && 'engine' in target;
}

function jsonOf({ containers, sharing = [], socket }: Row): object {
  if (containers === undefined) return socket;
  const published = publishedOf({ sharing, socket });
  return { ...socket, containers: containers.map(nameOf), published };
}

function namesIn({ containers = [] }: Row): string {
  return containers.map(nameOf).join(',');
}

function publishedIn({ sharing = [], socket }: Row): string {
  return publishedOf({ sharing, socket }).join(',');
}

function localOf(socket: SocketInfo): string | undefined {
  return socket.protocol === 'unix' ? socket.local.path : endOf(socket.local);
}

function peerOf(socket: SocketInfo): string | undefined {
  if (socket.protocol === 'unix') return socket.peer && `${socket.peer.inode}`;
  return socket.peer.port === 0 ? undefined : endOf(socket.peer);
}
