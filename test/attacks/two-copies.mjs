// Case: two copies of the library in two vm contexts of one thread: after a nested call, code outside
// runs in the network of the first.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

const flag = '--experimental-vm-modules';
if (!process.execArgv.includes(flag)) {
  const args = [flag, '--no-warnings', fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1);
}
const { load, newContext } = await import('../system/fixtures/copies.mjs');
const library =
  process.env.LINUX_NAMESPACES ?? fileURLToPath(new URL('../../lib/index.js', import.meta.url));
const times = Number(process.argv[2] ?? 10);
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
const place = () => fs.readlinkSync('/proc/thread-self/ns/net');
const home = place();
const globals = { console, process, setTimeout, setImmediate, clearTimeout, Buffer, URL, fetch };
const A = await import(library);
const B = await load(library, newContext(globals));
const ours = await A.createNamespaces(['net']);
const theirs = await B.createNamespaces(['net']);
let won = 0;
/** Nothing of either library: a timer of the program. */
const tick = setInterval(() => {
  if (place() !== home) seen = true;
}, 1);
let seen = false;
for (let i = 0; i < times; i++) {
  seen = false;
  ours.run(() => {
    try {
      theirs.run(() => void setTimeout(() => {}, 1));
    } catch {}
  });
  await sleep(5);
  if (seen || place() !== home) won++;
}
clearInterval(tick);
console.log(`won ${won} of ${times}`);
process.exit(won === 0 ? 0 : 1);
