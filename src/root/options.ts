/** The options of the calls, and reading them: as Node reads those of its own functions. */
import { constants } from 'node:fs';
import { invalidType, invalidValue } from '../errors.ts';
import { own } from '../own.ts';
import type { Progress } from './calls.ts';

/** A path inside: from the root of the container on, with or without a slash at its beginning. */
export type InsidePath = string | Uint8Array;

export interface Abortable {
  /**
   * Ends the call early, with an `AbortError`. A call that hangs in a file system which never answers is
   * left behind: it keeps a thread until it is answered.
   */
  signal?: AbortSignal | undefined;
}
export interface Special {
  /**
   * Opens what is no file too: a FIFO, a device, a socket. Opening or reading one may block, or do
   * something. Default: refused, EINVAL.
   */
  special?: boolean | undefined;
}
export interface ReadFileOptions extends Abortable, Special {
  encoding?: BufferEncoding | null | undefined;
  flag?: string | number | undefined;
}
export interface WriteFileOptions extends Abortable, Special {
  encoding?: BufferEncoding | null | undefined;
  flag?: string | number | undefined;
  mode?: number | string | undefined;
  /**
   * Writes a new file beside the old one, on disk, and lets it take the name: readers see the old content
   * or the new, whole. It keeps mode and owner of the old one. Default: false.
   */
  atomic?: boolean | undefined;
}
export interface ReaddirOptions extends Abortable {
  encoding?: BufferEncoding | 'buffer' | null | undefined;
  withFileTypes?: boolean | undefined;
  recursive?: boolean | undefined;
}
export interface StatOptions extends Abortable {
  bigint?: boolean | undefined;
}
export interface NameOptions extends Abortable {
  encoding?: BufferEncoding | 'buffer' | null | undefined;
}
export interface MkdirOptions extends Abortable {
  recursive?: boolean | undefined;
  mode?: number | string | undefined;
}
export interface RmOptions extends Abortable {
  recursive?: boolean | undefined;
  force?: boolean | undefined;
}
export interface OpenOptions extends Abortable, Special {}
export interface CopyOptions extends Abortable {
  /**
   * Keeps owners by their numbers: what is 33 inside is 33 outside, and the other way round, through
   * the maps of the container's user namespace; and with them the set-user-ID and set-group-ID bits.
   * Default: false; copies then belong to us outside, and inside to the container's root.
   */
  preserveOwners?: boolean | undefined;
  /** Makes FIFOs, devices and sockets anew. Default: refused, EINVAL. */
  special?: boolean | undefined;
  /** Called now and then, and at the end. */
  progress?: ((progress: Progress) => void) | undefined;
}

export function bytesOf(path: unknown, name = 'path'): Buffer {
  const isText = typeof path === 'string';
  if (!isText && !(path instanceof Uint8Array)) {
    throw invalidType(name, 'of type string or an instance of Buffer', path);
  }
  const bytes = isText
    ? Buffer.from(path)
    : Buffer.from(path.buffer, path.byteOffset, path.byteLength);
  if (bytes.includes(0)) {
    throw invalidValue(name, 'a string or Uint8Array without null bytes', path);
  }
  return bytes;
}

export function shownAs(path: InsidePath): string {
  return typeof path === 'string' ? path : Buffer.from(path).toString();
}

/** `options` may be an encoding alone, as in Node. */
export function optionsOf<O extends object>(
  options: O | string | null | undefined,
  defaults: O,
): O & { encoding?: unknown } {
  if (options === null || options === undefined) return own(defaults);
  const given = typeof options === 'string' ? { encoding: options } : options;
  if (typeof given !== 'object') throw invalidType('options', 'a string or an object', options);
  const all = own({ ...defaults, ...given }) as O & Record<string, unknown>;
  const { encoding, signal } = all as { encoding?: unknown; signal?: unknown };
  if (encoding !== undefined && encoding !== null && encoding !== 'buffer') {
    if (!Buffer.isEncoding(encoding as string)) {
      throw invalidValue('encoding', 'a known encoding', encoding);
    }
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidType('options.signal', 'an instance of AbortSignal', signal);
  }
  for (const name of booleans) {
    const value = all[name];
    if (value !== undefined && typeof value !== 'boolean') {
      throw invalidType(`options.${name}`, 'of type boolean', value);
    }
  }
  return all;
}

const booleans = [
  'special',
  'atomic',
  'withFileTypes',
  'recursive',
  'force',
  'bigint',
  'preserveOwners',
];

const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_SYNC, O_TRUNC } = constants;

/** Node's words for flags; its file system document has the list. */
const flags: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  rs: O_RDONLY | O_SYNC,
  sr: O_RDONLY | O_SYNC,
  'r+': O_RDWR,
  'rs+': O_RDWR | O_SYNC,
  'sr+': O_RDWR | O_SYNC,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  xw: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  'w+': O_TRUNC | O_CREAT | O_RDWR,
  'wx+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  'xw+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  xa: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  as: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  sa: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  'a+': O_APPEND | O_CREAT | O_RDWR,
  'ax+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'xa+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'as+': O_APPEND | O_CREAT | O_RDWR | O_SYNC,
  'sa+': O_APPEND | O_CREAT | O_RDWR | O_SYNC,
};

export function flagsOf(flag: unknown): number {
  if (typeof flag === 'number' && Number.isInteger(flag) && flag >= 0) return flag;
  const number = typeof flag === 'string' && Object.hasOwn(flags, flag) ? flags[flag] : undefined;
  if (number === undefined) throw invalidValue('flags', 'flags of open, such as "r"', flag);
  return number;
}

/** A mode as a number, or in octal digits. */
export function modeOf(mode: unknown, name = 'mode'): number {
  const number =
    typeof mode === 'string' && /^[0-7]+$/.test(mode) ? Number.parseInt(mode, 8) : mode;
  if (typeof number !== 'number') throw invalidType(name, 'a number or octal digits', mode);
  if (!Number.isInteger(number) || number < 0 || number > 0o7777) {
    throw invalidValue(name, 'from 0 to 0o7777', mode);
  }
  return number;
}

/** -1 means: as it is. */
export function idOf(id: unknown, name: string): number {
  if (typeof id !== 'number') throw invalidType(name, 'of type number', id);
  if (!Number.isInteger(id) || id < -1 || id > 2 ** 32 - 2) {
    throw invalidValue(name, `an integer from -1 to ${2 ** 32 - 2}`, id);
  }
  return id;
}

export function decoded(name: Buffer, encoding: unknown): string | Buffer {
  return encoding === 'buffer' ? name : name.toString((encoding ?? 'utf8') as BufferEncoding);
}
