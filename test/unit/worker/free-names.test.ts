// What the text of a function shows of its closure; never a name that it has itself.
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freeNames } from '../../../src/worker/free-names.ts';

test.each([
  ['() => outer', ['outer']],
  ['() => outer.x + y.outer', ['outer', 'y']],
  ['async (a, { b, c: d = 1 }, [e], ...f) => [a, b, d, e, f, g]', ['g']],
  ['function named(a) { return named(a) + other(a); }', ['other']],
  ['function () { if (flag) { return 1; } }', ['flag']],
  [
    'x => { let a = 1, b = x; const { c, d: [e] } = x; for (const f of x) use(a, b, c, e, f); }',
    ['use'],
  ],
  [
    '() => ({ key: 1, short, [computed]: 2, method() { return 1; }, get it() { return 2; } })',
    ['short', 'computed'],
  ],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a function
  ['() => `text ${inner} ${`deep ${deeper}`} $ {no}`', ['inner', 'deeper']],
  ['() => /* not */ "not" + \'not\' // not\n + yes', ['yes']],
  ['() => /not[/]this/g.test(that)', ['that']],
  ['() => (a ? b : c)', ['a', 'b', 'c']],
  ['() => typeof maybe === "undefined" ? 1 : maybe', []],
  ['() => { label: for (;;) { break label; } }', []],
  ['() => { try { go(); } catch (error) { return error; } }', ['go']],
  ['() => 1e5 + 0xffn + .5 + 10_000', []],
  ['{ async read(path) { return fs.read(path); } }', ['fs']],
  ['(list) => list.map(item => item / 2).filter((item, i) => i)', []],
  ['(a) => (a + b) / c', ['b', 'c']],
  [
    '() => { class A extends B { static x = y; #p = z; [k]() {} } return new A(); }',
    'Byzk'.split(''),
  ],
  ['() => { let { a = b, ...c } = d; var e; return () => [a, c, e, f]; var f; }', ['b', 'd']],
  ['() => eval("x") + arguments.length', ['eval']],
  ['function () { with (this) { x } return arguments; }', ['x']],
  ['() => { using r = open(); await: for (;;) break; }', ['open']], // a script, not a module
  ['() => { for (let i = 0, n = list.length; i < n; i++) i / n / q; }', ['list', 'q']],
  ['function* () { yield outer; }', ['outer']],
  ['() => this / total / 2', ['total']],
  ['() => import("node:fs").then(fs => fs.readFileSync(import.meta.url))', []],
] as const)('%s', (text, names) => {
  expect(freeNames(`(${text})`)).toEqual(names);
});

test('of whole files of functions it never names what they declare themselves', async () => {
  const globals = new Set([
    ...Object.getOwnPropertyNames(globalThis),
    'require',
    'exports',
    'module',
  ]);
  let read = 0;
  const files = ['library', 'syscalls'].map(name =>
    join(import.meta.dirname, `../../../lib/${name}.js`),
  );
  const source = files.map(file => readFileSync(file, 'utf8')).join('\n');
  for (const file of files) {
    const module = await import(file);
    for (const value of Object.values(module)) {
      if (typeof value !== 'function') continue;
      const text = Function.prototype.toString.call(value);
      if (!source.includes(text)) continue; // Node's own, which one of the files has from another
      read++;
      for (const name of freeNames(`(${text})`)) {
        // What is free is declared elsewhere in its file, imported, or a global.
        const elsewhere = new RegExp(
          `\\b(import|const|let|function|class|var)\\b[^;]*\\b${name.replaceAll('$', '\\$')}(?![\\w$])`,
        );
        const known =
          globals.has(name) ||
          builtinModules.includes(name) ||
          elsewhere.test(source.replace(text, ''));
        expect(known, `${name} in ${text.slice(0, 60)}`).toBe(true);
      }
    }
  }
  expect(read).toBeGreaterThan(10);
});
