// Docker's capabilities: whatever appears in the container is stopped. Won where the event loop stands
// still for long, or a child cannot be ended, or is left a zombie (attacks.md, B1).
import { compile, container, docker, heart, libraryUrl, node, report } from './harness.mjs';

const program = compile('stop');
/** Milliseconds; the machine may be busy. */
const long = 4000;

await report(async () => {
  const before = ['setpriv', '--bounding-set', `-all,${docker()}`, '--inh-caps', '-all'];
  const target = await container(['-pmnuif', '--mount-proc'], [...before, program]);
  try {
    const { out, err, signal } = await node(
      `${heart}
       import { readFileSync } from 'node:fs';
       import { spawn } from '${libraryUrl}';
       const ends = [];
       for (const unshare of [['pid'], undefined, ['time'], ['pid', 'mnt']]) {
         const child = spawn('sleep', ['1000'], { target: ${target.pid}, unshare, stdio: 'ignore' });
         const ended = new Promise(done => {
           child.on('error', error => done(error.code));
           child.on('exit', (code, signal) => done(signal ?? code));
         });
         await new Promise(done => setTimeout(done, 50));
         if (longest() > ${long}) break;
         // What is stopped as the program waits with all signals but one, as any program does.
         const executed = readFileSync('/proc/' + child.pid + '/comm', 'utf8') === 'sleep\\n';
         child.kill(executed ? 'SIGKILL' : 'SIGTERM');
         const giveUp = new Promise(done => setTimeout(done, 8000, 'never').unref());
         ends.push(await Promise.race([ended, giveUp]));
       }
       const left = () => readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim();
       for (let i = 0; i < 100 && left() !== ''; i++) await new Promise(done => setTimeout(done, 20));
       console.log(JSON.stringify({ longest: longest(), ends, left: left() }));
       process.exit();`,
    );
    if (signal === 'SIGKILL') return true; // for ever
    if (out === '') throw new Error(err);
    const { longest, ends, left } = JSON.parse(out);
    const ended = ends.every(end => end === 'SIGTERM' || end === 'SIGKILL');
    const won = longest > long || !ended || left !== '';
    if (won) console.error({ longest, ends, left });
    return won;
  } finally {
    await target.stop();
  }
});
