/** What was meant by words that `find` cannot take. */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { nearest } from '../base/nearest.ts';
import { UsageError } from './arguments.ts';
import { numberOf } from './ids.ts';

/** What is looked for, and what stands behind that. */
const ways: Readonly<Record<string, string>> = {
  pid: 'PID',
  port: 'PORT',
  address: 'ADDRESS',
  interface: 'NAME',
};

/** What other tools call it. */
const others: Readonly<Record<string, string>> = {
  process: 'pid',
  ip: 'address',
  mac: 'address',
  dev: 'interface',
  link: 'interface',
  veth: 'interface',
  bridge: 'interface',
};

export function unknownFind(rest: readonly string[]): UsageError {
  const [word = '', value, ...more] = rest;
  if (Object.hasOwn(ways, word) && !value) {
    return new UsageError(`find which ${word}? find ${word} ${ways[word]}`);
  }
  const meant = value === undefined ? waysTo(word) : [wayNamed(word)];
  const lines = meant.flatMap(way => (way === undefined ? [] : `find ${way} ${value ?? word}`));
  if (lines.length > 0 && more.length === 0) {
    return new UsageError(`did you mean ${lines.join(', or ')}?`);
  }
  const not = rest.length === 0 ? '' : `, not ${rest.join(' ')}`;
  return new UsageError(`find what? pid PID, port PORT, address ADDRESS, or interface NAME${not}`);
}

function wayNamed(word: string): string | undefined {
  const known = [...Object.keys(ways), ...Object.keys(others)];
  const near = nearest(word, known) ?? '';
  return Object.hasOwn(others, near) ? others[near] : near || undefined;
}

/** By what the value looks like. */
function waysTo(value: string): string[] {
  if (numberOf(value) !== undefined) return ['port', 'pid'];
  if (isIP(value) !== 0 || /^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(value)) return ['address'];
  return /^[^/]+$/.test(value) && existsSync(`/sys/class/net/${value}`) ? ['interface'] : [];
}
