/** `linux-namespaces inspect`: all that is known of one container, as JSON. */
import type { Container } from '../containers/container.ts';
import { findContainer } from '../containers/find.ts';
import { type Options, readArguments, UsageError } from './arguments.ts';
import { addressesOf } from './container-networks.ts';
import { membershipOf } from './container-sockets.ts';
import { containersHere } from './containers-here.ts';
import { numberOf } from './ids.ts';
import { printJson } from './table.ts';

export const usage = `linux-namespaces inspect [option...] NAME|PID

Shows all that is known of a container as JSON: what ps --json has of each. With the pid
of a process, it is the container that this runs in.

      --root DIR     the root directory of the host, where that is not ours

  linux-namespaces inspect web
  linux-namespaces inspect web | jq -r .rootfs
  linux-namespaces inspect 7238 | jq -r .name`;

const options = { root: { value: true } } as const satisfies Options;

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  const [name, ...others] = rest;
  if (name === undefined || others.length > 0) {
    throw new UsageError(
      `one container, not ${rest.length}: its name, or the pid of a process in it`,
    );
  }
  const pid = numberOf(name);
  const container =
    pid === undefined
      ? await findContainer(name, { root: given.root })
      : await containerOf(pid, given.root);
  const addresses = await addressesOf([container]);
  printJson({ ...container, addresses: addresses(container) });
}

async function containerOf(pid: number, root: string | undefined): Promise<Container> {
  const membership = await membershipOf(await containersHere(root));
  const container = membership.containerOf(pid);
  if (container !== undefined) return container;
  throw new UsageError(`process ${pid} runs in no container, or is none`);
}
