/**
 * The connections of a server, which belong where it listens, and the end of any connection. Whoever
 * destroys a socket (a signal, a timer that is everybody's), what it says of that it says where it belongs:
 * programs connect anew from there.
 */
import { builtin } from '../../base/lazy-builtins.ts';
import { listens, runWhere } from '../context.ts';
import { patch } from './patch.ts';

const net = builtin('node:net');

type Destroy = (this: { _handle?: object | null }, error: unknown, done: unknown) => void;

type Listen = (this: { _handle?: object | null }, ...args: unknown[]) => unknown;

export function isolateSockets(): void {
  patch(
    net().Server.prototype as unknown as Record<'listen', Listen>,
    'listen',
    original =>
      function (...args) {
        const server = original.apply(this, args);
        if (this._handle) listens(this._handle);
        return server;
      },
  );
  patch(
    net().Socket.prototype as unknown as Record<'_destroy', Destroy>,
    '_destroy',
    original =>
      function (error, done) {
        const { _handle } = this;
        if (!_handle) original.call(this, error, done);
        else runWhere(_handle, () => original.call(this, error, done));
      },
  );
}
