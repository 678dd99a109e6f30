/** runc: `state.json` in a directory for each container; libcontainer's State. */
import { at, list, pid, text, texts, ticks, time } from './fields.ts';
import type { Reader } from './reader.ts';
import type { Sighting } from './sighting.ts';

/**
 * The directory of one container below a `--root`. `isCreated`: its program waits to be started.
 * undefined where runc has none there any more.
 */
export async function readRunc(
  reader: Reader,
  root: string,
  id: string,
  owner: number,
  isCreated: boolean,
): Promise<Sighting | undefined> {
  const path = `${root}/${id}/state.json`;
  const state = await reader.json(path);
  if (state === undefined) return undefined;
  const startTime = ticks(at(state, 'init_process_start'));
  if (at(state, 'id') !== id || startTime === undefined) {
    reader.problem(path, 'it has not the fields that runc writes: of another version, or damaged');
  }
  const config = at(state, 'config');
  const annotations = labelled(at(config, 'labels'));
  const { bundle, ...others } = annotations;
  return {
    knownAs: { engine: 'runc', id, root: reader.inside(root) },
    owner,
    state: isCreated ? 'created' : undefined,
    pid: startTime && pid(at(state, 'init_process_pid')),
    startTime,
    rootfs: reader.outside(text(at(config, 'rootfs'))),
    bundle: reader.outside(bundle),
    annotations: others,
    hostname: text(at(config, 'hostname')),
    created: time(at(state, 'created')),
  };
}

/** `["name=value"]`: the annotations of the OCI configuration, and the path of the bundle. */
function labelled(labels: unknown): Record<string, string> {
  const pairs = list(labels).flatMap(label => {
    const equals = typeof label === 'string' ? label.indexOf('=') : -1;
    return equals < 0
      ? []
      : [[(label as string).slice(0, equals), (label as string).slice(equals + 1)]];
  });
  return texts(Object.fromEntries(pairs)) ?? {};
}
