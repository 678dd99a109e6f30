// Makes lib of src: the library as ES modules, the command as CommonJS, which Node starts faster.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'rolldown';

const entries = /src\/(index|syscalls|vitest)\.ts$/;
/** What a program that is entered waits for, in one file. */
const start =
  /src\/(binding|builtin|errnos|errors|fds|handle|owner|permission|proc|target|types|cli\/(arguments|enter|program|target|type-options)|child\/(capabilities|failures|launch|options|plan|target-process)|create\/(failures|id-maps|options|request))\.ts$/;

/** Loaded when it is needed: the format of tar, and the library for that. */
const rare = /(src\/root\/tar\.ts|\/node_modules\/.*)$/;

/** The licences of the libraries that are in a chunk, beside it. */
const licences = {
  name: 'licences',
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap(({ modules }) => Object.keys(modules ?? {}));
    const folders = modules.flatMap(
      id => /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? [],
    );
    const texts = [...new Set(folders)].sort().map(folder => {
      const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
      return `${name} ${version}\n\n${readFileSync(`${folder}/LICENSE`, 'utf8').trim()}\n`;
    });
    const source = `In tar.js and cli-tar.cjs:\n\n${texts.join('\n\n')}`;
    if (texts.length > 0) this.emitFile({ type: 'asset', fileName: 'LICENSES', source });
  },
};

const shared = { platform: 'node', external: ['vitest'], plugins: [licences] };
// The sources are in the package, where the maps say.
const output = { dir: 'lib', sourcemap: true, sourcemapExcludeSources: true };

export default defineConfig([
  {
    ...shared,
    input: { index: 'src/index.ts', syscalls: 'src/syscalls.ts', vitest: 'src/vitest.ts' },
    output: {
      ...output,
      chunkFileNames: '[name].js',
      codeSplitting: {
        groups: [{ name: 'library', test: id => !entries.test(id) && !rare.test(id) }],
      },
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
