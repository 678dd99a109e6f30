// Compiles the launcher, or the preloaded object, and writes its bytes as a C array:
// embed.mjs <launcher.c | preload.c> <output.h>. Run by binding.gyp, so with the compiler that builds
// the addon (CC, as for make).
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

const [source, output] = process.argv.slice(2);
const [compiler, ...own] = (process.env.CC || 'cc').split(' ').filter(Boolean);
const program = `${output}.elf`;
const name = basename(source, '.c');
const kind =
  name === 'preload'
    ? ['-shared', '-fPIC', '-fvisibility=hidden', '-Wl,-z,relro,-z,now']
    : ['-static', '-fno-pic', '-fno-pie', '-no-pie'];
execFileSync(
  compiler,
  [
    ...own,
    ...['-std=c11', '-Os', '-Wall', '-Wextra', '-Werror'],
    ...['-ffreestanding', '-fno-builtin', '-fno-stack-protector'],
    ...[
      '-fno-asynchronous-unwind-tables',
      '-fno-tree-loop-distribute-patterns',
      '-mgeneral-regs-only',
    ],
    ...kind,
    ...['-nostdlib', '-s', '-Wl,--build-id=none', '-Wl,-z,noexecstack', '-Wl,-z,noseparate-code'],
    ...['-o', program, source],
  ],
  { stdio: 'inherit' },
);
const bytes = readFileSync(program);
writeFileSync(
  output,
  `alignas(16) static const unsigned char ${name}_bytes[] = {${bytes.join(',')}};\n`,
);
