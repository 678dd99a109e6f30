/**
 * The runtimes that engines work with: every directory in which runc or crun keeps containers, their
 * own and those that engines give them.
 */
import { basename } from 'node:path';
import { processRows } from '../base/processes.ts';
import { readCrun } from './crun.ts';
import { isId } from './fields.ts';
import type { Locations, RuntimeLocation } from './location-types.ts';
import { readRunc } from './runc.ts';
import type { Entry, Sighting } from './sighting.ts';

export async function findRuntimes(locations: Locations): Promise<Entry[]> {
  const all = await Promise.all([
    ...locations.runtimes.map(place => rootsIn(place)),
    // /run/docker/runtime-runc/moby: by the name of the runtime, and containerd's namespace.
    ...locations.docker.map(({ execRoot, owner, ofExec }) =>
      execRoot === undefined
        ? []
        : rootsIn({ path: execRoot, owner, reader: ofExec }, 'runtime-*', '*'),
    ),
    // By containerd's namespace. Whatever shim runs them, its owner's.
    ...locations.shims.map(place => rootsIn(place, '*')),
  ]);
  const unique = new Map(all.flat().map(root => [root.path, root]));
  return [...unique.values()].flatMap(root => root.ids.map(id => new RuntimeEntry(root, id)));
}

interface Root extends RuntimeLocation {
  readonly ids: readonly string[];
}

/** Those that are so many levels below this one, with what is in each. */
async function rootsIn(place: RuntimeLocation, ...levels: readonly string[]): Promise<Root[]> {
  const all = await place.reader.directories(place.path, ...levels);
  const spaces = levels.length === 0 ? all : all.filter(({ path }) => isId(basename(path)));
  return spaces.map(({ path, names }) => ({ ...place, path, ids: names.filter(isId) }));
}

class RuntimeEntry implements Entry {
  readonly engine = undefined;
  readonly id: string;
  readonly #at: Root;

  constructor(at: Root, id: string) {
    this.id = id;
    this.#at = at;
  }

  get owner(): number {
    return this.#at.owner;
  }

  get root(): string {
    return this.#at.reader.inside(this.#at.path);
  }

  async read(): Promise<readonly Sighting[]> {
    const sighting = await readRuntime(this.#at, this.id);
    return sighting === undefined ? [] : [sighting];
  }
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

/** `io.containerd.kata.v2`, `/usr/bin/containerd-shim-runsc-v1`, `/usr/bin/crun`: the name in it. */
export function runtimeName(told: string | undefined): string | undefined {
  if (told === undefined) return undefined;
  const program = told
    .slice(told.lastIndexOf('/') + 1)
    .replace(/^containerd-shim-|^io\.containerd\./, '');
  return program.replace(/[.-]v\d+$/, '') || undefined;
}

/** The program whose child it is, if that is a shim of those with a kernel of their own. */
export async function shimOf(pid: number | undefined): Promise<string | undefined> {
  if (pid === undefined) return undefined;
  const parent = (await processRows([pid])).get(pid)?.ppid ?? 0;
  const row = parent === 0 ? undefined : (await processRows([parent])).get(parent);
  const [program] = row?.command.split(' ') ?? [];
  return hasOwnKernel(runtimeName(program)) ? program : undefined;
}

/** Those whose containers are in a kernel of their own: no process of theirs is one of ours. */
export function hasOwnKernel(runtime: string | undefined): boolean {
  // An expression costs most when it is used for the first time.
  return runtime !== undefined && ownKernels.test(runtime);
}

const ownKernels =
  /(^|[.-])(runsc|gvisor|kata|firecracker|krun|crun-vm|urunc|runq|runv|quark|cc-runtime)($|[.-])/;
