/** crun: `status`, and a copy of the OCI configuration, in a directory for each container. */
import { isAbsolute, join } from 'node:path';
import { at, pathText, pid, ticks, time } from './fields.ts';
import { readConfig } from './oci.ts';
import type { AtRuntime, Sighting } from './sighting.ts';

/** `json`: its `status`. undefined where that is no JSON. */
export async function readCrun(
  { reader, root, id, owner, isCreated }: AtRuntime,
  json: string,
): Promise<Sighting | undefined> {
  const path = `${root}/${id}/status`;
  const [status, config] = await Promise.all([
    reader.jsonOf(json, path),
    reader.json(`${root}/${id}/config.json`),
  ]);
  if (status === undefined) return undefined;
  const startTime = ticks(at(status, 'process-start-time'));
  const process = pid(at(status, 'pid'));
  if (startTime === undefined || process === undefined) {
    reader.problem(path, 'it has not the fields that crun writes: of another version, or damaged');
  }
  const bundle = pathText(at(status, 'bundle'));
  const rootfs = pathText(at(status, 'rootfs'));
  const absolute = rootfs && bundle && !isAbsolute(rootfs) ? join(bundle, rootfs) : rootfs;
  return {
    ...readConfig(reader, config, undefined, id),
    knownAs: { engine: 'crun', id, root: reader.inside(root) },
    owner,
    state: isCreated ? 'created' : undefined,
    pid: startTime && process,
    startTime,
    doubt: `${path} does not say which process it is`,
    rootfs: reader.outside(absolute),
    bundle: reader.outside(bundle),
    created: time(at(status, 'created')),
  };
}
