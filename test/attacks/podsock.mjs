// A user's podman.sock that passes a descriptor whose close waits: it wins when the event loop stands
// still, or listContainers does not come back in about the time that it was given. See podsock.c.
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asUser, compile, folder, library, report, start } from './harness.mjs';

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
  const list = library.listContainers({ root, timeout: 2500 });
  // We are busy while the attacker sends and exits: so the last close is ours, and no matter of luck.
  await sleep(200);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  await list;
  const took = Date.now() - begin;
  beat();
  clearInterval(timer);
  return pause > 3000 || took > 5000;
});
