// The programs of test/attacks, some runs of each: a race that is won by construction is lost every time.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { hasProgram } from '../support.ts';

const runs = 5;

function attack(name: string): string {
  const script = fileURLToPath(new URL(`../../attacks/${name}.mjs`, import.meta.url));
  try {
    return execFileSync(process.execPath, [script, `${runs}`], { encoding: 'utf8' });
  } catch (error) {
    return (error as { stdout: string }).stdout; // it exits with 1 where it has won
  }
}

test.skipIf(!hasProgram('strace'))(
  'a target that gets capabilities while it is read lends none of them [needs strace]',
  () => {
    expect(attack('onew')).toBe(`won 0 of ${runs}\n`);
  },
);

test('a target with a name like a line of status has the ids that it has', () => {
  expect(attack('name')).toBe(`won 0 of ${runs}\n`);
});
