/**
 * What there is once for the whole process, whichever code touches it first: its streams, its exit, the hooks
 * of its module loader, its locks.
 */
import { AsyncResource } from 'node:async_hooks';
import { runOutside } from '../context.ts';
import { patch, patchOutside } from './patch.ts';

type Loose = (this: unknown, ...args: unknown[]) => unknown;

export function isolateProcess(): void {
  for (const name of ['stdin', 'stdout', 'stderr'] as const) makeOutside(name);
  // Its handlers are everybody's.
  patchOutside(process, 'exit');
  const loader = process.getBuiltinModule('node:module');
  if (typeof loader.register === 'function') patchOutside(loader, 'register');
  isolateLocks();
}

/** Made when first used; made inside, its events would be inside for good, and that context alive. */
function makeOutside(name: 'stdin' | 'stdout' | 'stderr'): void {
  const descriptor = Object.getOwnPropertyDescriptor(process, name);
  const get = descriptor?.get;
  if (get === undefined || !descriptor?.configurable) return;
  Object.defineProperty(process, name, {
    ...descriptor,
    get: () => runOutside(() => get.call(process)),
  });
}

/** Node grants a lock in the stack of the code that released it, and in no scope (navigator.locks, Node 24). */
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
