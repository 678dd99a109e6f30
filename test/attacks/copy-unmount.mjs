/**
 * node copy-unmount.mjs [runs]: a file that is mounted in a container, as a volume or /etc/hosts is, gets a new content by
 * copyIn: alone, in a tree, as a link or by a further name. It has won where the mount has gone from the container.
 */
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { at, play } from './remount.mjs';

for (const name of ['tree', 'links', 'names', 'in']) mkdirSync(at(name));
for (const name of ['conf', 'tree/app.conf', 'names/app.conf']) writeFileSync(at(name), name);
symlinkSync('x', at('links/app.conf'));
linkSync(at('names/app.conf'), at('names/app.other'));

await play(
  `umount in/app.conf in/app.other 2>/dev/null; rm -rf in/app.*; : > in/app.conf; : > in/app.other
   mount --bind conf in/app.conf && mount --bind conf in/app.other`,
  root => [
    () => root.copyIn(at('tree/app.conf'), at('in/app.conf')),
    () => root.copyIn(at('tree'), at('in')),
    () => root.copyIn(at('links'), at('in')),
    () => root.copyIn(at('names'), at('in')),
  ],
  mounts => mounts.match(/\/in\/app\.\w+ /g)?.length === 2,
);
