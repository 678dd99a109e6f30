/**
 * The debugger, tracing and the CPU profiler start threads, or listen, wherever this thread happens to
 * be. They are the whole process's, so they are started outside.
 */
import type inspectorModule from 'node:inspector';
import type traceModule from 'node:trace_events';
import { binding } from '../../base/binding.ts';
import { builtin } from '../../base/lazy-builtins.ts';
import { bindHere, currentContext, runAt, runOutside } from '../context.ts';
import { runStoppable } from '../stops.ts';
import { patch, patchOutside } from './patch.ts';

type Post = (this: unknown, method: string, ...rest: unknown[]) => unknown;

const threads = builtin('node:worker_threads');
let inspector: typeof inspectorModule | undefined;
/** Node's own, for the signal: whatever stands in its place later may not be meant for that. */
let open: (() => unknown) | undefined;
let held = false;

export function isolateDebugger(): void {
  if (process.features.inspector) {
    inspector = process.getBuiltinModule('node:inspector');
    open = inspector.open;
    patch(
      inspector,
      'open',
      original =>
        (...args) =>
          runOutside(original, ...args),
    );
    patchPost(inspector.Session.prototype);
    patchPost(process.getBuiltinModule('node:inspector/promises').Session.prototype);
  }
  patchProfilers();
  patchTracing();
}

function patchProfilers(): void {
  type Starts = Record<string, (...args: unknown[]) => unknown>;
  const v8 = process.getBuiltinModule('node:v8') as unknown as Starts;
  for (const [owner, names] of [
    [console as unknown as Starts, ['profile', 'profileEnd']],
    [v8, ['startCpuProfile']], // Node 24
  ] as const) {
    for (const name of names) {
      if (typeof owner[name] === 'function') patchOutside(owner, name);
    }
  }
}

/** The protocol's methods that start a thread; the others run in place. */
const startsThread = /^(Profiler|NodeTracing|Tracing)\./;
/** Those that run code, and can stop it. */
const stopsCode = /^Runtime\./;

function patchPost(sessions: object): void {
  patch(
    sessions as { post: Post },
    'post',
    original =>
      function post(this: unknown, method: string, ...rest: unknown[]) {
        const context = currentContext();
        if (stopsCode.test(method)) {
          const back = rest.map(arg => (typeof arg === 'function' ? bindHere(arg as never) : arg));
          return runStoppable(() => original.call(this, method, ...back));
        }
        if (context === undefined || !startsThread.test(method)) {
          return original.call(this, method, ...rest);
        }
        const back = rest.map(arg =>
          typeof arg === 'function'
            ? (...args: unknown[]) => runAt(context, arg as (...args: unknown[]) => unknown, args)
            : arg,
        );
        return runOutside(() => original.call(this, method, ...back));
      },
  );
}

function patchTracing(): void {
  // Not to be had in a Worker.
  if (!threads().isMainThread || !process.features.inspector) return;
  const { createTracing } = process.getBuiltinModule('node:trace_events') as typeof traceModule;
  const tracing = Object.getPrototypeOf(createTracing({ categories: ['node'] }));
  for (const name of ['enable', 'disable']) patchOutside(tracing, name);
}

/** While hooks are on: SIGUSR1 opens the debugger from the event loop, where this thread is outside. */
export function guardSignal(): void {
  // A listener of the program's own means that SIGUSR1 is not the debugger's.
  if (!threads().isMainThread || open === undefined || process.listenerCount('SIGUSR1') > 0) return;
  held = binding.holdDebugger(serveSignal);
}

export function unguardSignal(): void {
  if (held) binding.releaseDebugger();
  held = false;
}

function serveSignal(): void {
  if (inspector?.url() !== undefined) return;
  open?.();
}
