/**
 * What one engine says of one container, and how what several say of the same one is joined.
 */
import type { Container, ContainerState, Engine, KnownAs, Pod } from './container.ts';
import { isRandomId } from './fields.ts';

type Told = Pick<
  Container,
  | 'name'
  | 'image'
  | 'rootfs'
  | 'bundle'
  | 'labels'
  | 'annotations'
  | 'hostname'
  | 'cgroup'
  | 'created'
  | 'started'
>;

type Perhaps<T> = { readonly [K in keyof T]?: T[K] | undefined };

export interface Sighting extends Perhaps<Told> {
  readonly knownAs: KnownAs;
  readonly owner: number;
  /** What the engine believes; it may have been dead since. */
  readonly state?: ContainerState | undefined;
  readonly pid?: number | undefined;
  readonly startTime?: number | undefined;
  readonly pod?: Pod | undefined;
  /** Asked when no sighting of the container has a rootfs. */
  readonly findRootfs?: () => Promise<string | undefined>;
  /** Of a runtime: does it still have it? */
  readonly isThere?: () => Promise<boolean>;
  /** Asked when no sighting of the container has a pid. */
  readonly findPid?: () => Promise<number | undefined>;
}

/** Sightings of one container, the engine that people use first. */
export type Group = readonly [Sighting, ...Sighting[]];

const order: readonly Engine[] = ['docker', 'podman', 'containerd', 'runc', 'crun'];

/** Only ids that no two containers have join what several engines say; and never of two users. */
function keyOf({ knownAs, owner }: Sighting): string {
  const { id, engine, namespace, root } = knownAs;
  if (isRandomId(id)) return `${owner}:${id}`;
  const space = namespace ?? /\/containerd\/runc\/([^/]+)$/.exec(root ?? '')?.[1];
  return space === undefined ? `${owner}:${engine}:${root}:${id}` : `${owner}:in ${space}:${id}`;
}

export function join(sightings: readonly Sighting[]): Group[] {
  const groups = new Map<string, Sighting[]>();
  for (const sighting of sightings) {
    const key = keyOf(sighting);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sighting]);
    else group.push(sighting);
  }
  const rank = ({ knownAs }: Sighting) => order.indexOf(knownAs.engine);
  return [...groups.values()].map(group => group.sort((a, b) => rank(a) - rank(b)) as never);
}

/** The first that has an answer, from the engine that people use down. */
export function first<K extends keyof Sighting>(group: Group, field: K): Sighting[K] | undefined {
  return group.find(sighting => sighting[field] !== undefined)?.[field];
}
