/**
 * The end of a connection. Whoever destroys a socket (a signal, a timer that is everybody's), what it says
 * of that it says where it belongs: programs connect anew from there.
 */
import { builtin } from '../../base/lazy-builtins.ts';
import { runWhere } from '../context.ts';
import { patch } from './patch.ts';

const net = builtin('node:net');

type Destroy = (this: { _handle?: object | null }, error: unknown, done: unknown) => void;

export function isolateSockets(): void {
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
