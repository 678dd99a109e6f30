/** Flags, modes and ids of the calls: from what Node takes to the kernel's numbers. */
import { constants } from 'node:fs';
import { invalidType, invalidValue } from '../base/errors.ts';

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
  if (Number.isInteger(flag) && (flag as number) >= 0 && (flag as number) < 2 ** 31) {
    return flag as number;
  }
  const number = typeof flag === 'string' && Object.hasOwn(flags, flag) ? flags[flag] : undefined;
  if (number === undefined) throw invalidValue('flags', 'flags of open, such as "r"', flag);
  return number;
}

/** A mode as a number, or in octal digits. Of that of `stat()`, with the type of the file, the permissions. */
export function modeOf(mode: unknown, name = 'mode'): number {
  const number =
    typeof mode === 'string' && /^[0-7]+$/.test(mode) ? Number.parseInt(mode, 8) : mode;
  if (typeof number !== 'number') throw invalidType(name, 'a number or octal digits', mode);
  if (!Number.isInteger(number) || number < 0 || number > 2 ** 32 - 1) {
    throw invalidValue(name, `from 0 to ${2 ** 32 - 1}`, mode);
  }
  return number & 0o7777;
}

/** -1 means: as it is. */
export function idOf(id: unknown, name: string): number {
  if (typeof id !== 'number') throw invalidType(name, 'of type number', id);
  if (!Number.isInteger(id) || id < -1 || id > 2 ** 32 - 2) {
    throw invalidValue(name, `an integer from -1 to ${2 ** 32 - 2}`, id);
  }
  return id;
}
