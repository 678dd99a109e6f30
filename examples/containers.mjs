/**
 * node examples/containers.mjs [ROOT]: the containers of all engines, each with what is known of it
 * and what every engine calls it. ROOT: of the host, where that is not '/'.
 */
import { listContainers } from 'linux-namespaces';
import { table } from './format.mjs';

const [root = '/'] = process.argv.slice(2);
const containers = await listContainers({ root });
for (const container of containers) {
  const { engine, name, id, state, pid, owner, image, created, rootfs, bundle, cgroup } = container;
  console.log(`${engine}'s container ${name}\n`);
  const fields = { id, state, pid, owner, image, created: created?.toISOString() };
  const places = { rootfs, bundle, cgroup };
  console.log(
    table(
      Object.entries({ ...fields, ...places }).map(([key, value]) => [key, value ?? 'not known']),
    ),
  );
  for (const { engine, id, namespace = '', root = '' } of container.knownAs) {
    console.log(`  known to ${engine} as ${id} ${namespace}${root}`.trimEnd());
  }
  console.log();
}
for (const { message } of containers.problems) console.error(message);
