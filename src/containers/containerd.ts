/**
 * containerd, also under Kubernetes (CRI) and Docker: the bundle of each task. Its own database, a
 * bolt file, is not read: images and labels are not known, but of what Kubernetes runs, which writes
 * them into annotations.
 */
import type { Pod } from './container.ts';
import { at, isId, pid, text, texts } from './fields.ts';
import type { Reader } from './reader.ts';
import type { Sighting } from './sighting.ts';

/** Docker's, of whose containers all is known by Docker and by runc. */
const docker = 'moby';

export async function readContainerd(reader: Reader, state: string): Promise<Sighting[]> {
  const tasks = `${state}/io.containerd.runtime.v2.task`;
  const all = (await reader.names(tasks)).filter(isId).map(async namespace => {
    const ids = (await reader.names(`${tasks}/${namespace}`)).filter(isId);
    return Promise.all(
      ids.map(id => readTask(reader, `${tasks}/${namespace}/${id}`, namespace, id)),
    );
  });
  return (await Promise.all(all)).flat().filter(sighting => sighting !== undefined);
}

async function readTask(
  reader: Reader,
  bundle: string,
  namespace: string,
  id: string,
): Promise<Sighting | undefined> {
  const knownAs = { engine: 'containerd', namespace, id } as const;
  if (namespace === docker) return { knownAs, owner: 0 };
  const [config, init] = await Promise.all([
    reader.json(`${bundle}/config.json`),
    reader.text(`${bundle}/init.pid`),
  ]);
  if (config === undefined && init === undefined) return undefined;
  const annotations = texts(at(config, 'annotations')) ?? {};
  const cri = (name: string) => text(annotations[`io.kubernetes.cri.${name}`]);
  const root = text(at(config, 'root', 'path'));
  return {
    knownAs,
    owner: 0,
    name: cri('container-name') ?? cri('sandbox-name'),
    pid: pid(Number(init)),
    image: cri('image-name'),
    rootfs: root?.startsWith('/') ? reader.outside(root) : root && `${bundle}/${root}`,
    bundle,
    annotations: config === undefined ? undefined : annotations,
    hostname: text(at(config, 'hostname')),
    pod: podOf(cri),
  };
}

/** From the annotations of containerd's CRI plugin. */
function podOf(cri: (name: string) => string | undefined): Pod | undefined {
  const sandbox = cri('sandbox-id');
  if (sandbox === undefined) return undefined;
  return {
    name: cri('sandbox-name'),
    namespace: cri('sandbox-namespace'),
    uid: cri('sandbox-uid'),
    sandbox,
  };
}
