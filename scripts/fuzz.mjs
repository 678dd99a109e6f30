/**
 * npm run fuzz [-- --seconds 60] [-- --seed N] [-- --gcc] [-- TARGET ...]
 *
 * Gives made-up inputs to whatever reads what others wrote: the native parsers and the launcher
 * (test/fuzz/harness, with AddressSanitizer and UndefinedBehaviorSanitizer; by libFuzzer where there is
 * clang), and those in TypeScript (test/fuzz/targets.ts). None may crash, hang, use more memory than it
 * is given, throw what is not documented, or change a prototype; what goes there and back is the same.
 *
 * Needs g++ or clang, libuv1-dev; not root. Takes `--seconds` in all, and a minute to build; the seed is
 * that of the day. An input that fails becomes a file in test/fuzz/failures: once what it found is mended,
 * move it to the folder of its target in test/fuzz/corpus, from which all later runs begin, and which
 * test/unit/fuzz-seeds.test.ts runs again.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { loadTargets } from './fuzz/bundle.mjs';
import { Builder, driven, findClang, gcc, reportIn, reportsFrom } from './harness.mjs';
import { root } from './sources.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10).replaceAll('-', '') },
    gcc: { type: 'boolean', default: false },
  },
});
/** What one input may take: seconds, and MiB. */
const [slow, large] = [10, 400];

const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-fuzz-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const rows = [];

function keep(name, bytes, why) {
  const failures = join(root, 'test/fuzz/failures');
  mkdirSync(failures, { recursive: true });
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
  const path = join(failures, `${name}-${hash}`);
  writeFileSync(path, bytes);
  console.log(
    `\n--- ${name}: ${why}\nKept as ${path.slice(root.length + 1)}; mended, it goes to test/fuzz/corpus/${name}/${hash}`,
  );
}

/** By libFuzzer, or by loop.cc. */
function runHarness(name, program, builder, seconds) {
  const corpus = join(root, 'test/fuzz/corpus', name);
  mkdirSync(corpus, { recursive: true });
  const current = join(folder, `${name}.current`);
  const grown = mkdtempSync(join(folder, 'grown-'));
  const args = builder.compiler.fuzzer
    ? [
        ...[
          `-max_total_time=${seconds}`,
          `-seed=${values.seed}`,
          `-timeout=${slow}`,
          '-max_len=131072',
        ],
        ...[`-rss_limit_mb=${large * 4}`, `-artifact_prefix=${folder}/`, '-print_final_stats=1'],
        ...['-verbosity=0', grown, corpus],
      ]
    : [String(seconds), values.seed, current, corpus];
  // Into a file: a thread with descriptors of its own has no stderr.
  const report = join(folder, `${name}.report`);
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: (seconds + 120) * 1000,
    env: {
      ...process.env,
      ASAN_OPTIONS: `log_path=${report}`,
      UBSAN_OPTIONS: `log_path=${report}`,
    },
  });
  const runs = /number_of_executed_units: (\d+)/.exec(stderr)?.[1] ?? stdout.trim();
  if (status === 0) return { target: name, runs: Number(runs), failed: 0 };
  const artifact = readdirSync(folder).find(file =>
    /^(crash|timeout|oom|leak|slow-unit)-/.test(file),
  );
  let input = Buffer.alloc(0);
  if (artifact) {
    input = readFileSync(join(folder, artifact));
    rmSync(join(folder, artifact));
  } else if (existsSync(current)) {
    const file = readFileSync(current);
    input = file.subarray(8, 8 + Number(file.readBigUInt64LE()));
  }
  keep(name, input, reportIn(`${reportsFrom(report)}${stderr}`));
  return { target: name, runs: Number(runs) || 0, failed: 1 };
}

/** In a process of its own, which may hang or run out of memory. */
async function runTarget(name, seconds) {
  const current = join(folder, `${name}.current`);
  const worker = join(root, 'scripts/fuzz/worker.mjs');
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${large}`, worker, name, String(seconds), values.seed, current],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = once(child, 'exit');
  let stderr = '';
  child.stderr.on('data', bytes => (stderr = (stderr + bytes).slice(-3000)));
  let hung = false;
  const stop = () => {
    hung = true;
    child.kill('SIGKILL');
  };
  let timer = setTimeout(stop, 60_000); // it builds first
  const row = { target: name, runs: 0, failed: 0 };
  let over = false;
  for await (const line of createInterface({ input: child.stdout })) {
    clearTimeout(timer);
    timer = setTimeout(stop, slow * 1000);
    const told = JSON.parse(line);
    row.runs = told.runs ?? row.runs;
    over = told.over ?? false;
    if (told.violated === undefined) continue;
    row.failed++;
    keep(name, Buffer.from(told.input, 'base64'), told.violated);
  }
  clearTimeout(timer);
  const [code, signal] = await ended;
  if (!over) {
    row.failed++;
    keep(
      name,
      readFileSync(current),
      hung ? `took longer than ${slow} s` : `ended with ${code ?? signal}: ${stderr}`,
    );
  }
  return row;
}

const { targets } = await loadTargets();
const wanted = name => positionals.length === 0 || positionals.some(part => name.includes(part));
const natives = driven.filter(wanted);
const own = Object.keys(targets).filter(wanted);
const share = Math.max(1, Math.floor(Number(values.seconds) / (natives.length + own.length)));

if (natives.length > 0) {
  const compiler = (values.gcc ? undefined : findClang()) ?? gcc;
  console.log(`Building with ${compiler.cxx}`);
  const builder = new Builder(join(folder, 'build'), compiler, 'address,undefined');
  const archive = await builder.archive();
  for (const name of natives) {
    rows.push(runHarness(name, await builder.harness(name, archive), builder, share));
  }
}
for (const name of own) rows.push(await runTarget(name, share));
console.table(rows);
console.log(`Seed ${values.seed}`);
if (rows.some(row => row.failed > 0)) process.exitCode = 1;
