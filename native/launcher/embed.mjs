// Compiles the launcher, or the preloaded object, and writes its bytes as a C array:
// embed.mjs <launcher.c | preload.c> <output.h>. Each begins in that file, and has of the others what
// it uses: the linker leaves out the rest. Run by binding.gyp, so with the compiler that builds the
// addon (CC, as for make).
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const [source, output] = process.argv.slice(2);
const [compiler, ...own] = (process.env.CC || 'cc').split(' ').filter(Boolean);
const program = `${output}.elf`;
const folder = dirname(source);
const isOther = file => /^(launcher|preload)\.c$/.test(file) && file !== basename(source);
const sources = readdirSync(folder)
  .filter(file => file.endsWith('.c') && !isOther(file))
  .sort()
  .map(file => join(folder, file));
const name = basename(source, '.c');
const kind =
  name === 'preload'
    ? ['-shared', '-fPIC', '-fvisibility=hidden', '-Wl,-z,relro,-z,now']
    : ['-static', '-fno-pic', '-fno-pie'];
execFileSync(
  compiler,
  [
    ...own,
    ...['-std=c11', '-Os', '-Wall', '-Wextra', '-Werror'],
    ...['-ffreestanding', '-fno-builtin', '-fno-stack-protector'],
    ...['-fno-asynchronous-unwind-tables', '-mgeneral-regs-only'],
    ...kind,
    ...['-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections'],
    ...['-nostdlib', '-s', '-Wl,--build-id=none', '-Wl,-z,noexecstack', '-Wl,-z,noseparate-code'],
    ...['-o', program, ...sources],
  ],
  { stdio: 'inherit' },
);
const bytes = readFileSync(program);
writeFileSync(
  output,
  `alignas(16) static const unsigned char ${name}_bytes[] = {${bytes.join(',')}};\n`,
);
