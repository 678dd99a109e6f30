/**
 * Compares `enter`, `run` and `ls` with the nsenter, unshare and lsns of this machine: made-up sets of
 * options, by what a program sees that is run with them, as root and as a user. Prints every difference
 * that docs/command.md does not name, and ends with 1 where there is one.
 *
 *   npm run test:options -- --sets 3000 --seed 7 --tools DIR --only run --set 1234
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { rowOf } from './options/named.mjs';
import { setOf } from './options/sets.mjs';
import { Bench } from './options/sides.mjs';
import { pick, randomOf } from './random.mjs';

const { values } = parseArgs({
  options: {
    sets: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    /** Where other tools are than those of PATH. */
    tools: { type: 'string' },
    /** One command of the three. */
    only: { type: 'string' },
    /** Just this one, with all that it showed. */
    set: { type: 'string' },
    at: { type: 'string', default: '2' },
  },
});
if (process.getuid() !== 0) throw new Error('this needs root');
// In mounts of its own, which end with it, however it ends.
if (process.env.OPTIONS_INSIDE === undefined) {
  const line = ['--pdeathsig', 'KILL', 'unshare', '-m', process.execPath, ...process.argv.slice(1)];
  const env = { ...process.env, OPTIONS_INSIDE: 'yes' };
  const { status } = spawnSync('setpriv', line, { stdio: 'inherit', env });
  process.exit(status ?? 1);
}

const bench = new Bench(values.tools);
// Older ones (2.38) lack options, and lsns lists in another order.
const old = !bench.known('ls').has('filter');
const usual = ['enter', 'enter', 'run', 'run', ...(old ? [] : ['ls'])];
const commands = values.only ? [values.only] : usual;
const rows = new Map();
let different = 0;
let alike = 0;

async function look(set, asUser) {
  const { own, wanted } = await bench.compare(set, asUser);
  const keys = [...new Set([...Object.keys(own), ...Object.keys(wanted)])];
  const differing = keys.filter(key => JSON.stringify(own[key]) !== JSON.stringify(wanted[key]));
  return { own, wanted, differing };
}

async function one(number, known) {
  const random = randomOf(Number(values.seed) * 1_000_003 + number);
  const command = pick(commands, random);
  const asUser = random(4) === 0;
  const set = setOf(command, random, known[command], bench.targets);
  let { own, wanted, differing } = await look(set, asUser);
  // Of what comes and goes meanwhile, each sees something else; and lsns may stumble over it.
  const tries = command === 'ls' ? 6 : 2;
  for (let again = 0; differing.length > 0 && again < tries; again++) {
    if (rowOf(set, own, wanted, asUser, differing, old) !== undefined) break;
    ({ own, wanted, differing } = await look(set, asUser));
  }
  if (values.set !== undefined) console.log({ own, wanted });
  if (differing.length === 0) {
    alike++;
    return;
  }
  const row = rowOf(set, own, wanted, asUser, differing, old);
  if (row !== undefined) {
    rows.set(row, (rows.get(row) ?? 0) + 1);
    return;
  }
  different++;
  console.log(
    `\n${number}${asUser ? ' (user)' : ''}: ${[command, ...set.words, ...set.end, ...set.program].join(' ')}`,
  );
  const told = own.end === wanted.end ? differing : ['end', 'stderr'];
  for (const key of told) {
    console.log(`  ${key}: ${JSON.stringify(own[key])} / ${JSON.stringify(wanted[key])}`);
  }
  for (const text of [own.text, wanted.text]) if (text) console.log(`  ${text.slice(0, 300)}`);
}

try {
  await bench.start();
  const known = Object.fromEntries(['enter', 'run', 'ls'].map(name => [name, bench.known(name)]));
  const all =
    values.set === undefined ? [...Array(Number(values.sets)).keys()] : [Number(values.set)];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < all.length; i = next++) await one(all[i], known);
  };
  await Promise.all(Array.from({ length: Number(values.at) }, work));
} finally {
  await bench.close();
}
for (const [row, count] of rows) console.log(`${String(count).padStart(5)}  ${row}`);
console.log(
  `${alike} alike, ${[...rows.values()].reduce((sum, n) => sum + n, 0)} as named, ${different} different`,
);
process.exitCode = different > 0 ? 1 : 0;
