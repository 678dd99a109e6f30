/**
 * node examples/ports.mjs PID|NAME [PID-INSIDE]: who listens in a container, or on which ports the
 * process does that has this pid in there.
 */
import { listSockets } from 'linux-namespaces';
import { targetOf } from './target.mjs';

const [name, wanted] = process.argv.slice(2);
for (const { protocol, local, processes } of await listSockets(await targetOf(name), {
  listening: true,
})) {
  if (protocol === 'unix') continue;
  for (const { pids, command } of processes) {
    const inside = pids.at(-1);
    if (wanted !== undefined && Number(wanted) !== inside) continue;
    console.log(`${protocol} ${local.address}:${local.port} pid ${inside} ${command}`);
  }
}
