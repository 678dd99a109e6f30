/**
 * Where each piece of work belongs. Its location rides on its async resource: `init` marks what is made
 * inside, `before` enters, `after` goes back to where `before` found the thread.
 *
 * AsyncLocalStorage would not do: it follows the caller, and code that is entered from another side
 * (AsyncResource.bind, pools, a second 'data' listener, http upgrades) would run in the wrong namespaces.
 * There is no `destroy` hook, which would make V8 track the end of every promise.
 */
import { createHook, executionAsyncId, executionAsyncResource } from 'node:async_hooks';
import { binding } from '../base/binding.ts';
import { builtin } from '../base/lazy-builtins.ts';
import type { NamespaceType } from '../base/namespace-types.ts';
import type { Fds } from '../target/fds.ts';
import { checkCopies, isOthers, tellCopies } from './copies.ts';
import { sessionOf } from './http2.ts';
import { Arrivals, isMaker, makerOf, makers, makes } from './makers.ts';
import {
  arrived,
  comeBack,
  die,
  holds,
  isAt,
  type Location,
  locate,
  move,
  moveOrDie,
  needRoom,
  outside,
  setOutside,
} from './thread.ts';
import { isShared } from './timers.ts';

const { inspect } = builtin('node:util')();

const MARK = Symbol('linux-namespaces.context');
type Marked = { [MARK]?: Context | undefined };

/** One run of a callback, with everything asynchronous that it starts. */
export class Context {
  /** Was any async resource made in it? If not, it ends with the callback. */
  started = false;
  #own: Map<object, unknown> | undefined;
  readonly location: Location;
  /** What keeps the fds of `location` open, its own first. */
  readonly sources: readonly Fds[];
  /** The types that were entered, by this context and those around it. */
  readonly types: readonly NamespaceType[];
  /** The context that a raw system call led out of: it is not over before this one is. */
  origin: Context | undefined;

  constructor(inner: Fds) {
    const outer = current ?? outside;
    const location = outer.location.slice();
    for (let i = 0; i < location.length; i++) {
      const fd = inner.location[i] as number;
      if (fd >= 0) location[i] = fd;
    }
    this.location = location;
    this.sources = [inner, ...outer.sources.filter(source => holds(source, location))];
    this.types =
      current === undefined ? inner.types : [...new Set([...current.types, ...inner.types])];
    for (const source of this.sources) source.retain();
  }

