/** How a function of Node's is replaced by one that minds the location. */
import { runOutside } from '../context.ts';

/**
 * Puts a function in the place of one of Node's. It stays there for the life of the thread and does
 * nothing outside: taking it off again could cut out a wrapper that somebody has put around it since.
 */
export function patch<T extends object, K extends keyof T>(
  owner: T,
  name: K,
  wrap: (original: T[K]) => T[K],
): void {
  const original = owner[name];
  if (typeof original !== 'function') {
    throw new Error(
      `linux-namespaces does not know this version of Node (${process.version}): ${String(name)} is not a function`,
    );
  }
  const wrapped = wrap(original);
  // Name, length, and what util.promisify looks for.
  Object.defineProperties(wrapped as object, Object.getOwnPropertyDescriptors(original));
  const descriptor = Object.getOwnPropertyDescriptor(owner, name);
  const replaced = Reflect.defineProperty(owner, name, {
    configurable: true,
    enumerable: descriptor?.enumerable ?? false,
    writable: true,
    value: wrapped,
  });
  if (!replaced) {
    throw new Error(
      `linux-namespaces has to replace ${String(name)} of Node for callbacks, and it is frozen`,
    );
  }
}

/** Has a function run outside, from wherever it is called: what it starts is the whole process's. */
export function patchOutside<T extends object, K extends keyof T>(owner: T, name: K): void {
  type Loose = (this: unknown, ...args: unknown[]) => unknown;
  patch(owner, name, original => {
    const own = original as Loose;
    const outsideOnly: Loose = function (...args) {
      return runOutside(() => own.apply(this ?? owner, args));
    };
    return outsideOnly as T[K];
  });
}
