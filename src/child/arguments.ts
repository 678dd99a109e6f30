/**
 * What the arguments of Node's functions are, whichever of them are left out: read, and refused, as Node
 * reads and refuses them. All but the options are handed on as they are, for Node to check.
 */
import { invalidType } from '../base/errors.ts';
import type { ChildPlace } from './options.ts';

export type Options = ChildPlace & Record<string, unknown>;
export type Callback = (...results: never[]) => void;

interface Arguments {
  readonly list: readonly string[];
  readonly options: Options;
}

const isObject = (value: unknown) => typeof value === 'object' && !Array.isArray(value);

/** `null` is none only where Node takes it so. */
function optionsIn(value: unknown): Options {
  if (value === undefined) return {};
  if (!isObject(value) || value === null) throw invalidType('options', 'an object', value);
  return value as Options;
}

/** Of spawn, and of the sync forms. */
export function spawnArguments(args: unknown, options: unknown): Arguments {
  if (Array.isArray(args)) return { list: args, options: optionsIn(options) };
  if ((args ?? undefined) === undefined) return { list: [], options: optionsIn(options) };
  if (typeof args !== 'object') throw invalidType('args', 'an array', args);
  return { list: [], options: args as Options };
}

/** A function in the place of any of the three is the callback. */
export function execFileArguments(
  args: unknown,
  options: unknown,
  callback: unknown,
): Arguments & { readonly callback: Callback | undefined } {
  let [list, given, called] = [args, options, callback];
  if (typeof list === 'function') {
    [list, given, called] = [undefined, undefined, list];
  } else if (!Array.isArray(list) && typeof list === 'object' && list !== null) {
    [list, given, called] = [undefined, list, given];
  }
  if (typeof given === 'function') [given, called] = [undefined, given];
  const read = spawnArguments(list, given ?? undefined);
  if ((called ?? undefined) !== undefined && typeof called !== 'function') {
    throw invalidType('callback', 'a function', called);
  }
  return { ...read, callback: called as Callback | undefined };
}

/** Node takes anything for the options of exec, and finds none in what is no object. */
export function execArguments(
  options: unknown,
  callback: unknown,
): { readonly options: Options; readonly callback: Callback | undefined } {
  const given = typeof options === 'function' ? {} : { ...(options as object) };
  const called = typeof options === 'function' ? options : callback;
  return execFileArguments(undefined, given, called);
}

export function forkArguments(args: unknown, options: unknown): Arguments {
  return spawnArguments(args, options ?? undefined);
}
