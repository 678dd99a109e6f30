/**
 * Docker: `config.v2.json` of each container, of root's daemon or of a user's. With the state that it
 * believes in; a daemon that was killed believes too much. By its socket only where its files may not
 * be read, or are nobody knows where.
 */
import { dirname } from 'node:path';
import type { ContainerState, Mount, Port } from './container.ts';
import { at, isId, isTable, list, pairs, pid, port, text, texts, time } from './fields.ts';
import type { DockerLocation } from './location-types.ts';
import { words } from './oci.ts';
import { namesInDocker } from './pods.ts';
import type { Directory, Reader } from './reader.ts';
import type { Entry, Names, Sighting } from './sighting.ts';
import type { Sockets } from './sockets.ts';
import { StateFile } from './state-file.ts';

export async function findDocker(location: DockerLocation, ask: Sockets): Promise<Entry[]> {
  const { dataRoot, ofData: reader } = location;
  if (dataRoot === undefined) return (await overSocket(location, ask)) ?? [];
  const before = reader.problems.length;
  const [own, remapped] = await Promise.all([
    reader.directories(dataRoot, 'containers'),
    // With userns-remap, a directory for each range of ids.
    reader.directories(dataRoot, '[0-9]*.[0-9]*', 'containers'),
  ]);
  const refused = reader.problems.slice(before).find(problem => problem.target === dataRoot);
  if (refused !== undefined) {
    const told = await overSocket(location, ask);
    if (told === undefined) return [];
    reader.problems.splice(reader.problems.indexOf(refused), 1);
    return told;
  }
  const isRange = ({ path }: Directory) => /\/\d+\.\d+\/containers$/.test(path);
  return [...own, ...remapped.filter(isRange)].flatMap(({ path, names }) => {
    const root = dirname(path);
    return names.filter(isId).map(id => new DockerEntry(location, root, id));
  });
}

class DockerEntry implements Entry {
  readonly engine = 'docker';
  readonly id: string;
  readonly owner: number;
  readonly file: StateFile;
  readonly #location: DockerLocation;
  readonly #root: string;

  constructor(location: DockerLocation, root: string, id: string) {
    this.id = id;
    this.owner = location.owner;
    this.file = new StateFile(location.ofData, `${root}/containers/${id}/config.v2.json`);
    this.#location = location;
    this.#root = root;
  }

  async names(): Promise<Names> {
    const config = await this.file.value();
    return { ...namesIn(this.id, config), service: serviceIn(config) };
  }

