/**
 * What one engine says of one container: first by which names it is known, which is cheap, then all
 * else. And how what several say of the same one is joined.
 */
import { namesOf } from '../base/check.ts';
import type { Container, ContainerState, Engine, KnownAs, Pod as WholePod } from './container.ts';
import { isRandomId } from './fields.ts';
import type { Reader } from './reader.ts';
import type { StateFile } from './state-file.ts';

/** The names of a pod; its labels are told by others. */
export type Pod = Omit<WholePod, 'labels'>;

type Told = Pick<
  Container,
  | 'name'
  | 'image'
  | 'rootfs'
  | 'bundle'
  | 'labels'
  | 'annotations'
  | 'command'
  | 'user'
  | 'workingDir'
  | 'env'
  | 'ports'
  | 'mounts'
  | 'logPath'
  | 'hostname'
  | 'created'
  | 'started'
  | 'snapshot'
>;

type Perhaps<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** That there is a container, and how more is to be known of it. */
export interface Entry {
  /** undefined of a runtime's, which one shows when it is read. */
  readonly engine: Engine | undefined;
  readonly id: string;
  readonly owner: number;
  /** Of containerd's and of a runtime's: as in KnownAs. */
  readonly namespace?: string;
  readonly root?: string;
  /** What has its names in it, where they are to be read: those of many are in one go. */
  readonly file?: StateFile;
  /** Default: it has no name but its id. */
  readonly names?: () => Promise<Names>;
  /** None where it has been removed meanwhile. */
  readonly read: () => Promise<readonly Sighting[]>;
}

export interface Names {
  readonly name?: string | undefined;
  readonly pod?: Pod | undefined;
  /** What its engine calls it, where that is another name than the one in its pod. */
  readonly ownName?: string | undefined;
  /** What Compose runs it for, as it is called in compose.yaml. */
  readonly service?: string | undefined;
}

export interface Sighting extends Perhaps<Told> {
  readonly knownAs: KnownAs;
  readonly owner: number;
  /** What the engine believes; it may have been dead since. */
  readonly state?: ContainerState | undefined;
  readonly pid?: number | undefined;
  readonly startTime?: number | undefined;
  /** Its process was looked for in our /proc: its pid, or that there is none, is no engine's word. */
  readonly isSeen?: boolean;
  readonly pod?: Pod | undefined;
  readonly podLabels?: Readonly<Record<string, string>> | undefined;
  /** What the engine was told to run it with. */
  readonly runtime?: string | undefined;
  /** Asked when it is not seen that runc does. `pid`: of its process, in our /proc. */
  readonly findRuntime?: (pid: number | undefined) => Promise<string | undefined>;
  /** Does a process of it have a mount namespace that is not the host's, whatever it is? */
  readonly hasOwnMounts?: boolean | undefined;
  /** A component of the path of its cgroup that no other container has. Default: one that is named by the id. */
  readonly cgroupName?: string | undefined;
  /** Why it may run though no process of it was found. */
  readonly doubt?: string | undefined;
  /** Its engine may be on another machine: that its pid is not here says nothing. */
  readonly isElsewhere?: boolean;
  /** Asked when no sighting of the container has a rootfs. */
  readonly findRootfs?: () => Promise<string | undefined>;
  /** Of a runtime: does it still have it? */
  readonly isThere?: () => Promise<boolean>;
  /** Asked when no sighting of the container has a pid. Gives a text as `doubt` is. */
  readonly findPid?: (() => Promise<number | string | undefined>) | undefined;
}

/** The directory of one container below a runtime's `--root`. */
export interface AtRuntime {
  readonly reader: Reader;
  readonly root: string;
  readonly id: string;
  readonly owner: number;
  /** Its program waits to be started. */
  readonly isCreated: boolean;
}

/** Entries of one container. */
export type Entries = readonly [Entry, ...Entry[]];

/** Sightings of one container, the engine that people use first. */
export type Group = readonly [Sighting, ...Sighting[]];

/** From those that people use to those that these work with. */
export const engines = namesOf<Record<Engine, unknown>>({
  docker: true,
  podman: true,
  'cri-o': true,
  containerd: true,
  lxc: true,
  nspawn: true,
  runc: true,
  crun: true,
}) as readonly Engine[];

/** Only ids that no two containers have join what several engines say; and never of two users. */
function keyOf({ id, engine, namespace, root, owner }: Entry): string {
  if (isRandomId(id)) return `${owner}:${id}`;
  const space = namespace ?? /\/containerd\/runc\/([^/]+)$/.exec(root ?? '')?.[1];
  return space === undefined ? `${owner}:${engine}:${root}:${id}` : `${owner}:in ${space}:${id}`;
}

export function join(entries: readonly Entry[]): Entries[] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return [...groups.values()] as never;
}

/** undefined where the container has been removed meanwhile. */
export async function readAll(entries: Entries): Promise<Group | undefined> {
  const read = (await Promise.all(entries.map(entry => entry.read()))).flat();
  // Who answers as Docker at a socket of which nothing else is known may be Podman, of which the files say more.
  const rank = ({ knownAs, isElsewhere }: Sighting) =>
    isElsewhere ? engines.length : engines.indexOf(knownAs.engine);
  const places = read.map(({ knownAs }) => `${knownAs.engine} ${knownAs.root}`);
  const group = read.filter((_, i) => places.indexOf(places[i] as string) === i);
  return group.length === 0 ? undefined : (group.sort((a, b) => rank(a) - rank(b)) as never);
}

/** Without those that are a part of another: what containerd's task says is a runtime's, in a root that was told. */
export function withoutParts(groups: readonly Group[]): Group[] {
  const nameOf = ({ knownAs }: Sighting) => `${knownAs.root} ${knownAs.id}`;
  const parts = new Set(
    groups.flatMap(group => (group.length > 1 ? group.slice(1).map(nameOf) : [])),
  );
  return groups.filter(group => group.length > 1 || !parts.has(nameOf(group[0])));
}

/** The first that has an answer, from the engine that people use down. */
export function first<K extends keyof Sighting>(group: Group, field: K): Sighting[K] | undefined {
  return group.find(sighting => sighting[field] !== undefined)?.[field];
}
