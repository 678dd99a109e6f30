/**
 * A timer that a module has once for everybody. The next user starts it anew, and it would become
 * part of that context and keep it alive for good: such a timer stays outside. Only undici has one that is
 * known: what it does for a connection is to destroy the socket, which says so where it belongs (sockets.ts).
 */

/** As Node has timers, versions 20 to 26. */
interface Timeout {
  _onTimeout?: unknown;
}

/** Functions that have the name of undici's, by whether they are it. */
const known = new WeakMap<object, boolean>();

/** The clock of undici 5 to 8, that of Node's fetch and such as a program has from npm. */
export function isShared(timer: object): boolean {
  const { _onTimeout: called } = timer as Timeout;
  if (typeof called !== 'function') return false;
  if (called.name !== 'onTick' && called.name !== 'onTimeout') return false;
  let shared = known.get(called);
  if (shared === undefined) {
    shared = /\bfastNow\b/.test(Function.prototype.toString.call(called));
    known.set(called, shared);
  }
  return shared;
}
