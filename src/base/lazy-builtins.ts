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
  /** Is there already; but an import of it asks for all that it has, and that loads 35 modules more. */
  'node:util': typeof import('node:util');
  'node:worker_threads': typeof import('node:worker_threads');
}

export function builtin<N extends keyof Builtins>(name: N): () => Builtins[N] {
  let loaded: Builtins[N] | undefined;
  return () => {
    loaded ??= process.getBuiltinModule(name) as Builtins[N];
    return loaded;
  };
}
