/**
 * Where engines keep their state: what the caller says, what the engines' own settings say, or the
 * default paths; of root's engines, and of users' who run Docker or Podman.
 */
import { own } from '../base/own-properties.ts';
import type { ContainerOptions } from './container.ts';
import { dockerOf, hostOfClient } from './docker-host.ts';
import { at, pathAt, text } from './fields.ts';
import { locationOf } from './given-directories.ts';
import type {
  DockerLocation,
  Locations,
  PodmanLocation,
  RuntimeLocation,
} from './location-types.ts';
import type { Reader } from './reader.ts';
import { usersLocations } from './users.ts';

type Given = NonNullable<ContainerOptions['directories']>;

export async function findLocations(reader: Reader, given: Given = own({})): Promise<Locations> {
  const locate = (path: string) => reader.locate(path);
  const [docker, containerd, podman, users, lxc, machines, host] = await Promise.all([
    dockerLocations(reader, given.docker),
    containerdStates(reader, given.containerd),
    podmanLocation(reader, given.podman),
    usersLocations(reader),
    locate('/var/lib/lxc'),
    locate('/run/systemd/machines'),
    reader.root === '' && given.docker === undefined ? hostOfClient() : undefined,
  ]);
  const ofRoot = (paths: readonly string[]) => paths.map(path => ({ path, owner: 0, reader }));
  const runtimes = await Promise.all([
    locationOf(reader, given.runc?.root, '/run/runc'),
    locationOf(reader, given.crun?.root, '/run/crun'),
  ]);
  const known = [...docker, ...users.docker];
  const all = [...known, ...(await dockerOf(host, reader, known))];
  const bundled = all.flatMap(({ execRoot, owner, ofExec }) =>
    execRoot === undefined
      ? []
      : [{ state: `${execRoot}/containerd/daemon`, owner, reader: ofExec }],
  );
  return {
    docker: all,
    containerd: [...containerd.map(({ path, ...more }) => ({ state: path, ...more })), ...bundled],
    podman: [podman, ...users.podman],
    runtimes: [...runtimes, ...users.runtimes],
    shims: ofRoot([`${await locate('/run/containerd')}/runc`]),
    lxc,
    machines,
  };
}

/** Where the packages of engines put it, as their own sources say. */
const snapDocker = {
  dataRoot: '/var/snap/docker/common/var-lib-docker',
  execRoot: '/var/snap/docker/current/run/docker',
};
const containerdDefaults = [
  '/run/k3s/containerd', // k3s, RKE2
  '/run/k0s/containerd',
  '/var/snap/microk8s/common/run/containerd',
];

async function dockerLocations(
  reader: Reader,
  given: Given['docker'] = own({}),
): Promise<DockerLocation[]> {
  const settings = await reader.json(await reader.locate('/etc/docker/daemon.json'));
  const set = (name: string) => text(at(settings, name));
  const socket = await reader.locate('/run/docker.sock');
  const [data, exec] = await Promise.all([
    locationOf(reader, given['data-root'], set('data-root') ?? set('graph') ?? '/var/lib/docker'),
    locationOf(reader, given['exec-root'], set('exec-root') ?? '/run/docker'),
  ]);
  const main = {
    dataRoot: data.path,
    execRoot: exec.path,
    socket,
    // Who writes what runs is who the daemon is.
    owner: given['exec-root'] === undefined ? data.owner : exec.owner,
    runtimes: at(settings, 'runtimes'),
    ofData: data.reader,
    ofExec: exec.reader,
    ofSocket: reader,
  };
  const snap = {
    ...main,
    dataRoot: await reader.locate(snapDocker.dataRoot),
    execRoot: await reader.locate(snapDocker.execRoot),
    owner: 0,
    runtimes: undefined,
    ofData: reader,
    ofExec: reader,
  };
  return [main, snap];
}

async function containerdStates(
  reader: Reader,
  given: Given['containerd'] = own({}),
): Promise<RuntimeLocation[]> {
  const settings = await reader.toml(await reader.locate('/etc/containerd/config.toml'), 'state');
  const main = locationOf(reader, given.state, pathAt(settings, 'state') ?? '/run/containerd');
  const others = containerdDefaults.map(path => locationOf(reader, undefined, path));
  return Promise.all([main, ...others]);
}

async function podmanLocation(
  reader: Reader,
  given: Given['podman'] = own({}),
): Promise<PodmanLocation> {
  const settings = await storageSettings(reader, [
    '/etc/containers/storage.conf',
    '/usr/share/containers/storage.conf',
  ]);
  const set = (name: string, otherwise: string) => pathAt(settings, 'storage', name) ?? otherwise;
  const [root, runroot, socket] = await Promise.all([
    locationOf(reader, given.root, set('graphroot', '/var/lib/containers/storage')),
    locationOf(reader, given.runroot, set('runroot', '/run/containers/storage')),
    reader.locate('/run/podman/podman.sock'),
  ]);
  const readers = { ofRoot: root.reader, ofRunroot: () => runroot.reader, ofSocket: reader };
  return { root: root.path, runroots: [runroot.path], socket, owner: root.owner, ...readers };
}

/** Of the first of these files that is there. */
async function storageSettings(reader: Reader, paths: string[]): Promise<unknown> {
  const all = paths.map(async path =>
    reader.toml(await reader.locate(path), 'graphroot', 'runroot'),
  );
  return (await Promise.all(all)).find(settings => settings !== undefined);
}
