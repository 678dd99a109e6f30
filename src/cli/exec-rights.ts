/** What --privileged gives. */

import { readFileSync } from 'node:fs';
import { fieldIn } from '../base/status-fields.ts';
import { capabilityNames } from '../child/capabilities.ts';
import type { SpawnOptions } from '../child/options.ts';

/** All that this process could give. */
export function allRights(): Pick<SpawnOptions, 'capabilities' | 'noNewPrivs'> {
  const set = fieldIn(readFileSync('/proc/self/status', 'utf8'), 'CapPrm') || '0';
  const capabilities = capabilityNames.filter((_, i) => (BigInt(`0x${set}`) >> BigInt(i)) & 1n);
  return { capabilities, noNewPrivs: false };
}
