/**
 * node unmount.mjs [runs]: files and directories are mounted in a container, as volumes and /etc/hosts
 * are, and root's program replaces, renames and removes them. The attack, or rather the accident, has won
 * where the mount has gone from the container.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { at, play } from './remount.mjs';

for (const name of ['conf', 'app.conf', 'new']) writeFileSync(at(name), name);
for (const name of ['data', 'vol']) mkdirSync(at(name));

await play(
  `umount app.conf vol 2>/dev/null; rm -rf app.conf vol moved; : > app.conf; mkdir vol; echo new > new
   mount --bind conf app.conf && mount --bind data vol`,
  root => [
    () => root.writeFile(at('app.conf'), 'x', { atomic: true }),
    () => root.rename(at('new'), at('app.conf')),
    () => root.rename(at('app.conf'), at('moved')),
    () => root.rm(at('app.conf')),
    () => root.rm(at('vol'), { recursive: true }),
  ],
  mounts => [/\/app\.conf /, /\/vol /].every(mount => mount.test(mounts)),
);
