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

/** What leads to Node's headers, by itself or by what it includes. */
function knowsNode(path, seen = new Set()) {
  if (seen.has(path)) return false;
  seen.add(path);
  const text = readFileSync(path, 'utf8');
  if (/#include <(napi|node_api|js_native_api)\.h>/.test(text)) return true;
  return [...text.matchAll(/#include "([^"]+)"/g)].some(([, name]) => {
    const included = [join(dirname(path), name), join(native, name)].find(one =>
      files.includes(one),
    );
    return included !== undefined && knowsNode(included, seen);
  });
}

/** The sources of the addon, without those that talk to JavaScript. */
export function kernelSources() {
  const gyp = readFileSync(join(root, 'binding.gyp'), 'utf8');
  const [, list] = /"sources":\s*\[([^\]]*)\]/.exec(gyp);
  return [...list.matchAll(/"([^"]+\.cc)"/g)]
    .map(([, path]) => join(root, path))
    .filter(path => !knowsNode(path));
}

/** After the system's: a header of ours may have the name of one of the C library. */
export function includes() {
  const folders = new Set(files.filter(path => path.endsWith('.h')).map(dirname));
  return [native, ...folders].flatMap(folder => ['-idirafter', folder]);
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
