// Root of a user namespace of its own, with all capabilities there: a child that joins it and makes a user
// namespace below, whose ids have to be mapped. Won where any file of the launcher is had: all files of
// the program itself are /dev/null (attacks.md, A5).
import { compile, container, libraryUrl, node, report } from './harness.mjs';

const program = compile('window');

await report(async () => {
  const target = await container(['-Ur', '-pmnuif', '--mount-proc'], [program]);
  try {
    const { out, err, code, signal } = await node(
      `import { spawn } from '${libraryUrl}';
       const idMap = { uid: ['root'], gid: ['root'] };
       for (const unshare of [['user'], ['user', 'pid'], ['user', 'time']]) {
         const child = spawn('${program}', ['end'], { target: ${target.pid}, unshare, idMap, stdio: 'ignore' });
         console.log(await new Promise(done => {
           child.on('error', error => done(error.message));
           child.on('exit', done);
         }));
       }`,
      ['unshare', 'execve'],
    );
    if (out !== '0\n0\n0\n')
      throw new Error(`the children did not run: ${out} ${err} ${code} ${signal}`);
    return target.lines.some(line => line.startsWith('pid'));
  } finally {
    await target.stop();
  }
});
