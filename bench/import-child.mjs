/** For import.mjs. `import`, `nothing`: for the time. `look`: what is there before and after. */
import { readdirSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';

const [what] = process.argv.slice(2);
const start = performance.now();
if (what === 'import') await import('linux-namespaces');
if (what !== 'look') console.log(performance.now() - start);
if (what === 'look') {
  const require = createRequire(import.meta.url);
  // @ts-expect-error: Node's own, by --expose-internals
  const { getHookArrays } = require('internal/async_hooks');
  const functions = functionsOf(require);
  const state = () => ({
    threads: readdirSync('/proc/self/task').length,
    hooks: getHookArrays()[0].length,
    patched: [...functions].filter(([, { is, was }]) => is() !== was).map(([name]) => name),
  });
  const before = state();
  const { createNamespaces } = await import('linux-namespaces');
  const after = state();
  // That this looks in the right places is seen by what a callback leaves.
  if (process.getuid() === 0) {
    const handle = await createNamespaces(['net']);
    handle.run(() => {});
    if (state().hooks === 0 || state().patched.length === 0)
      throw new Error('nothing is seen here');
  }
  console.log(JSON.stringify({ before, after }));
}

/** Every function in Node's modules, on their prototypes, and in the global object. */
function functionsOf(require) {
  const found = new Map();
  const names = builtinModules.filter(name => !name.startsWith('_') && !name.includes('internal'));
  const owners = [['globalThis', globalThis], ...names.map(name => [name, require(name)])];
  for (const [name, owner] of owners) {
    for (const [key, value] of own(owner)) {
      note(found, `${name}.${key}`, owner, key);
      if (value?.prototype) {
        for (const [method] of own(value.prototype)) {
          note(found, `${name}.${key}#${method}`, value.prototype, method);
        }
      } else if (key === 'promises') {
        for (const [method] of own(value)) note(found, `${name}.${key}.${method}`, value, method);
      }
    }
  }
  return found;
}

/** Its properties that are functions or objects; no getter is called. */
function own(owner) {
  return Object.entries(Object.getOwnPropertyDescriptors(owner))
    .map(([key, descriptor]) => [key, descriptor.value])
    .filter(([, value]) => Object(value) === value);
}

function note(found, name, owner, key) {
  const is = () => Object.getOwnPropertyDescriptor(owner, key)?.value;
  found.set(name, { is, was: is() });
}
