/** Which containers a name means: of what is known of them before they are read. */
import type { Engine } from './container.ts';
import { namesOf } from './container-names.ts';
import { type Entries, type Entry, engines, type Names } from './sighting.ts';
import { StateFile } from './state-file.ts';

/** Digits of an id that are enough: fewer would be met by chance, by the name of one that is gone. */
export const digitsLeast = 6;

/** What somebody writes for a container. */
export interface Wanted {
  readonly name: string;
  /** One that people use for it, or one that this works with: `docker:web`, `containerd://ID`. */
  readonly engine: Engine | undefined;
}

/** Docker's API has names with a slash before them: `/web`. */
export function wantedOf(text: string): Wanted {
  const [, before, rest = ''] = /^([a-z-]+):(?:\/\/)?(.+)$/s.exec(text) ?? [];
  const engine = engines.find(one => one === before);
  return { engine, name: (engine === undefined ? text : rest).replace(/^\/(?=.)/, '') };
}

/** An entry with its names, where these may be what is wanted. */
type Named = Names & { readonly id: string };

/** In this order: the first by which there is one; after all of them, the beginning of its id. */
const ways: readonly ((wanted: string, named: Named) => boolean)[] = [
  (wanted, named) => namesOf(named).includes(wanted) || named.ownName === wanted,
  // A pod's sandbox has the name of the pod, which its only container often has, too.
  (wanted, { pod, id, name }) => pod?.sandbox === id && name === wanted,
  (wanted, { service }) => service === wanted,
];

/** For each way in turn those that it means, until the caller is content. */
export async function* matches(
  containers: readonly Entries[],
  { name, engine }: Wanted,
): AsyncGenerator<Entries[]> {
  const asked = containers.filter(entries => engine === undefined || mayBeOf(entries, engine));
  yield asked.filter(entries => entries.some(({ id }) => id === name));
  const named = await namedIn(asked, name);
  for (const way of ways) {
    yield asked.filter(entries => named.get(entries)?.some(one => way(name, one)));
  }
  if (name.length < digitsLeast) return;
  yield asked.filter(entries => entries.some(({ id }) => id.startsWith(name)));
}

/** Those that may be called so: of a hundred, few have the name in their file. */
async function namedIn(
  containers: readonly Entries[],
  wanted: string,
): Promise<ReadonlyMap<Entries, readonly Named[]>> {
  const files = containers.flat().flatMap(({ file }) => (file === undefined ? [] : [file]));
  const having = await StateFile.having(files, wanted);
  const all = new Map<Entries, readonly Named[]>();
  for (const entries of containers) {
    const mayBe = entries.some(({ file, names }) => (file ? having.has(file) : names));
    if (mayBe) all.set(entries, await Promise.all(entries.map(one => named(one, having))));
  }
  return all;
}

async function named(entry: Entry, having: ReadonlySet<StateFile>): Promise<Named> {
  const { id, file } = entry;
  const isAsked = file === undefined || having.has(file);
  return { id, ...(isAsked ? await entry.names?.() : {}) };
}

/** Which runtime it is shows when it is read. */
function mayBeOf(entries: Entries, engine: Engine): boolean {
  return engine === 'runc' || engine === 'crun' || entries.some(entry => entry.engine === engine);
}