  /** What there is once for each context, such as its HTTP agent in place of the global one. */
  own<T>(key: object, make: () => T): T {
    this.#own ??= new Map();
    if (!this.#own.has(key)) this.#own.set(key, make());
    return this.#own.get(key) as T;
  }

  static {
    // Shown with whatever promise or timer carries it.
    Object.defineProperty(Context.prototype, inspect.custom, {
      value(this: Context) {
        return `[${this.types.join(', ')}]`;
      },
    });
  }
}

/** What the thread runs; undefined outside. */
let current: Context | undefined;

export function currentContext(): Context | undefined {
  return current;
}

const locationOf = (context: Context | undefined): Location => (context ?? outside).location;

function enter(context: Context | undefined): void {
  if (isOthers()) die('another copy of linux-namespaces has put this thread inside namespaces');
  moveOrDie(locationOf(context));
  setCurrent(context);
}

function setCurrent(context: Context | undefined): void {
  current = context;
  tellCopies(context !== undefined);
}

/** Where the stack is full on the way: whoever catches that RangeError is not to go on here. */
const overflow =
  'linux-namespaces: the stack overflowed as this thread was moved. This process ends here: going on, it would run in the wrong namespace.';

/** Runs `fn` in another location and comes back. Throws, having changed nothing, if it cannot go there. */
export function runAt<A extends unknown[], R>(
  context: Context | undefined,
  fn: (...args: A) => R,
  args: A,
): R {
  const from = current;
  const home = locationOf(from);
  checkCopies();
  needRoom();
  const failed = move(locationOf(context));
  try {
    if (failed !== undefined) throw comeBack(home, failed);
    setCurrent(context);
    return fn(...args);
  } finally {
    // No deeper than the way there, and that had needRoom(): what the stack had room for then, it has now.
    try {
      if (isOthers() || move(home) !== undefined) enter(from); // ends the process, and says why
      setCurrent(from);
    } catch {
      binding.die(overflow);
    }
  }
}

/**
 * After code that may have been stopped in the middle: to `from`, where it was entered, or where a raw
 * system call has taken the rest of that.
 */
export function comeBackTo(from: Context | undefined): void {
  try {
    let origin = current;
    while (origin !== from && origin?.origin !== undefined) origin = origin.origin;
    const to = origin === from ? current : from;
    if (current !== to || !isAt(locationOf(to))) enter(to);
  } catch {
    binding.die(overflow);
  }
}

/** Runs `fn` where this thread is when it runs no callback; what `fn` starts stays there. */
export function runOutside<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R {
  return current === undefined ? fn(...args) : runAt(undefined, fn, args);
}

/** A function that runs where this was called, whoever calls it: for what foreign code calls back. */
export function bindHere<F extends (this: unknown, ...args: never[]) => unknown>(fn: F): F {
  const context = current;
  const bound = function (this: unknown, ...args: never[]) {
    return context === current ? fn.apply(this, args) : runAt(context, fn.bind(this), args);
  };
  return bound as F;
}

/** Runs `fn` where a handle of Node's, or a request that was noted, belongs. */
export function runWhere<R>(resource: object, fn: () => R): R {
  const context = (resource as Marked)[MARK];
  return context === current || context === unsettled ? fn() : runAt(context, fn, []);
}

/** Notes that an object of Node's that is no async resource belongs here. */
export function belongsHere(object: object): void {
  if (current !== undefined) (object as Marked)[MARK] = current;
}

const abandoned = new FinalizationRegistry<readonly Fds[]>(sources => {
  for (const source of sources) source.release();
});

/**
 * A raw system call has moved the thread, in these types. Outside, that is outside from now on; in a
 * context, the rest of the running code, and what it starts, is in a context of its own. Throws, with
 * the thread back where it was, if it cannot be told where it is.
 */
export function moved(types: readonly NamespaceType[]): void {
  const fds = locate(types, locationOf(current));
  if (fds === undefined) return;
  if (current === undefined) setOutside(fds);
  else current = derive(current, fds);
  arrived(locationOf(current));
}

function derive(origin: Context, fds: Fds): Context {
  const context = new Context(fds);
  fds.release();
  context.origin = origin;
  origin.started = true;
  abandoned.register(context, context.sources);
  return context;
}

/** The mark of an HTTP/2 stream from the peer, until its session is known. */
const unsettled = {} as Context;

/** What has come over a port, which is the next to be entered. */
const arrivals = new Arrivals();

/** The scopes that `before` opened: their ids, and where the thread was before each. */
const scopes: number[] = [];
const origins: (Context | undefined)[] = [];

const hook = createHook({
  init(id, type, trigger, resource) {
    if (current !== undefined) mark(id, type, resource as Marked, current);
    else if (makers.size > 0 && executionAsyncId() === 0) adopt(id, type, trigger, resource);
  },
  before(id) {
    scopes.push(id);
    origins.push(current);
    const resource = executionAsyncResource() as Marked | undefined;
    let location = resource?.[MARK];
    if (arrivals.any) arrivals.take((id, type, each) => settleIn(id, type, each, location));
    if (location === current) return;
    try {
      if (location === unsettled) location = settle(resource as Marked);
      enter(location);
    } catch {
      binding.die(overflow);
    }
  },
  after(id) {
    try {
      // An uncaught error leaves entries above ours: unwind to our own.
      while (scopes.length > 0) {
        const origin = origins.pop();
        if (scopes.pop() === id) {
          if (origin !== current) enter(origin);
          return;
        }
      }
      // Opened before the hooks were on, so outside.
      if (current !== undefined) enter(undefined);
    } catch {
      binding.die(overflow);
    }
  },
});

function mark(id: number, type: string, resource: Marked, context: Context): void {
  // One for each signal, for the whole process: its handlers run outside, wherever the first was added.
  if (type === 'SIGNALWRAP') return;
  if (type === 'Timeout' && isShared(resource)) return;
  context.started = true;
  resource[MARK] = context;
  if (isMaker(type)) makes(id, resource);
}

function adopt(id: number, type: string, trigger: number, resource: object): void {
  if (type === 'HTTP2STREAM') {
    (resource as Marked)[MARK] = unsettled;
    return;
  }
  if (trigger === 0) arrivals.add(id, type, resource);
  else settleIn(id, type, resource, (makerOf(trigger) as Marked | undefined)?.[MARK]);
}

function settleIn(id: number, type: string, resource: object, context: Context | undefined): void {
  if (context === undefined) return;
  mark(id, type, resource as Marked, context);
  // It may be a server that came over a channel, with connections of its own to come.
  if (type === 'TCPWRAP') makes(id, resource);
}

/** For a handle that listens: not of each does the type say so (net.BoundSocket, Node 24). */
export function listens(handle: object): void {
  const maker = handle as Marked & { getAsyncId?(): number };
  const id = maker[MARK] && maker.getAsyncId?.();
  if (id !== undefined) makes(id, maker);
}

function settle(stream: Marked): Context | undefined {
  try {
    const context = (sessionOf(stream) as Marked | undefined)?.[MARK];
    stream[MARK] = context;
    return context;
  } catch (error) {
    return die(`${(error as Error).message}: no telling where a stream belongs`);
  }
}

export function enableHooks(): void {
  hook.enable();
}

export function disableHooks(): void {
  hook.disable();
  scopes.length = 0;
  origins.length = 0;
}
