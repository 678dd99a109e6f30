/** Of a call that fails: that nothing of this process is changed by it. */
import os from 'node:os';
import { createNamespaces, currentNamespaces } from 'linux-namespaces';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { fdCount, places, settled, threads, until } from './support.ts';

const state = () => ({
  places: places(),
  fds: fdCount(),
  cwd: process.cwd(),
  hostname: os.hostname(),
  inside: currentNamespaces(),
});

/** For all tests of a file. */
export function expectUnchanged(): void {
  let before: object;
  let threadsBefore: readonly string[];

  // First use opens the thread pool and an fd or two of Node's own.
  beforeAll(async () => {
    using warm = await createNamespaces(['net']);
    warm.run(() => {});
    await settled();
  });

  beforeEach(async () => {
    await settled();
    before = state();
    threadsBefore = threads();
  });

  afterEach(async () => {
    await settled();
    expect(state()).toEqual(before);
    // A joined thread is still to be seen for a moment.
    await until('the end of all threads', () => threads().every(id => threadsBefore.includes(id)));
  });
}

/** For a test that keeps a child: its pipes are there before and after. */
export async function afterwards(fn: () => void): Promise<void> {
  await settled();
  const here = state();
  fn();
  await settled();
  expect(state()).toEqual(here);
}
