/** Every input that is kept, once more: those that runs of scripts/fuzz.mjs begin from, and that failed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { loadTargets } from '../../scripts/fuzz/bundle.mjs';

const fuzz = fileURLToPath(new URL('../fuzz', import.meta.url));
const { targets, clear } = await loadTargets();
afterAll(clear);

const namesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);

describe.each(Object.entries(targets))('%s', (name, run) => {
  const corpus = join(fuzz, 'corpus', name);
  test.each(namesIn(corpus))('%s', async seed => {
    await run(readFileSync(join(corpus, seed)));
  });

  test('there is a seed, and any bytes will do', async () => {
    expect(namesIn(corpus)).not.toEqual([]);
    await run(Buffer.alloc(0));
  });
});

test('nothing that failed has been left as it is', () => {
  expect(namesIn(join(fuzz, 'failures'))).toEqual([]);
});
