/**
 * npm run test:faults [-- --all] [-- --any] [-- --seconds 600] [-- --seed 1] [-- --list] [-- SCENARIO ...]
 *
 * Makes each system call that the library makes fail, one at a time: with those of EINTR, EAGAIN, ENOMEM
 * and EMFILE that it can give (`--any`: with all four), in Node's threads, in the launcher and in the preloaded object; the first time that a place in
 * the code makes it, the middle and the last. After each: success with the same result as always, or an
 * error that has a name; no file, thread, child, zombie, mount or temporary file left; no hang; nothing
 * run elsewhere.
 *
 * Needs root, Linux 5.19 (seccomp_unotify(2)), a C compiler, unshare(1) and the built addon. Takes ten
 * minutes at most: each scenario gets its share, with places picked by the seed; `--all` takes all of
 * them, however long. A SCENARIO is any part of its name.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { removeCgroups } from './faults/cgroups.mjs';
import { scenarios } from './faults/scenarios.mjs';
import { root } from './sources.mjs';

/** A line of the runner comes at least as often: seconds. */
const silence = 60;
/** Where it would go on in the wrong place, the library ends the process, and says so. */
const endsOnPurpose = /linux-namespaces: .*(on the way back outside|on the way into a callback)/s;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    any: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    'self-test': { type: 'boolean', default: false },
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: '1' },
  },
});
const seed = Number(values.seed);
const names = Object.keys(scenarios).filter(
  name => positionals.length === 0 || positionals.some(part => name.includes(part)),
);
if (values.list) {
  console.log(names.join('\n'));
  process.exit(0);
}
if (process.getuid() !== 0) throw new Error('Namespaces are entered and created: run as root');

