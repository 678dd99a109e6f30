/** Asks every engine, joins what they say, and checks it against the processes that there are. */
import { invalidType } from '../errors.ts';
import type { Container, ContainerOptions, ContainerState, Containers, Pod } from './container.ts';
import { readContainerd } from './containerd.ts';
import { readDocker } from './docker.ts';
import { findPlaces } from './places.ts';
import { readPodman } from './podman.ts';
import { lookAt, type Process } from './process.ts';
import { Reader } from './reader.ts';
import { readRuntimes } from './runtimes.ts';
import { first, type Group, join } from './sighting.ts';
import { Sockets } from './sockets.ts';

export async function listContainers(options: ContainerOptions = {}): Promise<Containers> {
  const { root, directories, timeout } = check(options);
  const reader = new Reader(root);
  const sockets = new Sockets(reader, timeout);
  const places = await findPlaces(reader, directories);
  // Before the engines: what starts meanwhile is not seen as a runtime's own.
  const runtimes = await readRuntimes(reader, places);
  const engines = await Promise.all([
    ...places.docker.map(place => readDocker(reader, place, sockets)),
    ...places.podman.map(place => readPodman(reader, place, sockets)),
    ...places.containerd.map(state => readContainerd(reader, state)),
  ]);
  const groups = join([...engines.flat(), ...runtimes]);
  const found = await Promise.all(groups.map(group => finish(group, reader)));
  const containers = found.filter(container => container !== undefined);
  return Object.assign(containers, { problems: reader.problems });
}

function check(options: ContainerOptions): ContainerOptions & { timeout: number } {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options);
  }
  const { root, directories, timeout = 2000 } = options;
  if (root !== undefined && typeof root !== 'string') {
    throw invalidType('options.root', 'a path', root);
  }
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw invalidType('options.timeout', 'a number of milliseconds', timeout);
  }
  return { root, directories, timeout };
}

/** undefined for what has been removed while we looked: a runtime's that its engine had no more. */
async function finish(group: Group, reader: Reader): Promise<Container | undefined> {
  const [{ knownAs, owner }] = group;
  const process = await processOf(group);
  const { root } = knownAs;
  if (
    !process &&
    root !== undefined &&
    !(await reader.has(`${reader.root}${root}/${knownAs.id}`))
  ) {
    return undefined;
  }
  const runtime = group.find(({ startTime }) => startTime !== undefined);
  const annotations = first(group, 'annotations');
  return {
    engine: knownAs.engine,
    id: knownAs.id,
    name: first(group, 'name') ?? knownAs.id,
    runtime: runtime?.knownAs.engine,
    state: stateOf(group, process),
    pid: process?.pid,
    startTime: process?.startTime,
    owner,
    image: first(group, 'image'),
    rootfs: first(group, 'rootfs') ?? (await first(group, 'findRootfs')?.()),
    bundle: first(group, 'bundle'),
    labels: first(group, 'labels'),
    annotations,
    hostname: first(group, 'hostname'),
    cgroup: process?.cgroup,
    created: first(group, 'created'),
    started: first(group, 'started') ?? process?.started,
    namespaces: process?.namespaces,
    pod: podOf(first(group, 'pod'), annotations),
    knownAs: group.map(sighting => sighting.knownAs),
  };
}

/** A runtime writes down when the process started, and so goes before the engine. */
async function processOf(group: Group): Promise<Process | undefined> {
  const { id } = group[0].knownAs;
  for (const { pid, startTime, owner } of group) {
    if (pid === undefined || startTime === undefined) continue;
    return lookAt({ pid, startTime, id, owner });
  }
  const pid = first(group, 'pid') ?? (await first(group, 'findPid')?.());
  return pid === undefined
    ? undefined
    : lookAt({ pid, startTime: undefined, id, owner: group[0].owner });
}

/** The process decides; without one, the engine may say why there is none. */
function stateOf(group: Group, process: Process | undefined): ContainerState {
  const states = group.map(({ state }) => state);
  const [believed] = states.filter(state => state !== undefined);
  if (process === undefined) {
    return believed === undefined || believed === 'running' || believed === 'paused'
      ? 'exited'
      : believed;
  }
  if (process.frozen ?? believed === 'paused') return 'paused';
  // The runtime's own mark, or an engine that is about to start it.
  return group.some(({ state, startTime }) => startTime && state === 'created')
    ? 'created'
    : 'running';
}

/** Podman writes which container holds the namespaces of a pod as CRI-O does. */
function podOf(pod: Pod | undefined, annotations: Container['annotations']): Pod | undefined {
  const sandbox = annotations?.['io.kubernetes.cri-o.SandboxID'];
  if (pod?.sandbox !== undefined || sandbox === undefined) return pod;
  return { name: undefined, namespace: undefined, uid: undefined, ...pod, sandbox };
}
