/** What an OCI configuration (config.json of a bundle) says of a container: the same for every engine. */
import { isAbsolute, join } from 'node:path';
import type { Mount } from './container.ts';
import { at, isRandomId, isTable, list, pairs, pathText, text, texts } from './fields.ts';
import type { Reader } from './reader.ts';
import type { Sighting } from './sighting.ts';

type Configured = Pick<
  Sighting,
  | 'rootfs'
  | 'annotations'
  | 'hostname'
  | 'command'
  | 'user'
  | 'workingDir'
  | 'env'
  | 'mounts'
  | 'hasOwnMounts'
>;

/** `bundle`: as it is reached from here; a relative root is in there. All undefined where there is none. */
export function readConfig(
  reader: Reader,
  config: unknown,
  bundle: string | undefined,
  id: string,
): Configured {
  if (typeof config !== 'object' || config === null) return {};
  const root = pathText(at(config, 'root', 'path'));
  return {
    rootfs:
      root === undefined || isAbsolute(root) ? reader.outside(root) : bundle && join(bundle, root),
    annotations: texts(at(config, 'annotations')) ?? {},
    hostname: text(at(config, 'hostname')),
    command: words(at(config, 'process', 'args')),
    user: userOf(at(config, 'process', 'user')),
    workingDir: text(at(config, 'process', 'cwd')),
    env: pairs(at(config, 'process', 'env')),
    mounts: binds(reader, at(config, 'mounts'), id),
    hasOwnMounts: list(at(config, 'linux', 'namespaces')).some(
      one => at(one, 'type') === 'mount' && at(one, 'path') === undefined,
    ),
  };
}

function userOf(user: unknown): string | undefined {
  const [uid, gid] = [at(user, 'uid') ?? 0, at(user, 'gid') ?? 0];
  const isWhole = isTable(user) && Number.isSafeInteger(uid) && Number.isSafeInteger(gid);
  return isWhole ? `${uid}:${gid}` : undefined;
}

/** A list of texts; undefined where it is none, or one of something else. */
export function words(value: unknown): readonly string[] | undefined {
  const all = list(value).filter(word => typeof word === 'string');
  return all.length > 0 && all.length === list(value).length ? all : undefined;
}

const ofEngines = [
  '/dev/shm',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/resolv.conf',
  '/run/.containerenv',
];

/** What Podman has for `--init`, now and before 4.0; and what it takes of the host's for `--ipc=host`, as it is. */
const inits = ['/run/podman-init', '/dev/init'];
const ofHost = ['/dev/shm', '/dev/mqueue'];

/** Engines bind files of their own, from a directory named by the id of the container, or of its pod's. */
export function isEngines(source: string, destination: string, id: string): boolean {
  if (inits.includes(destination)) return true;
  if (ofHost.includes(destination) && source === destination) return true;
  const names = source.split('/');
  return names.includes(id) || (ofEngines.includes(destination) && names.some(isRandomId));
}

/** What is bound from outside, or is below an overlay: Podman's `-v DIRECTORY:PATH:O`. */
function binds(reader: Reader, mounts: unknown, id: string): readonly Mount[] {
  return list(mounts).flatMap(mount => {
    const [type, destination] = [at(mount, 'type'), text(at(mount, 'destination'))];
    const options = list(at(mount, 'options')).filter(option => typeof option === 'string');
    const isOverlay = type === 'overlay';
    const isBind =
      isOverlay || type === 'bind' || options.includes('bind') || options.includes('rbind');
    const source = isOverlay ? lowerIn(options) : text(at(mount, 'source'));
    if (!isBind || source === undefined || destination === undefined) return [];
    if (isEngines(source, destination, id)) return [];
    const isReadOnly = options.includes('ro') || options.includes('rro');
    const rw = !isReadOnly && (!isOverlay || options.some(option => /^upperdir=/.test(option)));
    return [{ type: 'bind', name: undefined, source: reader.outside(source), destination, rw }];
  });
}

/** The uppermost of the directories that it shows; colons are written with a backslash. */
function lowerIn(options: readonly string[]): string | undefined {
  const lower = options.find(option => option.startsWith('lowerdir='));
  const [, first] = /^lowerdir=((?:[^:\\]|\\.)+)/.exec(lower ?? '') ?? [];
  return text(first?.replace(/\\(.)/g, '$1'));
}
