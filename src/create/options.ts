/** What new namespaces can be asked to be like, and whether what was asked makes sense. */
import { checkBoolean, checkPath } from '../base/check.ts';
import { invalidType, invalidValue } from '../base/errors.ts';
import type { NamespaceType } from '../base/namespace-types.ts';
import { own } from '../base/own-properties.ts';
import { checkIdMap, type IdMap } from './id-maps.ts';

/**
 * What new namespaces are to be like: for `createNamespaces(types, options)`, and for `spawn` and its
 * kin with `unshare: types`. Each option goes with a type, and is refused without it.
 */
export interface CreateOptions {
  /**
   * With `user`: who is who in it. `'root'`: we are 0; `'current'`: we keep our ids; a number: we have
   * that one; `'auto'`: our ranges of /etc/subuid and /etc/subgid, all of them one after another, from 0
   * or the first id on that is free; `'subids'`: the same, by their own numbers; `'all'`: everybody whom we know; a range; or a
   * list of these, of which earlier ones win: `['root', 'auto']`. `{ uid, gid }` gives both. As a user, ranges are written by
   * newuidmap(1) and newgidmap(1). Default: nobody is known in it. user_namespaces(7).
   */
  idMap?: IdMap | undefined;
  /** With `user`: may setgroups(2) be used in it. Default: `'deny'` where only our own gid is mapped. */
  setgroups?: 'allow' | 'deny' | undefined;
  /** With `user`: to whom it belongs. Needs CAP_SETUID and CAP_SETGID. Default: to us. */
  owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** With `uts`: the hostname in it, at most 64 bytes. Default: as it is where the call is made. */
  hostname?: string | undefined;
  /** With `uts`: the NIS domain name in it, at most 64 bytes. Default: as with `hostname`. */
  domainname?: string | undefined;
  /** With `net`: brings the interface `lo` up, so that 127.0.0.1 works. Default: false. */
  loopback?: boolean | undefined;
  /** With `time`: seconds to add to CLOCK_MONOTONIC, to the nanosecond. Default: 0. */
  monotonic?: number | undefined;
  /** With `time`: seconds to add to CLOCK_BOOTTIME. Default: 0. */
  boottime?: number | undefined;
  /**
   * With `mnt`: what mounts in it have to do with those outside, mount_namespaces(7). `'private'`:
   * nothing; `'slave'`: those made outside appear inside; `'shared'`: among its own copies;
   * `'unchanged'`: as they are outside, so that what is mounted inside may appear outside.
   * Default: `'private'`.
   */
  propagation?: 'private' | 'slave' | 'shared' | 'unchanged' | undefined;
  /**
   * With `mnt`: mounts a new /proc, that of the pid namespace which the program is in, at this absolute
   * path; true: at /proc. In the `mnt` of a target it is read-only, unless the target's own /proc/sys can be
   * written to: what an engine has covered of that is not covered in it. Default: false.
   */
  mountProc?: boolean | string | undefined;
}

/** The names of the options, with the type that each goes with. */
export const typeOfOption: Readonly<Record<keyof CreateOptions, NamespaceType>> = {
  idMap: 'user',
  setgroups: 'user',
  owner: 'user',
  hostname: 'uts',
  domainname: 'uts',
  loopback: 'net',
  monotonic: 'time',
  boottime: 'time',
  propagation: 'mnt',
  mountProc: 'mnt',
};

export const createOptions = Object.keys(typeOfOption) as (keyof CreateOptions)[];

const nameMost = 64; // __NEW_UTS_LEN, sethostname(2)

const checks: Record<keyof CreateOptions, (name: string, value: unknown) => void> = {
  idMap: checkIdMap,
  setgroups: oneOf('allow', 'deny'),
  owner: checkOwner,
  hostname: checkName,
  domainname: checkName,
  loopback: checkBoolean,
  monotonic: checkSeconds,
  boottime: checkSeconds,
  propagation: oneOf('private', 'slave', 'shared', 'unchanged'),
  mountProc(name, value) {
    if (typeof value === 'string') checkPath(name, value);
    else checkBoolean(name, value);
  },
};

/** Checks those that are given. `types`: the new namespaces. */
export function checkCreateOptions(options: CreateOptions, types: readonly NamespaceType[]): void {
  for (const option of createOptions) {
    const value = options[option];
    if (value === undefined) continue;
    const name = `options.${option}`;
    checks[option](name, value);
    const type = typeOfOption[option];
    if (value !== false && !types.includes(type)) {
      throw invalidValue(name, `left out without a new ${type} namespace`, value);
    }
  }
}

function checkName(name: string, value: unknown): void {
  if (typeof value !== 'string') throw invalidType(name, 'a string', value);
  if (Buffer.byteLength(value) > nameMost || value.includes('\0')) {
    throw invalidValue(name, `at most ${nameMost} bytes, none of them zero`, value);
  }
}

function checkSeconds(name: string, value: unknown): void {
  if (typeof value !== 'number') throw invalidType(name, 'a number', value);
  if (!Number.isSafeInteger(Math.floor(value))) {
    throw invalidValue(name, 'a number of seconds', value);
  }
}

function checkOwner(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw invalidType(name, 'an object', value);
  const { uid, gid } = own(value) as { uid?: unknown; gid?: unknown };
  if (!isId(uid)) throw invalidValue(`${name}.uid`, 'an id', uid);
  if (!isId(gid)) throw invalidValue(`${name}.gid`, 'an id', gid);
}

function oneOf(...words: readonly string[]): (name: string, value: unknown) => void {
  return (name, value) => {
    if (words.includes(value as string)) return;
    throw invalidValue(name, words.map(word => `'${word}'`).join(' or '), value);
  };
}

/** An id that can exist: all ones means "none". */
export function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32 - 1;
}
