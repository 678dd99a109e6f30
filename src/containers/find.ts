/** From the name that somebody gives to the one container that it means. */
import { errnos } from '../base/errnos.ts';
import { failure, invalidType, invalidValue, type NamespaceError } from '../base/errors.ts';
import type { Container, ContainerOptions, Containers } from './container.ts';
import { listContainers } from './list.ts';

/** Digits of an id that are enough: fewer would be met by chance, by the name of one that is gone. */
const digitsLeast = 6;

/**
 * One container: by its id, or the beginning of it (6 digits or more); by its name; in Kubernetes by
 * `namespace/pod/container`. An engine can be named before it: `docker:web`. Of another user's engine
 * only with the uid before all that: `1000:web`, `1000:podman:web`. Whatever users call theirs, a name
 * without a uid never means one of those.
 *
 * Rejects with `NamespaceError`: ENOENT where no engine has one; ENOTUNIQ where several are meant,
 * with their names in the message.
 */
export async function findContainer(
  nameOrId: string,
  options?: ContainerOptions,
): Promise<Container> {
  if (typeof nameOrId !== 'string') throw invalidType('nameOrId', 'a string', nameOrId);
  if (nameOrId === '') throw invalidValue('nameOrId', 'not empty', nameOrId);
  const containers = await listContainers(options);
  const found = match(containers.filter(isOurs), nameOrId);
  if (found.length === 0) found.push(...matchOfUser(containers, nameOrId));
  if (found.length === 1) return found[0] as Container;
  if (found.length > 1) throw ambiguous(nameOrId, found);
  throw unknown(nameOrId, containers);
}

/** Of an engine of root's, or of who asks. */
function isOurs({ owner }: Container): boolean {
  return owner === 0 || owner === process.geteuid?.();
}

/** `uid:name` */
function matchOfUser(containers: readonly Container[], name: string): Container[] {
  const [, uid, rest] = /^(\d+):(.+)$/s.exec(name) ?? [];
  if (rest === undefined) return [];
  return match(
    containers.filter(({ owner }) => owner === Number(uid)),
    rest,
  );
}

/** The first of these ways by which there is one: whole ids, names, the beginnings of ids. */
function match(containers: readonly Container[], name: string): Container[] {
  const colon = name.indexOf(':');
  const engine = colon < 0 ? undefined : name.slice(0, colon);
  const rest = name.slice(colon + 1);
  const ways: ((container: Container, wanted: string) => boolean)[] = [
    ({ id }, wanted) => id === wanted,
    (container, wanted) => namesOf(container).includes(wanted),
    ({ id }, wanted) => wanted.length >= digitsLeast && id.startsWith(wanted),
  ];
  for (const way of ways) {
    const found = containers.filter(
      container => way(container, name) || (isOf(container, engine) && way(container, rest)),
    );
    if (found.length > 0) return found;
  }
  return [];
}

/** `engine:` means the one that people use for it, and also those that it works with. */
function isOf({ knownAs }: Container, engine: string | undefined): boolean {
  return engine !== undefined && knownAs.some(known => known.engine === engine);
}

/** `container`; in Kubernetes also `namespace/pod/container`, and `namespace/pod` for the sandbox. */
function namesOf({ name, pod, id }: Container): string[] {
  if (pod?.namespace === undefined || pod.name === undefined) return [name];
  const path = `${pod.namespace}/${pod.name}`;
  return pod.sandbox === id ? [name, path] : [name, `${path}/${name}`];
}

/** A name that means this container and no other, as far as it has one. */
function exactName(container: Container): string {
  const name = `${container.engine}:${namesOf(container).at(-1)}`;
  return isOurs(container) ? name : `${container.owner}:${name}`;
}

function ambiguous(name: string, found: readonly Container[]): NamespaceError {
  const list = found.map(
    container => `${exactName(container)} (${container.id.slice(0, 12)}, ${container.state})`,
  );
  const advice = `it is one of ${list.join(', ')}; give more of the name, or the id`;
  return failure(errnos.ENOTUNIQ, 'findContainer', { target: name, advice });
}

function unknown(name: string, containers: Containers): NamespaceError {
  const { problems } = containers;
  const theirs = match(
    containers.filter(container => !isOurs(container)),
    name,
  );
  const [first] = theirs;
  const more = problems.length > 1 ? ` and ${problems.length - 1} more` : '';
  const unread =
    problems[0] === undefined
      ? 'no engine has such a container'
      : `not all could be read: ${problems[0].message}${more}`;
  const advice =
    first === undefined
      ? unread
      : `a user has one: ${exactName(first)}, if it is that which is meant`;
  return failure(errnos.ENOENT, 'findContainer', { target: name, advice });
}
