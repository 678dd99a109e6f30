/** Named networks: those of `ip netns`, which sees ours as we see its, under /run/netns. */
import { readdirSync } from 'node:fs';
import { binding } from '../binding.ts';
import { failure, invalidType, invalidValue } from '../errors.ts';
import { Namespaces } from '../namespaces.ts';
import { openTarget } from '../target.ts';
import { createNamespaces } from './create.ts';
import type { CreateOptions } from './options.ts';
import { bindFailure, unbind } from './persist.ts';

const directory = '/run/netns';

/** @see Networks.create */
export async function create(
  name: string,
  options: Pick<CreateOptions, 'loopback'> = {},
): Promise<Namespaces> {
  const path = pathOf(name);
  const { loopback } = options;
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

/** @see Networks.open */
export function open(name: string): Namespaces {
  return new Namespaces(openTarget({ net: pathOf(name) }, ['net']));
}

/** @see Networks.list */
export function list(): string[] {
  let names: string[] = [];
  try {
    names = readdirSync(directory);
  } catch (error) {
    const { errno = 0, code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw failure(errno, 'scandir', { target: directory });
  }
  return names.filter(isNetwork).sort();
}

/** @see Networks.remove */
export function remove(name: string): void {
  unbind(pathOf(name), true);
}

function isNetwork(name: string): boolean {
  const fd = binding.openNamespace(`${directory}/${name}`);
  if (fd < 0) return false;
  binding.close(fd);
  return true;
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
