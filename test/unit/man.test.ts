// The manual page: it names all that the parser knows, and is rendered without a warning.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { spelled, withCommon } from '../../src/cli/help.ts';
import { lookupOptions } from '../../src/cli/lookup.ts';
import { subcommands } from '../../src/cli/subcommands.ts';
import { missing } from '../engines/index.ts';

const root = join(import.meta.dirname, '../..');
const { man, files, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const path = join(root, man[0]);
const page = readFileSync(path, 'utf8');
const plain = page.replace(/\\f[BR]/g, '').replaceAll('\\-', '-');
/** From a heading to the next one. */
const below = (heading: string) => {
  const [, text = ''] = plain.split(`${heading}\n`);
  return text.split(/^\.S[HS] /m)[0] as string;
};

test('it is in the package', () => {
  expect(files).toContain('lib');
  // A list: what is no list npm links from the registry alone, and not for a tarball.
  expect(man).toEqual([expect.stringMatching(/^lib\/.*\.1$/)]);
  expect(plain).toContain(`"linux-namespaces ${version}"`);
});

test('the options of the whole command', () => {
  for (const option of withCommon(lookupOptions)) {
    expect(below('.SH "OPTIONS"')).toContain(`.TP\n${spelled(option).trim()}\n`);
  }
});

describe.each(Object.entries(subcommands))('%s', (name, [, load]) => {
  test('each option, and the examples', async () => {
    const { usage } = await load();
    const text = below(`.SS "${name}"`);
    for (const [option, one] of Object.entries(usage.options)) {
      if (option in lookupOptions && !('short' in one)) continue; // stands above, for all
      expect(text).toContain(`.TP\n${spelled([option, one]).trim()}\n`);
    }
    for (const [line] of usage.examples) expect(text).toContain(line.replaceAll('\\', '\\e'));
  });

  test('docs/command.md has it in its table', () => {
    const docs = readFileSync(join(root, 'docs/command.md'), 'utf8');
    expect(docs).toMatch(new RegExp(`^\\| \`${name}\\b`, 'm'));
  });
});

test('each section of docs/command.md', () => {
  const docs = readFileSync(join(root, 'docs/command.md'), 'utf8');
  const titles = [...docs.matchAll(/^## (.*)$/gm)].map(([, title]) => title?.toUpperCase());
  for (const title of titles) expect(plain).toContain(`.SH "${title}"\n`);
});

const absent = missing('man', 'groff');
test.skipIf(absent)(`it is rendered without a warning [${absent || 'installed'}]`, () => {
  const env = { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' };
  const { stdout, stderr, status } = spawnSync('man', ['--warnings', '-l', path], {
    ...{ env, encoding: 'utf8' },
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  // Nothing of the language of pages is left.
  expect(stdout).not.toMatch(/\\[efR&-]|^\.[A-Z]|\.br/m);
  for (const name of Object.keys(subcommands))
    expect(stdout).toMatch(new RegExp(`^ +${name}$`, 'm'));
});
