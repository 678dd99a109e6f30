/** Asks every engine, joins what they say, and checks it against the processes that there are. */
import { setImmediate as turn } from 'node:timers/promises';
import { checkPath, namesOf, optionsIn } from '../base/check.ts';
import { invalidType, NamespaceError } from '../base/errors.ts';
import { own } from '../base/own-properties.ts';
import type {
  Container,
  ContainerOptions,
  ContainerState,
  Containers,
  Directories,
  Pod,
} from './container.ts';
import { readContainerd } from './containerd.ts';
import { readDocker } from './docker.ts';
import { findPlaces } from './locations.ts';
import { readPodman } from './podman.ts';
import { Reader } from './reader.ts';
import { readRuntimes } from './runtimes.ts';
import { first, type Group, join } from './sighting.ts';
import { Sockets } from './sockets.ts';
import { hostInodes, type Inodes, lookAt, type Process } from './verified-process.ts';

/**
 * The containers of all engines on this machine: Docker's, Podman's (of all users, for root),
 * containerd's and Kubernetes', and those of runc and crun by themselves. One that several engines
 * know is one of the list. From the state that they keep on disk: no daemon is asked but for what is
 * nowhere else (`options.timeout`), so it works when one hangs.
 *
 * What may not or cannot be read is not in the list, and said in its `problems`.
 */
export async function listContainers(options: ContainerOptions = {}): Promise<Containers> {
  const { root, directories, timeout } = check(options);
  const reader = new Reader(root);
  const sockets = new Sockets(reader, timeout);
  const places = await findPlaces(reader, directories);
  // Before the engines: what starts meanwhile is not seen as a runtime's own.
  const runtimes = await readRuntimes(reader, places);
  const engines = await Promise.all([
    ...places.docker.map(place => readDocker(reader, place, sockets)),
    ...places.podman.map(place => readPodman(place, sockets)),
    ...places.containerd.map(state => readContainerd(reader, state)),
  ]);
  const groups = join([...engines.flat(), ...runtimes]);
  const host = hostInodes(hostOf(reader.root));
  const containers: Container[] = [];
  // A process is looked at without waiting; after some of them others have their turn.
  for (let i = 0; i < groups.length; i += atOnce) {
    const some = groups.slice(i, i + atOnce).map(group => finish(group, host, reader));
    containers.push(...(await Promise.all(some)).filter(container => container !== undefined));
    await turn();
  }
  return Object.assign(containers, { problems: reader.problems });
}

const atOnce = 16;

const names = namesOf<ContainerOptions>({ root: true, directories: true, timeout: true });
const directoryNames: Readonly<Record<keyof Directories, readonly string[]>> = {
  docker: ['data-root', 'exec-root'],
  podman: ['root', 'runroot'],
  containerd: ['state'],
  runc: ['root'],
  crun: ['root'],
};

function check(options: ContainerOptions): ContainerOptions & { timeout: number } {
  const { root, directories, timeout = 2000 } = optionsIn(options, names);
  if (root !== undefined) checkPath('options.root', root);
  if (typeof timeout !== 'number' || !(timeout >= 0 && timeout < 2 ** 31)) {
    throw invalidType('options.timeout', 'a number of milliseconds', timeout);
  }
  if (directories === undefined) return { root, timeout };
  return { root, directories: directoriesIn(directories), timeout };
}

/** Of each engine those that were given. */
function directoriesIn(given: Directories): Directories {
  const directories = optionsIn(given, Object.keys(directoryNames), 'options.directories');
  const pairs = Object.entries(directories).map(([engine, paths]) => {
    if (paths === undefined) return [engine, paths];
    const name = `options.directories.${engine}`;
    const all = optionsIn(paths, directoryNames[engine as keyof Directories], name);
    for (const [option, path] of Object.entries(all)) {
      if (path !== undefined) checkPath(`${name}.${option}`, path);
    }
    return [engine, all];
  });
  return own(Object.fromEntries(pairs));
}

/** undefined for what has been removed while we looked: a runtime's that its engine had no more. */
async function finish(group: Group, host: Inodes, reader: Reader): Promise<Container | undefined> {
  const [{ knownAs, owner, isThere }] = group;
  let process: Process | undefined;
  let isUnknown = false;
  try {
    process = await processOf(group, host);
  } catch (error) {
    if (!(error instanceof NamespaceError)) throw error;
    reader.problems.push(error);
    isUnknown = true;
  }
  if (!process && !isUnknown && isThere && !(await isThere())) return undefined;
  const runtime = group.find(({ startTime }) => startTime !== undefined);
  const annotations = first(group, 'annotations');
  const state = isUnknown ? (first(group, 'state') ?? 'running') : stateOf(group, process);
  const created = first(group, 'created');
  return {
    engine: knownAs.engine,
    id: knownAs.id,
    name: first(group, 'name') ?? knownAs.id,
    runtime: runtime?.knownAs.engine,
    state,
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
    created,
    started:
      first(group, 'started') ?? (state === 'created' ? undefined : startOf(process, created)),
    namespaces: process?.namespaces,
    pod: podOf(first(group, 'pod'), annotations),
    knownAs: group.map(sighting => sighting.knownAs),
  };
}

/** A runtime writes down when the process started, and so goes before the engine. */
async function processOf(group: Group, host: Inodes): Promise<Process | undefined> {
  const [{ knownAs, owner }] = group;
  const runtime = group.find(({ pid, startTime }) => pid !== undefined && startTime !== undefined);
  const pid = runtime?.pid ?? first(group, 'pid') ?? (await first(group, 'findPid')?.());
  if (pid === undefined) return undefined;
  return lookAt({ pid, startTime: runtime?.startTime, id: knownAs.id, owner }, host);
}

/** Whose namespaces are the host's: those of the first process, or of that whose root it is. */
function hostOf(root: string): number {
  return Number(/^\/proc\/(\d+)\/root$/.exec(root)?.[1] ?? 1);
}

/** A runtime starts the process, which waits, and says then that the container was created. */
function startOf(process: Process | undefined, created: Date | undefined): Date | undefined {
  if (process === undefined || created === undefined) return process?.started;
  return process.started > created ? process.started : created;
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
