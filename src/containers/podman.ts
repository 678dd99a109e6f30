/**
 * Podman: `containers.json` of its storage. Its own database is a bolt or an SQLite file, which is not
 * read: labels, and names of pods, are asked for at its socket.
 */

import { state as limits } from '../base/limits.ts';
import type { ContainerState } from './container.ts';
import { at, isId, list, pid, text, texts, time } from './fields.ts';
import type { PodmanPlace } from './locations.ts';
import type { Reader } from './reader.ts';
import type { Sighting } from './sighting.ts';
import type { Sockets } from './sockets.ts';

export async function readPodman(place: PodmanPlace, ask: Sockets): Promise<Sighting[]> {
  const [onDisk, told] = await Promise.all([
    readStorage(place),
    ask.get(place.ofSocket, place.socket, '/v4.0.0/libpod/containers/json?all=true'),
  ]);
  const rows = new Map(list(told).map(row => [at(row, 'Id'), row]));
  return onDisk.map(sighting => {
    const row = rows.get(sighting.knownAs.id);
    return row === undefined ? sighting : { ...sighting, ...parseRow(row, sighting) };
  });
}

/** For each storage driver in use: overlay-containers, vfs-containers. */
async function readStorage(place: PodmanPlace): Promise<Sighting[]> {
  const reader = place.ofRoot;
  const folders = (await reader.names(place.root)).filter(name => name.endsWith('-containers'));
  const all = folders.map(async folder => {
    const path = `${place.root}/${folder}/containers.json`;
    const rows = list(await reader.json(path, limits.containers));
    return Promise.all(rows.map(row => readRow(reader, place, folder, row)));
  });
  return (await Promise.all(all)).flat().filter(sighting => sighting !== undefined);
}

async function readRow(
  reader: Reader,
  { root, runroot, owner, ofRunroot }: PodmanPlace,
  folder: string,
  row: unknown,
): Promise<Sighting | undefined> {
  const id = at(row, 'id');
  if (!isId(id)) {
    reader.problem(`${root}/${folder}/containers.json`, 'a container in it has no id');
    return undefined;
  }
  const driver = folder.slice(0, -'-containers'.length);
  const layer = at(row, 'layer');
  const metadata = text(at(row, 'metadata'));
  const about = metadata && reader.parse(metadata, `${root}/${folder}/containers.json`);
  // The configuration is written when it is about to be started for the first time.
  const begun = await reader.has(`${root}/${folder}/${id}/userdata/config.json`);
  return {
    knownAs: { engine: 'podman', id },
    owner,
    name: text(list(at(row, 'names'))[0]),
    state: begun ? 'exited' : 'created',
    image: text(at(about, 'image-name')),
    rootfs: isId(layer) ? layerDirectory(root, driver, layer) : undefined,
    created: time(at(row, 'created')),
    findPid: async () => {
      const file = await ofRunroot.text(`${runroot}/${folder}/${id}/userdata/pidfile`);
      return pid(Number(file));
    },
  };
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

/** What its own list adds. */
function parseRow(row: unknown, { state, created }: Sighting): Partial<Sighting> {
  const pod = text(at(row, 'Pod'));
  const started = at(row, 'StartedAt');
  return {
    labels: texts(at(row, 'Labels')) ?? {},
    state: states[String(at(row, 'State'))] ?? state,
    created: time(at(row, 'Created')) ?? created,
    started: typeof started === 'number' && started > 0 ? new Date(started * 1000) : undefined,
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
