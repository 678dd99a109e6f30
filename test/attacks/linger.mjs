// No capability at all: a child hands its reader an fd whose close() lingers. Won where the event loop
// stands still for it (attacks.md, A4). Files behind the standard streams are sockets, as Node's: they
// refuse descriptors from Linux 6.16 on, and are not tried before.
import { release } from 'node:os';
import { compile, heart, libraryUrl, node, report } from './harness.mjs';

const program = compile('linger');
const [major = 0, minor = 0] = release().split('.').map(Number);
const files = major > 6 || (major === 6 && minor >= 16) ? [0, 1, 2, 3] : [0, 1, 2];

await report(async () => {
  const { out, err } = await node(
    `${heart}
     import { existsSync, readFileSync, rmSync } from 'node:fs';
     import { setTimeout as sleep } from 'node:timers/promises';
     import { spawn } from '${libraryUrl}';
     const said = [];
     for (const fd of ${JSON.stringify(files)}) {
       const result = '${program}.' + process.pid + '.' + fd;
       const stdio = ['pipe', 'pipe', 'pipe', 'pipe'];
       const child = spawn('${program}', ['3', String(fd), result], { unshare: ['net'], loopback: true, stdio });
       for (const stream of child.stdio.slice(1)) stream.resume();
       // Who reads too early is not the last to close it.
       while (!existsSync(result)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
       again();
       await sleep(300);
       child.kill('SIGKILL');
       await new Promise(done => child.on('close', done));
       said.push(readFileSync(result, 'utf8'));
       rmSync(result);
     }
     console.log(JSON.stringify({ longest: longest(), said }));
     process.exit();`,
  );
  if (out === '') throw new Error(err);
  const { longest, said } = JSON.parse(out);
  if (said.length !== files.length) throw new Error(`not all were tried: ${out}`);
  return longest > 2000;
});
