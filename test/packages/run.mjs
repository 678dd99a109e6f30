/**
 * One case, in a process of its own: the same servers on the same addresses in two networks and outside, and
 * a package that asks them from all three at once. Prints one line of JSON.
 *
 * A case is `{ needs?, node?, keeps?, rounds?, serve?(side), ask(side) }`: `serve` starts a server that knows the name of
 * its side, and gives what ends it; `ask` gives the name that it was told. Both run on their side. `keeps`: why
 * its contexts are not over in the end. `rounds`: how often all ask.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createNamespaces } from '../../lib/index.js';

const [file, name] = process.argv.slice(2);
const place = () => readlinkSync('/proc/thread-self/ns/net');
const links = (folder, path = '') =>
  readdirSync(folder).flatMap(entry => {
    try {
      return [readlinkSync(join(folder, entry, path))];
    } catch {
      return []; // it has ended
    }
  });

const wrong = [];
const cases = await import(pathToFileURL(file).href);
const { serve, ask, keeps, rounds = 4 } = cases.default[name];
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-packages-'));
chmodSync(folder, 0o755); // servers that refuse to be root run as nobody

async function makeSide(name) {
  const dir = join(folder, name);
  mkdirSync(dir, { mode: 0o755 });
  if (name === 'O') return { name, dir, place: place(), run: fn => fn(), close() {} };
  const lab = await createNamespaces(['net'], { loopback: true });
  return {
    name,
    dir,
    place: `net:[${lab.inode('net')}]`,
    run: fn => lab.run(fn),
    close: () => lab.close(),
  };
}

/** Is nothing of the labs left, and nothing of ours on: no thread in them, no namespace open? */
async function isOver(places) {
  let left = '';
  for (let i = 0; i < 400; i++) {
    globalThis.gc();
    await sleep(25);
    const threads = links('/proc/self/task', 'ns/net').filter(link => places.includes(link));
    // While a callback is alive, the way back is open.
    const open = links('/proc/self/fd').filter(link => /^(net|uts|ipc|cgroup):\[/.test(link));
    left = [...open, ...threads].join(', ');
    if (left === '') break;
  }
  return left;
}

let left = '';
const sides = [];
try {
  for (const name of ['O', 'A', 'B']) sides.push(await makeSide(name));
  const stops = await Promise.all(sides.map(side => side.run(() => serve?.(side))));
  try {
    for (let round = 0; round < rounds; round++) {
      // Another side is first each time, a network to begin with, and all are at work together.
      const first = (round + 1) % 3;
      const order = [...sides.slice(first), ...sides.slice(0, first)];
      await Promise.all(
        order.map(side =>
          side.run(async () => {
            const answer = await ask(side, round);
            if (answer !== side.name) wrong.push(`${side.name} was answered by ${answer}`);
            if (place() !== side.place) wrong.push(`${side.name} went on elsewhere`);
          }),
        ),
      );
      if (place() !== sides[0].place) wrong.push('outside was moved');
    }
  } finally {
    await Promise.all(sides.map((side, i) => side.run(() => stops[i]?.())));
  }
} catch (error) {
  wrong.push(error.stack ?? String(error));
} finally {
  for (const side of sides) side.close();
}
const places = sides.slice(1).map(side => side.place);
sides.length = 0;
if (wrong.length === 0) left = await isOver(places);
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`\n${JSON.stringify({ wrong: wrong.slice(0, 5), left, keeps })}\n`, () =>
  process.exit(),
);
