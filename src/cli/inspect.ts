/** `linux-namespaces inspect`: all that is known of one container, as JSON. */
import type { Container, ContainerOptions } from '../containers/container.ts';
import { readArguments, UsageError } from './arguments.ts';
import { addressesOf } from './container-networks.ts';
import { containersHere } from './containers-here.ts';
import { numberOf } from './ids.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import type { Context } from './subcommand.ts';
import { printJson } from './table.ts';
import { containerNamed } from './target-argument.ts';
import type { Described, Usage } from './usage.ts';
import { whoseProcess } from './whose-process.ts';

const options = { ...lookupOptions } as const satisfies Described;

export const usage: Usage = {
  lines: ['[option...] NAME|PID'],
  about: [
    'Shows all that is known of a container as JSON: what ps --json has of each. With the pid of a process, it is the container that this runs in.',
  ],
  options,
  examples: [
    ['linux-namespaces inspect web', 'all'],
    ['linux-namespaces inspect web | jq -r .rootfs', 'where its files are on this machine'],
    ['linux-namespaces inspect 7238 | jq -r .name', 'in which container a process runs'],
  ],
};

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  const [name, ...others] = rest;
  if (name === undefined || others.length > 0) {
    const more = others.length === 0 ? '' : `, not ${rest.join(' and ')}; of several: ps --json`;
    throw new UsageError(`one container: its name, or the pid of a process in it${more}`);
  }
  const pid = numberOf(name);
  const where = lookupOf(lookup, given);
  const container =
    pid === undefined ? await containerNamed(name, where) : await containerOf(pid, where);
  const addresses = await addressesOf([container]);
  printJson({ ...container, addresses: addresses(container) });
}

async function containerOf(pid: number, where: ContainerOptions): Promise<Container> {
  const found = await whoseProcess(pid, await containersHere(where));
  if (found instanceof UsageError) throw found;
  return found.container;
}
