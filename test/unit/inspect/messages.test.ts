import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const source = fileURLToPath(new URL('messages.cc', import.meta.url));

test('nothing is read outside of what came, whatever lengths are in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-messages-'));
  try {
    const program = join(folder, 'messages');
    const native = fileURLToPath(new URL('../../../native', import.meta.url));
    const flags = [
      `-I${native}`,
      '-std=c++20',
      '-g',
      '-O1',
      '-fsanitize=address,undefined',
      '-fno-sanitize-recover',
    ];
    execFileSync('c++', [...flags, '-o', program, source]);
    expect(execFileSync(program, { encoding: 'utf8' })).toBe('held\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
