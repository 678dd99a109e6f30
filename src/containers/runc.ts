/** runc: `state.json` in a directory for each container; libcontainer's State. */
import type { Mount } from './container.ts';
import { at, list, pairs, pid, text, ticks, time } from './fields.ts';
import { isEngines } from './oci.ts';
import type { Reader } from './reader.ts';
import type { AtRuntime, Sighting } from './sighting.ts';

/** `json`: its state.json. undefined where that is no JSON. */
export async function readRunc(
  { reader, root, id, owner, isCreated }: AtRuntime,
  json: string,
): Promise<Sighting | undefined> {
  const path = `${root}/${id}/state.json`;
  const state = await reader.jsonOf(json, path);
  if (state === undefined) return undefined;
  const startTime = ticks(at(state, 'init_process_start'));
  const process = pid(at(state, 'init_process_pid'));
  if (at(state, 'id') !== id || startTime === undefined || process === undefined) {
    reader.problem(path, 'it has not the fields that runc writes: of another version, or damaged');
  }
  const config = at(state, 'config');
  // The annotations of the OCI configuration, and the path of the bundle.
  const { bundle, ...annotations } = pairs(at(config, 'labels')) ?? {};
  return {
    knownAs: { engine: 'runc', id, root: reader.inside(root) },
    owner,
    state: isCreated ? 'created' : undefined,
    pid: startTime && process,
    startTime,
    doubt: `${path} does not say which process it is`,
    rootfs: reader.outside(text(at(config, 'rootfs'))),
    bundle: reader.outside(bundle),
    annotations,
    mounts: binds(reader, at(config, 'mounts'), id),
    hostname: text(at(config, 'hostname')),
    created: time(at(state, 'created')),
  };
}

/** MS_RDONLY, and MOUNT_ATTR_RDONLY of what is so with all below it. */
const isReadOnly = (flags: unknown) => typeof flags === 'number' && (flags & 1) !== 0;

function binds(reader: Reader, mounts: unknown, id: string): readonly Mount[] {
  return list(mounts).flatMap(mount => {
    const [source, destination] = [text(at(mount, 'source')), text(at(mount, 'destination'))];
    if (at(mount, 'device') !== 'bind' || source === undefined || destination === undefined)
      return [];
    if (isEngines(source, destination, id)) return [];
    const rw = ![at(mount, 'flags'), at(mount, 'rec_attr', 'Attr_set')].some(isReadOnly);
    return [{ type: 'bind', name: undefined, source: reader.outside(source), destination, rw }];
  });
}
