/** What a container is called: for who looks for one, and who is shown it. */
import type { Container } from './container.ts';
import type { Names } from './sighting.ts';

/** `container`; in Kubernetes also `namespace/pod/container`, and `namespace/pod` for the sandbox. */
export function namesOf({ name, pod, id }: Names & { readonly id: string }): string[] {
  if (pod?.namespace === undefined || pod.name === undefined) return [name ?? id];
  const path = `${pod.namespace}/${pod.name}`;
  return pod.sandbox === id ? [path] : [name ?? id, `${path}/${name}`];
}

/** By which it is shown: of Kubernetes `namespace/pod/container`, and `namespace/pod` of the sandbox. */
export function nameOf(container: Container): string {
  return namesOf(container).at(-1) ?? container.id;
}
