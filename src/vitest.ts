/**
 * `linux-namespaces/vitest`: a fixture for tests that need a network of their own, run with sudo:
 *
 *     import { test } from 'linux-namespaces/vitest';
 *     test('a server answers', async ({ net }) => {
 *       await net.run(async () => { ... });
 *     });
 */
/// <reference types="node" preserve="true" />
import { test as base, type TestAPI } from 'vitest';
import type { NamespaceError } from './base/errors.ts';
import { createNamespaces } from './create/create.ts';
import type { Namespaces } from './namespaces-methods.ts';

/**
 * vitest's `test`. `net` is a fresh network with `lo` up and nothing else in it, closed after the test,
 * also when that fails or times out; a test that does not ask for it gets none. Everything in it goes
 * with it, once what the test started in it has ended. Where networks cannot be created, the test is
 * skipped with the reason.
 */
export const test: TestAPI<{ net: Namespaces }> = base.extend<{ net: Namespaces }>({
  net: async ({ skip }, use) => {
    let net: Namespaces;
    try {
      net = await createNamespaces(['net'], { loopback: true });
    } catch (error) {
      if ((error as NamespaceError).code !== 'EPERM') throw error;
      return skip(`no network of its own: ${(error as Error).message}`);
    }
    try {
      await use(net);
    } finally {
      net.close();
    }
  },
});
