/** From a function to source that can be run elsewhere. */
import { chunk } from '../base/chunks.ts';
import { checkFunction, invalidValue } from '../base/errors.ts';
import { builtin } from '../base/lazy-builtins.ts';
import type { Source } from './protocol.ts';

const vm = builtin('node:vm');
const known = new Map<string, Source>();

/** How many sources are remembered, here and in a worker. */
export const sourcesMost = 1000;

/** Source of an expression that makes `fn` again. Throws a TypeError for what has no such source. */
export function sourceOf(fn: unknown): Source {
  checkFunction(fn);
  const text = Function.prototype.toString.call(fn);
  const source = known.get(text);
  if (source !== undefined) return source;
  const made = read(fn, text);
  if (known.size >= sourcesMost) known.clear();
  known.set(text, made);
  return made;
}

function read(fn: unknown, text: string): Source {
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
    throw invalidValue('fn', 'a function with a source: this one is native, or bound', fn);
  }
  if (/^class\b/.test(text)) throw invalidValue('fn', 'a function, not a class', fn);
  // A method (`{ async read() {} }.read`) is no expression; as the only one of an object it is. A getter
  // would be called there.
  const isAccessor = /^[gs]et\s+[^\s(=]/.test(text);
  for (const source of isAccessor ? [] : [`(${text})`, `Object.values({${text}})[0]`]) {
    if (compiles(source))
      return {
        text: source,
        names: chunk<typeof import('./free-names.ts')>('free-names').freeNames(source),
      };
  }
  throw invalidValue('fn', 'a function whose source can stand alone (no getter, no super)', fn);
}

function compiles(source: string): boolean {
  try {
    new (vm().Script)(source);
    return true;
  } catch {
    return false;
  }
}
