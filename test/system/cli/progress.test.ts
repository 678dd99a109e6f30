// The progress of cp: on a terminal, and there alone; with a total where it can be known.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { folder, outcome, type Started, startTarget } from '../child/fixtures/targets.ts';
import { Screen } from '../shared/screen.ts';
import { hasProgram } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const command = `${process.execPath} ${main}`;
const size = 3_000_000;
let target: Started;
beforeAll(async () => {
  target = await startTarget(['mnt'], { keep: true });
  mkdirSync(join(folder, 'tree/below'), { recursive: true });
  mkdirSync(join(folder, 'unpacked'));
  for (const name of ['tree/one', 'tree/below/two']) {
    writeFileSync(join(folder, name), Buffer.alloc(size, 'x'));
  }
});

test('nothing on a pipe', async () => {
  const line = [main, 'cp', `${target.pid}:${folder}/tree`, join(folder, 'piped')];
  const { stdout, stderr, code } = await outcome(spawn(process.execPath, line));
  expect({ stdout, stderr, code }).toEqual({ stdout: '', stderr: '', code: 0 });
});

describe.skipIf(!hasProgram('tmux'))('on a terminal [needs tmux]', () => {
  let screen: Screen;
  afterEach(() => screen.close());
  const open = async () => {
    screen = await Screen.open();
    screen.type(`cd ${folder}; clear; echo cle""ared`);
    await screen.until(/^cleared\n+host# $/m);
  };
  /** Types `line`, and resolves to what stands below it when its end has been said. */
  const after = async (line: string): Promise<string> => {
    screen.type(`${line}; echo en""ded $?`);
    const text = await screen.until(/^ended \d+$/m);
    return text.slice(text.indexOf('$?\n') + 3, text.lastIndexOf('ended'));
  };

  test.each([
    [
      'out',
      'cp PID:/tree/one out',
      /^\[=+\] {2}100 % {2}3\.0 MB of 3\.0 MB {2}[\d.]+ [kMG]?B\/s\n$/,
    ],
    ['in', 'cp tree/one PID:/in', /^\[=+\] {2}100 % {2}3\.0 MB of 3\.0 MB {2}[\d.]+ [kMG]?B\/s\n$/],
    ['a tree', 'cp PID:/tree tree-out', /^(\[=+\] {2}100 % )?.*6\.0 MB .*B\/s {2}\d files\n$/],
    ['an archive', 'cp PID:/tree - > all.tar', /^6\.0 MB {2}[\d.]+ [kMG]?B\/s\n$/],
    [
      'an archive from a file',
      'cp - PID:/unpacked < all.tar',
      /^\[=+\] {2}100 % {2}6\.0 MB of 6\.0 MB .*\n$/,
    ],
    ['between two', 'cp PID:/tree PID:/tree-across', /^6\.0 MB {2}[\d.]+ [kMG]?B\/s\n$/],
    ['quiet', 'cp -q PID:/tree/one quiet', /^$/],
    [
      'an archive that would go to the terminal',
      'cp PID:/tree -',
      /^linux-namespaces: an archive is not for a terminal: .*\n$/,
    ],
    // Nothing of the bar stays.
    ['an error', 'cp PID:/none none', /^linux-namespaces: \d+:\S+ does not exist\n$/],
    [
      'an error there',
      'cp tree/one PID:/none/x',
      /^linux-namespaces: there is no directory \S+\n$/,
    ],
    ['an error across', 'cp PID:/none PID:/tree', /^linux-namespaces: \d+:\S+ does not exist\n$/],
  ])('%s', async (_, line, wanted) => {
    await open();
    const words = line.replaceAll('PID:', `${target.pid}:${folder}`);
    expect(await after(`${command} ${words}`)).toMatch(wanted);
  });

  test('Ctrl-C: the line stays, the shell goes on below it, and nothing of the copy is left', async () => {
    await open();
    // Nothing comes, and it does not end.
    screen.type('mkfifo endless; exec 3<>endless');
    screen.type(`${command} cp - ${target.pid}:${folder}/tree <&3`);
    await screen.until(/^0 B {2}0 B\/s$/m);
    screen.key('C-c');
    await screen.until(
      /^0 B {2}0 B\/s.*\nlinux-namespaces: interrupted: [^\n]+\/tree stays: [^\n]+\n+host# $/m,
    );
    screen.type('echo status $?');
    await screen.until(/^status 130$/m);
    expect(readdirSync(folder).filter(name => name.startsWith('.'))).toEqual([]);
  });
});
