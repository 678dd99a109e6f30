/** The first file of the command: loads the others, compiled where they are that, and so runs it. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Script } from 'node:vm';
import { folder, load } from '../base/here.ts';
import { own, type Run, read, scriptOf, wrapped } from './compiled.ts';

const main = 'cli-main.cjs';
const modules = new Map<string, { exports: unknown }>();
let directory: string;

/** As Node's `require`: what is ours by this, whatever else there is by that. */
function requireOurs(id: string): unknown {
  const file = basename(id);
  const isOurs = file.endsWith('.cjs') && (id === `./${file}` || id === join(folder, file));
  if (!isOurs) return load(id);
  return modules.get(file)?.exports ?? run(file, read(directory, file) ?? compiledNow(file));
}

function compiledNow(file: string): Script {
  return scriptOf(file, wrapped(readFileSync(join(folder, file), 'utf8')));
}

function run(file: string, script: Script): unknown {
  const module = { exports: {} };
  modules.set(file, module);
  try {
    const main = script.runInThisContext() as Run;
    main(module.exports, requireOurs, module, join(folder, file), folder);
  } catch (error) {
    modules.delete(file);
    throw error;
  }
  return module.exports;
}

/** undefined also where it cannot be read: then the others could not either. */
function compiledMain(): Script | undefined {
  try {
    directory = own();
    return read(directory, main);
  } catch {
    return undefined;
  }
}

const script = compiledMain();
// Where nothing has been compiled, there is no way but Node's own.
if (script === undefined) load(`./${main}`);
else run(main, script);
