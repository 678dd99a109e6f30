// Options are the own properties of what was given: nothing is read from Object.prototype, or inherited.

import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createNamespaces, execFile, listNamespaces } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { seconds } from '../timeouts.ts';

test(
  'with any name on Object.prototype, every function does what it does without',
  () => {
    const script = fileURLToPath(new URL('fixtures/polluted.mjs', import.meta.url));
    let said: string;
    try {
      said = execFileSync(process.execPath, [script], { encoding: 'utf8' });
    } catch (error) {
      said = (error as { stdout: string }).stdout;
    }
    expect(said).toBe('all as before\n');
  },
  seconds(300),
);

describe('what an options object inherits is no option, as in most of Node', () => {
  class Defaults {
    unshare = undefined;
    get env(): never {
      throw new Error('never asked');
    }
  }
  const network = (options: object) =>
    new Promise(done => {
      execFile('readlink', ['/proc/self/ns/net'], options, (_, said) => done(`${said}`.trim()));
    });

  test.each<[string, object]>([
    ['Object.create()', Object.create({ unshare: ['net'], uid: 1000, root: '/proc' })],
    ['a class', new Defaults()],
  ])('of %s', async (_, options) => {
    expect(await network(options)).toBe(readlinkSync('/proc/self/ns/net'));
  });

  test('own ones of such an object are options', async () => {
    const options = Object.assign(Object.create({ root: '/proc' }), { unshare: ['net'] });
    expect(await network(options)).not.toBe(readlinkSync('/proc/self/ns/net'));
  });

  test('of an object without any prototype', async () => {
    const options = Object.assign(Object.create(null), { unshare: ['net'] });
    expect(await network(options)).not.toBe(readlinkSync('/proc/self/ns/net'));
    (await createNamespaces(['uts'], Object.create({ hostname: 3 }))).close();
    const list = await listNamespaces(Object.create({ types: ['uts'], persistent: true }));
    expect(list.some(({ type }) => type === 'net')).toBe(true);
  });
});
