/**
 * node examples/namespaces.mjs            every namespace of the machine, as lsns shows them
 * node examples/namespaces.mjs PID|NAME   those of one container, and which are the host's
 */
import { listNamespaces, namespacesOf } from 'linux-namespaces';
import { table } from './format.mjs';
import { targetOf } from './target.mjs';

const [name] = process.argv.slice(2);
if (name === undefined) {
  const rows = await listNamespaces();
  console.log(
    table([
      ['inode', 'type', 'processes', 'pid', 'user', 'command'],
      ...rows.map(row => [
        row.inode,
        row.type,
        row.processes,
        row.pid ?? '',
        row.user ?? row.uid ?? '',
        row.command ?? '',
      ]),
    ]),
  );
} else {
  const all = Object.entries(namespacesOf(await targetOf(name)));
  console.log(
    table(all.map(([type, { inode, ours }]) => [type, inode, ours ? 'ours' : 'its own'])),
  );
}
