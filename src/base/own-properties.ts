/**
 * What a caller gave us, and nothing that somebody has put on Object.prototype: a property that it has
 * there, by mistake or by an attack, must not become an option of every call.
 */

/**
 * The own properties of an options object, in one without a prototype. What an options object inherits,
 * from a class or by Object.create(), is no option: as in most of Node.
 */
export function own<T extends object>(given: T): T {
  return { __proto__: null, ...given };
}

/**
 * Has an instance (a ChildProcess, a container, a worker) such a property: one of its own, or of its
 * class, but not one that all objects have?
 */
export function has(instance: object, name: string): boolean {
  for (let at = instance; ; ) {
    const above = Object.getPrototypeOf(at);
    if (Object.hasOwn(at, name)) return above !== null || at === instance;
    if (above === null) return false;
    at = above;
  }
}

/** The value of it. */
export function property(instance: object, name: string): unknown {
  return has(instance, name) ? Reflect.get(instance, name) : undefined;
}
