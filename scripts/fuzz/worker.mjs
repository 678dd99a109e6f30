/**
 * Runs one target of test/fuzz/targets.ts for some seconds: worker.mjs NAME SECONDS SEED CURRENT. What is
 * being run is in the file CURRENT, so that it is known where it does not come back; what violates is
 * told as a line of JSON.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { pick, randomOf } from '../random.mjs';
import { root } from '../sources.mjs';
import { loadTargets } from './bundle.mjs';
import { mutateBytes, mutateState } from './mutate.mjs';

const [name, seconds, seed, current] = process.argv.slice(2);
const { clear, targets } = await loadTargets();
const run = targets[name];
const random = randomOf(Number(seed));
const corpus = join(root, 'test/fuzz/corpus', name);
const kept = fs.existsSync(corpus)
  ? fs.readdirSync(corpus).map(file => fs.readFileSync(join(corpus, file)))
  : [];
const seeds =
  kept.length > 0
    ? kept
    : [Buffer.alloc(0), Buffer.from(Array.from({ length: 300 }, () => random(256)))];
const mutate = name === 'state' ? mutateState : mutateBytes;
const say = line => fs.writeSync(1, `${JSON.stringify(line)}\n`);

const objects = [Object, Array, Error, String, Function, Map].map(({ prototype }) => prototype);
const shapes = () => objects.map(prototype => Reflect.ownKeys(prototype).length).join();
const before = shapes();

const file = fs.openSync(current, 'w');
const until = Date.now() + Number(seconds) * 1000;
let runs = 0;
let said = Date.now();
const seen = new Set();

async function attempt(bytes) {
  fs.writeSync(file, bytes, 0, bytes.length, 0);
  fs.ftruncateSync(file, bytes.length);
  runs++;
  try {
    await run(bytes);
    if (shapes() !== before) throw new Error('a prototype was changed');
  } catch (error) {
    const stack = String(error?.stack ?? error);
    const frames = stack.split('\n').filter(line => line.startsWith('    at '));
    const kind = `${error?.name} ${frames.slice(0, 3)}`;
    if (seen.has(kind)) return;
    seen.add(kind);
    say({ violated: stack.split('\n').slice(0, 6).join('\n'), input: bytes.toString('base64') });
  }
  if (Date.now() - said > 1000) {
    said = Date.now();
    say({ runs });
  }
}

for (const bytes of seeds) await attempt(bytes);
while (Date.now() < until && seen.size < 10) {
  await attempt(mutate(pick(seeds, random), seeds, random));
}
clear();
say({ runs, over: true });
process.exit(0);
