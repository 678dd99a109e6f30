// What an editor shows where an option is written: the text that stands at its declaration.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { API } from 'typescript/unstable/sync';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const file = join(root, 'test/types/child.ts');
const source = readFileSync(file, 'utf8');
const api = new API({ cwd: root });
const [project] = api
  .updateSnapshot({ openProjects: [join(root, 'tsconfig.test.json')] })
  .getProjects();

afterAll(() => api.close());

/** Of the option `name` in the first call that matches `call`, as the call's signature declares it. */
function textOf(call: string, name: string): string {
  const { checker } = project as NonNullable<typeof project>;
  const written = checker.getSymbolAtPosition(
    file,
    source.indexOf(`${name}:`, source.indexOf(call)),
  );
  const object = written?.declarations[0]?.resolve()?.parent;
  const type = checker.getContextualType(object as never);
  const wanted = type && checker.getNonNullableType(type);
  const option = wanted && checker.getPropertyOfType(wanted, name);
  return option === undefined ? '' : checker.getDocumentationCommentOfSymbol(option);
}

test.each([
  ["spawn('ip', ['addr'], {", 'target', 'Whose namespaces to join.'],
  ["spawn('ip', ['addr'], {", 'capabilities', 'CAP_SETPCAP'],
  ["exec('true', { encoding: 'buffer', target", 'target', 'Whose namespaces to join.'],
  ["promisify(execFile)('true', ['a'], {", 'namespaces', 'Which of the target'],
  ["fork('module.js', ['a'], {", 'target', 'Whose namespaces to join.'],
])('%s: %s', (call, name, text) => {
  expect(textOf(call, name)).toContain(text);
});
