/**
 * Which runtime this is. Everything here works on the inside of Node: its handles, its hooks, its threads.
 * Others have modules of the same names, and run elsewhere what was to run in a namespace.
 */

const others = Object.entries({ bun: 'Bun', deno: 'Deno', electron: 'Electron' });

/** Throws in a runtime other than Node, before the addon is loaded: Bun aborts in it. */
export function requireNode(): void {
  for (const [name, title] of others) {
    const version = Object.hasOwn(process.versions, name) ? process.versions[name] : undefined;
    if (version === undefined) continue;
    const message = `linux-namespaces needs Node; this is ${title} ${version}: run it with Node 20.19 or newer`;
    throw Object.assign(new Error(message), { code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' });
  }
}
