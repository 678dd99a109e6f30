// Compiles the launcher and writes its bytes as a C array: embed.mjs <launcher.c> <output.h>.
// Run by binding.gyp, so with the compiler that builds the addon (CC, as for make).
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const [source, output] = process.argv.slice(2);
const [compiler, ...own] = (process.env.CC || 'cc').split(' ').filter(Boolean);
const program = `${output}.elf`;
execFileSync(
  compiler,
  [
    ...own,
    ...['-std=c11', '-Os', '-Wall', '-Wextra', '-Werror'],
    ...['-ffreestanding', '-fno-builtin', '-fno-stack-protector', '-fno-pic', '-fno-pie'],
    ...[
      '-fno-asynchronous-unwind-tables',
      '-fno-tree-loop-distribute-patterns',
      '-mgeneral-regs-only',
    ],
    ...['-nostdlib', '-static', '-no-pie', '-s', '-Wl,--build-id=none', '-Wl,-z,noexecstack'],
    ...['-o', program, source],
  ],
  { stdio: 'inherit' },
);
const bytes = readFileSync(program);
writeFileSync(
  output,
  `alignas(16) static const unsigned char launcher_bytes[] = {${bytes.join(',')}};\n`,
);
