// The attacks of test/attacks, each of which won against version 0.1 in every run, a few times each.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { seconds } from '../timeouts.ts';
import { outcome } from './child/fixtures/targets.ts';
import { hasProgram } from './shared/support.ts';

const ready = ['strace', 'setpriv', 'unshare', 'cc'].every(hasProgram);

describe.skipIf(!ready)('[needs strace, setpriv]', () => {
  test.each([
    ['steal', 'a forged report takes nothing: no process of the host, not ours'],
    ['window', 'root of a user namespace sees no file of the launcher'],
    ['stop', 'what is stopped holds no event loop, and can be ended'],
    ['linger', 'no descriptor that is passed holds the event loop'],
  ])('%s: %s', { timeout: seconds(120) }, async name => {
    const script = fileURLToPath(new URL(`../attacks/${name}.mjs`, import.meta.url));
    const ended = await outcome(spawn(process.execPath, [script, '5']));
    expect(ended).toEqual({ stdout: 'won 0 of 5\n', stderr: '', code: 0, signal: null });
  });
});
