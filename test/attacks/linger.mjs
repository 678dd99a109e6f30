// No capability at all: a child hands its reader an fd whose close() lingers. Won where the event loop
// stands still for it (attacks.md, A4). Files behind the standard streams are sockets, as Node's: they
// refuse descriptors from Linux 6.16 on, and are not tried before.
import { release } from 'node:os';
import { compile, libraryUrl, node, report } from './harness.mjs';

const program = compile('linger');
const [major = 0, minor = 0] = release().split('.').map(Number);
const files = major > 6 || (major === 6 && minor >= 16) ? [0, 1, 2, 3] : [0, 1, 2];

await report(async () => {
  const { out, err } = await node(
    `import { existsSync, readFileSync, rmSync } from 'node:fs';
     import { setTimeout as sleep } from 'node:timers/promises';
     import { spawn } from '${libraryUrl}';
     import { Worker } from 'node:worker_threads';
     // What another thread of this process has to wait for as well is the machine's own.
     const beside = new Int32Array(new SharedArrayBuffer(4));
     const heart = new Worker(
       \`import { workerData } from 'node:worker_threads';
        let last = Date.now();
        setInterval(() => {
          Atomics.store(workerData, 0, Math.max(Atomics.load(workerData, 0), Date.now() - last));
          last = Date.now();
        }, 20);\`,
       { eval: true, workerData: beside },
     );
     await new Promise(done => heart.on('online', done));
     let last = Date.now(), longest = 0;
     const timer = setInterval(() => {
       longest = Math.max(longest, Date.now() - last);
       last = Date.now();
     }, 20);
     const said = [];
     for (const fd of ${JSON.stringify(files)}) {
       const result = '${program}.' + process.pid + '.' + fd;
       const stdio = ['pipe', 'pipe', 'pipe', 'pipe'];
       const child = spawn('${program}', ['3', String(fd), result], { unshare: ['net'], loopback: true, stdio });
       for (const stream of child.stdio.slice(1)) stream.resume();
       // Who reads too early is not the last to close it.
       while (!existsSync(result)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
       last = Date.now();
       await sleep(300);
       child.kill('SIGKILL');
       await new Promise(done => child.on('close', done));
       said.push(readFileSync(result, 'utf8'));
       rmSync(result);
     }
     clearInterval(timer);
     await heart.terminate();
     console.log(JSON.stringify({ longest: longest - beside[0], said }));`,
  );
  if (out === '') throw new Error(err);
  const { longest, said } = JSON.parse(out);
  if (said.length !== files.length) throw new Error(`not all were tried: ${out}`);
  return longest > 2000;
});
