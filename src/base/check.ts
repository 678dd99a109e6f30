/**
 * Checks what a caller gives. An options object that is wholly ours is its own properties alone, and has
 * none that is no option: so a misspelt one is an error also in JavaScript, and not one that was left out.
 */
import { isAbsolute } from 'node:path';
import { invalidType, invalidValue } from './errors.ts';
import { nearest } from './nearest.ts';
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
    const near = nearest(given, known);
    const wanted =
      near === undefined
        ? `one of ${known.join(', ')}`
        : `an option that there is, such as ${near}`;
    throw invalidValue(`${name}.${given}`, wanted, options);
  }
}

export function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw invalidType(name, 'a boolean', value);
}

/** Variables of an environment: a null byte would end one there, in its name as one of another name. */
export function checkVariables(name: string, env: unknown): void {
  if (typeof env !== 'object' || env === null) throw invalidType(name, 'an object', env);
  for (const [variable, value] of Object.entries(env)) {
    const cut = [variable, String(value)].find(text => text.includes('\0'));
    if (cut === undefined) continue;
    throw invalidValue(`${name}['${variable}']`, 'a string without null bytes', cut);
  }
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
