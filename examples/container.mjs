/**
 * node examples/container.mjs NAME [ROOT]: everything about a container, from its name alone. As root.
 * What today takes docker inspect, lsns, nsenter with ip, hostname, ps and ss, and docker exec with
 * cat, and tools that the image may not have. ROOT: of the host, where that is not '/'.
 */
import os from 'node:os';
import {
  evaluate,
  findContainer,
  listInterfaces,
  listSockets,
  processTree,
  withNamespaces,
} from 'linux-namespaces';
import { table } from './format.mjs';

const [name, root = '/'] = process.argv.slice(2);
if (name === undefined) throw new Error('the name of a container is missing');

const container = await findContainer(name, { root });
const { engine, id, state, pid, image, rootfs, cgroup } = container;
console.log(`${engine}'s container ${container.name}\n`);
console.log(
  table([
    ['id', id],
    ['state', state],
    ['image', image],
    ['pid', pid],
    ['root', rootfs],
    ['cgroup', cgroup],
  ]),
);

console.log('\nNamespaces\n');
const rows = Object.entries(container.namespaces).map(([type, { inode, host }]) => [
  type,
  inode,
  host ? "the host's" : '',
]);
console.log(table(rows));

console.log(`\nHostname\n\n  ${withNamespaces(container, ['uts'], () => os.hostname())}`);

console.log('\nInterfaces\n');
for (const { name, state, addresses } of await listInterfaces(container)) {
  const list = addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  console.log(`  ${name} ${state} ${list.join(' ')}`);
}

console.log('\nProcesses: pid here, pid inside, command\n');
const show = (node, depth) => {
  const own = node.container?.id === id;
  const inside = own ? node.pids.at(-1) : '-';
  console.log(`  ${'  '.repeat(depth)}${node.pid} ${inside} ${node.command}`);
  for (const child of node.children) show(child, depth + 1);
};
for (const node of await processTree(container, { containers: [container] })) show(node, 0);

console.log('\nListening\n');
for (const socket of await listSockets(container, { listening: true })) {
  if (socket.protocol !== 'tcp') continue;
  const { address, port } = socket.local;
  const owners = socket.processes.map(({ pids, command }) => `${command} (pid ${pids.at(-1)})`);
  console.log(`  ${address}:${port}  ${owners.join(', ')}`);
}

console.log('\n/etc/hosts\n');
const hosts = await evaluate(container, ['mnt'], () =>
  process.getBuiltinModule('node:fs').readFileSync('/etc/hosts', 'utf8'),
);
console.log(hosts.trim().replace(/^/gm, '  '));
