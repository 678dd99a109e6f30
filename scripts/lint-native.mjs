/**
 * The part of `npm run lint` that is about C and C++: clang-format on all of it, warnings of the compiler
 * as errors, and clang-tidy where there is one. With --write, clang-format mends. Takes a minute.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
process.chdir(root);

const files = execFileSync('git', ['ls-files', '*.cc', '*.c', '*.h'], { encoding: 'utf8' })
  .trim()
  .split('\n');
const write = process.argv.includes('--write');
execFileSync('clang-format', [...(write ? ['-i'] : ['--dry-run', '--Werror']), ...files], {
  stdio: 'inherit',
});
if (write) process.exit();

/** Runs `work` on each of `list`, as many at a time as there are processors. */
async function each(list, work) {
  const left = [...list];
  const one = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await work(next);
  };
  await Promise.all(os.cpus().map(one));
}

// gyp knows how each file is compiled.
execFileSync('npx', ['node-gyp', 'configure', '--', '-f', 'compile_commands_json'], {
  stdio: ['ignore', 'ignore', 'ignore'],
});
const database = join(root, 'build/Release');
const commands = JSON.parse(readFileSync(join(database, 'compile_commands.json'), 'utf8')).filter(
  ({ file }) => file.startsWith(join(root, 'native')),
);
const generated = readdirSync(join(root, 'build'), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('launcher_bytes.h'))
  .map(name => `-I${join(root, 'build', dirname(name))}`)[0];
if (generated === undefined) throw new Error('npm run build comes first');

let failed = false;
const report = error => {
  failed = true;
  console.error(`${error.stdout ?? ''}${error.stderr ?? ''}`.trim() || error.message);
};
const native = files.filter(file => file.startsWith('native/'));
const isLauncher = file => file.startsWith('native/launcher/');
// The launcher's, as embed.mjs compiles them.
const freestanding = ['-std=c11', '-ffreestanding', '-fno-builtin', '-fsyntax-only'];
const strict = ['-Wall', '-Wextra', '-Wmissing-prototypes', '-Werror'];
await each(native.filter(isLauncher), file => {
  const alone = file.endsWith('.h') ? ['-x', 'c', '-include', file, '/dev/null'] : [file];
  return run('cc', [...freestanding, ...strict, ...alone]).catch(report);
});
await each(commands, ({ command }) =>
  run('sh', ['-c', `${command} ${generated} -fsyntax-only -Werror`]).catch(report),
);
// Each header alone, as the first that a file includes.
const [{ command, file: source }] = commands;
const headers = native.filter(file => file.endsWith('.h') && !isLauncher(file));
await each(headers, header => {
  const alone = `${generated} -fsyntax-only -Werror -x c++ -include ${join(root, header)} /dev/null`;
  return run('sh', ['-c', command.replace(`-c ${source}`, alone)]).catch(report);
});
const tidy = ['clang-tidy', 'clang-tidy-14'].find(name =>
  (process.env.PATH ?? '').split(':').some(folder => existsSync(join(folder, name))),
);
if (tidy === undefined) console.log('Skipped: clang-tidy (not installed).');
else {
  const flags = ['--quiet', '-p', database, `--extra-arg=${generated}`];
  await each(commands, ({ file }) => run(tidy, [...flags, file]).catch(report));
  const programs = native.filter(file => isLauncher(file) && file.endsWith('.c'));
  // It does not know that a system call writes to what it is given, nor that mmap(2) is one.
  const blind = ['core.UndefinedBinaryOperatorResult', 'core.CallAndMessage']
    .map(name => `-clang-analyzer-${name}`)
    .concat('-performance-no-int-to-ptr');
  const checks = ['--quiet', `--checks=${blind}`];
  await each(programs, file => run(tidy, [...checks, file, '--', ...freestanding]).catch(report));
}
process.exitCode = failed ? 1 : 0;
