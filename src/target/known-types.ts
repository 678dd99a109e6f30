/** Which types of namespaces there are: time only since Linux 5.6, and each only where it was built in. */
import { readdirSync } from 'node:fs';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';

let known: readonly NamespaceType[] | undefined;

/** The types that this kernel has; without a /proc to tell, all of them. */
export function knownTypes(): readonly NamespaceType[] {
  const all = kinds.map(kind => kind.name);
  try {
    const links = known ? [] : readdirSync('/proc/thread-self/ns');
    known ??= all.filter(type => links.includes(type));
  } catch {
    return all;
  }
  return known;
}
