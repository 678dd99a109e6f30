/**
 * Where this thread is, and where each piece of work belongs. The place of a piece of work rides on
 * its async resource: `init` marks what is made inside, `before` enters, `after` goes back to where
 * `before` found the thread.
 *
 * AsyncLocalStorage would not do: it follows the caller, and code that is entered from another side
 * (AsyncResource.bind, pools, a second 'data' listener, http upgrades) would run in the wrong place.
 * There is no `destroy` hook, which would make V8 track the end of every promise.
 */
import { createHook, executionAsyncId, executionAsyncResource } from 'node:async_hooks';
import { binding } from '../binding.ts';
import { failure, type NamespaceError } from '../errors.ts';
import type { Fds } from '../fds.ts';
import { openThread } from '../target.ts';
import { type Kind, type NamespaceType, threadKinds } from '../types.ts';
import { sessionOf } from './http2.ts';
import { isShared } from './timers.ts';

/** An fd for each of `threadKinds`, in that order; -1 for a type that this kernel does not have. */
type Place = readonly number[];

const MARK = Symbol('linux-namespaces.context');
type Marked = { [MARK]?: Context | undefined };

/** One run of a callback, with everything asynchronous that it starts. */
export class Context {
  /** Was any async resource made in it? If not, it ends with the callback. */
  started = false;
  #own: Map<object, unknown> | undefined;
  readonly place: Place;
  /** What keeps the fds of `place` open. */
  readonly sources: readonly Fds[];
  /** The types that were entered, by this context and those around it. */
  readonly types: readonly NamespaceType[];
  /** The context that a raw system call led out of: it is not over before this one is. */
  origin: Context | undefined;

