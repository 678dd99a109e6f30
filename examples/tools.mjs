/**
 * node examples/tools.mjs PID|NAME: tools of this machine in the network and the hostname of a
 * container, whatever its image has. Its files are left out (no `mnt`), so that ours stay in reach.
 */
import { once } from 'node:events';
import { spawn } from 'linux-namespaces';
import { targetOf } from './target.mjs';

const target = await targetOf(process.argv[2]);
for (const line of ['hostname', 'ip -s addr', 'ss -nlpt']) {
  const [file, ...args] = line.split(' ');
  console.log(`$ ${line}`);
  const tool = spawn(file, args, { target, namespaces: ['net', 'uts'], stdio: 'inherit' });
  await once(tool, 'exit');
}
