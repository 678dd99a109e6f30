/**
 * Run by supervisor.c: one scenario over and over, each time with one system call that fails, and a look
 * at what is left after each. Says what it is about to do and what came of it in lines of JSON.
 *
 * runner.mjs '{ scenario, any, skip, seconds, seed, cold }': `skip` so many of the list; `any`:
 * also what no kernel answers; `cold`: only
 * this, as the first that this process does.
 */
import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compare, takeCensus } from '../census.mjs';
import { shuffled } from '../random.mjs';
import { allErrors, possibleErrors } from './errors.mjs';
import { scenarios } from './scenarios.mjs';
import { library, makeWorld } from './world.mjs';

const plan = JSON.parse(process.argv[2]);
const scenario = scenarios[plan.scenario];
const deadline = 5000;
const [begin, end] = [0x7f000001, 0x7f000002];
const [commands, answers] = [8, 9];

const say = line => fs.writeSync(1, `${JSON.stringify(line)}\n`);
const strays = [];
process.on('uncaughtException', error => strays.push(error));
process.on('unhandledRejection', error => strays.push(error));

/** There is no such fd: the supervisor knows what is meant. */
function signal(fd) {
  try {
    fs.closeSync(fd);
  } catch {}
}

function answer() {
  let text = '';
  const bytes = Buffer.alloc(65536);
  while (!text.endsWith('.\n')) text += bytes.toString('utf8', 0, fs.readSync(answers, bytes));
  return text.split('\n').slice(0, -2);
}

const run = scenario.run ?? scenario;
/** `sites`: of which calls one fails; all, where it does not say. */
const { before: prepare, look, sites: wanted = /^/ } = scenario;

/** What came of the scenario, with the supervisor told to do something meanwhile. */
async function attempt(world, command) {
  world.work = fs.mkdtempSync(join(world.folder, 'work-'));
  prepare?.(world);
  if (command) fs.writeSync(commands, command);
  if (command) signal(begin);
  let timer;
  const late = new Promise(resolve => {
    timer = setTimeout(resolve, deadline, { hang: true });
  });
  const done = (async () => run(world))().then(
    value => ({ value }),
    error => ({ error }),
  );
  const result = await Promise.race([done, late]);
  clearTimeout(timer);
  if (command) signal(end);
  if (look && !result.hang) result.value = [result.value, look(world, result.error)];
  fs.rmSync(world.work, { recursive: true, force: true });
  return { ...result, told: command ? answer() : [] };
}

/** What is wrong with an error, or undefined: it has to have a name. */
function judge(error) {
  if (!(error instanceof Error)) return `no error was thrown, but ${String(error)}`;
  if (
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError
  ) {
    return `${error.name}: ${error.stack.split('\n').slice(0, 3).join(' ')}`;
  }
  const { code = '' } = /** @type {NodeJS.ErrnoException} */ (error);
  if (!/^(E[A-Z0-9]+|ERR_WORKER_[A-Z_]+)$/.test(code)) return `without a name: ${error.stack}`;
  return undefined;
}

/** What is left: waited for, as the loop closes some things later, on a busy machine some seconds. */
async function left(before, folder) {
  const end = performance.now() + 10_000;
  for (let tries = 0; ; tries++) {
    globalThis.gc();
    await new Promise(setImmediate);
    const words = compare(before, takeCensus([folder]));
    if (words === '' || performance.now() > end) return words;
    await sleep(tries < 50 ? 1 : 10);
  }
}

const world = await makeWorld();
library.namespacesOf(process.pid); // loads the addon
process.on('exit', () => world.stop());

if (plan.cold) {
  const { site, occurrence, error } = plan.cold;
  const first = await attempt(world, `fail ${site} ${occurrence} ${os.constants.errno[error]}`);
  let wrong = first.hang ? 'it hangs' : first.error && judge(first.error);
  const again = await attempt(world);
  if (again.error || again.hang) wrong ??= `not afterwards either: ${again.error ?? 'it hangs'}`;
  const before = takeCensus([world.folder]);
  await attempt(world);
  wrong ??= (await left(before, world.folder)) || undefined;
  if (strays.length > 0) wrong ??= `uncaught: ${strays[0]?.stack}`;
  say({
    fired: Number(first.told[0]),
    wrong,
    code: first.error?.code,
    message: first.error?.message,
  });
  process.exit(0);
}

const cold = await attempt(world, 'list');
if (cold.hang || cold.error) {
  say({ broken: String(cold.error?.stack ?? 'it hangs') });
  process.exit(0);
}
await attempt(world);
const warm = await attempt(world, 'list');
const expected = JSON.stringify(warm.value);
const parse = lines =>
  lines
    .filter(line => wanted.test(line))
    .map(line => {
      const [, site, count] = /^(.*) (\d+)$/.exec(line);
      return { site, count: Number(count) };
    });
const sites = parse(warm.told);
const onlyCold = parse(cold.told).filter(one => !sites.some(({ site }) => site === one.site));
const each = list =>
  list.flatMap(({ site, count }) =>
    [...new Set([1, Math.ceil(count / 2), count])].flatMap(occurrence =>
      (plan.any ? allErrors : possibleErrors(site)).map(error => ({ site, occurrence, error })),
    ),
  );
const todo = shuffled(each(sites), plan.seed);
say({ sites, cold: shuffled(each(onlyCold), plan.seed), todo: todo.length, expected });

await sleep(100);
let before = takeCensus([world.folder]);
const until = Date.now() + plan.seconds * 1000;
for (const [i, { site, occurrence, error }] of todo.entries()) {
  if (i < plan.skip) continue;
  if (Date.now() > until) break;
  say({ try: i, site, occurrence, error });
  const result = await attempt(world, `fail ${site} ${occurrence} ${os.constants.errno[error]}`);
  const fired = Number(result.told[0]);
  let wrong;
  if (result.hang) wrong = 'it hangs';
  else if (result.error) wrong = judge(result.error) ?? result.value?.[1]?.wrong;
  else if (JSON.stringify(result.value) !== expected) {
    wrong = `a wrong result: ${JSON.stringify(result.value).slice(0, 300)} in place of ${expected.slice(0, 300)}`;
  }
  const rest = await left(before, world.folder);
  if (strays.length > 0) wrong = `uncaught: ${strays.splice(0)[0]?.stack}`;
  if (rest) wrong = `${wrong ? `${wrong}; ` : ''}left behind: ${rest}`;
  if (rest) before = takeCensus([world.folder]);
  const { code, message } = result.error ?? {};
  say({ did: i, fired, wrong, code, message });
  if (result.hang) process.exit(9);
}
say({ over: true });
process.exit(0);
