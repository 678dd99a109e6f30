/**
 * The engines of users: rootless Docker and Podman, of who asks, and for root of everybody who has a
 * directory for what runs. Each is read as that user's.
 */
import { userInfo } from 'node:os';
import { isRoot } from '../base/own-rights.ts';
import { at, pathAt, wholePath } from './fields.ts';
import { isHere } from './located.ts';
import type { DockerLocation, Locations, PodmanLocation, Whose } from './location-types.ts';
import type { Reader } from './reader.ts';
import {
  ownStorageConf,
  type StorageConf,
  storageConf,
  storagePath,
  type Variables,
} from './storage-conf.ts';

interface User {
  readonly uid: number;
  /** Of the user's environment, as the host has them. */
  readonly variables: Variables;
  /** XDG_DATA_HOME and XDG_CONFIG_HOME, as they are reached from here. */
  readonly data: string;
  readonly config: string;
  readonly storageConf: string;
  /** XDG_RUNTIME_DIR, and what Podman takes where there is none. */
  readonly runtimes: readonly string[];
  /** Paths that the user chose are taken as they are; links are followed up to the user's own directory. */
  readonly readerOf: (path: string) => Reader;
}

export async function usersLocations(
  reader: Reader,
  whose: Whose,
  storage: Promise<StorageConf>,
): Promise<Pick<Locations, 'docker' | 'podman' | 'containerd' | 'runtimes' | 'shims'>> {
  const isUsers = reader.root === '' && !isRoot();
  const isAsked = whose === 'all' || (whose === 'ours') === isUsers;
  const users = !isAsked ? [] : isUsers ? [ourselves(reader)] : await others(reader);
  // What containerd-rootless.sh of nerdctl binds to /run/containerd.
  const ofContainerd = users.map(({ uid, runtimes, readerOf }) => {
    const state = `${runtimes[0]}/containerd`;
    return { state, owner: uid, reader: readerOf(state) };
  });
  return {
    containerd: ofContainerd.map(one => ({ ...one, grpc: undefined })),
    shims: ofContainerd.map(({ state, ...more }) => ({ ...more, path: `${state}/runc` })),
    docker: await Promise.all(users.map(user => docker(reader, user))),
    podman: await Promise.all(users.map(user => podman(reader, user, storage))),
    runtimes: users.flatMap(({ uid, runtimes, readerOf }) =>
      runtimes
        .flatMap(path => [`${path}/runc`, `${path}/crun`])
        .map(path => ({ path, owner: uid, reader: readerOf(path) })),
    ),
  };
}

async function docker(reader: Reader, user: User): Promise<DockerLocation> {
  const { uid, data, config, runtimes, readerOf } = user;
  const path = `${config}/docker/daemon.json`;
  const settings = await readerOf(path).settings(path);
  const dataRoot = reader.outside(pathAt(settings, 'data-root')) ?? `${data}/docker`;
  const execRoot = reader.outside(pathAt(settings, 'exec-root')) ?? `${runtimes[0]}/docker`;
  const socket = `${runtimes[0]}/docker.sock`;
  return {
    dataRoot,
    execRoot,
    socket,
    owner: uid,
    runtimes: at(settings, 'runtimes'),
    ofData: readerOf(dataRoot),
    ofExec: readerOf(execRoot),
    ofSocket: readerOf(socket),
  };
}

/** `storage`: the machine's storage.conf, which counts for users where it says so. */
async function podman(
  reader: Reader,
  user: User,
  storage: Promise<StorageConf>,
): Promise<PodmanLocation> {
  const { uid, variables, data, runtimes, readerOf } = user;
  const settings = await storageConf(readerOf(user.storageConf), user.storageConf);
  const chosen = (name: string, from = settings) =>
    reader.outside(storagePath(from, name, variables, reader));
  const ofUsers = 'rootless_storage_path';
  const set = chosen('graphroot') ?? chosen(ofUsers) ?? chosen(ofUsers, await storage);
  const root = set ?? `${data}/containers/storage`;
  const runroot = chosen('runroot');
  const socket = `${runtimes[0]}/podman/podman.sock`;
  return {
    root,
    runroots: [...(runroot ? [runroot] : []), ...runtimes.map(base => `${base}/containers`)],
    socket,
    owner: uid,
    ofRoot: readerOf(root),
    ofRunroot: readerOf,
    ofSocket: readerOf(socket),
    grpc: undefined,
  };
}

