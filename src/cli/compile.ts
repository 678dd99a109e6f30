/**
 * `node lib/compile.cjs`, which npm runs when it installs the package: compiles the command for this Node
 * (compiled.ts). Where nothing may be written, it starts without, some ten milliseconds later.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { folder } from '../base/here.ts';
import { build } from './build.ts';
import { all, own, pack, scriptOf, wrapped } from './compiled.ts';

/** Node takes these two as they are. */
const files = readdirSync(folder).filter(
  file => file.endsWith('.cjs') && !['cli.cjs', 'compile.cjs'].includes(file),
);

function compile(file: string): Buffer {
  const text = wrapped(readFileSync(join(folder, file), 'utf8'));
  // Every function, and not those alone that are called while it is loaded. What is made is for a V8 with the flag as it was.
  setFlagsFromString('--no-lazy');
  const script = scriptOf(file, text);
  setFlagsFromString('--lazy');
  return pack(text, script.createCachedData());
}

/** In the place of what another build, or this one before, has left behind. */
function write(): void {
  const wanted = own();
  const made = `new-${process.pid}`;
  mkdirSync(join(all, made), { recursive: true });
  try {
    for (const file of files) {
      // On the disk before it has its name: V8 looks at nothing of what it takes, and what a power cut left would end it.
      writeFileSync(join(all, made, file), compile(file), { flush: true });
    }
    if (existsSync(wanted)) renameSync(wanted, join(all, `old-${process.pid}`));
    renameSync(join(all, made), wanted); // fails where somebody else was faster
  } finally {
    // What somebody else is making just now stays; where it was killed meanwhile, it does not.
    const isMaking = (name: string) =>
      name.startsWith('new-') && existsSync(`/proc/${name.slice('new-'.length)}`);
    const isKept = (name: string) => name.startsWith(`${build}-`) || isMaking(name);
    for (const name of [made, ...readdirSync(all).filter(name => !isKept(name))]) {
      rmSync(join(all, name), { recursive: true, force: true });
    }
  }
}

try {
  write();
} catch {
  // Of somebody else, on a full disk, or a file system that is only read.
}
