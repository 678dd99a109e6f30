/** Node's own timers, as Node's own functions have them: whatever a test's fake ones put in their place later. */
type Node = typeof globalThis;

export const setTimeout: Node['setTimeout'] = globalThis.setTimeout;
export const clearTimeout: Node['clearTimeout'] = globalThis.clearTimeout;
export const setInterval: Node['setInterval'] = globalThis.setInterval;
export const clearInterval: Node['clearInterval'] = globalThis.clearInterval;
export const setImmediate: Node['setImmediate'] = globalThis.setImmediate;
