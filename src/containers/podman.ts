/**
 * Podman and CRI-O: `containers.json` of the storage that they share, and `volatile-containers.json`, which
 * has what does not outlive a crash (`podman run --rm`, quadlets, all of CRI-O's). Podman's own database is
 * a bolt or an SQLite file, which is not read: labels, and names of pods, are asked for at its socket.
 */
import { state as limits } from '../base/limits.ts';
import { processRows } from '../base/processes.ts';
import type { ContainerState, Port } from './container.ts';
import { at, date, isId, isTable, list, pidIn, port, text, texts, time } from './fields.ts';
import type { PodmanLocation } from './location-types.ts';
import { readConfig } from './oci.ts';
import { namesInCrio, type PortBudget, portsIn } from './pods.ts';
import type { Entry, Names, Sighting } from './sighting.ts';
import type { Sockets } from './sockets.ts';
import { toldByCri } from './told.ts';

/** Where one container is: below one of the directories of the storage, named by its driver. */
interface Stored {
  readonly location: PodmanLocation;
  readonly file: string;
  /** `overlay-containers`, `vfs-containers` */
  readonly folder: string;
  readonly id: string;
  readonly row: unknown;
  readonly about: unknown;
  readonly ranges: PortBudget;
}

const files = ['containers.json', 'volatile-containers.json'];

export async function findPodman(location: PodmanLocation, ask: Sockets): Promise<Entry[]> {
  const { root, runroots, ofRoot, ofRunroot, ofSocket, socket } = location;
  // A transient store (`transient_store`) has its files in the directory for what a boot ends.
  const places = [
    { base: root, reader: ofRoot },
    ...runroots.map(base => ({ base, reader: ofRunroot(base) })),
  ];
  let asking: Promise<Map<unknown, unknown>> | undefined;
  const rows = () => {
    asking ??= ask
      .get(ofSocket, socket, '/v4.0.0/libpod/containers/json?all=true')
      .then(told => new Map(list(told).map(row => [at(row, 'Id'), row])));
    return asking;
  };
  let telling: ReturnType<typeof toldByCri> | undefined;
  const told = () => {
    telling ??= toldByCri(ask, location.grpc);
    return telling;
  };
  let left = limits.entries;
  const ranges = { left: 65_535 };
  const all = places.map(async ({ base, reader }) => {
    const folders = (await reader.names(base)).filter(name => name.endsWith('-containers'));
    const paths = folders.flatMap(folder =>
      files.map(file => ({ folder, file: `${base}/${folder}/${file}` })),
    );
    const read = paths.map(async ({ folder, file }) => {
      const stored = await reader.json(file, limits.containers);
      if (!Array.isArray(stored ?? [])) reader.problem(file, 'it is no list of containers');
      const listed = reader.cut(list(stored), file, left);
      left -= listed.length;
      return listed.map(row => {
        const id = at(row, 'id');
        if (!isId(id)) {
          reader.problem(file, 'a container in it has no id');
          return undefined;
        }
        const metadata = text(at(row, 'metadata'));
        const about = metadata && reader.parse(metadata, file);
        return entryOf({ location, file, folder, id, row, about, ranges }, rows, told);
      });
    });
    return (await Promise.all(read)).flat();
  });
  return (await Promise.all(all)).flat().filter(entry => entry !== undefined);
}

function entryOf(
  stored: Stored,
  rows: () => Promise<Map<unknown, unknown>>,
  toldOfAll: () => ReturnType<typeof toldByCri>,
): Entry {
  const { location, id, row, about } = stored;
  const crio = namesInCrio(id, about);
  const names = crio ?? { name: text(list(at(row, 'names'))[0]) };
  const read = async () => {
    const sighting = await readOne(stored, names, crio !== undefined);
    if (crio !== undefined) return [{ ...sighting, ...(await toldOfAll()).get(id) }];
    const told = (await rows()).get(id);
    return [
      told === undefined ? sighting : { ...sighting, ...parseRow(told, sighting, stored.ranges) },
    ];
  };
  const engine = crio === undefined ? 'podman' : 'cri-o';
  return { engine, id, owner: location.owner, names: async () => names, read };
}

