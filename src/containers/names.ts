/** Which containers a name means: of what is known of them before they are read. */
import type { Engine } from './container.ts';
import { type Entries, type Entry, engines, type Names } from './sighting.ts';

/** Digits of an id that are enough: fewer would be met by chance, by the name of one that is gone. */
const digitsLeast = 6;

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

/** `container`; in Kubernetes also `namespace/pod/container`, and `namespace/pod` for the sandbox. */
export function namesOf({ name, pod, id }: Names & { readonly id: string }): string[] {
  if (pod?.namespace === undefined || pod.name === undefined) return [name ?? id];
  const path = `${pod.namespace}/${pod.name}`;
  return pod.sandbox === id ? [path] : [name ?? id, `${path}/${name}`];
}

type Way = (wanted: string, entry: Entry) => boolean | Promise<boolean>;

/** In this order: the first by which there is one. */
const ways: readonly Way[] = [
  (wanted, { id }) => id === wanted,
  async (wanted, entry) =>
    namesOf({ id: entry.id, ...(await entry.names?.(wanted)) }).includes(wanted),
  // A pod's sandbox has the name of the pod, which its only container often has, too.
  async (wanted, { id, names }) => {
    const { name, pod } = (await names?.(wanted)) ?? {};
    return pod?.sandbox === id && name === wanted;
  },
  async (wanted, { names }) => (await names?.(wanted))?.service === wanted,
  (wanted, { id }) => wanted.length >= digitsLeast && id.startsWith(wanted),
];

/** For each way in turn those that it means, until the caller is content. */
export async function* matches(
  containers: readonly Entries[],
  { name, engine }: Wanted,
): AsyncGenerator<Entries[]> {
  const asked = containers.filter(entries => engine === undefined || mayBeOf(entries, engine));
  for (const way of ways) {
    const found = asked.map(async entries => {
      const answers = await Promise.all(entries.map(entry => way(name, entry)));
      return answers.includes(true) ? entries : undefined;
    });
    yield (await Promise.all(found)).filter(entries => entries !== undefined);
  }
}

/** Which runtime it is shows when it is read. */
function mayBeOf(entries: Entries, engine: Engine): boolean {
  return engine === 'runc' || engine === 'crun' || entries.some(entry => entry.engine === engine);
}
