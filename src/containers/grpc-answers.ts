/**
 * What containerd and CRI answer over gRPC: the API of containerd 1.7 and 2.1 (api/services of it) and
 * runtime.v1 of Kubernetes' cri-api (api.proto), by the numbers of their fields.
 */
import { state as limits } from '../base/limits.ts';
import type { ContainerState, Snapshot } from './container.ts';
import { date, isId, text } from './fields.ts';
import {
  decode,
  type Fields,
  messageIn,
  messagesIn,
  numberIn,
  textIn,
  textsIn,
} from './protobuf.ts';

/** Of one container. */
export interface Told {
  readonly labels?: Readonly<Record<string, string>>;
  readonly podLabels?: Readonly<Record<string, string>> | undefined;
  readonly image?: string | undefined;
  readonly created?: Date | undefined;
  readonly state?: ContainerState | undefined;
  readonly snapshot?: Snapshot | undefined;
  readonly runtime?: string | undefined;
  /** The JSON of the OCI configuration. */
  readonly spec?: string | undefined;
}

type ById = readonly (readonly [id: string, told: Told])[];

/** Of Namespaces/List. */
export function namespacesIn(answer: Buffer): string[] {
  return messagesIn(decode(answer), 1).flatMap(one => textIn(one, 1) ?? []);
}

/** Of Containers/List. */
export function containersIn(answer: Buffer): ById {
  return messagesIn(decode(answer), 1).flatMap(container => {
    const id = textIn(container, 1);
    const [snapshotter, key] = [text(textIn(container, 6)), text(textIn(container, 7))];
    const time = messageIn(container, 8);
    const told: Told = {
      labels: textsIn(container, 2),
      image: text(textIn(container, 3)),
      runtime: text(textIn(messageIn(container, 4), 1)),
      spec: specIn(messageIn(container, 5)),
      snapshot: snapshotter && key ? { snapshotter, key } : undefined,
      created: date(numberIn(time, 1) * 1000 + numberIn(time, 2) / 1e6),
    };
    return isId(id) ? [[id, told] as const] : [];
  });
}

/** Not longer than the file that it is in of a task. */
function specIn(any: Fields): string | undefined {
  const spec = textIn(any, 2);
  return spec !== undefined && spec.length <= limits.file ? spec : undefined;
}

/** Of ListPodSandbox. */
export function podsIn(answer: Buffer): ById {
  return messagesIn(decode(answer), 1).flatMap(pod => {
    const id = textIn(pod, 1);
    const labels = textsIn(pod, 5);
    const told: Told = {
      labels,
      podLabels: labels,
      state: numberIn(pod, 3) === 0 ? 'running' : 'exited',
      created: date(numberIn(pod, 4) / 1e6),
    };
    return isId(id) ? [[id, told] as const] : [];
  });
}

/** ContainerState of api.proto; of the last, CONTAINER_UNKNOWN, nothing is known. */
const states: readonly ContainerState[] = ['created', 'running', 'exited'];

/** Of ListContainers; `pods` are those of `podsIn`. */
export function containersOfPodsIn(answer: Buffer, pods: ReadonlyMap<string, Told>): ById {
  return messagesIn(decode(answer), 1).flatMap(container => {
    const id = textIn(container, 1);
    const image = text(textIn(messageIn(container, 4), 1));
    const told: Told = {
      labels: textsIn(container, 8),
      podLabels: pods.get(textIn(container, 2) ?? '')?.labels,
      ...(image === undefined ? {} : { image }),
      state: states[numberIn(container, 6)],
      created: date(numberIn(container, 7) / 1e6),
    };
    return isId(id) ? [[id, told] as const] : [];
  });
}
