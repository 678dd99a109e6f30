// The fuzzer of test/attacks, some of it in each run of the tests.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';

const fuzzer = join(import.meta.dirname, '../../attacks/frames.mjs');

test('60 frames with changed bytes: calls settle, and nothing else happens', {
  timeout: seconds(120),
}, () => {
  const said = execFileSync(process.execPath, [fuzzer, '60', '20'], { encoding: 'utf8' });
  expect(said).toBe('won 0 of 60\n');
});
