/**
 * Makes one module of test/fuzz/targets.ts and the sources that it takes apart: Node 20 reads no
 * TypeScript, and these parts are not among the library's exports. In it the addon is test/fuzz/addon.ts,
 * and a file that `globalThis.fuzzedFiles` has is read from there.
 */
import fs, { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { root } from '../sources.mjs';

/** node:fs, but for some files. */
const overlay = () => {
  const names = Object.keys(fs).filter(
    name => /^[a-z]\w*$/i.test(name) && name !== 'readFileSync' && name !== 'default',
  );
  return `const real = process.getBuiltinModule('node:fs');
export default real;
${names.map(name => `export const ${name} = real.${name};`).join('\n')}
export function readFileSync(path, options) {
  const text = globalThis.fuzzedFiles?.get(path);
  if (text === undefined) return real.readFileSync(path, options);
  const bytes = Buffer.from(text, 'latin1');
  const encoding = typeof options === 'string' ? options : options?.encoding;
  return encoding ? bytes.toString(encoding) : bytes;
}`;
};

const plugin = {
  name: 'made-up files and addon',
  resolveId(id, importer) {
    if (id === 'node:fs') return '\0fs';
    if (/\/binding\.ts$/.test(id) && !importer?.endsWith('addon.ts'))
      return join(root, 'test/fuzz/addon.ts');
    return null;
  },
  load(id) {
    return id === '\0fs' ? overlay() : null;
  },
};

/** The exports of test/fuzz/targets.ts. */
export async function loadTargets() {
  const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-targets-'));
  try {
    const bundle = await rolldown({
      input: join(root, 'test/fuzz/targets.ts'),
      platform: 'node',
      plugins: [plugin],
      logLevel: 'silent',
    });
    await bundle.write({ file: join(folder, 'targets.mjs'), format: 'esm', codeSplitting: false });
    await bundle.close();
    return await import(pathToFileURL(join(folder, 'targets.mjs')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
