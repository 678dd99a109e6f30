/**
 * Loaded before a test of Node's: puts our functions in the place of node:child_process's, each call with the
 * options of the mode. What the test starts itself has Node's own.
 */
import child_process from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';

const { NODE_SUITE_OPTIONS: given, NODE_SUITE_LIBRARY: library } = process.env;
delete process.env.NODE_SUITE_OPTIONS;
delete process.env.NODE_SUITE_LIBRARY;
// Nor is this loaded by what the test forks: with it, a program begins later, and misses messages.
process.execArgv.splice(process.execArgv.indexOf('--import'), 2);

const isObject = value => typeof value === 'object' && value !== null && !Array.isArray(value);
const isNone = value => value === undefined || value === null;

/** The arguments with more options, whichever are left out; what Node refuses stays as it is. */
function insert([file, first, ...rest], more, form) {
  const into = options => (isObject(options) ? { __proto__: null, ...options, ...more } : more);
  if (form === 'exec') {
    return typeof first === 'function' ? [file, more, first] : [file, into(first), ...rest];
  }
  if (isObject(first)) return [file, into(first), ...rest];
  if (typeof first === 'function' && form.startsWith('execFile')) return [file, [], more, first];
  if (!Array.isArray(first) && !isNone(first)) return [file, first, ...rest];
  const [options, ...last] = rest;
  if (typeof options === 'function' && form === 'execFile') {
    return [file, first, more, options, ...last];
  }
  const isLeftOut = options === undefined || (options === null && /^(execFile|fork)/.test(form));
  return [file, first, isObject(options) || isLeftOut ? into(options) : options, ...last];
}

if (library !== undefined) {
  const ours = await import(library);
  const more = JSON.parse(given ?? '{}');
  const names = ['spawn', 'exec', 'execFile', 'fork', 'spawnSync', 'execSync', 'execFileSync'];
  let isOurs = false; // our functions call Node's, which are to be Node's then
  for (const name of names) {
    const real = /** @type {any} */ (child_process)[name];
    const form = name.replace('execSync', 'exec');
    const replace = (called, otherwise) =>
      Object.defineProperty(
        (...args) => {
          if (isOurs) return otherwise(...args);
          isOurs = true;
          try {
            return called(
              ...(Object.keys(more).length > 0
                ? insert(/** @type {any} */ (args), more, form)
                : args),
            );
          } finally {
            isOurs = false;
          }
        },
        'length',
        { value: real.length },
      );
    const replaced = replace(ours[name], real);
    const custom = promisify.custom;
    if (real[custom]) {
      Object.defineProperty(replaced, custom, { value: replace(ours[name][custom], real[custom]) });
    }
    child_process[name] = replaced;
  }
  syncBuiltinESMExports();
}
