/**
 * The `lookup` of a socket, an option or what stands in the place of `dns.lookup`. A cache may answer
 * several questions at once, in the stack of any of those who asked; what Node does with the answer, such
 * as connecting, it does where the question was asked.
 */
import { builtin } from '../../base/lazy-builtins.ts';
import { bindHere } from '../context.ts';
import { patch } from './patch.ts';

const dns = builtin('node:dns');
const net = builtin('node:net');
const dgram = builtin('node:dgram');

type Loose = (this: unknown, ...args: unknown[]) => unknown;
type Methods = { [name: string]: Loose };

/** What stands in `dns`, of ours: its answers come back by themselves. */
let ours: unknown;

/** To be called once `dns.lookup` is ours. */
export function isolateLookups(): void {
  ours = dns().lookup;
  patch(
    net().Socket.prototype as unknown as Methods,
    'connect',
    original =>
      function connect(...args) {
        return withLookup(original, this, withOption(args));
      },
  );
  patchLookup(net().Server.prototype as unknown as Methods, 'listen');
  for (const name of ['bind', 'connect', 'send']) {
    patchLookup(dgram().Socket.prototype as unknown as Methods, name);
  }
  patchUdpSockets();
}

function patchLookup(owner: Methods, name: string): void {
  patch(
    owner,
    name,
    original =>
      function (...args) {
        return withLookup(original, this, args);
      },
  );
}

/** Of Node 20 and 22, a socket takes what stands in `dns` when it is made. */
function patchUdpSockets(): void {
  for (const name of ['Socket', 'createSocket'] as const) {
    patch(
      dgram() as unknown as Methods,
      name,
      original =>
        function (this: unknown, type: unknown, ...rest: unknown[]) {
          const args = [minding(type), ...rest];
          const make: Loose =
            new.target === undefined
              ? original
              : (...args) => Reflect.construct(original, args, new.target);
          return withLookup(make, this, args);
        },
    );
  }
}

/** As `socket.connect` is called by its users, and by `net.connect`, which has put all into one array. */
function withOption(args: unknown[]): unknown[] {
  const [first, ...rest] = args;
  if (!Array.isArray(first)) return [minding(first), ...rest];
  const options = minding(first[0]);
  // Node knows its array by a symbol, so that it has to be this one; and has made it for this call.
  if (options !== first[0]) first[0] = options;
  return args;
}

/** The caller's options, which stay as they are, with a `lookup` whose answers come back. */
function minding(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const { lookup } = options as { lookup?: unknown };
  if (typeof lookup !== 'function') return options;
  return Object.create(options, { lookup: { value: comingBack(lookup as Loose) } });
}

function comingBack(lookup: Loose): Loose {
  return function (...args) {
    const bound = args.map(arg => (typeof arg === 'function' ? bindHere(arg as Loose) : arg));
    return lookup.apply(this, bound);
  };
}

/** Where something else stands in `dns` by now, that is what Node asks: in this call, or from it on. */
function withLookup(call: Loose, self: unknown, args: unknown[]): unknown {
  const module = dns() as unknown as Record<'lookup', Loose>;
  const theirs = module.lookup;
  if (theirs === ours || typeof theirs !== 'function') return call.apply(self, args);
  const mended = comingBack(theirs);
  const replaced = Reflect.set(module, 'lookup', mended);
  try {
    return call.apply(self, args);
  } finally {
    if (replaced && module.lookup === mended) module.lookup = theirs;
  }
}
