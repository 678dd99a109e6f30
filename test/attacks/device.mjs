/**
 * node device.mjs [runs]: a file of a container is copied to a device, a FIFO or a link to one, and into a container
 * onto them, alone and in a tree. The accident has won where what was there has been replaced by a file.
 */
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { openRoot } = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const runs = Number(process.argv[2] ?? 10);
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-device-'));
const at = name => join(folder, name);
const kinds = ['null', 'fifo', 'link'];
const anew = () => {
  rmSync(at('to'), { recursive: true, force: true });
  mkdirSync(at('to'));
  execFileSync('mknod', [at('to/null'), 'c', '1', '3']);
  execFileSync('mkfifo', [at('to/fifo')]);
  symlinkSync('null', at('to/link'));
};
for (const name of kinds) {
  mkdirSync(at(name));
  writeFileSync(join(at(name), name), 'new');
}
let won = 0;
const root = openRoot(process.pid);
try {
  for (let run = 0; run < runs; run++) {
    anew();
    const name = kinds[run % 3];
    const before = lstatSync(at(`to/${name}`)).ino;
    const [file, to] = [join(at(name), name), at(`to/${name}`)];
    const signal = AbortSignal.timeout(200); // nobody reads the FIFO
    const ways = [
      () => root.copyOut(file, to, { signal }),
      () => root.copyIn(file, to, { signal }),
      () => root.copyOut(at(name), at('to'), { signal }),
      () => root.copyIn(at(name), at('to'), { signal }),
    ];
    await ways[run % 4]().catch(() => {});
    if (lstatSync(to).ino !== before) won++;
  }
} finally {
  root.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`won ${won} of ${runs}`);
process.exit(won === 0 ? 0 : 1);
