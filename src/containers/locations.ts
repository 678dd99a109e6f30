/**
 * Where engines keep their state: what the caller says, what the engines' own settings say, or the
 * default paths; of root's engines, and of users' who run Docker or Podman.
 */
import { dirname } from 'node:path';
import { own } from '../base/own-properties.ts';
import { isRoot } from '../base/own-rights.ts';
import type { ContainerOptions } from './container.ts';
import { dockerOf, hostOfClient } from './docker-host.ts';
import { at, pathAt } from './fields.ts';
import { locationOf } from './given-directories.ts';
import type {
  ContainerdLocation,
  DockerLocation,
  GrpcLocation,
  Locations,
  PodmanLocation,
  Whose,
} from './location-types.ts';
import { lxcPaths } from './lxc.ts';
import type { Reader } from './reader.ts';
import {
  ownStorageConf,
  type StorageConf,
  storageConf,
  storagePath,
  systemStorageConf,
  type Variables,
} from './storage-conf.ts';
import { usersLocations } from './users.ts';

type Given = NonNullable<ContainerOptions['directories']>;

export async function findLocations(
  reader: Reader,
  given: Given = own({}),
  grpc: boolean,
  whose: Whose,
): Promise<Locations> {
  const storage = systemStorageConf(reader);
  if (whose === 'others') {
    const users = await usersLocations(reader, whose, storage);
    const containerd = [...users.containerd, ...bundledIn(users.docker)];
    return { ...users, containerd, lxc: [], machines: [] };
  }
  const locate = (path: string) => reader.locate(path);
  const [docker, containerd, podman, users, lxc, machines, host] = await Promise.all([
    dockerLocations(reader, given.docker),
    containerdLocations(reader, given.containerd, grpc),
    podmanLocation(reader, given.podman, grpc, storage),
    usersLocations(reader, whose, storage),
    lxcPaths(reader),
    locate('/run/systemd/machines'),
    reader.root === '' && given.docker === undefined ? hostOfClient() : undefined,
  ]);
  const ofRoot = (paths: readonly string[]) => paths.map(path => ({ path, owner: 0, reader }));
  const runtimes = await Promise.all([
    locationOf(reader, given.runc?.root, '/run/runc'),
    locationOf(reader, given.crun?.root, '/run/crun'),
  ]);
  const known = [...docker, ...users.docker];
  const sockets = [...known, podman, ...users.podman].map(({ socket }) => socket);
  const all = [...known, ...(await dockerOf(host, reader, sockets))];
  return {
    docker: all,
    containerd: [...containerd, ...users.containerd, ...bundledIn(all)],
    podman: [podman, ...users.podman],
    runtimes: [...runtimes, ...users.runtimes],
    shims: [...ofRoot([`${await locate('/run/containerd')}/runc`]), ...users.shims],
    lxc,
    machines: [machines],
  };
}

/** Docker's own containerd. */
function bundledIn(docker: readonly DockerLocation[]): ContainerdLocation[] {
  return docker.flatMap(({ execRoot, owner, ofExec }) =>
    execRoot === undefined
      ? []
      : [{ state: `${execRoot}/containerd/daemon`, owner, reader: ofExec, grpc: undefined }],
  );
}

/** Where the packages of engines put it, as their own sources say. */
const snapDocker = {
  dataRoot: '/var/snap/docker/common/var-lib-docker',
  execRoot: '/var/snap/docker/current/run/docker',
};
const microk8s = '/var/snap/microk8s/common/run';
const containerdDefaults: readonly { state: string; socket?: string; isGiven?: boolean }[] = [
  { state: '/run/k3s/containerd' }, // k3s, RKE2
  { state: '/run/k0s/containerd', socket: '/run/k0s/containerd.sock' },
  { state: `${microk8s}/containerd`, socket: `${microk8s}/containerd.sock` },
];

async function dockerLocations(
  reader: Reader,
  given: Given['docker'] = own({}),
): Promise<DockerLocation[]> {
  const settings = await reader.settings(await reader.locate('/etc/docker/daemon.json'));
  const set = (name: string) => pathAt(settings, name);
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

async function containerdLocations(
  reader: Reader,
  given: Given['containerd'] = own({}),
  grpc: boolean,
): Promise<ContainerdLocation[]> {
  // The address is in every file of settings: without need, these are not parsed for it.
  const wanted = grpc ? ['state', 'address'] : ['state'];
  const settings = await reader.toml(await reader.locate('/etc/containerd/config.toml'), ...wanted);
  const set = pathAt(settings, 'state');
  const address = given.state === undefined ? pathAt(settings, 'grpc', 'address') : undefined;
  const main = {
    state: given.state ?? set ?? '/run/containerd',
    isGiven: given.state !== undefined,
  };
  const all = [{ ...main, socket: address }, ...containerdDefaults].map(async one => {
    const { state, socket = `${state}/containerd.sock`, isGiven = false } = one;
    const { path, ...more } = await locationOf(reader, isGiven ? state : undefined, state);
    const asked = grpc && more.owner === 0 ? await grpcLocation(reader, socket) : undefined;
    return { ...more, state: path, grpc: asked };
  });
  return Promise.all(all);
}

/** Root's. */
async function grpcLocation(reader: Reader, path: string): Promise<GrpcLocation> {
  const socket = await reader.locate(path);
  return { socket, reader: reader.of(dirname(socket), 0) };
}

/** Of root's Podman. */
const variables: Variables = { values: { HOME: '/root', UID: '0', USER: 'root' }, areAll: false };

async function podmanLocation(
  reader: Reader,
  given: Given['podman'] = own({}),
  grpc: boolean,
  storage: Promise<StorageConf>,
): Promise<PodmanLocation> {
  const named = reader.root === '' && isRoot() ? ownStorageConf() : undefined;
  const settings = await (named === undefined ? storage : storageConf(reader, named));
  const set = (name: string, isGiven: boolean, otherwise: string) =>
    (isGiven ? undefined : storagePath(settings, name, variables, reader)) ?? otherwise;
  const [root, runroot, socket] = await Promise.all([
    locationOf(
      reader,
      given.root,
      set('graphroot', given.root !== undefined, '/var/lib/containers/storage'),
    ),
    locationOf(
      reader,
      given.runroot,
      set('runroot', given.runroot !== undefined, '/run/containers/storage'),
    ),
    reader.locate('/run/podman/podman.sock'),
  ]);
  const readers = { ofRoot: root.reader, ofRunroot: () => runroot.reader, ofSocket: reader };
  const crio =
    grpc && root.owner === 0 ? await grpcLocation(reader, '/run/crio/crio.sock') : undefined;
  const { path, owner } = root;
  return { root: path, runroots: [runroot.path], socket, owner, ...readers, grpc: crio };
}
