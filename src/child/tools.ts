/** What programs of ours are given in a container, besides its own: native/launcher/tools.c has the rest. */
import type { NamespaceType } from '../base/namespace-types.ts';
import { type Capability, type CapabilitySets, checkCapabilities } from './capabilities.ts';
import { bareEnvironment } from './environ.ts';

/** Nothing of the target's: with its variables, programs of ours would run its code. */
export const toolEnvironment: Readonly<Record<string, string>> = {
  ...bareEnvironment,
  HOME: '/root',
  LANG: 'C.UTF-8',
};

/** What looking into things takes, where it reaches nothing but what is the target's. */
const needed: Partial<Record<NamespaceType, readonly Capability[]>> = {
  pid: ['CAP_SYS_PTRACE'],
  net: ['CAP_NET_ADMIN', 'CAP_NET_RAW'],
};

export function neededBy(joined: readonly NamespaceType[]): bigint {
  return checkCapabilities(joined.flatMap(type => needed[type] ?? []));
}

/** In every set, so that a program has them whatever its uid. */
export function withMore(sets: CapabilitySets, bits: bigint): CapabilitySets {
  return {
    inheritable: sets.inheritable | bits,
    permitted: sets.permitted | bits,
    effective: sets.effective | bits,
    bounding: sets.bounding | bits,
    ambient: sets.ambient | bits,
  };
}
