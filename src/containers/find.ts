/** `findContainer`. */
import { invalidType, invalidValue } from '../base/errors.ts';
import type { Container, ContainerOptions } from './container.ts';
import { finding } from './finding.ts';
import { checkOptions } from './options.ts';

/**
 * One container: by its id, or the beginning of it (6 digits or more); by its name; in Kubernetes by
 * `namespace/pod/container`. An engine can be named before it: `docker:web`, or as Kubernetes does,
 * `containerd://ID`. Of another user's engine only with the uid before all that: `1000:web`,
 * `1000:podman:web`. Whatever users call theirs, a name without a uid never means one of those. The name
 * of a pod means its sandbox where no container has that name; that of a service of Compose's, its container.
 *
 * Only what the name means is read as a whole and checked, so it costs little more than a pid.
 *
 * Rejects with `NamespaceError`: ENOENT where no engine has one, with where was looked; ENOTUNIQ where
 * several are meant, with their names in the message.
 */
export async function findContainer(
  nameOrId: string,
  options: ContainerOptions = {},
): Promise<Container> {
  if (typeof nameOrId !== 'string') throw invalidType('nameOrId', 'a string', nameOrId);
  if (nameOrId === '') throw invalidValue('nameOrId', 'not empty', nameOrId);
  const checked = checkOptions(options);
  const { search } = await finding();
  return search(nameOrId, checked);
}
