// A user's podman.sock that passes a descriptor whose close waits: it wins when the event loop stands
// still, or listContainers does not come back in about the time that it was given. See podsock.c.
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asUser, compile, folder, library, report, start } from './attack.mjs';

const root = join(folder, 'root');
const runtime = join(root, 'run/user/1000');
for (const path of ['etc', 'run/user/1000/podman', 'home/alice']) {
  mkdirSync(join(root, path), { recursive: true });
}
writeFileSync(join(root, 'etc/passwd'), 'alice:x:1000:1000::/home/alice:/bin/sh\n');
for (const path of [runtime, join(runtime, 'podman'), join(root, 'home/alice')]) {
  chownSync(path, 1000, 1000);
}
await start(...asUser, compile('podsock'), join(runtime, 'podman/podman.sock'), '5');

await report(async () => {
  let last = Date.now();
  let pause = 0;
  const beat = () => {
    pause = Math.max(pause, Date.now() - last);
    last = Date.now();
  };
  const timer = setInterval(beat, 20);
  const begin = Date.now();
  await library.listContainers({ root, timeout: 1500 });
  const took = Date.now() - begin;
  beat();
  clearInterval(timer);
  return pause > 3000 || took > 4000;
});
