/**
 * The runtimes that engines work with: every directory in which runc or crun keeps containers, their
 * own and those that engines give them.
 */
import { readCrun } from './crun.ts';
import { isId } from './fields.ts';
import type { Places, RuntimePlace } from './locations.ts';
import type { Reader } from './reader.ts';
import { readRunc } from './runc.ts';
import type { Sighting } from './sighting.ts';

export async function readRuntimes(reader: Reader, places: Places): Promise<Sighting[]> {
  const roots = await Promise.all([
    ...places.runtimes,
    ...places.docker.map(({ execRoot }) => ofDocker(reader, execRoot)),
    below(reader, `${await reader.locate('/run/containerd')}/runc`),
  ]);
  const all = roots.flat().map(async root => {
    const ids = (await root.reader.names(root.path)).filter(isId);
    return Promise.all(ids.map(id => readOne(root, id)));
  });
  return (await Promise.all(all)).flat().filter(sighting => sighting !== undefined);
}

/** By the file that is there; a FIFO is there until the program is started. */
async function readOne(
  { path, owner, reader }: RuntimePlace,
  id: string,
): Promise<Sighting | undefined> {
  const names = await reader.names(`${path}/${id}`);
  const read = names.includes('state.json') ? readRunc : readCrun;
  if (read === readCrun && !names.includes('status')) return undefined;
  const found = await read(reader, path, id, owner, names.includes('exec.fifo'));
  return found && { ...found, isThere: () => reader.has(`${path}/${id}`) };
}

/** /run/docker/runtime-runc/moby: by the name of the runtime, and containerd's namespace. */
async function ofDocker(reader: Reader, execRoot: string): Promise<RuntimePlace[]> {
  const names = (await reader.names(execRoot)).filter(name => name.startsWith('runtime-'));
  return (await Promise.all(names.map(name => below(reader, `${execRoot}/${name}`)))).flat();
}

/** By containerd's namespace. Whatever shim runs them, root's. */
async function below(reader: Reader, path: string): Promise<RuntimePlace[]> {
  const spaces = (await reader.names(path)).filter(isId);
  return spaces.map(space => ({ path: `${path}/${space}`, owner: 0, reader }));
}
