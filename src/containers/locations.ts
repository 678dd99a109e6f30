/**
 * Where engines keep their state: what the caller says, what the engines' own settings say, or the
 * default paths; of root's engines, and of users' who run Docker or Podman.
 */
import { own } from '../base/own-properties.ts';
import type { ContainerOptions } from './container.ts';
import { dockerOf, hostOfClient } from './docker-host.ts';
import { at, pathAt, text } from './fields.ts';
import type { DockerLocation, Locations, PodmanLocation } from './location.ts';
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
  const runtimes = [given.runc?.root ?? '/run/runc', given.crun?.root ?? '/run/crun'];
  const known = [...docker, ...users.docker];
  const all = [...known, ...dockerOf(host, reader, known)];
  const bundled = all.flatMap(({ execRoot, owner, ofExec }) =>
    execRoot === undefined
      ? []
      : [{ state: `${execRoot}/containerd/daemon`, owner, reader: ofExec }],
  );
  return {
    docker: all,
    containerd: [...containerd.map(state => ({ state, owner: 0, reader })), ...bundled],
    podman: [podman, ...users.podman],
    runtimes: [...ofRoot(await Promise.all(runtimes.map(locate))), ...users.runtimes],
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
  const location = async (dataRoot: string, execRoot: string, runtimes: unknown) => ({
    dataRoot: await reader.locate(dataRoot),
    execRoot: await reader.locate(execRoot),
    socket,
    owner: 0,
    runtimes,
    ofData: reader,
    ofExec: reader,
    ofSocket: reader,
  });
  const main = await location(
    given['data-root'] ?? set('data-root') ?? set('graph') ?? '/var/lib/docker',
    given['exec-root'] ?? set('exec-root') ?? '/run/docker',
    at(settings, 'runtimes'),
  );
  const snap = await location(snapDocker.dataRoot, snapDocker.execRoot, undefined);
  return [main, snap];
}

async function containerdStates(
  reader: Reader,
  given: Given['containerd'] = own({}),
): Promise<string[]> {
  const settings = await reader.toml(await reader.locate('/etc/containerd/config.toml'), 'state');
  const state = given.state ?? pathAt(settings, 'state') ?? '/run/containerd';
  return Promise.all([state, ...containerdDefaults].map(path => reader.locate(path)));
}

async function podmanLocation(
  reader: Reader,
  given: Given['podman'] = own({}),
): Promise<PodmanLocation> {
  const settings = await storageSettings(reader, [
    '/etc/containers/storage.conf',
    '/usr/share/containers/storage.conf',
  ]);
  const [root = '', runroot = '', socket = ''] = await Promise.all(
    [
      given.root ?? pathAt(settings, 'storage', 'graphroot') ?? '/var/lib/containers/storage',
      given.runroot ?? pathAt(settings, 'storage', 'runroot') ?? '/run/containers/storage',
      '/run/podman/podman.sock',
    ].map(path => reader.locate(path)),
  );
  const readers = { ofRoot: reader, ofRunroot: () => reader, ofSocket: reader };
  return { root, runroots: [runroot], socket, owner: 0, ...readers };
}

/** Of the first of these files that is there. */
async function storageSettings(reader: Reader, paths: string[]): Promise<unknown> {
  const all = paths.map(async path =>
    reader.toml(await reader.locate(path), 'graphroot', 'runroot'),
  );
  return (await Promise.all(all)).find(settings => settings !== undefined);
}
