// Docker's capabilities and CAP_SYS_PTRACE: the container's process has a root directory without /proc, so
// that programs of ours (`tools`) find none to take. Won where the memory of a process could be written that had
// CAP_SYS_ADMIN, which neither the container has nor `tools` gives.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { compile, container, docker, folder, libraryUrl, node, report } from './harness.mjs';

const program = compile('no-proc');
const empty = join(folder, 'empty');
mkdirSync(empty);
const sysAdmin = 1n << 21n;

await report(async () => {
  const capabilities = `-all,${docker(['sys_ptrace', 'sys_chroot'])}`;
  const target = await container(
    ['-pmnui', '--mount-proc'],
    ['setpriv', '--bounding-set', capabilities, '--inh-caps=-all', program, empty],
  );
  try {
    const { out, err } = await node(
      `import { spawn } from '${libraryUrl}';
       const child = spawn('/bin/true', [], { target: ${target.pid}, tools: true, stdio: 'ignore' });
       console.log(await new Promise(done => {
         child.on('error', error => done(error.message));
         child.on('exit', done);
       }));`,
      ['mount', 'execve'],
    );
    if (out !== '0\n') throw new Error(`the child did not run: ${out} ${err}`);
    return target.lines.some(line => {
      const [, sets] = /^open ([\da-f]+)$/.exec(line) ?? [];
      return sets !== undefined && (BigInt(`0x${sets}`) & sysAdmin) !== 0n;
    });
  } finally {
    await target.stop();
  }
});
