/**
 * node examples/tree.mjs PID|NAME: the processes of a container and all above them, each with its pid
 * inside, the types in which it left its parent, and its cgroup.
 */
import { processTree } from 'linux-namespaces';
import { targetOf } from './target.mjs';

const show = (node, depth) => {
  const { pid, pids, command, differs, cgroup } = node;
  const inside = pids.length > 1 ? ` (${pids.at(-1)})` : '';
  const apart = differs.length > 0 ? ` [${differs.join(', ')}]` : '';
  console.log(`${'  '.repeat(depth)}${pid}${inside} ${command}${apart} ${cgroup}`);
  for (const child of node.children) show(child, depth + 1);
};
for (const root of await processTree(await targetOf(process.argv[2]))) show(root, 0);
