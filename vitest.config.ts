import { defineConfig } from 'vitest/config';

// Tests load what ships (lib, the built addon) through the package's own name, natively: the library
// works on Node's modules and hooks, and a transformed copy would be another library.
const shared = {
  pool: 'forks' as const,
  testTimeout: 60_000,
  hookTimeout: 60_000,
  server: { deps: { external: [/\/lib\//] } },
};

export default defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/unit/**/*.test.ts'] } },
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
          pool: 'threads',
          include: ['test/system/{inside,isolation,lifetime,nesting}.test.ts'],
          fileParallelism: false,
        },
      },
    ],
  },
});
