/**
 * Modules of Node that take longer to load than all of this library: loaded by their first use, which
 * is never the import of it.
 */

interface Builtins {
  'node:child_process': typeof import('node:child_process');
  'node:crypto': typeof import('node:crypto');
  'node:dgram': typeof import('node:dgram');
  'node:diagnostics_channel': typeof import('node:diagnostics_channel');
  'node:dns': typeof import('node:dns');
  'node:http': typeof import('node:http');
  'node:https': typeof import('node:https');
  'node:net': typeof import('node:net');
  'node:stream': typeof import('node:stream');
  /** Is there already; but an import of it asks for all that it has, and that loads 35 modules more. */
  'node:util': typeof import('node:util');
  'node:vm': typeof import('node:vm');
  'node:worker_threads': typeof import('node:worker_threads');
}

export function builtin<N extends keyof Builtins>(name: N): () => Builtins[N] {
  let loaded: Builtins[N] | undefined;
  return () => {
    loaded ??= process.getBuiltinModule(name) as Builtins[N];
    return loaded;
  };
}

type Class = abstract new (...args: never[]) => object;

/**
 * To be extended in the place of a class from such a module: becomes a subclass of that, and passes it on
 * to its own, when the first object is made.
 */
export function standInFor<C extends Class>(classOf: () => C): C {
  const standIn = function (...args: never[]): object {
    const original = classOf();
    Object.setPrototypeOf(standIn, original);
    Object.setPrototypeOf(standIn.prototype, original.prototype);
    return Reflect.construct(original, args, new.target);
  };
  return standIn as never;
}
