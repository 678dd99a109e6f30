/**
 * A timer that a module has once for everybody. The next user starts it anew, and it would become
 * part of that context and keep it alive for good: such a timer stays outside.
 */
import { createHook } from 'node:async_hooks';

/** As Node has timers, versions 20 to 26. */
interface Timeout {
  _onTimeout?: unknown;
}

/** Node's own, whatever a test's fake timers put in its place. */
const start = setTimeout;

/** What the shared timer calls; the timer itself may change. */
let shared: unknown;

export function isShared(timer: object): boolean {
  return shared !== undefined && (timer as Timeout)._onTimeout === shared;
}

/** Has a module start its timer, in `use`, to see which it is. To be called outside. */
export function shareTimer(use: () => void): void {
  const timers = createHook({
    init(_id, type, _trigger, resource) {
      if (type === 'Timeout') shared = (resource as Timeout)._onTimeout;
    },
  });
  // Where it runs already, it is only refreshed, of which no hook hears.
  const some = start(() => {}, 0).unref();
  const prototype = Object.getPrototypeOf(some) as { refresh(this: Timeout): unknown };
  const { refresh } = prototype;
  prototype.refresh = function () {
    shared = this._onTimeout;
    return refresh.call(this);
  };
  timers.enable();
  try {
    use();
  } finally {
    timers.disable();
    prototype.refresh = refresh;
  }
}
