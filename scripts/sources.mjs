/**
 * Where the sources are, for what compiles some of them in its own way: read from binding.gyp and found
 * by their names, as files move.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const native = join(root, 'native');

const files = readdirSync(native, { recursive: true }).map(name => join(native, name));

/** The path of the only file of this name in native. */
export function find(name) {
  const found = files.filter(path => basename(path) === name);
  if (found.length !== 1) throw new Error(`native has ${found.length} files of the name ${name}`);
  return found[0];
}

/** The sources of the addon, without those that talk to JavaScript. */
export function kernelSources() {
  const gyp = readFileSync(join(root, 'binding.gyp'), 'utf8');
  const [, list] = /"sources":\s*\[([^\]]*)\]/.exec(gyp);
  return [...list.matchAll(/"([^"]+\.cc)"/g)]
    .map(([, path]) => join(root, path))
    .filter(
      path =>
        !/<(napi|node_api)\.h>|"([^"]*\/)?(bind|env|job|values|exports|environment)\.h"/.test(
          readFileSync(path, 'utf8'),
        ),
    );
}

/** -I for each folder with headers. */
export function includes() {
  const folders = new Set(files.filter(path => path.endsWith('.h')).map(dirname));
  return [native, ...folders].map(folder => `-I${folder}`);
}

/** Makes launcher_bytes.h and preload_bytes.h in a folder, as binding.gyp does. */
export function embed(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of ['launcher', 'preload']) {
    const output = join(folder, `${name}_bytes.h`);
    execFileSync(process.execPath, [find('embed.mjs'), find(`${name}.c`), output], {
      stdio: 'inherit',
    });
  }
}