  constructor(inner: Fds) {
    const { place, sources } = current ?? home;
    this.place = inner.place.map((fd, i) => (fd < 0 ? (place[i] as number) : fd));
    this.sources = [inner, ...sources];
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
}

interface Home {
  readonly place: Place;
  readonly sources: readonly Fds[];
}

let home: Home;
/** What the thread runs; undefined at home. */
let current: Context | undefined;
/** The fd by which the thread entered the namespace of each type that it is in. */
let here: number[] = [];

export function currentContext(): Context | undefined {
  return current;
}

/** Moves the thread, type by type. Stops at the first that fails, and says which and why. */
function move(to: Place): { kind: Kind; errno: number } | undefined {
  for (let i = 0; i < to.length; i++) {
    const fd = to[i] as number;
    if (fd === here[i] || fd < 0) continue;
    const kind = threadKinds[i] as Kind;
    const errno = binding.setns(fd, kind.flag);
    if (errno < 0) return { kind, errno };
    here[i] = fd;
  }
  return undefined;
}

/** For where an exception could not stop what comes next: a thread that cannot move ends it all. */
function moveOrDie(to: Context | undefined): void {
  const failed = move(to?.place ?? home.place);
  if (failed === undefined) {
    current = to;
    return;
  }
  const { message } = failure(failed.errno, 'setns', { type: failed.kind.name });
  const way = to === undefined ? 'on the way home' : 'on the way into a callback';
  die(`${message}, ${way}`);
}

function die(reason: string): never {
  return binding.die(
    `linux-namespaces: ${reason}. This process ends here: going on, it would run in the wrong namespace.`,
  );
}

/** Runs `fn` at another place and comes back. Throws, having changed nothing, if it cannot go there. */
export function runAt<A extends unknown[], R>(
  place: Context | undefined,
  fn: (...args: A) => R,
  args: A,
): R {
  const from = current;
  const failed = move(place?.place ?? home.place);
  if (failed !== undefined) {
    moveOrDie(from);
    throw refused(failed.kind.name, failed.errno);
  }
  current = place;
  try {
    return fn(...args);
  } finally {
    moveOrDie(from);
  }
}

/** Runs `fn` where this thread is when it runs no callback; what `fn` starts stays there. */
export function atHome<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R {
  return current === undefined ? fn(...args) : runAt(undefined, fn, args);
}

function refused(type: NamespaceType, errno: number): NamespaceError {
  const advice =
    errno === -1
      ? 'CAP_SYS_ADMIN is missing, in our own user namespace or in the one that owns this namespace: run as root, or as its owner use spawn() or evaluate() with the user namespace too'
      : undefined;
  return failure(errno, 'setns', { type, advice });
}

/**
 * The types in which this thread could leave home but not come back, and the kernel's reason: in a user
 * namespace, the namespaces that it did not make are not its own. Once there is none, none appears.
 */
let captive: ReadonlyMap<NamespaceType, number> | undefined;

/** Looks where the thread is and calls that home. */
export function openHome(): void {
  const fds = openThread(threadKinds.map(kind => kind.name));
  home = { place: fds.place, sources: [fds] };
  here = [...home.place];
  if (captive?.size === 0) return;
  const refused = threadKinds
    .map((kind, i) => [kind.name, binding.setns(home.place[i] as number, kind.flag)] as const)
    .filter(([, errno]) => errno < 0);
  captive = new Map(refused);
}

/** While callbacks are alive: throws if there would be no way home from a namespace of `types`. */
export function checkWayHome(types: readonly NamespaceType[]): void {
  if (captive === undefined || captive.size === 0 || here.length === 0) return;
  for (const type of types) {
    const errno = captive.get(type);
    if (errno === undefined) continue;
    const advice = `this thread could not come back: CAP_SYS_ADMIN is missing, in our own user namespace or in the one that owns our own ${type} namespace; run as root, or use spawn() or evaluate()`;
    throw failure(errno, 'setns', { type, advice });
  }
}

export function closeHome(): void {
  for (const source of home.sources) source.release();
  here = [];
}

const abandoned = new FinalizationRegistry<readonly Fds[]>(sources => {
  for (const source of sources) source.release();
});

/**
 * A raw system call has moved the thread, in these types. At home, that is home from now on; in a
 * context, the rest of the running code, and what it starts, is in a context of its own. Throws, with
 * the thread back where it was, if it cannot be told where it is.
 */
export function moved(types: readonly NamespaceType[]): void {
  if (here.length === 0) return; // openHome will see it
  const kinds = threadKinds.filter(kind => types.includes(kind.name));
  if (kinds.length === 0) return;
  let fds: Fds;
  try {
    fds = openThread(kinds.map(kind => kind.name));
  } catch (error) {
    here = here.map((fd, i) => (kinds.includes(threadKinds[i] as Kind) ? -1 : fd));
    moveOrDie(current);
    throw error;
  }
  if (current === undefined) moveHome(fds);
  else current = derive(current, fds);
  here = [...(current ?? home).place];
}

/** Home is `fds` now, and in the other types where it was. Contexts keep open what they need. */
function moveHome(fds: Fds): void {
  const place = fds.place.map((fd, i) => (fd < 0 ? (home.place[i] as number) : fd));
  const needed = (source: Fds) => source.place.some((fd, i) => fd >= 0 && fd === place[i]);
  for (const source of home.sources) if (!needed(source)) source.release();
  home = { place, sources: [fds, ...home.sources.filter(needed)] };
}

function derive(origin: Context, fds: Fds): Context {
  const context = new Context(fds);
  fds.release();
  context.origin = origin;
  origin.started = true;
  abandoned.register(context, context.sources);
  return context;
}

/**
 * Handles that make further ones in native code, outside every scope (a server its connections, an
 * HTTP/2 session its streams): what they make belongs where they belong.
 */
const makers = new Map<number, WeakRef<Marked>>();
const lostMakers = new FinalizationRegistry<number>(id => makers.delete(id));
const makerTypes = new Set(['TCPSERVERWRAP', 'PIPESERVERWRAP', 'HTTP2SESSION', 'MESSAGEPORT']);
/** The mark of an HTTP/2 stream from the peer, until its session is known. */
const unsettled = {} as Context;

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
    let place = resource?.[MARK];
    if (place === current) return;
    if (place === unsettled) place = settle(resource as Marked);
    moveOrDie(place);
  },
  after(id) {
    // An uncaught error leaves entries above ours: unwind to our own.
    while (scopes.length > 0) {
      const origin = origins.pop();
      if (scopes.pop() === id) {
        if (origin !== current) moveOrDie(origin);
        return;
      }
    }
    // Opened before the hooks were on, so at home.
    if (current !== undefined) moveOrDie(undefined);
  },
});

function mark(id: number, type: string, resource: Marked, context: Context): void {
  // One for each signal, for the whole process: its handlers run at home, whoever was the first.
  if (type === 'SIGNALWRAP') return;
  if (type === 'Timeout' && isShared(resource)) return;
  context.started = true;
  resource[MARK] = context;
  if (makerTypes.has(type)) {
    makers.set(id, new WeakRef(resource));
    lostMakers.register(resource, id);
  }
}

function adopt(id: number, type: string, trigger: number, resource: object): void {
  if (type === 'HTTP2STREAM') {
    (resource as Marked)[MARK] = unsettled;
    return;
  }
  const context = makers.get(trigger)?.deref()?.[MARK];
  if (context !== undefined) mark(id, type, resource as Marked, context);
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
