// The programs of test/attacks, some runs of each: a race that is won by construction is lost every time.

import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { hasProgram } from '../shared/support.ts';
import { outcome, startTarget } from './fixtures/targets.ts';

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

test('an environment that is larger than any can be is refused', () => {
  expect(attack('environ')).toBe(`won 0 of ${runs}\n`);
});

test.skipIf(!hasProgram('strace'))(
  'an environment that is not answered is waited for as long as was said, and no longer [needs strace]',
  async () => {
    const target = await startTarget(['mnt']);
    const script = `import { spawn } from 'linux-namespaces';
      let late = false;
      try { spawn('/bin/true', [], { target: ${target.pid} }); } catch (error) {
        late = error.code === 'ETIMEDOUT' && error.target === ${target.pid} && /environ/.test(error.message);
      }
      console.log(late);`;
    const held = ['-e', 'trace=openat', '-P', 'environ'];
    const slow = ['-e', 'inject=openat:delay_enter=6000000'];
    const node = [process.execPath, '--input-type=module', '-e', script];
    const child = spawn('strace', ['-f', '-qq', '-o', '/dev/null', ...held, ...slow, ...node]);
    const { stdout, code } = await outcome(child);
    expect([stdout, code]).toEqual(['true\n', 0]);
  },
);
