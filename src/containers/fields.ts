/** Fields of state that came from outside: each is of its type, or undefined. */

import { binding } from '../base/binding.ts';
import { state as limits } from '../base/limits.ts';

/** What is at the end of a path of names; only what is the object's own. */
export function at(value: unknown, ...names: string[]): unknown {
  let inner = value;
  for (const name of names) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, name))
      return undefined;
    inner = (inner as Record<string, unknown>)[name];
  }
  return inner;
}

/**
 * undefined for an empty one: engines write '' for what they do not have; and for one with a zero byte,
 * where the kernel would cut a path.
 */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && !value.includes('\0') ? value : undefined;
}

const pidMost = 2 ** 22; // PID_MAX_LIMIT, linux/threads.h

export function pid(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= pidMost
    ? (value as number)
    : undefined;
}

/** In the text of a file: decimal digits, and no more than a line of them. */
export function pidIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? pid(Number(text)) : undefined;
}

/** In clock ticks after boot. */
export function ticks(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** As Go and crun write them, RFC 3339; undefined for what is none, and for Go's zero time, the year 1. */
export function time(value: unknown): Date | undefined {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)
    ? date(Date.parse(value))
    : undefined;
}

/** In milliseconds since 1970. */
export function date(value: unknown): Date | undefined {
  const found = typeof value === 'number' && value > 0 ? new Date(value) : undefined;
  return found === undefined || Number.isNaN(found.getTime()) ? undefined : found;
}

/** With names; no list. */
export function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names and values, without those that are no text. */
export function texts(value: unknown): Record<string, string> | undefined {
  if (!isTable(value)) return undefined;
  const pairs = Object.entries(value).filter(([, one]) => typeof one === 'string');
  return Object.fromEntries(pairs);
}

/** `["NAME=value"]`, as environments and runc's labels are written; of a name that comes twice the last. */
export function pairs(value: unknown): Record<string, string> | undefined {
  if (!Array.isArray(value)) return undefined;
  const all = value.flatMap(pair => {
    const equals = typeof pair === 'string' ? pair.indexOf('=') : -1;
    return equals < 1 ? [] : [[pair.slice(0, equals), pair.slice(equals + 1)]];
  });
  return Object.fromEntries(all);
}

/** The number of a port. */
export function port(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return Number.isInteger(number) && (number as number) > 0 && (number as number) < 65_536
    ? (number as number)
    : undefined;
}

/** The id of a container, which becomes a part of paths. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && /^(?!\.+$)[A-Za-z0-9_+.-]{1,255}$/.test(value);
}

/** An id that cannot be met by chance: Docker's, Podman's, Kubernetes'. */
export function isRandomId(id: string): boolean {
  return /^[0-9a-f]{64}$/.test(id);
}

/** Bytes: PATH_MAX of linux/limits.h. */
const pathMost = 4096;

/** A text that can be a path. Of a longer one Node takes minutes to find out where it leads: its square. */
export function pathText(value: unknown): string | undefined {
  const all = text(value);
  return all !== undefined && all.length < pathMost ? all : undefined;
}

/** An absolute one. */
export function wholePath(value: unknown): string | undefined {
  const whole = pathText(value);
  return whole?.startsWith('/') ? withoutSlash(whole) : undefined;
}

/** The same in settings. */
export function pathAt(settings: unknown, ...names: string[]): string | undefined {
  return wholePath(at(settings, ...names));
}

/** Without one at its end, so that what is in there has one path. */
export function withoutSlash(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}

/** Is JSON nested deeper than `limits.depth` levels? */
export function isDeep(json: string): boolean {
  return binding.jsonDepth(json) > limits.depth;
}
