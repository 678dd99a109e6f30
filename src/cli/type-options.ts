/** The options that name types of namespaces, each perhaps with a file: nsenter and unshare share them. */
import type { NamespaceType } from '../base/namespace-types.ts';
import type { Given } from './arguments.ts';

type Name = 'mount' | Exclude<NamespaceType, 'mnt'>;

export const typeOptions: Readonly<Record<Name, { short: string; value: 'maybe' }>> = {
  mount: { short: 'm', value: 'maybe' },
  uts: { short: 'u', value: 'maybe' },
  ipc: { short: 'i', value: 'maybe' },
  net: { short: 'n', value: 'maybe' },
  pid: { short: 'p', value: 'maybe' },
  cgroup: { short: 'C', value: 'maybe' },
  user: { short: 'U', value: 'maybe' },
  time: { short: 'T', value: 'maybe' },
};

export const typeUsage: string = `  -m, --mount[=FILE]      -u, --uts[=FILE]       -i, --ipc[=FILE]     -n, --net[=FILE]
  -p, --pid[=FILE]        -C, --cgroup[=FILE]    -U, --user[=FILE]    -T, --time[=FILE]`;

/** '' where it was given without a file. */
export function fileOf(given: Given<typeof typeOptions>, type: NamespaceType): string | undefined {
  return type === 'mnt' ? given.mount : given[type];
}
