/**
 * fetch and WebSocket: in the place of Node's global dispatcher stands one that has a dispatcher of its
 * own for each context, so that no pooled connection is used on the other side.
 *
 * Rests on undici's public symbols for the global dispatcher, and on Node making it when undici is
 * first loaded, which takes 30 ms and is therefore left to the first fetch. A dispatcher of the user's
 * own making (a ProxyAgent, a MockAgent) is the user's own and is left alone.
 */
import { createHook } from 'node:async_hooks';
import { type Context, currentContext, runOutside } from '../context.ts';
import { patch } from './patch.ts';

interface Dispatcher {
  dispatch: unknown;
  [behind]?: Dispatcher;
}
type Fields = Record<symbol, unknown>;
type DispatcherClass = new (options?: unknown) => Dispatcher;

/** Node 20 and 22 know '.1' alone; newer ones set '.2' first, and then '.1' for older clients. */
const newer = Symbol.for('undici.globalDispatcher.2');
const older = Symbol.for('undici.globalDispatcher.1');
/** By this a copy of this library finds what is behind the stand-in of another. */
const behind = Symbol.for('linux-namespaces.dispatcher');

type Global = typeof globalThis & Record<symbol, Dispatcher | undefined>;
let globals = globalThis as Global;

/** The global object where Node's own modules look, in whatever `vm` context this copy was loaded. */
function mainGlobal(): Global {
  try {
    return (createHook.constructor as FunctionConstructor)('return globalThis')();
  } catch {
    return globalThis as Global; // --disallow-code-generation-from-strings
  }
}

export function isolateFetch(): void {
  globals = mainGlobal();
  if (typeof globals.fetch !== 'function') return; // --no-experimental-fetch
  // Another copy of this library waits already: it is to see the moment, and this copy the result.
  const awaited = Object.getOwnPropertyDescriptor(globals, older)?.get !== undefined;
  if (awaited) void globals.Response;
  if (globals[newer] === undefined && globals[older] === undefined) {
    loadOutside();
    catchMaking();
  }
  replace();
  isolateProxies();
}

function replace(): void {
  for (const symbol of [newer, older]) {
    const dispatcher = Object.getOwnPropertyDescriptor(globals, symbol)?.value;
    if (dispatcher !== undefined) globals[symbol] = standIn(dispatcher);
  }
}

/** The environment that a dispatcher of Node's for proxies was made after. */
const environments = new WeakMap<object, Readonly<Record<string, unknown>>>();

/** By that function (Node 24.14) Node puts one in the place of its own. */
function isolateProxies(): void {
  const clients = process.getBuiltinModule('node:http') as unknown as Record<
    'setGlobalProxyFromEnv',
    (...args: unknown[]) => unknown
  >;
  if (clients.setGlobalProxyFromEnv === undefined) return;
  const current = () => Object.getOwnPropertyDescriptor(globals, newer)?.value;
  patch(clients, 'setGlobalProxyFromEnv', original => (...args) => {
    const before = current();
    const restore = runOutside(original, ...args);
    const made = current();
    if (made === before) return restore; // no proxies
    environments.set(made, (args[0] ?? process.env) as Readonly<Record<string, unknown>>);
    replace();
    return restore;
  });
}

/**
 * undici makes promises of its own when loaded, which keep alive the context that loads it. So the first
 * fetch inside loads it outside. (Code that touches Response or WebSocket inside before any fetch still
 * loads it there: that one context then lasts as long as the process, at the price of its hooks.)
 */
function loadOutside(): void {
  patch(globals, 'fetch', original => (...args) => {
    if (currentContext() !== undefined) runOutside(() => void globals.Response);
    return original(...args);
  });
}

/**
 * undici asks whether there is a dispatcher, and finding none makes one in the same breath, with
 * Object.defineProperty. The very first fetch may come from inside and use it before it returns, so
 * that this is the moment to stand in its place.
 */
function catchMaking(): void {
  for (const symbol of [newer, older]) {
    Object.defineProperty(globals, symbol, {
      configurable: true,
      get: () => void takePartIn(globals.Object.defineProperty),
      set: value => Object.defineProperty(globals, symbol, { value, writable: true }),
    });
  }
}

let listening = false;

function takePartIn(original: typeof Object.defineProperty): void {
  if (listening) return;
  listening = true;
  const stop = () => {
    listening = false;
    globals.Object.defineProperty = original;
  };
  globals.Object.defineProperty = function defineProperty<T>(
    owner: T,
    key: PropertyKey,
    descriptor: PropertyDescriptor & ThisType<unknown>,
  ): T {
    if ((owner as unknown) !== globals || (key !== newer && key !== older)) {
      return original(owner, key, descriptor);
    }
    if (key === older) stop();
    if (descriptor.value === undefined) return original(owner, key, descriptor);
    return original(owner, key, { ...descriptor, value: standIn(descriptor.value) });
  };
  // Somebody else may only have looked.
  runOutside(() => process.nextTick(stop));
}

const standIns = new WeakMap<Dispatcher, Dispatcher>();

/** Every use of the result is a use of the dispatcher that belongs to the location of the user. */
function standIn(dispatcher: Dispatcher): Dispatcher {
  const known = standIns.get(dispatcher);
  if (known !== undefined) return known;
  const own = dispatcher[behind] ?? dispatcher;
  const Class = own.constructor as DispatcherClass;
  if (Class.name === 'Dispatcher1Wrapper') {
    const inner = globals[newer];
    return inner === undefined ? dispatcher : new Class(inner);
  }
  if (Class.name !== 'Agent' && Class.name !== 'EnvHttpProxyAgent') return dispatcher;
  if (own.dispatch !== Class.prototype.dispatch) return dispatcher; // with interceptors
  const proxy = new Proxy(dispatcher, {
    get(shared, key) {
      if (key === behind) return own;
      const context = currentContext();
      const here = context === undefined ? shared : dispatcherOf(context, own, Class);
      const value = Reflect.get(here, key, here);
      return typeof value === 'function' && key !== 'constructor' ? value.bind(here) : value;
    },
  });
  standIns.set(dispatcher, proxy);
  standIns.set(proxy, proxy);
  return proxy;
}

function dispatcherOf(context: Context, shared: Dispatcher, Class: DispatcherClass): Dispatcher {
  return context.own(shared, () => new Class(optionsOf(shared)));
}

/** What the user gave to an Agent of undici's; nothing where a version keeps it elsewhere. */
function optionsOf(dispatcher: Dispatcher): unknown {
  if (dispatcher.constructor.name === 'Agent') return field(dispatcher, 'options');
  const { no_proxy: lower, NO_PROXY: upper } = environments.get(dispatcher) ?? process.env;
  const [httpProxy, httpsProxy] = ['http proxy agent', 'https proxy agent'].map(name => {
    const proxy = field(dispatcher, name);
    const options = field(proxy, 'proxy agent options') as { uri?: string } | undefined;
    return options?.uri ?? (proxy === field(dispatcher, 'no proxy agent') ? '' : undefined);
  });
  return { httpProxy, httpsProxy, noProxy: lower || upper };
}

function field(object: unknown, name: string): unknown {
  const key = Object.getOwnPropertySymbols(object ?? {}).find(key => key.description === name);
  return key && (object as Fields)[key];
}
