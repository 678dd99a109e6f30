/** Asks every engine which containers it has, and makes of what they say one container after the other. */
import { setImmediate } from '../base/timers.ts';
import type { Container, Containers } from './container.ts';
import { findContainerd } from './containerd.ts';
import { findDocker } from './docker.ts';
import { pidIn } from './fields.ts';
import { containerOf, type Look, toldPid } from './finish.ts';
import type { Locations, Whose } from './location-types.ts';
import { findLocations } from './locations.ts';
import { findLxc } from './lxc.ts';
import { findMachines } from './nspawn.ts';
import type { CheckedOptions } from './options.ts';
import { type Pids, pidsIn, samePids } from './pids.ts';
import { findPodman } from './podman.ts';
import { Reader } from './reader.ts';
import { findRuntimes } from './runtimes.ts';
import { type Entries, join, readAll, withoutParts } from './sighting.ts';
import { Sockets } from './sockets.ts';
import { Looks, viewFrom } from './verified-process.ts';

export interface Survey {
  readonly entries: readonly Entries[];
  readonly problems: Containers['problems'];
  /** Where state was looked for, of those that have any: paths. */
  readonly places: () => readonly string[];
  /** All that is to be known of some of them; without those that have been removed meanwhile. */
  readonly finish: (some: readonly Entries[]) => Promise<Container[]>;
  readonly reader: Reader;
  readonly sockets: Sockets;
}

/** `before`: another survey, whose problems this one adds to, and of whose time for sockets it has the rest. */
export async function survey(
  { root, directories, timeout, grpc }: CheckedOptions,
  whose: Whose = 'all',
  before?: Pick<Survey, 'reader' | 'sockets'>,
): Promise<Survey> {
  const reader = before?.reader ?? new Reader(root);
  const sockets = before?.sockets ?? new Sockets(reader, timeout, grpc);
  const locations = await findLocations(reader, directories, sockets.grpc, whose);
  // Before the engines: what starts meanwhile is not seen as a runtime's own. Of one reader that is so in one turn.
  const finding = findRuntimes(locations);
  if (whose !== 'ours') await finding;
  const [runtimes, ...engines] = await Promise.all([
    finding,
    ...locations.docker.map(location => findDocker(location, sockets)),
    ...locations.podman.map(location => findPodman(location, sockets)),
    ...locations.containerd.map(location => findContainerd(location, sockets)),
    ...locations.lxc.map(path => findLxc(reader, path)),
    ...locations.machines.map(path => findMachines(reader, path)),
  ]);
  return {
    entries: join([...engines.flat(), ...runtimes]),
    problems: reader.problems,
    places: () => placesIn(locations),
    finish: some => finish(reader, some),
    reader,
    sockets,
  };
}

/** Of root's engines. */
function placesIn({ docker, podman, containerd, runtimes }: Locations): string[] {
  const all = [
    ...docker.map(({ dataRoot, owner }) => [dataRoot, owner] as const),
    ...podman.map(({ root, owner }) => [root, owner] as const),
    ...containerd.map(({ state, owner }) => [state, owner] as const),
    ...runtimes.map(({ path, owner }) => [path, owner] as const),
  ];
  return all.flatMap(([path, owner]) => (path !== undefined && owner === 0 ? [path] : []));
}

const atOnce = 16;

async function finish(reader: Reader, some: readonly Entries[]): Promise<Container[]> {
  const read = (await Promise.all(some.map(readAll))).filter(group => group !== undefined);
  const groups = withoutParts(read);
  const files = new Looks();
  const readAt = (pids: Pids) =>
    groups.flatMap(group => toldPid(group, pids) ?? []).map(pid => files.of(pid));
  // In one go with what tells whether the pids are the same here.
  const [view] = await Promise.all([
    viewFrom(hostOf(reader.root), reader, files),
    ...readAt(samePids),
  ]);
  const pids = await pidsIn(reader.root, files);
  await Promise.all(readAt(pids));
  const look: Look = { reader, pids, view };
  const containers: Container[] = [];
  // After some of them others have their turn.
  for (let i = 0; i < groups.length; i += atOnce) {
    if (i > 0) await new Promise<void>(resolve => setImmediate(resolve));
    const some = groups.slice(i, i + atOnce).map(group => containerOf(group, look));
    containers.push(...(await Promise.all(some)).filter(container => container !== undefined));
  }
  return containers;
}

/** Whose namespaces are the host's: those of the first process, or of that whose root it is. */
function hostOf(root: string): number {
  return pidIn(/^\/proc\/(\d+)\/root$/.exec(root)?.[1]) ?? 1;
}
