/** The door of this room: its functions, loaded by the first call of one of them. */
import { createRequire } from 'node:module';
import type { Container, ContainerOptions, Containers } from './container.ts';

type Find = typeof import('./find.ts');
type List = typeof import('./list.ts');

const load = createRequire(import.meta.url);

/**
 * The containers of all engines on this machine: Docker's, Podman's (of all users, for root),
 * containerd's and Kubernetes', and those of runc and crun by themselves. One that several engines
 * know is one of the list. From the state that they keep on disk: no daemon is asked but for what is
 * nowhere else (`options.timeout`), so it works when one hangs.
 *
 * What may not or cannot be read is not in the list, and said in its `problems`.
 */
export async function listContainers(options?: ContainerOptions): Promise<Containers> {
  return (load('./list.js') as List).listContainers(options);
}

/**
 * One container: by its id, or the beginning of it (6 digits or more); by its name; in Kubernetes by
 * `namespace/pod/container`. An engine can be named before it: `docker:web`.
 *
 * Rejects with `NamespaceError`: ENOENT where no engine has one; ENOTUNIQ where several are meant,
 * with their names in the message.
 */
export async function findContainer(
  nameOrId: string,
  options?: ContainerOptions,
): Promise<Container> {
  return (load('./find.js') as Find).findContainer(nameOrId, options);
}
