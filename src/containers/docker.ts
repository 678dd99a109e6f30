/**
 * Docker: `config.v2.json` of each container. With the state that it believes in; a daemon that was
 * killed believes too much. By its socket only for a user who may not read its files.
 */
import type { ContainerState } from './container.ts';
import { at, isId, list, pid, text, texts, time } from './fields.ts';
import type { Places } from './locations.ts';
import type { Reader } from './reader.ts';
import type { Sighting } from './sighting.ts';
import type { Sockets } from './sockets.ts';

type Place = Places['docker'][0];

export async function readDocker(
  reader: Reader,
  { dataRoot, socket }: Place,
  ask: Sockets,
): Promise<Sighting[]> {
  const before = reader.problems.length;
  const names = await reader.names(dataRoot);
  const refused = reader.problems.slice(before).find(problem => problem.target === dataRoot);
  if (refused !== undefined) {
    const told = await overSocket(reader, ask, socket);
    if (told === undefined) return [];
    reader.problems.splice(reader.problems.indexOf(refused), 1);
    return told;
  }
  // With userns-remap, a directory for each range of ids.
  const roots = [dataRoot, ...names.filter(n => /^\d+\.\d+$/.test(n)).map(n => `${dataRoot}/${n}`)];
  const all = roots.map(async root => {
    const ids = (await reader.names(`${root}/containers`)).filter(isId);
    return Promise.all(ids.map(id => readOne(reader, root, id)));
  });
  return (await Promise.all(all)).flat().filter(sighting => sighting !== undefined);
}

async function readOne(reader: Reader, root: string, id: string): Promise<Sighting | undefined> {
  const path = `${root}/containers/${id}/config.v2.json`;
  const config = await reader.json(path);
  if (config === undefined) {
    // It has been removed; or it is there, and what its runtime knows will have to do.
    const damaged = reader.problems.some(problem => problem.target === path);
    return damaged ? { knownAs: { engine: 'docker', id }, owner: 0 } : undefined;
  }
  const sighting = parse(id, config);
  if (at(config, 'ID') !== id || sighting.name === undefined) {
    reader.problem(
      path,
      'it has not the fields that Docker writes: of another version, or damaged',
    );
  }
  const driver = text(at(config, 'Driver'));
  return { ...sighting, findRootfs: () => mergedDirectory(reader, root, id, driver) };
}

/** A container as both its file and the socket describe it. */
function parse(id: string, config: unknown): Sighting {
  const state = at(config, 'State');
  return {
    knownAs: { engine: 'docker', id },
    owner: 0,
    name: text(at(config, 'Name'))?.replace(/^\//, ''),
    state: stateOf(state),
    pid: pid(at(state, 'Pid')),
    image: text(at(config, 'Config', 'Image')),
    labels: texts(at(config, 'Config', 'Labels')) ?? {},
    hostname: text(at(config, 'Config', 'Hostname')),
    created: time(at(config, 'Created')),
    started: time(at(state, 'StartedAt')),
  };
}

/** As Docker's own State.StateString. */
function stateOf(state: unknown): ContainerState | undefined {
  if (typeof state !== 'object' || state === null) return undefined;
  const is = (name: string) => at(state, name) === true;
  if (is('Running')) return is('Paused') ? 'paused' : is('Restarting') ? 'restarting' : 'running';
  if (is('RemovalInProgress')) return 'removing';
  if (is('Dead')) return 'dead';
  return time(at(state, 'StartedAt')) === undefined ? 'created' : 'exited';
}

/** Where the storage driver puts the layers together; only of overlay2 is this to be seen on disk. */
async function mergedDirectory(
  reader: Reader,
  root: string,
  id: string,
  driver: string | undefined,
): Promise<string | undefined> {
  if (driver !== 'overlay2') return undefined;
  const mount = await reader.text(`${root}/image/overlay2/layerdb/mounts/${id}/mount-id`);
  return isId(mount) ? `${root}/overlay2/${mount}/merged` : undefined;
}

async function overSocket(
  reader: Reader,
  ask: Sockets,
  socket: string,
): Promise<Sighting[] | undefined> {
  const rows = await ask.get(reader, socket, '/containers/json?all=true');
  if (rows === undefined) return undefined;
  const ids = list(rows)
    .map(row => at(row, 'Id'))
    .filter(isId);
  const all = ids.map(async id => {
    const container = await ask.get(reader, socket, `/containers/${id}/json`);
    return container === undefined ? undefined : parse(id, container);
  });
  return (await Promise.all(all)).filter(sighting => sighting !== undefined);
}
