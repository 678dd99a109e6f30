/**
 * Runs callbacks inside namespaces, and keeps count of those that are not over: hooks are on while
 * there is one. A context is over when the callback has returned and nothing that it started is left.
 */

import { binding } from '../base/binding.ts';
import { checkFunction, checkTypes, failure, invalidValue, refusal } from '../base/errors.ts';
import { kindOf, type NamespaceType, type Types } from '../base/namespace-types.ts';
import { setImmediate } from '../base/timers.ts';
import { trace } from '../base/trace.ts';
import { type Fds, openEach } from '../target/fds.ts';
import { Namespaces } from '../target/namespaces.ts';
import { openTarget, processOf, type Target } from '../target/target.ts';
import {
  Context,
  currentContext,
  disableHooks,
  enableHooks,
  runAt,
  runOutside,
} from './context.ts';
import { checkCopies } from './copies.ts';
import { guard, isolate, unguard } from './isolation/index.ts';
import { shared } from './shared-fds.ts';
import { isStoppable } from './stops.ts';
import { checkWayBack, closeOutside, openInside, openOutside } from './thread.ts';

let isolated = false;
/** Why it cannot be, as in this version of Node: half of it may be done, so it is not tried again. */
let unknownNode: Error | undefined;

let live = 0;
let on = false;
let leaving = false;

/** The end of contexts that started something: nothing reaches them any more. */
const ended = new FinalizationRegistry<readonly Fds[]>(over);

const generators = [function* () {}, async function* () {}].map(Object.getPrototypeOf);

/** The call of a generator runs nothing of it: whoever asks for its values does, where that is. */
function checkCallback(fn: unknown): void {
  checkFunction(fn);
  if (generators.includes(Object.getPrototypeOf(fn))) {
    throw invalidValue('fn', 'no generator, which runs where its values are asked for', fn);
  }
}

/** For `fds` in use by the caller: runs `fn` inside them. */
export function runInside<A extends unknown[], R>(fds: Fds, fn: (...args: A) => R, args: A): R {
  return runIn(contextOf(fds, fn), fn, args);
}

/** One that holds `fds`, and counts as live. */
function contextOf(fds: Fds, fn: unknown): Context {
  checkCallback(fn);
  refuseOthers(fds.types);
  switchOn();
  const context = new Context(live > 0 ? shared(fds) : fds);
  live++;
  return context;
}

/** What comes of `open` while hooks are on: whoever looks at this thread meanwhile is told where it lives. */
function whileOn(open: () => Fds): Fds {
  const wasOn = on;
  switchOn();
  try {
    const fds = open();
    leave();
    return fds;
  } catch (error) {
    if (!wasOn) switchOff(); // nothing has been run
    throw error;
  }
}

function runIn<A extends unknown[], R>(context: Context, fn: (...args: A) => R, args: A): R {
  const inner = context.sources[0] as Fds;
  const isKnown = isStoppable();
  if (isKnown) ended.register(context, context.sources, context);
  try {
    checkWayBack(inner.types);
    trace('callback', () => inner.inodes());
    return runAt(context, fn, args);
  } finally {
    if (!context.started) {
      if (isKnown) ended.unregister(context);
      over(context.sources);
    } else if (!isKnown) {
      ended.register(context, context.sources);
    }
  }
}

/**
 * Runs `fn` inside namespaces of `target`, and returns what `fn` returns.
 *
 * `fn` and everything asynchronous that it starts (promises, timers, sockets, servers, children) run
 * inside; all other work of the program runs outside, at the same time, on the same thread. Closures
 * work. Types: net, uts, ipc, cgroup; the others no thread of Node can join, and the error says what
 * works instead. Nested calls add up, the inner one winning.
 *
 * Needs CAP_SYS_ADMIN, in our own user namespace and in the one that owns the target's (setns(2)), and
 * for a pid the right to look into the process. A call that fails throws before `fn` is run and changes
 * nothing: `NamespaceError` for what the kernel refused, `TypeError` for a wrong argument. If later the
 * thread cannot be moved, the process ends: nothing ever runs in the wrong namespaces.
 */
export function withNamespaces<A extends unknown[], R>(
  target: Target,
  types: Types,
  fn: (...args: A) => R,
  ...args: A
): R {
  const wanted = checkTypes(types);
  checkCallback(fn);
  if (wanted !== 'all') refuseOthers(wanted);
  const open = () => openTarget(target, wanted, openInside);
  const fds = processOf(target) === undefined ? open() : whileOn(open);
  let context: Context;
  try {
    context = contextOf(fds, fn);
  } finally {
    fds.release();
  }
  return runIn(context, fn, args);
}

/** From inside a callback: runs `fn`, and what it starts, outside. Anywhere else just calls it. */
export function outside<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R {
  checkCallback(fn);
  checkCopies();
  return runOutside(fn, ...args);
}

const handles = new WeakMap<Context, WeakRef<Namespaces>>();

/**
 * The namespaces that the running code was put into by `withNamespaces` and `run`; undefined outside.
 * The handle is good for use elsewhere and later; it may be closed, and is by itself when dropped.
 */
export function currentNamespaces(): Namespaces | undefined {
  const context = currentContext();
  if (context === undefined) return undefined;
  const known = handles.get(context)?.deref();
  if (known?.open) return known;
  const fds = openEach(context.types, type => {
    const source = context.sources.find(fds => fds.get(type) !== undefined);
    const fd = binding.dup(source?.get(type) ?? -1);
    if (fd < 0) throw failure(fd, 'fcntl', { type });
    return fd;
  });
  const handle = Namespaces.of(fds);
  handles.set(context, new WeakRef(handle));
  return handle;
}

const ways: Partial<Record<NamespaceType, string>> = {
  mnt: 'for its files use openRoot(), to run something in it spawn() or evaluate()',
};

function refuseOthers(types: readonly NamespaceType[]): void {
  if (types.every(type => kindOf[type].refusal === undefined)) return;
  const refused = types.filter(type => kindOf[type].refusal !== undefined);
  const first = refused[0] as NamespaceType;
  const reason =
    refused.length === 1 ? `${kindOf[first].refusal}` : 'cannot be joined by a thread of Node';
  throw refusal(refused, reason, {
    type: first,
    advice: (refused.length === 1 && ways[first]) || 'use spawn() or evaluate()',
  });
}

function switchOn(): void {
  checkCopies(); // before this copy asks where outside is
  if (on) return;
  const warm = binding.warmThreadPool();
  if (warm < 0) throw failure(warm, 'uv_queue_work');
  if (!isolated) isolateThread();
  openOutside();
  guard();
  enableHooks();
  on = true;
}

function isolateThread(): void {
  if (unknownNode !== undefined) throw unknownNode;
  const message =
    'linux-namespaces: the first callback of this thread was stopped in the middle, as by a timeout of node:vm, so there can be no other; call handle.run(() => {}) ahead of it';
  unknownNode = Object.assign(new Error(message), { code: 'ERR_INVALID_STATE' });
  try {
    isolate();
    isolated = true;
    unknownNode = undefined;
  } catch (error) {
    unknownNode = error as Error;
    throw error;
  }
}

function over(sources: readonly Fds[]): void {
  for (const source of sources) source.release();
  live--;
  leave();
}

function leave(): void {
  if (live > 0 || leaving) return;
  // Not at once: the next callback may follow in the same turn, and on and off costs as much as a switch.
  runOutside(setImmediate, switchOff).unref();
  leaving = true;
}

function switchOff(): void {
  leaving = false;
  if (live > 0) return;
  on = false;
  disableHooks();
  unguard();
  closeOutside();
}
