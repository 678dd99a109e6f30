// Makes lib of src: the library as ES modules, the command as CommonJS, which Node starts faster.
import { defineConfig } from 'rolldown';

const entries = /src\/(index|syscalls|vitest)\.ts$/;
/** What a program that is entered waits for, in one file. */
const start =
  /src\/(binding|builtin|errnos|errors|fds|handle|owner|permission|proc|target|types|cli\/(arguments|enter|program|target|type-options)|child\/(capabilities|failures|launch|options|plan|target-process)|create\/(failures|id-maps|options|request))\.ts$/;

const shared = { platform: 'node', external: ['vitest'] };
// The sources are in the package, where the maps say.
const output = { dir: 'lib', sourcemap: true, sourcemapExcludeSources: true };

export default defineConfig([
  {
    ...shared,
    input: { index: 'src/index.ts', syscalls: 'src/syscalls.ts', vitest: 'src/vitest.ts' },
    output: {
      ...output,
      chunkFileNames: '[name].js',
      codeSplitting: { groups: [{ name: 'library', test: id => !entries.test(id) }] },
    },
  },
  {
    ...shared,
    input: { cli: 'src/cli/main.ts' },
    output: {
      ...output,
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: 'cli-[name].cjs',
      codeSplitting: { groups: [{ name: 'start', test: start }] },
    },
  },
]);
