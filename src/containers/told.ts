/**
 * Asks containerd and CRI-O over gRPC for what is in no file: once for all of their containers, and only
 * where the caller wants that.
 */
import { isId } from './fields.ts';
import type { Told } from './grpc-answers.ts';
import type { GrpcLocation } from './location-types.ts';
import type { Sockets } from './sockets.ts';

/** Docker's namespace, of whose containers all is known by Docker and by runc. */
export const ofDocker = 'moby';
const ofKubernetes = 'k8s.io';

type AllTold = ReadonlyMap<string, Told>;

/** By `namespace/id`; none where it does not answer. */
export async function toldByContainerd(
  ask: Sockets,
  location: GrpcLocation | undefined,
): Promise<AllTold> {
  if (location === undefined || !ask.grpc) return new Map();
  const listing = '/containerd.services.namespaces.v1.Namespaces/List';
  const names = await ask.call(location, listing, (grpc, answer) => grpc.namespacesIn(answer));
  const spaces = (names ?? []).filter(name => isId(name) && name !== ofDocker);
  const all = spaces.map(async space => {
    const metadata = { 'containerd-namespace': space };
    const path = '/containerd.services.containers.v1.Containers/List';
    const [listed, ofCri] = await Promise.all([
      ask.call(location, path, (grpc, answer) => grpc.containersIn(answer), metadata),
      space === ofKubernetes ? toldByCri(ask, location) : undefined,
    ]);
    return (listed ?? []).map(([id, told]) => {
      return [`${space}/${id}`, { ...told, ...ofCri?.get(id) }] as const;
    });
  });
  return new Map((await Promise.all(all)).flat());
}

/** By id: containers, and the sandboxes of pods. */
export async function toldByCri(
  ask: Sockets,
  location: GrpcLocation | undefined,
): Promise<AllTold> {
  if (location === undefined || !ask.grpc) return new Map();
  const service = '/runtime.v1.RuntimeService';
  const pods = new Map(
    await ask.call(location, `${service}/ListPodSandbox`, (grpc, answer) => grpc.podsIn(answer)),
  );
  const containers = await ask.call(location, `${service}/ListContainers`, (grpc, answer) =>
    grpc.containersOfPodsIn(answer, pods),
  );
  return new Map([...pods, ...(containers ?? [])]);
}
