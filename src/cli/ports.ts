/** `linux-namespaces ports`: the sockets of a network namespace and whose they are, as `ss -nlp` has it. */
import type { SocketInfo } from '../inspect/socket-types.ts';
import { listSockets } from '../inspect/sockets.ts';
import { type Options, readArguments, UsageError } from './arguments.ts';
import { insideOf, printJson, printTable } from './table.ts';
import { targetOf } from './target-argument.ts';

export const usage = `linux-namespaces ports [option...] PID|NAME

Lists the ports on which somebody listens in the network of a process or container.

  -a, --all          every socket, not only those that listen
  -x, --unix         unix sockets too
  -J, --json
  -n, --noheadings   -u, --notruncate`;

const options = {
  all: { short: 'a' },
  unix: { short: 'x' },
  json: { short: 'J' },
  noheadings: { short: 'n' },
  notruncate: { short: 'u' },
} as const satisfies Options;

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  if (rest.length !== 1) throw new UsageError('whose ports? a pid, or the name of a container');
  const target = await targetOf(rest[0] as string);
  const all = await listSockets(target, { listening: !given.all });
  const sockets = all.filter(socket => given.unix || socket.protocol !== 'unix');
  if (given.json) return printJson(sockets);
  printTable(
    sockets,
    [
      { name: 'PROTO', of: socket => socket.protocol },
      { name: 'STATE', of: socket => socket.state },
      { name: 'LOCAL', of: localOf },
      ...(given.all ? [{ name: 'PEER', of: peerOf }] : []),
      { name: 'PID', of: ({ processes: [first] }) => first?.pid, right: true },
      { name: 'INSIDE', of: ({ processes: [first] }) => insideOf(first?.pids), right: true },
      { name: 'PROCESS', of: ({ processes: [first] }) => first?.command },
    ],
    { headings: !given.noheadings, cut: !given.notruncate },
  );
}

function endOf({ address, port }: { address: string; port: number }): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function localOf(socket: SocketInfo): string | undefined {
  return socket.protocol === 'unix' ? socket.local.path : endOf(socket.local);
}

function peerOf(socket: SocketInfo): string | undefined {
  if (socket.protocol === 'unix') return socket.peer && `${socket.peer.inode}`;
  return socket.peer.port === 0 ? undefined : endOf(socket.peer);
}
