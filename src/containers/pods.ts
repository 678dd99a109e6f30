/**
 * Which pod a container of Kubernetes' is in, and its name there: by the annotations of containerd's CRI
 * plugin, and by what CRI-O writes.
 */
import type { Port } from './container.ts';
import { at, list, port, text } from './fields.ts';
import type { Names, Pod } from './sighting.ts';

/** From one kind of annotations, by the end of the name. */
type Ask = (name: string) => string | undefined;
const asker =
  (annotations: Readonly<Record<string, string>>, prefix: string): Ask =>
  name =>
    text(annotations[`${prefix}${name}`]);

/** From the annotations of containerd's CRI plugin. */
export function namesInCri(annotations: Readonly<Record<string, string>>): Names {
  const cri = asker(annotations, 'io.kubernetes.cri.');
  const sandbox = cri('sandbox-id');
  if (sandbox === undefined) return {};
  const pod: Pod = {
    name: cri('sandbox-name'),
    namespace: cri('sandbox-namespace'),
    uid: cri('sandbox-uid'),
    sandbox,
  };
  return { name: cri('container-name') ?? pod.name, pod };
}

/**
 * `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`: no part of it can have an underscore in Kubernetes. Docker's may have
 * another number behind it, where the name was not free.
 */
const kubeletName = /^k8s_([^_]+)_([^_]+)_([^_]+)_([^_]+)_\d+(?:_[0-9a-f]+)?$/;

/** From the metadata of CRI-O in its storage; undefined where it is no container of CRI-O's. */
export function namesInCrio(id: string, metadata: unknown): Names | undefined {
  const of = (name: string) => text(at(metadata, name));
  const [sandbox, told, ownName] = [of('pod-id'), of('metadata-name'), of('name')];
  if (sandbox === undefined) return undefined;
  const isSandbox = sandbox === id;
  const names = namesOfKubelet(ownName, id, sandbox);
  // Who uses CRI without kubelet (crictl) gives what names he likes: where these end cannot be told then.
  const pod = names?.pod ?? {
    name: isSandbox ? told : undefined,
    namespace: of('namespace'),
    uid: of('uid'),
    sandbox,
  };
  return { name: (isSandbox ? pod.name : (told ?? names?.name)) ?? ownName, pod, ownName };
}

/** Of Docker under Kubernetes (cri-dockerd; up to 1.23 kubelet itself), which labels what it runs. */
export function namesInDocker(
  id: string,
  ownName: string | undefined,
  labels: unknown,
): Names | undefined {
  const kind = at(labels, 'io.kubernetes.docker.type');
  if (kind === 'podsandbox') return namesOfKubelet(ownName, id, id);
  const sandbox = text(at(labels, 'io.kubernetes.sandbox.id'));
  return kind === 'container' && sandbox ? namesOfKubelet(ownName, id, sandbox) : undefined;
}

function namesOfKubelet(
  ownName: string | undefined,
  id: string,
  sandbox: string,
): Names | undefined {
  const parts = kubeletName.exec(ownName ?? '');
  if (parts === null) return undefined;
  const [, container, name, namespace, uid] = parts;
  const pod = { name, namespace, uid, sandbox };
  return { name: sandbox === id ? name : container, pod, ownName };
}

/** The last of the logs that kubelet has for a container: 0.log, 1.log, one for each start. */
export function lastLog(names: readonly string[]): string | undefined {
  const numbers = names.map(name => /^(\d+)\.log$/.exec(name)?.[1]).filter(Boolean);
  return numbers.length === 0 ? undefined : `${Math.max(...numbers.map(Number))}.log`;
}

/** How many ports may still come of ranges, in all that an engine says. */
export interface PortBudget {
  left: number;
}

/**
 * nerdctl's and CRI-O's lists of ports, which are in an annotation, as JSON. `ranges`: Podman's, where a row may
 * stand for several (`-p 8000-8005:8000-8005`).
 */
export function portsIn(json: unknown, ranges: PortBudget = { left: 0 }): readonly Port[] {
  return list(json).flatMap(row => {
    const of = (...names: string[]) => names.map(name => at(row, name)).find(Boolean);
    const first = port(of('ContainerPort', 'containerPort', 'container_port'));
    if (first === undefined) return [];
    const outside = port(of('HostPort', 'hostPort', 'host_port'));
    const rest = 65_535 - Math.max(first, outside ?? 0);
    const more = Math.min((port(at(row, 'range')) ?? 1) - 1, rest, ranges.left);
    ranges.left -= more;
    const length = 1 + more;
    return Array.from({ length }, (_, i) => ({
      ip: text(of('HostIP', 'hostIP', 'host_ip')),
      privatePort: first + i,
      publicPort: outside === undefined ? undefined : outside + i,
      type: text(of('Protocol', 'protocol'))?.toLowerCase() ?? 'tcp',
    }));
  });
}
