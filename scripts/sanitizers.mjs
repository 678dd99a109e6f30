/**
 * npm run test:sanitizers [-- --only addon|harnesses|threads] [-- --seconds 20] [-- test/system/root ...]
 *
 * Three parts, none of which touches build/ or lib/:
 * - threads: what the addon does on several threads at once (copies, scans, children that end with us),
 *   without Node, under ThreadSanitizer. Node itself cannot be run under it: V8's own threads, which are
 *   not compiled for it, would be all that it reports.
 * - harnesses: the parsers of netlink and /proc, and the launcher as an ordinary program, under
 *   AddressSanitizer and UndefinedBehaviorSanitizer, each with made-up inputs for some seconds; fuzz.mjs
 *   takes longer over them.
 * - addon: built with both into a folder of its own, which the system tests (or those that are named) are
 *   run with. Leaks are looked for at the end of every process, and only those count that the addon had a
 *   part in: V8 lets go of most of what it has by ending.
 *
 * Needs root, g++ with its sanitizers (Debian's g++ has them), libuv1-dev, make and Python. Takes about
 * ten minutes. Every report is printed, and the exit code is 1.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { claimCache } from './cache.mjs';
import { Builder, driven, gcc, reportsFrom } from './harness.mjs';
import { root } from './sources.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '40' },
  },
});

/** Of test/system. */
const worthwhile = ['callback', 'child', 'create', 'inspect', 'root', 'syscalls', 'worker'].map(
  name => `test/system/${name}`,
);