/** Where Podman and its storage keep what runs of a user without a session: cron, su, a service. */
const withoutSession = (uid: number) =>
  [`podman-run-${uid}`, `storage-run-${uid}`, `containers-user-${uid}`].map(name => `/tmp/${name}`);

function ourselves(reader: Reader): User {
  const uid = process.geteuid?.() ?? 0;
  // What is empty or no absolute path is not set: XDG Base Directory Specification 0.8.
  const set = (name: string) => pathAt(process.env, name);
  const home = set('HOME') ?? homeOf();
  const config = set('XDG_CONFIG_HOME') ?? `${home}/.config`;
  // In /tmp anybody can have made a directory of that name.
  const shared = withoutSession(uid).map(base => [base, reader.of(base, uid)] as const);
  return {
    uid,
    variables: { values: { ...process.env, HOME: home, UID: `${uid}` }, areAll: true },
    data: set('XDG_DATA_HOME') ?? `${home}/.local/share`,
    config,
    storageConf: ownStorageConf() ?? `${config}/containers/storage.conf`,
    runtimes: [set('XDG_RUNTIME_DIR') ?? `/run/user/${uid}`, ...shared.map(([base]) => base)],
    readerOf: path => shared.find(([base]) => path.startsWith(`${base}/`))?.[1] ?? reader,
  };
}

/** A uid may have no name. */
function homeOf(): string {
  try {
    return userInfo().homedir;
  } catch {
    return '/nonexistent';
  }
}

/**
 * Those who have a runtime directory, which they get when they log in, or linger (loginctl), or one of
 * Podman's own for those who have none.
 */
async function others(reader: Reader): Promise<User[]> {
  const folder = '/run/user';
  const [names, temporary, passwd] = await Promise.all([
    // In one turn of the reader with the others.
    reader.locate(folder).then(path => reader.names(path)),
    reader.locate('/tmp'),
    reader.locate('/etc/passwd').then(path => reader.text(path)),
  ]);
  const sessions = new Set(names);
  const rows = (passwd ?? '').split('\n').map(line => line.split(':'));
  const users = rows.map(async ([name = '', , number = '', , , home]) => {
    const uid = /^\d{1,10}$/.test(number) ? Number(number) : 0;
    const whole = wholePath(home);
    if (uid === 0 || whole === undefined) return undefined;
    const runtimes = sessions.has(number) ? [`${reader.root}${folder}/${uid}`] : [];
    for (const path of withoutSession(uid)) {
      const there = `${temporary}${path.slice('/tmp'.length)}`;
      // Podman takes none that is not the user's; anybody can have made it.
      if ((await isThere(reader, there)) && (await reader.of(there, uid).isOwn())) {
        runtimes.push(there);
      }
    }
    return runtimes.length === 0
      ? undefined
      : otherUser(reader, uid, name, await reader.locate(whole), runtimes);
  });
  return (await Promise.all(users)).filter(user => user !== undefined);
}

/** Asked for every user: where the directory is the machine's own, without a turn of the thread pool. */
async function isThere(reader: Reader, path: string): Promise<boolean> {
  return reader.root === '' ? isHere(path) : reader.has(path);
}

function otherUser(
  reader: Reader,
  uid: number,
  name: string,
  home: string,
  runtimes: string[],
): User {
  const bases = [home, ...runtimes].map(base => ({ base, of: reader.of(base, uid) }));
  return {
    uid,
    variables: {
      values: { HOME: reader.inside(home), UID: `${uid}`, USER: name },
      areAll: false,
    },
    data: `${home}/.local/share`,
    config: `${home}/.config`,
    storageConf: `${home}/.config/containers/storage.conf`,
    runtimes,
    readerOf: path =>
      bases.find(({ base }) => path.startsWith(`${base}/`))?.of ?? reader.of(path, uid),
  };
}
