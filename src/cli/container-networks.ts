/** The interfaces of containers, and where those end on this machine. */
import { NamespaceError } from '../base/errors.ts';
import type { Container } from '../containers/container.ts';
import { type InterfaceInfo, listInterfaces } from '../inspect/interfaces.ts';
import { listNamespaces } from '../inspect/list-namespaces.ts';
import { group } from './table.ts';
import { closedIn } from './unseen.ts';

export interface Network {
  /** Those that share it. */
  readonly containers: readonly Container[];
  readonly interfaces: readonly InterfaceInfo[];
  /** Why nothing is seen in there. */
  readonly failure: NamespaceError | undefined;
}

/** Networks that are looked at at a time: each takes a thread. */
const atOnce = 8;

/** Those of running containers that are not the host's. */
export async function networksOf(containers: readonly Container[]): Promise<Network[]> {
  const running = containers.filter(({ namespaces, pid }) => {
    return pid !== undefined && namespaces?.net?.host === false;
  });
  const groups = [...group(running, ({ namespaces }) => namespaces?.net?.inode).values()];
  const networks: Network[] = [];
  for (let i = 0; i < groups.length; i += atOnce) {
    const some = groups.slice(i, i + atOnce).map(async containers => ({
      containers,
      ...(await seenIn(containers[0] as Container)),
    }));
    networks.push(...(await Promise.all(some)));
  }
  return networks;
}

/** It may end meanwhile. */
async function seenIn(container: Container): Promise<Omit<Network, 'containers'>> {
  try {
    return { interfaces: await listInterfaces(container), failure: undefined };
  } catch (error) {
    if (!(error instanceof NamespaceError)) throw error;
    return { interfaces: [], failure: error.code === 'ESRCH' ? undefined : error };
  }
}

/** Those into whose networks this process may not look; throws what else has failed. */
export function closedNetworks(networks: readonly Network[]): Container[] {
  return networks.flatMap(({ containers, failure }) => {
    if (failure === undefined) return [];
    if (failure.code !== 'EACCES' && failure.code !== 'EPERM') throw failure;
    return containers;
  });
}

/** By which others reach it. */
export function addressesIn({ interfaces }: Pick<Network, 'interfaces'>): string[] {
  return interfaces.flatMap(({ addresses }) =>
    addresses.filter(({ scope }) => scope === 'global').map(({ address }) => address),
  );
}

/** Of each container, for tables and JSON; undefined where its network may not be entered. */
export async function addressesOf(
  containers: readonly Container[],
): Promise<(container: Container) => string[] | undefined> {
  const all = new Map<Container, string[] | undefined>();
  for (const closed of closedIn(containers)) all.set(closed, undefined);
  for (const network of await networksOf(containers)) {
    const addresses = network.failure === undefined ? addressesIn(network) : undefined;
    for (const container of network.containers) all.set(container, addresses);
  }
  return container => (all.has(container) ? all.get(container) : []);
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
