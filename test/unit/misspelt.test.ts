/**
 * What the compiler says of each misspelt option in test/types: that there is no such one, and which was
 * meant, not something else that is wrong with the call.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { API } from 'typescript/unstable/sync';
import { afterAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const mark = '// @ts-expect-error: misspelt';
const files = ['child', 'options'].map(name => join(root, `test/types/${name}.ts`));

// The compiler takes the files without these marks.
const unmarked = Object.fromEntries(
  files.map(file => [file, readFileSync(file, 'utf8').replaceAll(mark, '//')]),
);
const api = new API({ cwd: root, fs: { readFile: path => unmarked[path] } });
afterAll(() => api.close());
const [project] = api
  .updateSnapshot({ openProjects: [join(root, 'tsconfig.test.json')] })
  .getProjects();

type Said = { text: string; messageChain?: readonly Said[] | undefined };
const wordsOf = ({ text, messageChain = [] }: Said): string =>
  [text, ...messageChain.map(wordsOf)].join('\n');

describe.each(files)('%s', file => {
  const marked = readFileSync(file, 'utf8').split('\n');
  const source = unmarked[file] ?? '';
  const said = new Map<number, string>();
  for (const one of project?.program.getSemanticDiagnostics(file) ?? []) {
    const line = source.slice(0, one.pos).split('\n').length - 1;
    said.set(line, (said.get(line) ?? '') + wordsOf(one));
  }
  const calls = marked.flatMap((line, i) =>
    line === mark ? [[`${marked[i + 1]}`, i + 1] as const] : [],
  );

  test.each(calls)('%s', (_, line) => {
    expect(said.get(line) ?? '').toMatch(/does not exist in type|Did you mean/);
  });
});
