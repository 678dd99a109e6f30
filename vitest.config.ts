import { defineConfig } from 'vitest/config';
import { seconds } from './test/timeouts.ts';

// Tests load what ships (lib, the built addon) through the package's own name, natively: the library
// works on Node's modules and hooks, and a transformed copy would be another library.
const library = `${import.meta.dirname}/lib/`.replace(/[^\w/]/g, '\\$&'); // not a folder lib above
const shared = {
  pool: 'forks' as const,
  testTimeout: seconds(60),
  hookTimeout: seconds(60),
  // How long what another process does is waited for: a machine may be busy with other things.
  expect: { poll: { timeout: seconds(20), interval: 10 } },
  server: { deps: { external: [new RegExp(`^(file://)?${library}`)] } },
};

const unit = { test: { ...shared, name: 'unit', include: ['test/unit/**/*.test.ts'] } };

const asRoot = [
  {
    test: {
      ...shared,
      name: 'system',
      include: ['test/system/**/*.test.ts'],
      fileParallelism: false,
    },
  },
  {
    // What a callback is promised on the main thread, once more in a worker_threads Worker.
    test: {
      ...shared,
      name: 'worker',
      pool: 'threads' as const,
      include: ['test/system/callback/{inside,isolation,lifetime,nesting,sides}.test.ts'],
      fileParallelism: false,
    },
  },
];

const isRoot = process.getuid?.() === 0;
if (!isRoot)
  console.log('Skipped: system and worker, which enter and create namespaces (run as root).');

export default defineConfig({
  test: {
    reporters: ['default', './scripts/skipped.mjs'],
    projects: isRoot ? [unit, ...asRoot] : [unit],
  },
});
