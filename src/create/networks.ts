/** Named networks: those of `ip netns`, which sees ours as we see its, under /run/netns. */
import { readdirSync } from 'node:fs';
import { binding } from '../base/binding.ts';
import { optionsIn } from '../base/check.ts';
import { errnos } from '../base/errnos.ts';
import { failure, invalidType, invalidValue } from '../base/errors.ts';
import { kindOf } from '../base/namespace-types.ts';
import { Namespaces } from '../target/namespaces.ts';
import { openTarget } from '../target/target.ts';
import { bindFailure, unbind } from './bind.ts';
import { createNamespaces } from './create.ts';
import type { CreateOptions } from './options.ts';

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
   * Rejects with `NamespaceError`: EEXIST where there is one of that name; EAGAIN where the lock of `ip netns`, which
   * the first network and such a file need, is held for five seconds; and `TypeError` for a name that is no file
   * name ('../x').
   */
  create(name: string, options?: Pick<CreateOptions, 'loopback'>): Promise<Namespaces>;
  /** Opens it, as `openNamespaces({ net: '/run/netns/NAME' }, ['net'])` does; ENOENT. */
  open(name: string): Namespaces;
  /** The names of all that there are, sorted. Throws `NamespaceError` where one cannot be opened. */
  list(): string[];
  /**
   * Takes the name away. The network itself ends when no process, handle or socket is left in it.
   * Also removes the empty file of a program that was killed while it created one. ENOENT.
   */
  remove(name: string): void;
}

const directory = '/run/netns';

async function create(
  name: string,
  options: Pick<CreateOptions, 'loopback'> = {},
): Promise<Namespaces> {
  const path = pathOf(name);
  const { loopback } = optionsIn(options, ['loopback']);
  const network = await createNamespaces(['net'], { loopback });
  try {
    const done = await binding.addFile(network.fd('net'), directory, path);
    if (done < 0) throw bindFailure(done, 'net', path);
    return network;
  } catch (error) {
    network.close();
    throw error;
  }
}

function open(name: string): Namespaces {
  return Namespaces.of(openTarget({ net: pathOf(name) }, ['net']));
}

function list(): string[] {
  let names: string[] = [];
  try {
    names = readdirSync(directory);
  } catch (error) {
    const { errno = 0, code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw failure(errno, 'scandir', { target: directory });
  }
  return names.filter(isNetwork).sort();
}

function remove(name: string): void {
  unbind(pathOf(name), true);
}

export const networks: Networks = { create, open, list, remove };

/** What has been removed meanwhile is none, nor another namespace, nor what is none: the file of a killed program. */
function isNetwork(name: string): boolean {
  const target = `${directory}/${name}`;
  const fd = binding.openNamespace(target);
  if (fd === errnos.ENOENT || fd === errnos.EINVAL) return false;
  if (fd < 0) throw failure(fd, 'open', { type: 'net', target });
  const type = binding.getType(fd);
  binding.close(fd);
  return type < 0 || type === kindOf.net.flag;
}

/** The same names as `ip netns` takes: one step of a path, and nothing else. */
function pathOf(name: unknown): string {
  if (typeof name !== 'string') throw invalidType('name', 'a string', name);
  const one = name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
  if (!one || Buffer.byteLength(name) > 255) {
    throw invalidValue('name', 'a file name: at most 255 bytes, without /, not . or ..', name);
  }
  return `${directory}/${name}`;
}
