/** For http.mjs: a bare server, told by its parent whether a context is to be alive. */
import { readdirSync, readlinkSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNamespaces } from 'linux-namespaces';

const server = http.createServer(async (_, response) => {
  await null;
  setImmediate(() => response.end('hello'));
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));

let timer;
process.on('message', async state => {
  if (state === 'alive') await begin();
  else await end();
  process.send(state);
});

async function begin() {
  const handle = await createNamespaces(['net']);
  timer = handle.run(() => setInterval(() => {}, 3_600_000));
  handle.close();
}

/** Until nothing holds a namespace open: then the context is over and the hooks are off. */
async function end() {
  clearInterval(timer);
  timer = undefined;
  while (openNamespaces() > 0) {
    globalThis.gc();
    await sleep(10);
  }
}

function openNamespaces() {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('net:');
    } catch {
      return false;
    }
  }).length;
}
