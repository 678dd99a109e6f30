// The documents against what they are about: names that are exported, links, the tests that they name.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const documents = readdirSync(join(root, 'docs'))
  .filter(name => name.endsWith('.md'))
  .map(name => `docs/${name}`);

/** Code is no text: nothing in it is a heading or a link. */
const withoutCode = (text: string) => text.replace(/^```.*?^```$/gms, '');

describe('docs/api.md', () => {
  const entries = {
    'linux-namespaces': 'src/index.ts',
    'linux-namespaces/syscalls': 'src/syscalls/index.ts',
    'linux-namespaces/vitest': 'src/vitest.ts',
  };
  const sections = withoutCode(read('docs/api.md')).split(/^## /m).slice(1);

  /** The names under which a section has something: '### `name`'. */
  const headings = (entry: string) => {
    const section = sections.find(text => text.startsWith(`\`${entry}\`\n`)) ?? '';
    return [...section.matchAll(/^### `(.*)`$/gm)].map(([, name]) => name as string);
  };

  /** All that a file exports, types too. */
  const exported = (file: string) => {
    const source = read(file).replace(/\/\*\*.*?\*\//gs, '');
    const lists = [...source.matchAll(/^export (?:type )?\{(.*?)\}/gms)].flatMap(([, list]) =>
      (list as string).split(',').map(name => name.replace(/^\s*type /, '').trim()),
    );
    const declared = source.matchAll(
      /^export (?:async )?(?:const|function|class|interface|type) (\w+)/gm,
    );
    return [...lists.filter(Boolean), ...[...declared].map(([, name]) => name as string)];
  };

  test('has no sections but those of the entries', () => {
    const titles = sections.map(text => /^`(.*)`$/m.exec(text)?.[1]);
    expect(titles).toEqual(Object.keys(entries));
  });

  test.each(Object.entries(entries))('%s: every export once, and nothing else', (entry, file) => {
    expect(headings(entry).toSorted()).toEqual(exported(file).toSorted());
  });

  test.each(Object.keys(entries))('%s: what is there at runtime', async entry => {
    const names = Object.keys(await import(entry));
    expect(names).not.toEqual([]);
    expect(headings(entry)).toEqual(expect.arrayContaining(names));
  });

  test('signatures are those of the declarations: npm run api', () => {
    const script = join(root, 'scripts/api.mjs');
    execFileSync(process.execPath, [script, '--check'], { stdio: ['ignore', 'ignore', 'inherit'] });
  });

  test('each name has its signature and a text', () => {
    const blocks = read('docs/api.md').split(/^### /m).slice(1);
    for (const block of blocks) expect(block).toMatch(/^`\w+`\n\n```ts\n.*\n```\n\n\S.*\n/s);
  });
});

/** As GitHub makes them of headings. */
function anchors(text: string): string[] {
  const headings = [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(
    ([, title]) => title as string,
  );
  return headings.map(title =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...documents])(
  '%s: every link within the repository leads somewhere',
  document => {
    const text = withoutCode(read(document)).replace(/`[^`\n]*`/g, code =>
      /\]\(/.test(code) ? '' : code,
    );
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link as string)) continue;
      const [path, anchor] = (link as string).split('#');
      const file = path ? join(dirname(document), path) : document;
      expect(existsSync(join(root, file)), `${document}: ${link}`).toBe(true);
      if (anchor !== undefined)
        expect(anchors(read(file)), `${document}: ${link}`).toContain(anchor);
    }
  },
);

describe('docs/hazards.md', () => {
  const rows = read('docs/hazards.md')
    .split('\n')
    .filter(line => /^\| H/.test(line))
    .map(line => line.split('|').map(cell => cell.trim()));

  test('has a row for each of H1 to H46, in order, and says of each what holds it', () => {
    const wanted = Array.from({ length: 46 }, (_, i) => `H${i + 1}`);
    expect(rows.map(([, name]) => name)).toEqual(wanted);
    for (const row of rows) {
      expect(row).toHaveLength(6);
      expect(row[4], row[1]).toMatch(/\]\(\.\.\/test\/.*`|not held by a test/i);
    }
  });
});

describe.each(['docs/hazards.md', 'docs/security.md'])('%s', document => {
  const text = read(document);

  /** A file, and the titles that are named behind it. */
  const claims = [...text.matchAll(/\]\(\.\.\/(test\/[^)]+)\): (`[^`]+`(?:, `[^`]+`)*)/g)].map(
    ([, file, titles]) =>
      [file, [...(titles as string).matchAll(/`([^`]+)`/g)].map(([, title]) => title)] as const,
  ) as [string, string[]][];

  test('names a test behind every file', () => {
    expect(claims.length).toBeGreaterThan(20);
    expect(claims.length).toBe(text.match(/\]\(\.\.\/test\//g)?.length);
  });

  test.each(claims)('%s has %j', (file, titles) => {
    const source = read(file);
    for (const title of titles) {
      // As it stands in quotes there; a template may go on with what is only known at runtime.
      const found = ["'", '"', '`'].some(quote => {
        const [, ...rest] = source.split(quote + title);
        return rest.some(after => /^(?:['"`]|\$\{| \[)/.test(after));
      });
      expect(found, title).toBe(true);
    }
  });
});
