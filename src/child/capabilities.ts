/** The names of capabilities and their bits, in the kernel's words and order (`linux/capability.h`). */
import { invalidType, invalidValue } from '../base/errors.ts';

export const capabilityNames = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

/** A capability by its name in capabilities(7). */
export type Capability = (typeof capabilityNames)[number];

/** The five sets of a process, as bits. */
export interface CapabilitySets {
  inheritable: bigint;
  permitted: bigint;
  effective: bigint;
  bounding: bigint;
  ambient: bigint;
}

export const noCapabilities: CapabilitySets = setsOf(0n);

/** These in every set: a program has them whatever its uid, and no way to any other. */
export function setsOf(bits: bigint): CapabilitySets {
  return { inheritable: bits, permitted: bits, effective: bits, bounding: bits, ambient: bits };
}

export function checkCapabilities(list: unknown): bigint {
  if (!Array.isArray(list)) throw invalidType('options.capabilities', 'an array', list);
  let bits = 0n;
  for (const name of list) {
    const number = capabilityNames.indexOf(name);
    if (number < 0) {
      throw invalidValue('options.capabilities', "made of names such as 'CAP_NET_ADMIN'", name);
    }
    bits |= 1n << BigInt(number);
  }
  return bits;
}

export function capabilityName(number: number): string {
  return capabilityNames[number] ?? `capability ${number}`;
}