/** Engines would run with the sanitizers, too, and their tests are no others for the addon. */
const withEngines = readdirSync(join(root, 'test/system'), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.test.ts'))
  .map(name => `test/system/${name}`)
  .filter(name => /from '[./]+\/engines\//.test(readFileSync(join(root, name), 'utf8')));

const folder = claimCache('sanitizers');
const logs = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-reports-'));
process.on('exit', () => rmSync(logs, { recursive: true, force: true }));
// Tests run programs as other users, and what cannot be written here is said on stderr.
chmodSync(logs, 0o1777);
const found = [];

const withoutProc = 'a program there has not its own /proc, without which AddressSanitizer ends it';

/** Tests that say what is true of a process without a sanitizer alone, by name, and why. */
const leftOut = {
  'a frame that comes byte by byte takes no more than its length':
    'measures memory, and what is freed is kept for a while, so that its use is seen',
  '100 calls that are all answered with what takes most': 'measures memory, too',
  'thousands of files with several names, deep down': 'measures memory, too',
  'thousands of spawns': "measures malloc's own heap, which is not in use there",
  'with a node that has file capabilities':
    'LD_PRELOAD does nothing there (ld.so(8), secure-execution mode), and the addon needs it',
  'the /proc of another pid namespace: its pids': withoutProc,
  'another file system there: an error that says so': withoutProc,
  'nothing mounted there: an error that says so': withoutProc,
  'what the container mounts later is in /proc/1/root': withoutProc,
  'where its mounts are shared, what it mounts later is seen': withoutProc,
  'a root of parts, as a user too': 'the folder of the reports is made in that root',
  'does not keep a program alive that has given it up':
    'LeakSanitizer waits for all threads, and one of them is held up there',
};

/** The reports that were written meanwhile, and those in what was said, one text each. */
function takeReports(separator, said = '') {
  const texts = readdirSync(logs).map(name => {
    const text = readFileSync(join(logs, name), 'utf8');
    rmSync(join(logs, name));
    return text;
  });
  return [...texts, said].flatMap(text => text.split(separator)).filter(text => text.trim() !== '');
}

function say(part, reports) {
  // The same from another process, or another call, is the same.
  const kinds = new Map(reports.map(text => [framesOf(text), text]));
  for (const text of kinds.values()) console.log(`\n--- ${part}\n${text.trim().slice(0, 5000)}`);
  console.log(`${part}: ${kinds.size === 0 ? 'nothing found' : `${kinds.size} found`}`);
  found.push(...kinds.values());
}

function framesOf(text) {
  const frames = [...text.matchAll(/#\d+ (?:0x[0-9a-f]+ in )?(\S+)[^\n]*native\//g)].map(
    ([, name]) => name,
  );
  const kind =
    /(AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error|leak of)[^\n]{0,40}/.exec(text);
  return `${kind?.[0].replace(/0x[0-9a-f]+|\d+/g, '#')} ${frames.slice(0, 3)}`;
}

const tested = {
  async threads() {
    const builder = new Builder(join(folder, 'thread'), gcc, 'thread');
    const program = await builder.harness('threads', await builder.archive(), false);
    const { status, signal } = spawnSync(program, [values.rounds], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, TSAN_OPTIONS: `log_path=${logs}/thread exitcode=0` },
      timeout: 600_000,
    });
    // Threads that scan have tables of files of their own, in which a number is another file.
    const reports = takeReports(/^={18}$/m).filter(
      text => text.includes('WARNING') && !text.includes('Location is file descriptor'),
    );
    if (status !== 0) reports.push(`the program ended with ${status ?? signal}`);
    say('threads', reports);
  },

  async harnesses() {
    const builder = new Builder(join(folder, 'address'), gcc, 'address,undefined');
    const archive = await builder.archive();
    for (const name of driven) {
      const program = await builder.harness(name, archive);
      const corpus = join(root, 'test/fuzz/corpus', name);
      mkdirSync(corpus, { recursive: true });
      const written = join(logs, name);
      const {
        status,
        signal,
        stderr: said,
      } = spawnSync(program, [values.seconds, '1', join(folder, `${name}.failure`), corpus], {
        encoding: 'utf8',
        env: {
          ...process.env,
          // Into a file: a thread with descriptors of its own has no stderr.
          ASAN_OPTIONS: `detect_stack_use_after_return=1:log_path=${written}`,
          UBSAN_OPTIONS: `log_path=${written}`,
        },
        timeout: 600_000,
      });
      const stderr = `${reportsFrom(written)}${said}`;
      const report = stderr.includes('Sanitizer') || stderr.includes('runtime error') ? stderr : '';
      say(
        name,
        status === 0 ? [] : [report || `${name} ended with ${status ?? signal}: ${stderr}`],
      );
    }
  },

  async addon() {
    const tree = stage();
    const preload = ['libasan.so', 'libubsan.so'].map(name =>
      execFileSync('gcc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim(),
    );
    const before = join(folder, 'beside_node.so');
    const source = join(root, 'test/fuzz/harness/beside_node.c');
    execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', before, source]);
    const options = `log_path=${logs}/addon:detect_stack_use_after_return=0:verify_asan_link_order=0`;
    const vitest = join(tree, 'node_modules/vitest/vitest.mjs');
    const files = positionals.length > 0 ? positionals : worthwhile;
    const env = {
      ...process.env,
      LD_PRELOAD: [before, ...preload].join(' '),
      SLOWNESS: '5',
      ASAN_OPTIONS: `${options}:detect_leaks=1`,
      // What leaks is no failure of a program that somebody runs: it is looked through below.
      LSAN_OPTIONS: 'exitcode=0:max_leaks=0',
      UBSAN_OPTIONS: 'print_stacktrace=1',
    };
    const run = args =>
      spawnSync(process.execPath, args, {
        cwd: tree,
        env,
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
        timeout: Number(values.minutes) * 60_000,
      });
    const excluded = withEngines.map(name => `--exclude=${name}`);
    for (const [name, why] of Object.entries(leftOut)) console.log(`Left out: "${name}": ${why}`);
    // Some 10,000 of anything take a quarter of an hour here, and are what soak.mjs does.
    const without = [...Object.keys(leftOut), '\\d,\\d{3} '].join('|');
    const few = `--testNamePattern=^(?!.*(?:${without}))`;
    const line = ['run', '--project', 'system', '--testTimeout=240000', few, ...excluded, ...files];
    const tests = run([vitest, ...line]);
    console.log(tests.stdout);
    if (tests.status !== 0) console.log(tests.stderr.slice(-20_000)); // there vitest says what failed
    // vitest kills its processes: what leaks is seen at the end of one that ends by itself.
    const rounds = run([join(tree, 'scripts/soak.mjs'), '--times', '0.1']);
    const { status } = tests;
    // UndefinedBehaviorSanitizer writes to stderr, whoever's that is.
    const said = [tests, rounds].map(({ stdout, stderr }) => `${stdout}\n${stderr}`).join('\n');
    const undefineds = said.match(/^.*native\/.*runtime error:.*\n(?: *#.*\n){0,8}/gm) ?? [];
    const reports = takeReports(/^(?=={17,}$|(?:Direct|Indirect) leak of)/m, said);
    const ours = reports.filter(text => /ERROR: AddressSanitizer/.test(text) || isOurs(text));
    if (status !== 0) ours.push(`The tests ended with ${status}, see above`);
    say('addon', [...ours, ...undefineds]);
  },
};

/**
 * Something that the addon made itself, or had made: a call of it is among the first few. But for a promise
 * of a Worker that was terminated: nothing can settle that any more, and only by that Node lets go of it.
 * And for the box of Node's around an object of ours, which JavaScript has as long as Node runs.
 */
function isOurs(text) {
  if (/ in napi_create_(promise|external) /.test(text)) return false;
  const frames = text.split('\n').filter(line => /^ +#\d/.test(line));
  return (
    /leak of/.test(text) && frames.slice(0, 6).some(frame => /addon\.node|native\//.test(frame))
  );
}

/** The checkout with an addon of its own. */
function stage() {
  const tree = join(folder, 'tree');
  for (const name of ['native', 'lib', 'src', 'test', 'examples', 'docs']) {
    rmSync(join(tree, name), { recursive: true, force: true });
    // So that make sees what has changed.
    cpSync(join(root, name), join(tree, name), { recursive: true, preserveTimestamps: true });
  }
  for (const name of [
    'binding.gyp',
    'package.json',
    'README.md',
    'tsconfig.json',
    'vitest.config.ts',
  ]) {
    cpSync(join(root, name), join(tree, name));
  }
  // The programs that tests call beside them.
  cpSync(join(root, 'scripts'), join(tree, 'scripts'), { recursive: true });
  rmSync(join(tree, 'node_modules'), { force: true });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  const sanitize = '-fsanitize=address,undefined -fno-sanitize=vptr';
  // By npm, whose settings say where Node's headers are.
  execFileSync('npm', ['exec', '--', 'node-gyp', 'configure', 'build'], {
    cwd: tree,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      CXXFLAGS: `${sanitize} -g -O1 -fno-omit-frame-pointer`,
      LDFLAGS: sanitize,
    },
  });
  return tree;
}

for (const [name, test] of Object.entries(tested)) {
  if (values.only === undefined || values.only === name) await test();
}
console.log(found.length === 0 ? 'No report.' : `${found.length} reports.`);
if (found.length > 0) process.exitCode = 1;
