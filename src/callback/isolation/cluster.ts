/**
 * In a cluster worker, the primary listens for everybody, and the primary is outside. A server made
 * inside listens by itself: it is `exclusive`.
 */
import type { Cluster } from 'node:cluster';
import type { Socket } from 'node:dgram';
import type { ListenOptions, Server } from 'node:net';
import { currentContext } from '../context.ts';
import { patch } from './patch.ts';

export function isolateCluster(): void {
  const cluster = process.getBuiltinModule('node:cluster') as unknown as Cluster;
  if (!cluster.isWorker) return;
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
