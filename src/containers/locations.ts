/**
 * Where engines keep their state: what the caller says, what the engines' own settings say, or the
 * default places; of this user, and for root of every user who runs Podman.
 */

import { own } from '../base/own-properties.ts';
import type { ContainerOptions } from './container.ts';
import { at, text } from './fields.ts';
import type { Reader } from './reader.ts';

/** All paths are as they are reached from here. */
export interface Places {
  readonly docker: readonly { dataRoot: string; execRoot: string; socket: string }[];
  readonly podman: readonly PodmanPlace[];
  /** containerd's `state`, with docker's own containerd. */
  readonly containerd: readonly string[];
  /** `--root` of runc and crun. */
  readonly runtimes: readonly RuntimePlace[];
}

/** With who reads it: what is a user's, as that user's. */
export interface RuntimePlace {
  readonly path: string;
  readonly owner: number;
  readonly reader: Reader;
}

export interface PodmanPlace {
  readonly root: string;
  readonly runroot: string;
  readonly socket: string;
  readonly owner: number;
  readonly ofRoot: Reader;
  readonly ofRunroot: Reader;
  readonly ofSocket: Reader;
}

export async function findPlaces(
  reader: Reader,
  directories: ContainerOptions['directories'] = own({}),
): Promise<Places> {
  const [docker, containerd, podman, users] = await Promise.all([
    dockerPlaces(reader, directories.docker),
    containerdPlaces(reader, directories.containerd),
    podmanPlaces(reader, directories.podman),
    reader.root === '' && process.geteuid?.() !== 0 ? [ourselves()] : loggedInUsers(reader),
  ]);
  const runtimes = [directories.runc?.root ?? '/run/runc', directories.crun?.root ?? '/run/crun'];
  return {
    docker: [docker],
    containerd: [...containerd, `${docker.execRoot}/containerd/daemon`],
    podman: [podman, ...(await Promise.all(users.map(user => rootless(reader, user))))],
    runtimes: [
      ...(await Promise.all(
        runtimes.map(async path => ({ path: await reader.locate(path), owner: 0, reader })),
      )),
      ...users.flatMap(user => runtimesOf(reader, user)),
    ],
  };
}

type Own = NonNullable<ContainerOptions['directories']>;

async function dockerPlaces(
  reader: Reader,
  given: Own['docker'] = own({}),
): Promise<Places['docker'][0]> {
  const settings = await reader.json(await reader.locate('/etc/docker/daemon.json'));
  const set = (name: string) => text(at(settings, name));
  const [dataRoot, execRoot, socket] = await Promise.all(
    [
      given['data-root'] ?? set('data-root') ?? set('graph') ?? '/var/lib/docker',
      given['exec-root'] ?? set('exec-root') ?? '/run/docker',
      '/run/docker.sock',
    ].map(path => reader.locate(path)),
  );
  return { dataRoot, execRoot, socket } as Places['docker'][0];
}

async function containerdPlaces(
  reader: Reader,
  given: Own['containerd'] = own({}),
): Promise<string[]> {
  const settings = await reader.toml(await reader.locate('/etc/containerd/config.toml'));
  const state = given.state ?? pathAt(settings, 'state') ?? '/run/containerd';
  return Promise.all([state, '/run/k3s/containerd'].map(path => reader.locate(path)));
}

async function podmanPlaces(reader: Reader, given: Own['podman'] = own({})): Promise<PodmanPlace> {
  const settings = await storageSettings(reader, [
    '/etc/containers/storage.conf',
    '/usr/share/containers/storage.conf',
  ]);
  const [root, runroot, socket] = await Promise.all(
    [
      given.root ?? pathAt(settings, 'storage', 'graphroot') ?? '/var/lib/containers/storage',
      given.runroot ?? pathAt(settings, 'storage', 'runroot') ?? '/run/containers/storage',
      '/run/podman/podman.sock',
    ].map(path => reader.locate(path)),
  );
  const readers = { ofRoot: reader, ofRunroot: reader, ofSocket: reader };
  return { root, runroot, socket, owner: 0, ...readers } as PodmanPlace;
}

interface User {
  uid: number;
  home: string;
  /** XDG_RUNTIME_DIR */
  runtime: string;
  /** It is who asks, and may have links of its own. */
  ours: boolean;
}

function runtimesOf(reader: Reader, { uid, runtime, ours }: User): RuntimePlace[] {
  const base = `${reader.root}${runtime}`;
  const theirs = ours ? reader : reader.of(base, uid);
  return ['runc', 'crun'].map(name => ({ path: `${base}/${name}`, owner: uid, reader: theirs }));
}

/** Paths that the user chose are taken as they are; links are followed up to the user's own directory. */
async function rootless(reader: Reader, user: User): Promise<PodmanPlace> {
  const { uid, runtime, ours } = user;
  const home = ours ? user.home : await reader.locate(user.home);
  const runtimeHere = `${reader.root}${runtime}`;
  const bases = [home, runtimeHere].map(base => ({ base, of: reader.of(base, uid) }));
  const readerOf = (path: string) => {
    if (ours) return reader;
    const found = bases.find(({ base }) => path.startsWith(`${base}/`));
    return found?.of ?? reader.of(path, uid);
  };
  const conf = `${home}/.config/containers/storage.conf`;
  const settings = await readerOf(conf).toml(conf);
  const chosen = (name: string) => reader.outside(pathAt(settings, 'storage', name));
  const root = chosen('graphroot') ?? `${home}/.local/share/containers/storage`;
  const runroot = chosen('runroot') ?? `${runtimeHere}/containers`;
  const socket = `${runtimeHere}/podman/podman.sock`;
  return {
    root,
    runroot,
    socket,
    owner: uid,
    ofRoot: readerOf(root),
    ofRunroot: readerOf(runroot),
    ofSocket: readerOf(socket),
  };
}

function ourselves(): User {
  const uid = process.geteuid?.() ?? 0;
  const { HOME = '/nonexistent', XDG_RUNTIME_DIR = `/run/user/${uid}` } = process.env;
  return { uid, home: HOME, runtime: XDG_RUNTIME_DIR, ours: true };
}

/** Those who have a runtime directory, which they get when they log in, or linger (loginctl). */
async function loggedInUsers(reader: Reader): Promise<User[]> {
  const folder = '/run/user';
  const uids = (await reader.names(await reader.locate(folder))).filter(name => /^\d+$/.test(name));
  if (uids.length === 0) return [];
  const passwd = (await reader.text(await reader.locate('/etc/passwd'))) ?? '';
  const homes = new Map(passwd.split('\n').map(line => [line.split(':')[2], line.split(':')[5]]));
  return uids.flatMap(uid => {
    const home = homes.get(uid);
    if (uid === '0' || !home?.startsWith('/')) return [];
    return [{ uid: Number(uid), home, runtime: `${folder}/${uid}`, ours: false }];
  });
}

async function storageSettings(reader: Reader, paths: string[]): Promise<unknown> {
  for (const path of paths) {
    const settings = await reader.toml(await reader.locate(path));
    if (settings !== undefined) return settings;
  }
  return undefined;
}

/** An absolute path in settings. */
function pathAt(settings: unknown, ...names: string[]): string | undefined {
  const path = text(at(settings, ...names));
  return path?.startsWith('/') ? path : undefined;
}
