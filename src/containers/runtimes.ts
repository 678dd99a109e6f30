/**
 * The runtimes that engines work with: every directory in which runc or crun keeps containers, their
 * own and those that engines give them.
 */
import { readCrun } from './crun.ts';
import { isId } from './fields.ts';
import type { Locations, RuntimeLocation } from './location-types.ts';
import { readRunc } from './runc.ts';
import type { Entry, Sighting } from './sighting.ts';

export async function findRuntimes(locations: Locations): Promise<Entry[]> {
  const roots = await Promise.all([
    ...locations.runtimes,
    ...locations.docker.map(({ execRoot, owner, ofExec }) => ofDocker(execRoot, owner, ofExec)),
    ...locations.shims.map(below),
  ]);
  const unique = new Map(roots.flat().map(root => [root.path, root]));
  const all = [...unique.values()].map(async root => {
    const ids = (await root.reader.names(root.path)).filter(isId);
    return ids.map(id => entryOf(root, id));
  });
  return (await Promise.all(all)).flat();
}

function entryOf(root: RuntimeLocation, id: string): Entry {
  return {
    engine: undefined,
    id,
    owner: root.owner,
    root: root.reader.inside(root.path),
    read: async () => {
      const sighting = await readRuntime(root, id);
      return sighting === undefined ? [] : [sighting];
    },
  };
}

/** By the file that is there; a FIFO is there until the program is started. */
export async function readRuntime(
  { path, owner, reader }: RuntimeLocation,
  id: string,
): Promise<Sighting | undefined> {
  const directory = `${path}/${id}`;
  // All at once, without knowing which there is.
  const [names, ofRunc, ofCrun] = await Promise.all([
    reader.names(directory),
    reader.text(`${directory}/state.json`),
    reader.text(`${directory}/status`),
  ]);
  const at = { reader, root: path, id, owner, isCreated: names.includes('exec.fifo') };
  const read = async () => {
    if (ofRunc !== undefined) return readRunc(at, ofRunc);
    return ofCrun === undefined ? undefined : readCrun(at, ofCrun);
  };
  const found = await read();
  return found && { ...found, isThere: () => reader.has(`${path}/${id}`) };
}

/** /run/docker/runtime-runc/moby: by the name of the runtime, and containerd's namespace. */
async function ofDocker(
  execRoot: string | undefined,
  owner: number,
  reader: RuntimeLocation['reader'],
): Promise<RuntimeLocation[]> {
  if (execRoot === undefined) return [];
  const names = (await reader.names(execRoot)).filter(name => name.startsWith('runtime-'));
  const all = names.map(name => below({ path: `${execRoot}/${name}`, owner, reader }));
  return (await Promise.all(all)).flat();
}

/** By containerd's namespace. Whatever shim runs them, its owner's. */
async function below({ path, owner, reader }: RuntimeLocation): Promise<RuntimeLocation[]> {
  const spaces = (await reader.names(path)).filter(isId);
  return spaces.map(space => ({ path: `${path}/${space}`, owner, reader }));
}

/** `io.containerd.kata.v2`, `/usr/bin/containerd-shim-runsc-v1`, `/usr/bin/crun`: the name in it. */
export function runtimeName(told: string | undefined): string | undefined {
  if (told === undefined) return undefined;
  const program = told
    .slice(told.lastIndexOf('/') + 1)
    .replace(/^containerd-shim-|^io\.containerd\./, '');
  return program.replace(/[.-]v\d+$/, '') || undefined;
}

/** Those whose containers are in a kernel of their own: no process of theirs is one of ours. */
export function hasOwnKernel(runtime: string | undefined): boolean {
  return /(^|[.-])(runsc|gvisor|kata|firecracker|krun|crun-vm|urunc|runq|runv|quark|cc-runtime)($|[.-])/.test(
    runtime ?? '',
  );
}
