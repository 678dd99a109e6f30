/** The door to what few callers need of this room, loaded by the first call of one of them. */
import { createRequire } from 'node:module';
import type { Namespaces } from '../namespaces.ts';
import type { CreateOptions } from './options.ts';

const load = createRequire(import.meta.url);
const room = () => load('./networks.js') as typeof import('./networks.ts');

/**
 * Networks with names, which live until they are removed, or the machine ends: the same as those of
 * `ip netns`, under /run/netns, so each sees, opens and removes what the other made.
 */
export interface Networks {
  /**
   * Makes a new network of that name, and opens it. The handle may be closed: the network stays.
   * `loopback`: with `lo` up. Needs CAP_SYS_ADMIN. An empty file that a killed program left there more
   * than a minute ago is taken over.
   *
   * Rejects with `NamespaceError`: EEXIST where there is one of that name; and `TypeError` for a name
   * that is no file name ('../x').
   */
  create(name: string, options?: Pick<CreateOptions, 'loopback'>): Promise<Namespaces>;
  /** Opens it, as `openNamespaces({ net: '/run/netns/NAME' }, ['net'])` does; ENOENT. */
  open(name: string): Namespaces;
  /** The names of all that there are, sorted. */
  list(): string[];
  /**
   * Takes the name away. The network itself ends when no process, handle or socket is left in it.
   * Also removes the empty file of a program that was killed while it created one. ENOENT.
   */
  remove(name: string): void;
}

export const networks: Networks = {
  create: async (name, options) => room().create(name, options),
  open: name => room().open(name),
  list: () => room().list(),
  remove: name => room().remove(name),
};
