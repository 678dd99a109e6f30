/**
 * Checks what a caller gives. An options object that is wholly ours is its own properties alone, and has
 * none that is no option: so a misspelt one is an error also in JavaScript, and not one that was left out.
 */
import { isAbsolute } from 'node:path';
import { invalidType, invalidValue } from './errors.ts';
import { own } from './own-properties.ts';

/** The names in an options type: all of them, and no others, or it does not compile. */
export function namesOf<O extends object>(names: Readonly<Record<keyof O, unknown>>): string[] {
  return Object.keys(names);
}

/** `name`: of the argument or the option that it is. */
export function optionsIn<O extends object>(
  options: O,
  known: readonly string[],
  name = 'options',
): O {
  if (typeof options !== 'object' || options === null)
    throw invalidType(name, 'an object', options);
  checkNames(options, known, name);
  return own(options);
}

/** Refuses a name that is no option, with the nearest that is one. */
export function checkNames(options: object, known: readonly string[], name = 'options'): void {
  for (const given of Object.keys(options)) {
    if (known.includes(given)) continue;
    const near = known
      .map(each => ({ each, far: distance(given.toLowerCase(), each.toLowerCase()) }))
      .sort((a, b) => a.far - b.far)[0];
    const isMeant = near !== undefined && near.far <= Math.max(2, given.length / 3);
    const wanted = isMeant
      ? `an option that there is, such as ${near.each}`
      : `one of ${known.join(', ')}`;
    throw invalidValue(`${name}.${given}`, wanted, options);
  }
}

export function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw invalidType(name, 'a boolean', value);
}

/** A path that is the same whatever the working directory is. */
export function checkPath(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'a path', value);
  if (!isAbsolute(value) || value.includes('\0')) {
    throw invalidValue(name, 'an absolute path without null bytes', value);
  }
}

/** Is it the root directory itself, without following any link? There is nothing to make the root then. */
export function isTop(path: string | undefined): boolean {
  return path !== undefined && /^(\/\.{0,2})+$/.test(path);
}

/** How many letters have to be changed, put in or left out (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const [left = 0, above = 0, corner = 0] = [next[j - 1], row[j], row[j - 1]];
      next.push(Math.min(left + 1, above + 1, corner + Number(from[i - 1] !== to[j - 1])));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
