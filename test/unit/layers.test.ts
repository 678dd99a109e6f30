// The architecture, as docs/architecture.md draws it: what imports what, read from every file.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const below = (folder: string, endings: RegExp) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => endings.test(name))
    .map(name => `${folder}/${name}`)
    .sort();

/** From the lowest to the highest; what stands in one line knows nothing of each other. */
const layers = [
  ['base'],
  ['target'],
  ['containers'],
  ['create', 'inspect', 'root'],
  ['child'],
  ['worker', 'callback'],
  ['', 'syscalls', 'cli'],
];
const folderOf = (file: string) => file.split('/').slice(1, -1)[0] ?? '';
const layerOf = (folder: string) => layers.findIndex(layer => layer.includes(folder));

/** All imports of a file, of types too, as paths of files. */
function importsOf(file: string): string[] {
  const code = read(file).replace(/\/\*.*?\*\//gs, '');
  const found = code.matchAll(/(?:\bfrom|\bimport|\bmodule)\s*\(?\s*'(\.[^']*\.ts)'/g);
  return [...found].map(([, path]) => posix.join(dirname(file), path as string));
}

const sources = below('src', /\.ts$/);

describe('src', () => {
  test('every folder is in a layer', () => {
    for (const file of sources) expect(layerOf(folderOf(file)), file).toBeGreaterThanOrEqual(0);
  });

  test('imports go to a lower layer, or stay in their folder', () => {
    const wrong: string[] = [];
    for (const file of sources) {
      for (const imported of importsOf(file)) {
        const [own, other] = [folderOf(file), folderOf(imported)];
        const top = layers.length - 1;
        const allowed =
          own === other ||
          layerOf(other) < layerOf(own) ||
          (layerOf(own) === top && layerOf(other) === top && other === '');
        if (!allowed) wrong.push(`${file} imports ${imported}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('no import goes in a circle, of types neither', () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, way: readonly string[]): void => {
      if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' -> '));
      if (way.includes(file) || done.has(file)) return;
      for (const imported of importsOf(file)) visit(imported, [...way, file]);
      done.add(file);
    };
    for (const file of sources) visit(file, []);
    expect(circles).toEqual([]);
  });

  test('no file has over 300 lines, and each says at its top what it is responsible for', () => {
    for (const file of sources) {
      const text = read(file);
      expect(text.split('\n').length - 1, file).toBeLessThanOrEqual(300);
      expect(text, file).toMatch(/^(#!.*\n)?\/\*\*/);
    }
  });

  test('only binding.ts loads the addon', () => {
    const loading = sources.filter(file => /node-gyp-build|process\.dlopen/.test(read(file)));
    expect(loading).toEqual(['src/base/binding.ts']);
  });
});

describe('native', () => {
  const files = below('native', /\.(cc|c|h)$/);
  const includes = (file: string) =>
    [...read(file).matchAll(/^\s*#include\s*([<"])([^>"]+)[>"]/gm)].map(([, kind, path]) => ({
      system: kind === '<',
      path: path as string,
    }));

  test('at most eight files lie directly in it', () => {
    expect(files.filter(file => file.split('/').length === 2).length).toBeLessThanOrEqual(8);
  });

  test('only napi and the binding.cc know JavaScript', () => {
    const knowing = files.filter(file =>
      includes(file).some(({ path }) => /^(node_api|js_native_api|napi)\.h$|^napi\//.test(path)),
    );
    for (const file of knowing) expect(file).toMatch(/^native\/(napi\/|addon\.cc|[a-z]+\/binding)/);
  });

  test.each([
    ['launcher', 'preload.c'],
    ['preload', 'launcher.c'],
  ])('binding.gyp names all that the %s is made of, so that a change is seen', (name, other) => {
    const gyp = read('binding.gyp');
    const action = new RegExp(`"action_name": "${name}",\\s*"inputs": \\[([^\\]]*)\\]`);
    const [, inputs = ''] = action.exec(gyp) ?? [];
    const named = [...inputs.matchAll(/"([^"]+\.[ch])"/g)].map(([, file]) => file);
    const own = files.filter(
      file => file.startsWith('native/launcher/') && file !== `native/launcher/${other}`,
    );
    expect(named.toSorted()).toEqual(own);
  });

  test('folders include lower ones only', () => {
    const order = ['base', 'launcher', 'child', 'create'];
    const free = ['callback', 'containers', 'inspect', 'root'];
    for (const file of files) {
      const own = file.split('/').at(-2) as string;
      for (const { system, path } of includes(file)) {
        const other = path.includes('/') ? (path.split('/')[0] as string) : own;
        if (system || other === own || own === 'native' || other === 'napi') continue;
        // What JavaScript has of a child that runs is the one thing of napi that knows a higher folder.
        const napi = file.endsWith('/watched_child.h') ? ['base', 'child'] : ['base'];
        const lower = order.slice(0, order.indexOf(own));
        const allowed = own === 'napi' ? napi : free.includes(own) ? ['base'] : lower;
        expect(allowed, `${file} includes ${path}`).toContain(other);
      }
    }
  });
});
