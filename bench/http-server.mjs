/** For http.mjs: a bare server, told by its parent whether a context is to be alive. */
import { createHook } from 'node:async_hooks';
import { readdirSync, readlinkSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNamespaces } from 'linux-namespaces';

/** @param {http.Server} server */
const portOf = server => /** @type {import('node:net').AddressInfo} */ (server.address()).port;

const server = http.createServer(async (_, response) => {
  await null;
  setImmediate(() => response.end('hello'));
});
server.listen(0, '127.0.0.1', () => process.send(portOf(server)));

let timer;
const empty = createHook({ init() {}, before() {}, after() {} });
process.on('message', async state => {
  // What ends a context also throws away optimised code: to all alike, before each round.
  if (state !== 'cpu') globalThis.gc();
  if (state === 'alive') await begin();
  if (state === 'none') await end();
  if (state === 'empty') empty.enable();
  process.send(process.cpuUsage());
});

async function begin() {
  await end();
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