const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-supervisor-'));
let group; // of what runs
function endGroup() {
  try {
    if (group !== undefined) process.kill(-group, 'SIGKILL');
  } catch {} // it has ended by itself, targets and all
}
process.on('exit', () => {
  endGroup();
  removeCgroups();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
const supervisor = join(folder, 'supervisor');
execFileSync('cc', ['-O1', '-Wall', '-o', supervisor, join(root, 'scripts/faults/supervisor.c')], {
  stdio: 'inherit',
});

/** Runs runner.mjs; `heard` gets its lines. How it ended, and what it wrote to stderr. */
async function run(plan, heard, env = {}) {
  const runner = join(root, 'scripts/faults/runner.mjs');
  // In a mount namespace of its own: what others mount meanwhile is not counted.
  const line = ['--mount', '--propagation', 'private', supervisor, process.execPath];
  const child = spawn('unshare', [...line, '--expose-gc', runner, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder, ...env }, // what it leaves when it is killed goes with that
    detached: true, // a group of its own, to be ended as one
  });
  group = child.pid;
  const ended = once(child, 'exit');
  let stderr = '';
  child.stderr.on('data', bytes => (stderr = (stderr + bytes).slice(-4000)));
  let hung = false;
  const stop = () => {
    hung = true;
    endGroup();
  };
  let timer = setTimeout(stop, silence * 1000);
  for await (const line of createInterface({ input: child.stdout })) {
    clearTimeout(timer);
    timer = setTimeout(stop, silence * 1000);
    if (line.startsWith('{')) heard(JSON.parse(line));
  }
  clearTimeout(timer);
  await ended;
  endGroup();
  return { code: child.exitCode ?? child.signalCode, hung, stderr };
}

/** Of a thread that is not to be had it knows one error. */
const byLibuv = ({ site, error }, code) =>
  /clone3?$/.test(site) && error === 'ENOMEM' && code === 'EAGAIN';

/** Node does not say why it could not ask what a descriptor is; of our pipe, nothing interrupts that. */
const byNode = ({ site, error }, code, message) =>
  /\bfstat$/.test(site) && error === 'EINTR' && code === 'ENOMEM' && /^fstat\b/.test(message);

/** One injection after another, whatever becomes of the process that makes them. */
async function test(scenario, seconds, env) {
  const until = Date.now() + seconds * 1000;
  const found = {
    scenario,
    places: 0,
    possible: 0,
    tried: 0,
    missed: 0,
    failures: [],
    misnamed: [],
  };
  let skip = 0;
  let cold = [];
  /** @param {{ fired: any, wrong?: any, code?: any, message?: any }} did */
  const take = (what, did) => {
    const { fired, wrong, code, message } = did;
    found.tried++;
    if (!fired) found.missed++;
    if (wrong) found.failures.push({ ...what, wrong });
    else if (!code || !fired || code === what.error) return;
    else if (!byLibuv(what, code) && !byNode(what, code, message))
      found.misnamed.push({ ...what, code, message });
  };
  for (let over = false; !over && Date.now() < until; ) {
    let doing;
    const plan = {
      scenario,
      any: values.any,
      skip,
      seconds: Math.max(1, (until - Date.now()) / 1000),
      seed,
    };
    const ended = await run(
      plan,
      line => {
        if (line.broken) {
          found.failures.push({ site: '-', error: 'none', wrong: line.broken });
          over = true;
        } else if (line.sites) {
          found.places = line.sites.length;
          found.possible = line.todo;
          cold = line.cold.filter(({ site }) => !/ node /.test(site));
        } else if (line.try !== undefined) {
          doing = line;
          skip = line.try + 1;
        } else if (line.did !== undefined) {
          take(doing, line);
          doing = undefined;
        } else if (line.over) over = true;
      },
      env,
    );
    if (doing) {
      const purpose = scenario.startsWith('callback') && endsOnPurpose.test(ended.stderr);
      const how = ended.hung ? 'the process stands still' : `the process ended (${ended.code})`;
      take(doing, {
        fired: 1,
        wrong: purpose ? undefined : `${how}: ${ended.stderr.trim().slice(0, 400)}`,
      });
    } else if (!over && ended.code !== 9) {
      found.failures.push({
        site: '-',
        error: 'none',
        wrong: `the runner ended (${ended.code}): ${ended.stderr}`,
      });
      break;
    }
  }
  found.possible += cold.length;
  for (const one of cold) {
    if (Date.now() > until) break;
    let heard = false;
    const ended = await run(
      { scenario, cold: one },
      line => {
        heard = true;
        take(one, line.broken ? { fired: 1, wrong: line.broken } : line);
      },
      env,
    );
    if (!heard)
      take(one, {
        fired: 1,
        wrong: `the process ended (${ended.code}): ${ended.stderr.slice(0, 400)}`,
      });
  }
  return found;
}

/** The functions of the addon, by address. */
function symbols() {
  const addon = join(root, 'build/Release/addon.node');
  const text = execFileSync('nm', ['-nC', '--defined-only', addon], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return text
    .split('\n')
    .map(line => /^([0-9a-f]+) [tTwW] (.*)$/.exec(line))
    .filter(Boolean)
    .map(([, address, name]) => ({
      address: Number.parseInt(address, 16),
      name: name.replace(/\(.*/, ''),
    }));
}

let table;
function readable(site) {
  return site.replace(/addon\+([0-9a-f]+)/, (_, hex) => {
    table ??= symbols();
    const address = Number.parseInt(hex, 16);
    return (
      table
        .findLast(symbol => symbol.address <= address)
        ?.name.split('::')
        .slice(-2)
        .join('::') ?? hex
    );
  });
}

/** What is the same but for the errno, and how many times it was called, as one. */
function grouped(failures) {
  const groups = new Map();
  for (const { site, error, wrong, code, message, occurrence } of failures) {
    const what = wrong ?? `${code} (${message}), whatever it was`;
    const key = `${site} ${what.replace(/\d+/g, '#').slice(0, 60)}`;
    const group = groups.get(key) ?? { site: readable(site), errors: new Set(), what, occurrence };
    group.errors.add(error);
    groups.set(key, group);
  }
  return [...groups.values()].map(one => ({ ...one, errors: [...one.errors].join(' ') }));
}

async function main() {
  const started = Date.now();
  const rows = [];
  const all = [];
  for (const [i, name] of names.entries()) {
    const left = Number(values.seconds) - (Date.now() - started) / 1000;
    const share = values.all ? 86_400 : Math.max(2, left / (names.length - i));
    const found = await test(name, share);
    all.push(found);
    for (const one of grouped(found.failures)) {
      console.log(
        `\n${name}: ${one.site} (call ${one.occurrence}) with ${one.errors}:\n  ${one.what.replaceAll('\n', '\n  ')}`,
      );
    }
    for (const one of grouped(found.misnamed)) {
      console.log(`\n${name}: ${one.site} with ${one.errors} is said to be ${one.what}`);
    }
    const { scenario, places, possible, tried, missed, failures, misnamed } = found;
    rows.push({
      scenario,
      places,
      possible,
      tried,
      missed,
      misnamed: misnamed.length,
      failed: failures.length,
    });
    console.log(`${name}: ${tried} of ${possible}, ${failures.length} failed`);
  }
  console.table(rows);
  const failed = rows.reduce((sum, row) => sum + row.failed, 0);
  console.log(
    `${rows.reduce((sum, row) => sum + row.tried, 0)} calls made to fail, ${failed} of them were not borne (seed ${seed})`,
  );
  return failed === 0;
}

process.exitCode = (await main()) ? 0 : 1;
