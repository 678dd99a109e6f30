// Runtimes that are not Node are refused by name: everything where there is one, and the branch for Electron,
// which cannot be had from npm alone, by a process.versions that says so.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seconds } from '../timeouts.ts';

test(
  'Bun and Deno: each function is right, or refused by name; none crashes',
  ({ skip }) => {
    const script = fileURLToPath(new URL('../../scripts/runtimes.mjs', import.meta.url));
    const said = execFileSync(process.execPath, [script, '--cached'], { encoding: 'utf8' });
    skip(said === 'none\n', 'neither Bun nor Deno is here: npm run test:runtimes fetches them');
    expect(said).toContain('refused by name');
  },
  seconds(120),
);

test.each([
  ['electron', 'Electron'],
  ['bun', 'Bun'],
  ['deno', 'Deno'],
])('process.versions.%s', (name, title) => {
  const script = `
    const versions = { ...process.versions, ${name}: '1.2.3' };
    Object.defineProperty(process, 'versions', { value: versions });
    const library = await import('linux-namespaces');
    const calls = [
      () => library.spawn('true'), () => library.exec('true'), () => library.evaluate(1, ['net'], () => 1),
      () => library.createNamespaces(['net']), () => library.listNamespaces(), () => library.openRoot(1),
      () => library.withNamespaces(1, ['net'], () => 1),
    ];
    for (const call of calls) {
      const error = await Promise.resolve().then(call).catch(error => error);
      console.log(error.code + ' ' + error.message);
    }`;
  const args = ['--input-type=module', '-e', script];
  const said = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split('\n');
  const message = `linux-namespaces needs Node; this is ${title} 1.2.3: run it with Node 20.19 or newer`;
  expect(new Set(said)).toEqual(new Set([`ERR_FEATURE_UNAVAILABLE_ON_PLATFORM ${message}`]));
  expect(said).toHaveLength(7);
});

test('a Node that may load no addon is told what it takes', () => {
  const script = `
    const { openNamespaces } = await import('linux-namespaces');
    try { openNamespaces(process.pid, ['net']); } catch (error) { console.log(error.code, error.message); }`;
  const args = ['--no-addons', '--input-type=module', '-e', script];
  const said = execFileSync(process.execPath, args, { encoding: 'utf8' });
  expect(said).toMatch(/^ERR_DLOPEN_DISABLED .*--no-addons.*--allow-addons/);
});
