/**
 * npm run release [-- --strict]: builds the binaries of both architectures, looks at them, and packs
 * without writing a tarball. Where there is no cross compiler, arm64 is left out, which `--strict`
 * refuses; `npm publish` refuses it in any case (prepack.mjs).
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const strict = process.argv.includes('--strict');
const compiler = 'aarch64-linux-gnu-g++';

function run(command, ...args) {
  console.log(`\n> ${[command, ...args].join(' ')}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

const crosses = spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0;
if (!crosses) {
  console.log(`No ${compiler} (Debian: g++-aarch64-linux-gnu): there will be no binary for arm64.`);
  if (strict) process.exit(1);
}
// Not those of an older source.
for (const arch of ['x64', 'arm64']) {
  rmSync(`${root}/prebuilds/linux-${arch}`, { recursive: true, force: true });
}
run('npm', 'run', 'binaries:x64');
if (crosses) run('npm', 'run', 'binaries:arm64');
run('npm', 'run', 'build'); // they clear the build folder
const tests = ['test/unit/addon.test.ts', 'test/unit/packed.test.ts'];
run('npx', 'vitest', 'run', '--project', 'unit', ...tests);
// No publint: it takes a program for node alone, and the command is one for sh, too.
run('npm', 'pack', '--dry-run');
if (crosses) run('node', 'scripts/prepack.mjs');