async function readOne(stored: Stored, names: Names, isCrio: boolean): Promise<Sighting> {
  const { location, folder, id, row, about } = stored;
  const { root, runroots, owner, ofRoot, ofRunroot } = location;
  const driver = folder.slice(0, -'-containers'.length);
  const layer = at(row, 'layer');
  // The configuration is written when it is about to be started for the first time.
  const directory = `${root}/${folder}/${id}/userdata`;
  const config = await ofRoot.json(`${directory}/config.json`);
  const configured = readConfig(ofRoot, config, undefined, id);
  const crio = (name: string) => text(configured.annotations?.[`io.kubernetes.cri-o.${name}`]);
  const ports = crio('PortMappings');
  const log = isCrio ? ofRoot.outside(crio('LogPath')) : `${directory}/ctr.log`;
  return {
    ...configured,
    ...names,
    knownAs: { engine: isCrio ? 'cri-o' : 'podman', id },
    owner,
    state: config === undefined ? 'created' : 'exited',
    image: (isCrio ? crio('ImageName') : undefined) ?? text(at(about, 'image-name')),
    rootfs: (isId(layer) ? layerDirectory(root, driver, layer) : undefined) ?? configured.rootfs,
    labels: isCrio ? texts(ofRoot.parse(crio('Labels') ?? '{}', stored.file)) : undefined,
    ports: ports === undefined ? undefined : portsIn(ofRoot.parse(ports, stored.file)),
    logPath: log && (isCrio || (await ofRoot.has(log))) ? log : undefined,
    created: time(at(row, 'created')),
    runtime: crio('RuntimeHandler'),
    hasOwnMounts: true,
    findRuntime: async () => {
      for (const runroot of runroots) {
        const file = `${runroot}/${folder}/${id}/userdata/conmon.pid`;
        const monitor = pidIn(await ofRunroot(runroot).text(file));
        const found = await runtimeOf(monitor, id, owner);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    findPid: async () => {
      for (const runroot of runroots) {
        const file = `${runroot}/${folder}/${id}/userdata/pidfile`;
        const reader = ofRunroot(runroot);
        const written = await reader.text(file);
        if (written !== undefined) return pidIn(written) ?? `there is no pid in ${file}`;
        if (reader.hasFailed(file)) return `${file} cannot be read`;
      }
      return undefined;
    },
  };
}

/**
 * What the monitor of a container was told to run it with: `conmon -c ID -r /usr/bin/crun`. A user can write any pid
 * down, so the process is looked at as all that may keep whoever looks waiting.
 */
async function runtimeOf(
  monitor: number | undefined,
  id: string,
  owner: number,
): Promise<string | undefined> {
  if (monitor === undefined) return undefined;
  const row = (await processRows([monitor])).get(monitor);
  const words = row?.uid === owner ? row.command.split(' ') : [];
  if (!words.includes(id)) return undefined;
  const option = words.findIndex(word => word === '-r' || word === '--runtime');
  return option < 0 ? undefined : text(words[option + 1]);
}

function layerDirectory(root: string, driver: string, layer: string): string | undefined {
  if (driver === 'overlay') return `${root}/overlay/${layer}/merged`;
  return driver === 'vfs' ? `${root}/vfs/dir/${layer}` : undefined;
}

const states: Readonly<Record<string, ContainerState>> = {
  created: 'created',
  configured: 'created',
  initialized: 'created',
  running: 'running',
  paused: 'paused',
  stopped: 'exited',
  exited: 'exited',
  stopping: 'running',
  removing: 'removing',
};

const stateIn = (row: unknown) =>
  at(states, text(at(row, 'State')) ?? '') as ContainerState | undefined;

/** What its own list adds. */
function parseRow(
  row: unknown,
  { state, created }: Sighting,
  ranges: PortBudget,
): Partial<Sighting> {
  const pod = text(at(row, 'Pod'));
  const [said, started] = [stateIn(row), at(row, 'StartedAt')];
  return {
    labels: texts(at(row, 'Labels')) ?? {},
    state: said ?? state,
    ports: withExposed(portsIn(at(row, 'Ports'), ranges), at(row, 'ExposedPorts')),
    // The number in a file that a container has left behind says nothing.
    ...(said === 'exited' ? { findPid: undefined } : {}),
    created: time(at(row, 'Created')) ?? created,
    started: typeof started === 'number' ? date(started * 1000) : undefined,
    pod:
      pod === undefined
        ? undefined
        : {
            name: text(at(row, 'PodName')),
            namespace: undefined,
            uid: pod,
            sandbox: undefined,
          },
  };
}

/** `{"80": ["tcp"]}`, from Podman 5.1 on: as its own ps, without those that are published. */
function withExposed(published: readonly Port[], table: unknown): readonly Port[] {
  const known = new Set(published.map(({ privatePort, type }) => `${privatePort}/${type}`));
  const exposed = Object.entries(isTable(table) ? table : {}).flatMap(([name, types]) => {
    const privatePort = port(name);
    if (privatePort === undefined) return [];
    return list(types).flatMap((one): Port[] => {
      const type = text(one);
      if (type === undefined || known.has(`${privatePort}/${type}`)) return [];
      return [{ ip: undefined, privatePort, publicPort: undefined, type }];
    });
  });
  return [...published, ...exposed];
}
