/**
 * node examples/program.mjs PID|NAME PROGRAM [argument...]: a program of a container, in all of its
 * namespaces, with its environment, in its cgroup, and with no more rights than what runs there.
 */
import { spawn } from 'linux-namespaces';
import { targetOf } from './target.mjs';

const [name, program, ...args] = process.argv.slice(2);
const child = spawn(program, args, {
  target: await targetOf(name),
  cgroup: 'target',
  stdio: 'inherit',
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128;
  if (signal) console.error(`ended by ${signal}`);
});
