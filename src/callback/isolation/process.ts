/**
 * What there is once for the whole process, whoever touches it first: its streams, its exit, the hooks
 * of its module loader, its locks.
 */
import { AsyncResource } from 'node:async_hooks';
import { atHome } from '../context.ts';
import { patch, patchAtHome } from './patch.ts';

type Loose = (this: unknown, ...args: unknown[]) => unknown;

export function isolateProcess(): void {
  for (const name of ['stdin', 'stdout', 'stderr'] as const) makeAtHome(name);
  // Its handlers are everybody's.
  patchAtHome(process, 'exit');
  const loader = process.getBuiltinModule('node:module');
  if (typeof loader.register === 'function') patchAtHome(loader, 'register');
  isolateLocks();
}

/** Made when first used; made inside, its events would be inside for good, and that context alive. */
function makeAtHome(name: 'stdin' | 'stdout' | 'stderr'): void {
  const descriptor = Object.getOwnPropertyDescriptor(process, name);
  const get = descriptor?.get;
  if (get === undefined || !descriptor?.configurable) return;
  Object.defineProperty(process, name, {
    ...descriptor,
    get: () => atHome(() => get.call(process)),
  });
}

/** Node grants a lock in the stack of whoever released it, and in no scope (navigator.locks, Node 24). */
function isolateLocks(): void {
  const { navigator } = globalThis as { navigator?: { locks?: Record<'request', Loose> } };
  if (navigator?.locks === undefined) return;
  patch(
    Object.getPrototypeOf(navigator.locks) as Record<'request', Loose>,
    'request',
    original =>
      function request(this: unknown, ...args: unknown[]) {
        const bound = args.map(arg =>
          typeof arg === 'function' ? AsyncResource.bind(arg as () => unknown) : arg,
        );
        return original.apply(this, bound);
      },
  );
}
