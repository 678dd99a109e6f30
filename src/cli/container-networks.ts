/** The interfaces of containers, and where those end on this machine. */
import type { Container } from '../containers/container.ts';
import { type InterfaceInfo, listInterfaces } from '../inspect/interfaces.ts';
import { listNamespaces } from '../inspect/list-namespaces.ts';
import { group } from './table.ts';

export interface Network {
  /** Those that share it. */
  readonly containers: readonly Container[];
  readonly interfaces: readonly InterfaceInfo[];
}

/** Networks that are looked at at a time: each takes a thread. */
const atOnce = 8;

/** Those of running containers that are not the host's, as far as they may be looked into. */
export async function networksOf(containers: readonly Container[]): Promise<Network[]> {
  const running = containers.filter(({ namespaces, pid }) => {
    return pid !== undefined && namespaces?.net?.host === false;
  });
  const groups = [...group(running, ({ namespaces }) => namespaces?.net?.inode).values()];
  const networks: Network[] = [];
  for (let i = 0; i < groups.length; i += atOnce) {
    const some = groups.slice(i, i + atOnce).map(async containers => ({
      containers,
      interfaces: await seenIn(containers[0] as Container),
    }));
    networks.push(...(await Promise.all(some)));
  }
  return networks;
}

/** It may end meanwhile, and whoever may not enter it sees nothing there. */
async function seenIn(container: Container): Promise<InterfaceInfo[]> {
  try {
    return await listInterfaces(container);
  } catch {
    return [];
  }
}

/** By which others reach it. */
export function addressesIn({ interfaces }: Pick<Network, 'interfaces'>): string[] {
  return interfaces.flatMap(({ addresses }) =>
    addresses.filter(({ scope }) => scope === 'global').map(({ address }) => address),
  );
}

/** Of each container, for tables and JSON. */
export async function addressesOf(
  containers: readonly Container[],
): Promise<(container: Container) => string[]> {
  const all = new Map<Container, string[]>();
  for (const network of await networksOf(containers)) {
    for (const container of network.containers) all.set(container, addressesIn(network));
  }
  return container => all.get(container) ?? [];
}

export interface Peer {
  readonly name: string;
  readonly master: string | undefined;
}

/**
 * The other ends of veth pairs, in the network of this process, and the bridges that they are part of.
 * A number of an interface is one of its own network, so both ends have to name each other, and the one
 * here the network, by the id that the kernel gives it.
 */
export async function peersHere(): Promise<
  (network: Network, one: InterfaceInfo) => Peer | undefined
> {
  const ours = await listInterfaces(process.pid); // gives ids to the networks that it names
  const list = await listNamespaces({ types: ['net'], holders: false, containers: false });
  const ids = new Map(list.map(({ inode, networkId }) => [inode, networkId]));
  const names = new Map(ours.map(({ index, name }) => [index, name]));
  return ({ containers }, { kind, index, link }) => {
    const id = ids.get(containers[0]?.namespaces?.net?.inode ?? -1);
    if (kind !== 'veth' || id === undefined) return undefined;
    const peer = ours.find(
      one => one.index === link && one.link === index && one.linkNetworkId === id,
    );
    return peer && { name: peer.name, master: names.get(peer.master ?? -1) };
  };
}
