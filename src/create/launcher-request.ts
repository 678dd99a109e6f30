/** From checked options to what the launcher is told of new namespaces: native/launcher/create.h. */

import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { own } from '../base/own-properties.ts';
import { writeMaps } from './id-maps.ts';
import type { CreateOptions } from './options.ts';

/** CREATE_* of native/launcher/create.h. */
const flag = { hold: 1, init: 2, owner: 4 } as const;

/** MS_*, mount(2). */
const propagations = { private: 1 << 18, slave: 1 << 19, shared: 1 << 20, unchanged: 0 } as const;

export interface How {
  /** Nothing is run: the namespaces are to be taken from the launcher. */
  readonly hold?: boolean;
  /** A first process for the new pid namespace. */
  readonly init?: boolean;
  /** A user namespace has been joined before. */
  readonly inside?: boolean;
  /** Files that the new namespaces are bound to, so that they stay. */
  readonly files?: Files | undefined;
  /** Where to mount binfmt_misc, and a line to register there. */
  readonly binfmt?: { readonly path: string; readonly interp?: string | undefined } | undefined;
  /** The directory that has the programs, for a root of tools. */
  readonly tools?: string | undefined;
}

/** A path for a type: of a file that is empty, or that is not there yet. */
export type Files = { readonly [type in NamespaceType]?: string | undefined };

/** undefined where there is nothing to say: the namespaces are as the kernel makes them. */
export function encode(
  types: readonly NamespaceType[],
  options: CreateOptions,
  how: How = {},
): Uint8Array | undefined {
  const { hold = false, init = false, inside = false, files, binfmt, tools } = own(how);
  // Nothing is created: then no option of that can have been given.
  if (types.length === 0 && !hold && !init && (files ?? binfmt ?? tools) === undefined)
    return undefined;
  const kept = own(files ?? {});
  const { setgroups, idMap, mountProc } = options;
  const owner = options.owner && own(options.owner);
  const uid = inside ? 0 : (owner?.uid ?? process.geteuid?.() ?? 0);
  const gid = inside ? 0 : (owner?.gid ?? process.getegid?.() ?? 0);
  const maps = idMap === undefined ? undefined : writeMaps(idMap, { uid, gid, inside });
  const offsets = offsetLine('monotonic', options) + offsetLine('boottime', options);
  const bits = { hold, init, owner: owner !== undefined };
  const fields: (number | string)[] = [
    Object.entries(bits).reduce((all, [name, on]) => (on ? all | flag[name as 'hold'] : all), 0),
    uid,
    gid,
    types.includes('mnt') ? propagations[options.propagation ?? 'private'] : 0,
    setgroups ?? (maps?.gid?.onlyUs ? 'deny' : 0),
    maps?.uid?.text ?? 0,
    maps?.gid?.text ?? 0,
    maps?.uid?.program ?? 0,
    maps?.gid?.program ?? 0,
    offsets || 0,
    options.hostname ?? 0,
    options.domainname ?? 0,
    options.loopback ? 1 : 0,
    mountProc === true ? '/proc' : mountProc || 0,
    ...kinds.map(({ name }) => kept[name] ?? 0),
    binfmt?.path ?? 0,
    binfmt?.interp ?? 0,
    tools ?? 0,
  ];
  const plain = fields.every((field, i) => field === 0 || i === 1 || i === 2);
  return plain ? undefined : layOut(fields);
}

/** Numbers as they are, texts behind them, each by its offset. */
function layOut(fields: readonly (number | string)[]): Uint8Array {
  const numbers = new Uint32Array(fields.length);
  const texts: Buffer[] = [];
  let end = numbers.byteLength;
  fields.forEach((field, i) => {
    numbers[i] = typeof field === 'number' ? field : end;
    if (typeof field === 'number') return;
    const text = Buffer.from(`${field}\0`);
    texts.push(text);
    end += text.length;
  });
  return Buffer.concat([Buffer.from(numbers.buffer), ...texts]);
}

/** A line of /proc/PID/timens_offsets, time_namespaces(7): whole seconds, and nanoseconds to add. */
function offsetLine(clock: 'monotonic' | 'boottime', options: CreateOptions): string {
  const seconds = options[clock];
  if (seconds === undefined) return '';
  const whole = Math.floor(seconds);
  const nanoseconds = Math.min(999_999_999, Math.round((seconds - whole) * 1e9));
  return `${clock} ${whole} ${nanoseconds}\n`;
}
