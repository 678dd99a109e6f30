// No capability at all: a child hands its reader an fd whose close() lingers. Won where the event loop
// stands still for it (attacks.md, A4). Files behind the standard streams are sockets, as Node's: they
// refuse descriptors from Linux 6.16 on, and are not tried before.
import { release } from 'node:os';
import { compile, library, node, play } from './harness.mjs';

const program = compile('linger');
const [major = 0, minor = 0] = release().split('.').map(Number);
const files = major > 6 || (major === 6 && minor >= 16) ? [0, 1, 2, 3] : [0, 1, 2];

await play(async () => {
  const { out } = await node(
    `import { spawn } from '${library}';
     let last = Date.now(), longest = 0;
     const timer = setInterval(() => {
       longest = Math.max(longest, Date.now() - last);
       last = Date.now();
     }, 20);
     const said = [];
     for (const fd of ${JSON.stringify(files)}) {
       // Words go by another file, that they do not wake who reads this one.
       const stdio = ['pipe', 'pipe', 'pipe', 'pipe'];
       const child = spawn('${program}', ['3', String(fd)], { unshare: ['net'], loopback: true, stdio });
       let text = '';
       child.stdout.on('data', data => (text += data));
       child.stderr.resume();
       child.stdio[3].resume();
       await new Promise(done => {
         const look = setInterval(() => {
           if (!text.includes('\\n')) return;
           clearInterval(look);
           done();
         }, 20);
       });
       await new Promise(done => setTimeout(done, 300));
       child.kill('SIGKILL');
       await new Promise(done => child.on('close', done));
       said.push(text.trim());
     }
     clearInterval(timer);
     console.log(JSON.stringify({ longest, said }));`,
  );
  const { longest, said } = JSON.parse(out);
  if (said.length !== files.length) throw new Error(`not all were tried: ${out}`);
  return longest > 2000;
});
