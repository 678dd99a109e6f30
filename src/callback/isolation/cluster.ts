/**
 * A cluster's primary listens for its workers. In a worker, the primary is outside: a server made inside
 * listens by itself, it is `exclusive`. In the primary, workers that were started in different networks
 * would share the listener of the first who asked: each network has listeners of its own.
 */
import type { ChildProcess } from 'node:child_process';
import type { Cluster } from 'node:cluster';
import type { Socket } from 'node:dgram';
import type { ListenOptions, Server } from 'node:net';
import { binding } from '../../base/binding.ts';
import { builtin } from '../../base/lazy-builtins.ts';
import { threadKinds } from '../../base/namespace-types.ts';
import { currentContext } from '../context.ts';
import { type Location, outside } from '../thread.ts';
import { patch } from './patch.ts';

const childProcess = builtin('node:child_process');

export function isolateCluster(): void {
  const cluster = process.getBuiltinModule('node:cluster') as unknown as Cluster;
  if (cluster.isWorker) isolateWorker();
  else isolatePrimary();
}

/** All ways to a new worker end here, whoever took `cluster.fork` out of the module. */
function isolatePrimary(): void {
  type Start = (this: ChildProcess, options: { envPairs?: string[] }) => unknown;
  patch(
    childProcess().ChildProcess.prototype as unknown as Record<'spawn', Start>,
    'spawn',
    original =>
      function (options) {
        const network = networkHere();
        if (network !== undefined && options.envPairs?.some(isWorkersId)) {
          // Before the primary's own listener.
          this.on('internalMessage', message => askApart(message, network));
        }
        return original.call(this, options);
      },
  );
}

const isWorkersId = (pair: string) => pair.startsWith('NODE_UNIQUE_ID=');

/** undefined where it is that of outside. */
function networkHere(): string | undefined {
  const context = currentContext();
  if (context === undefined) return undefined;
  const at = threadKinds.findIndex(kind => kind.name === 'net');
  const inode = (location: Location) => String(binding.getInode(location[at] as number));
  const here = inode(context.location);
  return here === inode(outside.location) ? undefined : `net ${here}`;
}

interface Query {
  cmd?: unknown;
  act?: unknown;
  address?: unknown;
  port?: unknown;
  fd?: unknown;
}

/**
 * The primary knows its listeners by what is asked for: address, port, type and descriptor. Where there is
 * no descriptor, the network stands in its place. Sockets with a path belong to no network.
 */
function askApart(query: Query, network: string): void {
  if (query?.cmd !== 'NODE_CLUSTER' || query.act !== 'queryServer') return;
  const { address, port, fd } = query;
  if (typeof fd === 'number' && fd >= 0) return;
  const isPath = Number(port) < 0 && !String(address).includes('\0'); // in a directory, Node says
  if (!isPath) query.fd = network;
}

function isolateWorker(): void {
  const net = process.getBuiltinModule('node:net');
  const dgram = process.getBuiltinModule('node:dgram');
  const inside = (args: unknown[], exclusive: (args: unknown[]) => unknown[]) =>
    currentContext() === undefined ? args : exclusive(args);
  const servers = net.Server.prototype as unknown as { listen(...args: unknown[]): Server };
  patch(
    servers,
    'listen',
    original =>
      function listen(this: Server, ...args: unknown[]) {
        return original.apply(this, inside(args, listenAlone));
      },
  );
  const sockets = dgram.Socket.prototype as unknown as { bind(...args: unknown[]): Socket };
  patch(
    sockets,
    'bind',
    original =>
      function bind(this: Socket, ...args: unknown[]) {
        return original.apply(this, inside(args, bindAlone));
      },
  );
}

/** net.Server's listen(options), (handle), (path, ...) and (port, host, backlog), all with a callback. */
function listenAlone(args: unknown[]): unknown[] {
  const callback = args.filter(arg => typeof arg === 'function').slice(-1);
  const [first, ...rest] = args.filter(arg => typeof arg !== 'function');
  if (typeof first === 'object' && first !== null) {
    const options = first as ListenOptions & { fd?: unknown };
    const bound = options.fd !== undefined || !('port' in options || 'path' in options);
    return bound ? args : [{ ...options, exclusive: true }, ...callback];
  }
  const backlog = rest.find(arg => typeof arg === 'number');
  const host = rest.find(arg => typeof arg === 'string');
  const isPath = typeof first === 'string' && !(Number(first) >= 0);
  const where = isPath ? { path: first } : { port: first ?? 0, host };
  return [{ ...where, backlog, exclusive: true }, ...callback];
}

/** dgram.Socket's bind(options) and bind(port, address), both with a callback. */
function bindAlone(args: unknown[]): unknown[] {
  const callback = args.filter(arg => typeof arg === 'function').slice(-1);
  const [first, address] = args.filter(arg => typeof arg !== 'function');
  const options = typeof first === 'object' && first !== null ? first : { port: first, address };
  return [{ ...options, exclusive: true }, ...callback];
}
