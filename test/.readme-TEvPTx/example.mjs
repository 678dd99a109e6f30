import { readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { createNamespaces, outside } from 'linux-namespaces';

const lab = await createNamespaces(['net']);
const show = words => console.log(words.padEnd(22), readlinkSync('/proc/thread-self/ns/net'));

const done = lab.run(async () => {
  show('inside');
  await setTimeout(100);
  show('inside, after await');
  outside(() => show('outside() from inside'));
});
show('meanwhile, outside');
await done;
lab.close();
