/**
 * What V8 goes on with by itself after a promise, and tells no hook of: Array.fromAsync, by which Node has
 * fs.glob too, and AsyncDisposableStack. Such a step comes outside, so what it calls of a program's is bound to
 * where it was handed over.
 */
import { AsyncResource } from 'node:async_hooks';
import fs from 'node:fs';
import { currentContext } from '../context.ts';
import { patch } from './patch.ts';

type Loose = (this: unknown, ...args: unknown[]) => unknown;
type Values = AsyncIterable<unknown> & Iterable<unknown>;

export function isolateUnhooked(): void {
  const { Array: array, AsyncDisposableStack: stack } = globalThis as unknown as {
    Array: Record<'fromAsync', Loose>;
    AsyncDisposableStack?: { prototype: Record<'use' | 'adopt' | 'defer', Loose> };
  };
  if ('fromAsync' in array) isolateFromAsync(array); // from Node 22 on
  if ('glob' in fs) isolateGlob(fs as never); // the same
  if (stack !== undefined) isolateDisposal(stack.prototype); // from Node 24 on
}

/** Asynchronous, so that a thenable that it gives is waited for there, too. What is no function V8 refuses. */
function bound(fn: unknown): unknown {
  if (typeof fn !== 'function') return fn;
  return AsyncResource.bind(async function (this: unknown, ...args: unknown[]) {
    return fn.apply(this, args);
  });
}

function isolateFromAsync(array: Record<'fromAsync', Loose>): void {
  patch(
    array,
    'fromAsync',
    original =>
      function (items, map, ...rest) {
        return currentContext() === undefined
          ? original.call(this, items, map, ...rest)
          : original.call(this, boundValues(items), bound(map), ...rest);
      },
  );
}

function boundValues(items: unknown): unknown {
  if (items === undefined || items === null) return items;
  const open = (items as Values)[Symbol.asyncIterator] ?? eachOf;
  if (typeof open !== 'function') return items;
  const value = () => {
    const iterator = open.call(items as Values);
    return {
      next: bound(iterator.next.bind(iterator)),
      return: bound(iterator.return?.bind(iterator)),
    };
  };
  return { [Symbol.asyncIterator]: value };
}

/** Of what is iterable, or like an array. */
async function* eachOf(this: Values): AsyncGenerator<unknown> {
  yield* typeof this[Symbol.iterator] === 'function' ? this : Array.from(this);
}

interface GlobModule {
  glob(pattern: unknown, options: unknown, done: unknown): void;
  readonly promises: {
    glob(pattern: unknown, options: unknown): AsyncIterable<unknown>;
  };
}

/** Node's own Array.fromAsync reads it: by its promises instead, whose steps are known. */
function isolateGlob(module: GlobModule): void {
  patch(
    module,
    'glob',
    original =>
      function (this: unknown, pattern, ...rest) {
        const [options, done] = typeof rest[0] === 'function' ? [undefined, rest[0]] : rest;
        const isPattern = [pattern].flat().every(each => typeof each === 'string');
        const isRight = isPattern && isGlobOptions(options) && typeof done === 'function';
        if (currentContext() === undefined || !isRight) {
          original.call(this, pattern, ...rest);
          return;
        }
        void allOf(module.promises.glob(pattern, options)).then(
          found => done(null, found),
          error => done(error),
        );
      },
  );
}

/** What Node refuses, it refuses at once. */
function isGlobOptions(options: unknown): boolean {
  if (options === undefined) return true;
  if (typeof options !== 'object' || options === null) return false;
  const { exclude } = options as { exclude?: unknown };
  return exclude === undefined || typeof exclude === 'function';
}

async function allOf(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function isolateDisposal(stacks: Record<'use' | 'adopt' | 'defer', Loose>): void {
  patch(
    stacks,
    'use',
    original =>
      function (value) {
        const dispose = disposalOf(value);
        if (dispose === undefined) return original.call(this, value);
        original.call(this, { [Symbol.asyncDispose]: bound(dispose) });
        return value;
      },
  );
  patch(
    stacks,
    'adopt',
    original =>
      function (value, dispose) {
        return original.call(this, value, bound(dispose));
      },
  );
  patch(
    stacks,
    'defer',
    original =>
      function (dispose) {
        return original.call(this, bound(dispose));
      },
  );
}

/** undefined where there is none, which V8 passes over or refuses. */
function disposalOf(value: unknown): (() => unknown) | undefined {
  if (Object(value) !== value) return undefined;
  const { [Symbol.asyncDispose]: later, [Symbol.dispose]: now } = value as AsyncDisposable &
    Disposable;
  if (typeof (later ?? now) !== 'function') return undefined;
  // What the synchronous one gives is not waited for.
  return () => (later === undefined || later === null ? void now.call(value) : later.call(value));
}
