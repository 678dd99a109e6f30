/**
 * containerd, also under Kubernetes (CRI), nerdctl and Docker: the bundle of each task. Its own database,
 * a bolt file, is not read: images and labels are not known, but of what Kubernetes and nerdctl run, which
 * write them into annotations.
 */
import { at, isId, mayHave, pid, text, texts } from './fields.ts';
import type { ContainerdLocation } from './location-types.ts';
import { readConfig } from './oci.ts';
import { lastLog, namesInCri, portsIn } from './pods.ts';
import type { Reader } from './reader.ts';
import { readRuntime } from './runtimes.ts';
import type { Entry, Names, Sighting } from './sighting.ts';

/** Docker's, of whose containers all is known by Docker and by runc. */
const docker = 'moby';

interface Task {
  readonly reader: Reader;
  readonly owner: number;
  readonly bundle: string;
  readonly namespace: string;
  readonly id: string;
}

export async function findContainerd(location: ContainerdLocation): Promise<Entry[]> {
  const { reader, owner } = location;
  const tasks = `${location.state}/io.containerd.runtime.v2.task`;
  const all = (await reader.names(tasks)).filter(isId).map(async namespace => {
    const ids = (await reader.names(`${tasks}/${namespace}`)).filter(isId);
    return ids.map(id =>
      entryOf({ reader, owner, bundle: `${tasks}/${namespace}/${id}`, namespace, id }),
    );
  });
  return (await Promise.all(all)).flat();
}

function entryOf(task: Task): Entry {
  const { reader, owner, bundle, namespace, id } = task;
  const knownAs = { engine: 'containerd', namespace, id } as const;
  const entry = { ...knownAs, owner };
  // The path that runc has of it may be one of the daemon's own mount namespace (rootless).
  if (namespace === docker) return { ...entry, read: async () => [{ knownAs, owner, bundle }] };
  let reading: Promise<string | undefined> | undefined;
  const json = () => {
    reading ??= reader.text(`${bundle}/config.json`);
    return reading;
  };
  const parse = async (given: string | undefined) =>
    given === undefined ? undefined : reader.jsonOf(given, `${bundle}/config.json`);
  return {
    ...entry,
    names: async wanted => {
      const given = await json();
      if (given === undefined || !mayHave(given, wanted)) return {};
      return namesOf(texts(at(await parse(given), 'annotations')) ?? {});
    },
    read: async () => readTask(task, await parse(await json())),
  };
}

/** nerdctl writes its labels into the annotations, too. */
function namesOf(annotations: Readonly<Record<string, string>>): Names {
  const names = namesInCri(annotations);
  return names.pod === undefined ? { name: text(annotations['nerdctl/name']) } : names;
}

async function readTask(task: Task, config: unknown): Promise<readonly Sighting[]> {
  const { reader, owner, bundle, namespace, id } = task;
  const [init, options, shim] = await Promise.all([
    reader.text(`${bundle}/init.pid`),
    reader.json(`${bundle}/options.json`),
    reader.text(`${bundle}/shim-binary-path`),
  ]);
  if (config === undefined && init === undefined) return [];
  const configured = readConfig(reader, config, bundle, id);
  const annotations = configured.annotations ?? {};
  const nerdctl = (name: string) => text(annotations[`nerdctl/${name}`]);
  const [names, ports] = [namesOf(annotations), nerdctl('ports')];
  const sighting: Sighting = {
    ...configured,
    ...names,
    knownAs: { engine: 'containerd', namespace, id },
    owner,
    runtime: text(at(options, 'binary_name')) ?? text(shim?.trim()),
    pid: pid(Number(init)),
    image: text(annotations['io.kubernetes.cri.image-name']),
    bundle,
    ports: ports === undefined ? undefined : portsIn(reader.parse(ports, `${bundle}/config.json`)),
    logPath: await logOf(reader, names, nerdctl('state-dir'), id),
  };
  // The shim was told of another root than containerd's own, which is searched anyway.
  const root = reader.outside(text(at(options, 'root')));
  const ofRuntime =
    root && (await readRuntime({ path: `${root}/${namespace}`, owner, reader }, id));
  return ofRuntime ? [sighting, ofRuntime] : [sighting];
}

async function logOf(
  reader: Reader,
  { name, pod }: Names,
  stateDirectory: string | undefined,
  id: string,
): Promise<string | undefined> {
  if (pod !== undefined) {
    const parts = [pod.namespace, pod.name, pod.uid];
    if (![...parts, name].every(isId)) return undefined;
    const path = `${reader.root}/var/log/pods/${parts.join('_')}/${name}`;
    const last = lastLog(await reader.names(path));
    return last && `${path}/${last}`;
  }
  const directory = reader.outside(stateDirectory);
  const path = directory && `${directory}/${id}-json.log`;
  return path && (await reader.has(path)) ? path : undefined;
}