  async read(): Promise<readonly Sighting[]> {
    const { id, owner, file } = this;
    const { ofData: reader } = this.#location;
    const sighting = readOne(this.#location, this.#root, id, await file.value());
    if (sighting !== undefined) return [sighting];
    // It has been removed; or it is there, and what its runtime knows will have to do.
    if (!reader.hasFailed(file.path)) return [];
    return [{ knownAs: { engine: 'docker', id }, owner, doubt: `${file.path} cannot be read` }];
  }
}

function readOne(
  location: DockerLocation,
  root: string,
  id: string,
  config: unknown,
): Sighting | undefined {
  if (config === undefined) return undefined;
  const { owner, ofData: reader } = location;
  const sighting = describe(reader, id, owner, config, root);
  if (at(config, 'ID') !== id || sighting.name === undefined) {
    reader.problem(
      `${root}/containers/${id}/config.v2.json`,
      'it has not the fields that Docker writes: of another version, or damaged',
    );
  }
  const driver = text(at(config, 'Driver'));
  return {
    ...sighting,
    findRootfs: () => mergedDirectory(reader, root, id, driver),
    findRuntime: () => runtimeOf(location, root, id),
  };
}

function namesIn(id: string, config: unknown): Names {
  const name = nameIn(config);
  return namesInDocker(id, name, at(config, 'Config', 'Labels')) ?? { name };
}

function nameIn(config: unknown): string | undefined {
  return text(text(at(config, 'Name'))?.replace(/^\//, ''));
}

/** Among those by which linked containers know it (`docker run --link`): `/web/db`. */
function ownName(names: readonly unknown[]): unknown {
  return names.find(name => !text(name)?.includes('/', 1));
}

/**
 * `web`, of a container that Compose has made for it: `shop-web-1`, before 2021 `shop_web_1`. By its labels
 * where its name agrees: whoever made an image can have put such labels into it.
 */
function serviceIn(config: unknown): string | undefined {
  const [project, service, number] = ['project', 'service', 'container-number'].map(label =>
    text(at(config, 'Config', 'Labels', `com.docker.compose.${label}`)),
  );
  const names = ['-', '_'].map(dash => [project, service, number].join(dash));
  return names.includes(nameIn(config) ?? '') ? service : undefined;
}

/** What `--runtime` named, by the program or the shim that daemon.json has for it. */
async function runtimeOf(
  { ofData: reader, runtimes }: DockerLocation,
  root: string,
  id: string,
): Promise<string | undefined> {
  const name = text(at(await reader.json(`${root}/containers/${id}/hostconfig.json`), 'Runtime'));
  if (name === undefined) return undefined;
  const set = at(runtimes, name);
  return text(at(set, 'runtimeType')) ?? text(at(set, 'path')) ?? name;
}

/** A container as both its file and the socket describe it. */
function describe(
  reader: Reader,
  id: string,
  owner: number,
  config: unknown,
  root?: string,
): Sighting {
  const state = at(config, 'State');
  const program = text(at(config, 'Path'));
  return {
    knownAs: { engine: 'docker', id },
    owner,
    ...namesIn(id, config),
    state: stateOf(state),
    pid: pid(at(state, 'Pid')),
    doubt: doubtOf(state),
    image: text(at(config, 'Config', 'Image')),
    labels: texts(at(config, 'Config', 'Labels')) ?? {},
    command: program === undefined ? undefined : [program, ...(words(at(config, 'Args')) ?? [])],
    user: text(at(config, 'Config', 'User')),
    workingDir: text(at(config, 'Config', 'WorkingDir')),
    env: pairs(at(config, 'Config', 'Env')),
    ports: portsOf(at(config, 'NetworkSettings', 'Ports'), at(config, 'Config', 'ExposedPorts')),
    mounts: mountsOf(reader, at(config, 'MountPoints') ?? at(config, 'Mounts'), root),
    logPath: logIn(reader.outside(text(at(config, 'LogPath'))), owner, root),
    hostname: text(at(config, 'Config', 'Hostname')),
    created: time(at(config, 'Created')),
    started: time(at(state, 'StartedAt')),
    // Even a privileged container, with every namespace of the host's, has a root of its own.
    hasOwnMounts: true,
  };
}

/** A user could name any file for it, which root would be asked to read. */
function logIn(
  path: string | undefined,
  owner: number,
  root: string | undefined,
): string | undefined {
  return owner === 0 || (root !== undefined && path?.startsWith(`${root}/`)) ? path : undefined;
}

/** As Docker's own State.StateString. */
function stateOf(state: unknown): ContainerState | undefined {
  if (!isTable(state)) return undefined;
  const is = (name: string) => at(state, name) === true;
  if (is('Running')) return is('Paused') ? 'paused' : is('Restarting') ? 'restarting' : 'running';
  if (is('RemovalInProgress')) return 'removing';
  if (is('Dead')) return 'dead';
  return time(at(state, 'StartedAt')) === undefined ? 'created' : 'exited';
}

/** Why it may run though there is no pid of it. One that is being restarted has 0. */
function doubtOf(state: unknown): string | undefined {
  if (!isTable(state)) return "Docker's state of it is missing";
  const isRestarting = at(state, 'Restarting') === true && (at(state, 'Pid') ?? 0) === 0;
  const mayRun = (at(state, 'Running') ?? false) !== false && !isRestarting;
  return mayRun ? 'Docker says that it runs, and not as which pid' : undefined;
}

/** `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}`; null for one that is not published. */
function portsOf(...tables: unknown[]): readonly Port[] {
  const names = new Set(tables.flatMap(table => (isTable(table) ? Object.keys(table) : [])));
  return [...names].flatMap((name): readonly Port[] => {
    const [number, type = 'tcp'] = name.split('/');
    const privatePort = port(number);
    if (privatePort === undefined) return [];
    const published = list(at(tables[0], name)).flatMap(binding => {
      const publicPort = port(at(binding, 'HostPort'));
      return publicPort === undefined
        ? []
        : [{ ip: text(at(binding, 'HostIp')), privatePort, publicPort, type }];
    });
    return published.length > 0
      ? published
      : [{ ip: undefined, privatePort, publicPort: undefined, type }];
  });
}

/** By destination in the file, which has no source for Docker's own volumes; a list over the socket. */
function mountsOf(reader: Reader, points: unknown, root?: string): readonly Mount[] {
  const all = Array.isArray(points) ? points : Object.values(Object(points));
  return all.flatMap(point => {
    const destination = text(at(point, 'Destination'));
    if (destination === undefined) return [];
    const name = text(at(point, 'Name'));
    const isOwn = root !== undefined && at(point, 'Driver') === 'local' && isId(name);
    return [
      {
        type: text(at(point, 'Type')) ?? 'bind',
        name,
        source:
          reader.outside(text(at(point, 'Source'))) ??
          (isOwn ? `${root}/volumes/${name}/_data` : undefined),
        destination,
        rw: at(point, 'RW') === true,
      },
    ];
  });
}

/**
 * Where the storage driver puts the layers together. With containerd's store of images it is a snapshotter
 * of containerd's, and Docker mounts what that has (daemon/snapshotter/mount.go of Docker 28).
 */
async function mergedDirectory(
  reader: Reader,
  root: string,
  id: string,
  driver: string | undefined,
): Promise<string | undefined> {
  if (driver === 'overlayfs' || driver === 'native') return `${root}/rootfs/${driver}/${id}`;
  const directory = text(at(mergedOf, driver ?? ''));
  if (directory === undefined) return undefined;
  const mount = await reader.text(`${root}/image/${driver}/layerdb/mounts/${id}/mount-id`);
  return isId(mount) ? `${root}/${driver}/${directory.replace('ID', mount)}` : undefined;
}

const mergedOf = {
  overlay2: 'ID/merged',
  'fuse-overlayfs': 'ID/merged',
  vfs: 'dir/ID',
  btrfs: 'subvolumes/ID',
};

async function overSocket(
  { socket, owner, dataRoot, ofSocket: reader }: DockerLocation,
  ask: Sockets,
): Promise<Entry[] | undefined> {
  const rows = await ask.get(reader, socket, '/containers/json?all=true');
  if (rows === undefined) return undefined;
  return reader.cut(list(rows), socket).flatMap(row => {
    const id = at(row, 'Id');
    if (!isId(id)) return [];
    const [Name, Labels] = [ownName(list(at(row, 'Names'))), at(row, 'Labels')];
    const config = { Name, Config: { Labels } };
    const names = { ...namesIn(id, config), service: serviceIn(config) };
    const read = async () => {
      const container = await ask.get(reader, socket, `/containers/${id}/json`);
      if (container === undefined) return [];
      const runtime = text(at(container, 'HostConfig', 'Runtime'));
      // Of Docker Desktop, in its virtual machine.
      const isElsewhere = dataRoot === undefined;
      return [{ ...describe(reader, id, owner, container), runtime, isElsewhere }];
    };
    return [{ engine: 'docker', id, owner, names: async () => names, read }];
  });
}
