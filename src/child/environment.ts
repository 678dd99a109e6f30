/**
 * The environment of a child that has that of its target: the bytes as they are, UTF-8 or not, of a name
 * that is there twice both, in their order. What Node is told has to be an object of strings.
 */
import { property } from '../base/own-properties.ts';
import type { Target } from '../target/target.ts';
import type { Environment } from './options.ts';

/** `NAME=value` each, as execve(2) has it. */
export type Pairs = readonly Buffer[];

export interface Parted {
  readonly forNode: Environment;
  /** undefined: it is all in `forNode`. */
  readonly pairs: Pairs | undefined;
}

/** Of some parts, of which later ones win. */
export function put(parts: readonly (Environment | Pairs)[]): Parted {
  if (!parts.some(isPairs)) {
    return { forNode: Object.assign(Object.create(null), ...parts.map(flat)), pairs: undefined };
  }
  let pairs: Buffer[] = [];
  for (const part of parts) {
    const more = isPairs(part) ? part : pairsOf(flat(part));
    const names = new Set(isPairs(part) ? part.map(nameOf) : Object.keys(flat(part)).map(bytesOf));
    pairs = [...pairs.filter(pair => nameOf(pair) === '' || !names.has(nameOf(pair))), ...more];
  }
  return { forNode: objectOf(pairs), pairs };
}

/**
 * What the child gets, of what Node makes of `forNode`: without what somebody has taken out on the way,
 * and with what Node has added (NODE_CHANNEL_FD).
 */
export function encode(pairs: Pairs, envPairs: readonly string[]): Buffer {
  const env = objectOf(pairs);
  const told = new Map(Object.entries(env).map(([name, value]) => [name, `${name}=${value}`]));
  const present = new Set(envPairs);
  const known = new Set(told.values());
  const kept = pairs.filter(pair => {
    const text = told.get(decoded(nameOf(pair)));
    return text === undefined || present.has(text);
  });
  const added = envPairs.filter(text => !known.has(text)).map(text => Buffer.from(text));
  return joined([...kept, ...added]);
}

/** As the addon takes them: with a zero byte between each two. */
export function joined(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [Buffer.of(0), part])));
}

/**
 * Of a container, as its engine's state has it, in the place of one that its process has written over;
 * undefined of anything else.
 */
export function configured(target: Target | undefined): Environment | undefined {
  if (typeof target !== 'object' || target === null) return undefined;
  const env = property(target, 'env');
  const isContainer = typeof property(target, 'engine') === 'string';
  return isContainer && typeof env === 'object' && env !== null ? (env as Environment) : undefined;
}

function isPairs(part: Environment | Pairs): part is Pairs {
  return Array.isArray(part);
}

/** Node's own reading of an object takes inherited properties too. */
function flat(env: Environment | Pairs): Record<string, string | undefined> {
  const copy: Record<string, string | undefined> = Object.create(null);
  for (const name in env as Environment) copy[name] = (env as Environment)[name];
  return copy;
}

export function pairsOf(env: Environment): Buffer[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [Buffer.from(`${name}=${value}`)],
  );
}

/** Of a name that is there twice the first, as getenv(3). Without a prototype: one may be called __proto__. */
function objectOf(pairs: Pairs): Record<string, string> {
  const env: Record<string, string> = Object.create(null);
  for (const pair of pairs) {
    const name = decoded(nameOf(pair));
    if (name !== '') env[name] ??= pair.toString().slice(name.length + 1);
  }
  return env;
}

/** Its bytes, each as a character; '' where it has none. */
function nameOf(pair: Buffer): string {
  return pair.subarray(0, Math.max(0, pair.indexOf('='))).toString('latin1');
}

function bytesOf(name: string): string {
  return Buffer.from(name).toString('latin1');
}

function decoded(name: string): string {
  return Buffer.from(name, 'latin1').toString();
}
