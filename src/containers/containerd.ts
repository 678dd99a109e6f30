/**
 * containerd, also under Kubernetes (CRI), nerdctl and Docker: the bundle of each task. Its own database,
 * a bolt file, is not read: images and labels are not known, but of what Kubernetes and nerdctl run, which
 * write them into annotations; and where containerd itself is to be asked.
 */
import { basename } from 'node:path';
import { isOwn } from '../base/own-rights.ts';
import { at, isId, pidIn, text, texts } from './fields.ts';
import type { Told } from './grpc-answers.ts';
import type { ContainerdLocation } from './location-types.ts';
import { readConfig } from './oci.ts';
import { lastLog, namesInCri, portsIn } from './pods.ts';
import type { Reader } from './reader.ts';
import { readRuntime, shimOf } from './runtimes.ts';
import type { Entry, Names, Sighting } from './sighting.ts';
import type { Sockets } from './sockets.ts';
import { StateFile } from './state-file.ts';
import { ofDocker, toldByContainerd } from './told.ts';

interface Task {
  readonly reader: Reader;
  readonly owner: number;
  readonly bundle: string;
  readonly namespace: string;
  readonly id: string;
  /** By containerd. */
  readonly told: Told | undefined;
}

export async function findContainerd(location: ContainerdLocation, ask: Sockets): Promise<Entry[]> {
  const { reader, owner, grpc } = location;
  const paths = kinds.map(kind => `${location.state}/${kind}`);
  const [told, ...all] = await Promise.all([
    toldByContainerd(ask, grpc),
    ...paths.map(path => reader.directories(path, '*')),
  ]);
  const tasks = new Map<string, Task>();
  for (const { path, names } of all.flat()) {
    const namespace = basename(path);
    for (const id of isName(namespace) ? names.filter(isName) : []) {
      const name = `${namespace}/${id}`;
      const bundle = `${path}/${id}`;
      tasks.set(name, { reader, owner, bundle, namespace, id, told: told.get(name) });
    }
  }
  for (const [name, one] of told) {
    if (tasks.has(name)) continue;
    const [namespace = '', id = ''] = name.split('/');
    const bundle = `${paths.at(-1)}/${name}`;
    tasks.set(name, { reader, owner, bundle, namespace, id, told: one });
  }
  return [...tasks.values()].map(entryOf);
}

/** What it removes gets a dot before its name: atomicDelete() of runtime/v2/bundle_linux.go. */
function isName(name: string): boolean {
  return isId(name) && !name.startsWith('.');
}

/** Of the shims of containerd 1.1 (Kubernetes up to 1.17, Docker up to 19.03), and of those since 1.2. */
const kinds = ['io.containerd.runtime.v1.linux', 'io.containerd.runtime.v2.task'];

function entryOf(task: Task): Entry {
  const { reader, owner, bundle, namespace, id, told } = task;
  if (namespace === ofDocker) {
    // The path that runc has of it may be one of the daemon's own mount namespace (rootless).
    const read = async () => [
      { knownAs: { engine: 'containerd' as const, namespace, id }, owner, bundle },
    ];
    return { engine: 'containerd', namespace, id, owner, read };
  }
  const file = new StateFile(reader, `${bundle}/config.json`, told?.spec);
  return {
    engine: 'containerd',
    namespace,
    id,
    owner,
    file,
    names: async () => {
      const config = await file.value();
      return namesOf(texts(at(config, 'annotations')) ?? {});
    },
    read: async () => readTask(task, await file.value()),
  };
}

/** nerdctl writes its labels into the annotations, too. */
function namesOf(annotations: Readonly<Record<string, string>>): Names {
  const names = namesInCri(annotations);
  return names.pod === undefined ? { name: text(annotations['nerdctl/name']) } : names;
}

async function readTask(task: Task, config: unknown): Promise<readonly Sighting[]> {
  const { reader, owner, bundle, namespace, id, told } = task;
  const [init, options, shim] = await Promise.all([
    reader.text(`${bundle}/init.pid`),
    reader.json(`${bundle}/options.json`),
    reader.text(`${bundle}/shim-binary-path`),
  ]);
  if (config === undefined && init === undefined && told === undefined) return [];
  // Without a task there is no bundle: of what has not been started, or whose task has been removed.
  const hasTask = init !== undefined || told === undefined || (await reader.has(bundle));
  const mayRun = hasTask && (told?.state ?? 'running') === 'running';
  const configured = readConfig(reader, config, hasTask ? bundle : undefined, id);
  const annotations = configured.annotations ?? {};
  const nerdctl = (name: string) => text(annotations[`nerdctl/${name}`]);
  const [names, ports] = [namesOf(annotations), nerdctl('ports')];
  const sighting: Sighting = {
    ...configured,
    ...names,
    knownAs: { engine: 'containerd', namespace, id },
    owner,
    runtime: text(at(options, 'binary_name')) ?? text(shim?.trim()) ?? told?.runtime,
    findRuntime: shimOf, // containerd writes it down since 1.6
    state: told?.state ?? (hasTask ? undefined : 'created'),
    pid: pidIn(init),
    // What has ended keeps its file until the task is removed with it.
    doubt: mayRun ? `there is no pid in ${bundle}/init.pid, or not yet` : undefined,
    image: text(annotations['io.kubernetes.cri.image-name']) ?? told?.image,
    labels: told?.labels,
    podLabels: told?.podLabels,
    snapshot: told?.snapshot,
    created: told?.created,
    bundle: hasTask ? bundle : undefined,
    ports: ports === undefined ? undefined : portsIn(reader.parse(ports, `${bundle}/config.json`)),
    // A user could name any file for it, which root would be asked to read.
    logPath: isOwn(owner) ? await logOf(reader, names, nerdctl('state-dir'), id) : undefined,
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
