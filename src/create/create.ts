/** Makes new namespaces, of the types that a thread of its own can make. */
import { binding } from '../binding.ts';
import { checkTypes, failure, invalidType, invalidValue } from '../errors.ts';
import { Fds } from '../fds.ts';
import { Namespaces } from '../namespaces.ts';
import { kindOf, maskOf, type NamespaceType } from '../types.ts';
import { creationAdvice } from './failures.ts';

export interface CreateOptions {
  /** With `uts`: the hostname in it, at most 64 bytes. Default: as it is where the call is made. */
  hostname?: string | undefined;
  /** With `net`: brings the interface `lo` up, so that 127.0.0.1 works. Default: false. */
  loopback?: boolean | undefined;
}

const hostnameMost = 64; // __NEW_UTS_LEN, sethostname(2)

/**
 * Makes new namespaces of `types` (net, uts, ipc, cgroup), which live for as long as the handle is
 * open or anything runs in them. This thread stays where it is.
 *
 * Needs CAP_SYS_ADMIN. Rejects with `NamespaceError`: EPERM without it, ENOSPC where a limit of
 * /proc/sys/user/max_*_namespaces is reached.
 */
export async function createNamespaces(
  types: readonly NamespaceType[],
  options: CreateOptions = {},
): Promise<Namespaces> {
  const wanted = checkCreatable(types);
  const { hostname, loopback = false } = checkOptions(wanted, options);
  const names = wanted.filter(type => kindOf[type].refusal === undefined);
  const made = await binding.create(maskOf(wanted), names, hostname, loopback);
  if (made.error < 0) {
    const type = wanted.length === 1 ? wanted[0] : undefined;
    throw failure(made.error, made.step, { type, advice: creationAdvice(made.error, wanted) });
  }
  return new Namespaces(new Fds(new Map(names.map((name, i) => [name, made.fds[i] as number]))));
}

function checkCreatable(types: unknown): readonly NamespaceType[] {
  const wanted = checkTypes(types);
  if (wanted === 'all') throw invalidType('types', 'an array of types', types);
  const other = wanted.find(type => kindOf[type].refusal !== undefined);
  if (other !== undefined) {
    throw invalidValue('types', 'made of cgroup, ipc, net, uts', other);
  }
  return wanted;
}

function checkOptions(types: readonly NamespaceType[], options: CreateOptions): CreateOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options);
  }
  const { hostname, loopback } = options;
  if (hostname !== undefined) {
    if (typeof hostname !== 'string') throw invalidType('options.hostname', 'a string', hostname);
    if (Buffer.byteLength(hostname) > hostnameMost || hostname.includes('\0')) {
      throw invalidValue(
        'options.hostname',
        `at most ${hostnameMost} bytes, none of them zero`,
        hostname,
      );
    }
    if (!types.includes('uts'))
      throw invalidValue('options.hostname', 'left out without uts', hostname);
  }
  if (loopback !== undefined) {
    if (typeof loopback !== 'boolean') throw invalidType('options.loopback', 'a boolean', loopback);
    if (loopback && !types.includes('net')) {
      throw invalidValue('options.loopback', 'left out without net', loopback);
    }
  }
  return options;
}
