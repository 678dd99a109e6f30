/** The walks of docs/architecture.md: each function is in the file that is named, and the counts are right. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
const walks = page.slice(page.indexOf('## Walks'), page.indexOf('| walk |'));

const sourceOf = (path: string) =>
  ['src', 'native'].map(folder => join(root, folder, path)).find(existsSync) ?? path;

/** Where it is made, not where it is called. */
function isDefined(name: string, path: string): boolean {
  const text = readFileSync(sourceOf(path), 'utf8');
  const last = (name.split(/::(?=\w+$)/).at(-1) ?? name).replace('#', '#?');
  if (name.includes('<')) return text.includes(name);
  const made = path.endsWith('.ts')
    ? `(^|function\\*? |class |const |async |this\\.)${last}(\\(|<| =| \\{|:)`
    : `(^|[\\w>*&] |class |\\*|::)${last}\\([^;]*?\\) (const |override )*\\{|class ${last}\\b`;
  return new RegExp(made, 'm').test(text.replace(/^ +/gm, ''));
}

const files = [...walks.matchAll(/`([\w/-]+\.(?:ts|cc|h|c))`/g)].map(([, path]) => path as string);
test.each([...new Set(files)])('%s is there', path => {
  expect(existsSync(sourceOf(path)), path).toBe(true);
});

/** `file` `name`, and further names of the same file behind that. */
const pairs = [...walks.matchAll(/`([\w/-]+\.(?:ts|cc|h|c))`((?:(?:,| and)?\s+`[^`/]+`)+)/g)];
const functions = pairs.flatMap(([, path, names]) =>
  [...`${names}`.matchAll(/`([^`]+)`/g)].map(([, name]) => [`${name}`, `${path}`] as const),
);
test.each(functions)('%s is in %s', (name, path) => {
  expect(isDefined(name, path)).toBe(true);
});

const headings = [...walks.matchAll(/^\*\*`(?:openRoot\(target\)\.)?(\w+)\(.*\*\*$/gm)];
test('there are walks', () => expect(headings.length).toBe(5));

test.each(headings.map(([heading, name]) => [`${name}`, heading] as const))(
  '%s: the steps that the table counts',
  (name, heading) => {
    const [steps = ''] = walks.slice(walks.indexOf(heading) + heading.length).split('\n**`');
    let last = 0;
    for (const [, from, to = from] of steps.matchAll(/^(\d+)\. (?:to (\d+): )?/gm)) {
      expect(Number(from)).toBe(last + 1);
      last = Number(to);
    }
    const row = new RegExp(`^\\| \`${name}\` \\| (\\d+) \\| \\d+ \\| \\d+ \\|$`, 'm').exec(page);
    expect(row?.[1]).toBe(`${last}`);
  },
);
