// Makes lib of src: the library as ES modules, the command as CommonJS, which Node starts faster.
import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defineConfig } from 'rolldown';

/** What is not in lib/library.js: the entries, and what only one of them has. */
const apart = /src\/(index|vitest)\.ts$|src\/syscalls\//;
/** `file` and all that it imports, and these in their turn, but for types. */
function importsOf(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  const imports = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) (?!type )(?:[^;()]*? from )?'(\.[^']+)'/gms,
  );
  for (const [, path] of imports) importsOf(join(dirname(file), path), seen);
  return seen;
}

/** What a program that is entered waits for, in one file; and the little that lists share with what finds containers. */
const entering = importsOf(join(import.meta.dirname, 'src/cli/enter.ts'));
const ofLists =
  /src\/(base\/(addon-rows|chunks|limits)|containers\/(container-names|membership))\.ts$/;
const start = id => entering.has(id) || ofLists.test(id);
/** What finds a container, in one more; the library loads it by src/base/lazy-module.ts. */
const finding = new Set();
for (const name of ['search', 'find', 'list']) {
  importsOf(join(import.meta.dirname, `src/containers/${name}.ts`), finding);
}
const library = importsOf(join(import.meta.dirname, 'src/index.ts'));

/** What is not there, V8 does not have to read: comments are a third of it. Names of functions stay, for stacks. */
const minify = {
  compress: false,
  mangle: { toplevel: false, keepNames: true },
  codegen: { removeWhitespace: true },
};

/** @type {import('rolldown').RolldownOptions} */
const shared = { platform: 'node', external: ['vitest'] };
// The sources are in the package, where the maps say.
const output = { dir: 'lib', sourcemap: true, sourcemapExcludeSources: true };

/**
 * The command is a program for sh and one of JavaScript: for the one, what is the other's comes after its
 * end; for the other, what is the first's is a comment.
 */
const stub = {
  name: 'stub',
  generateBundle(_options, bundle) {
    const text = readFileSync('src/cli/stub.sh', 'utf8');
    if (text.includes('*/')) throw new Error('src/cli/stub.sh ends the comment that it is in');
    const head = `#!/bin/sh\n':' /*\n${text}*/\n`;
    const main = bundle['cli.cjs'];
    if (main !== undefined) main.code = head + main.code;
  },
  writeBundle(_options, bundle) {
    if ('cli.cjs' in bundle) chmodSync('lib/cli.cjs', 0o755);
  },
};

/** Of all files of the command, which have been made before: what is compiled of them says so. */
function digest() {
  const hash = createHash('sha256');
  const files = readdirSync('lib').filter(file => /(?<!^cli|^compile)\.cjs$/.test(file));
  for (const file of files.sort()) hash.update(file).update(readFileSync(join('lib', file)));
  return hash.digest('hex').slice(0, 16);
}
const stamp = {
  name: 'stamp',
  load: id => (id.endsWith('src/cli/build.ts') ? `export const build = '${digest()}';` : undefined),
};

/** One other character in a file, and V8 keeps all of it with two bytes for each. */
const ascii = {
  name: 'ascii',
  generateBundle(_options, bundle) {
    const escaped = one => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
    for (const chunk of Object.values(bundle)) {
      if (chunk.type === 'chunk') chunk.code = chunk.code.replace(/[^\0-\x7f]/g, escaped);
    }
  },
};

/** What src/base has to make for ES modules, and CommonJS has: by `require`, what could not be loaded is tried again. */
const ofCommonJS = {
  'src/base/here.ts': 'export const folder = __dirname, load = require;',
  'src/base/lazy-module.ts': 'export const lazyModule = load => load;',
};
const commonJS = {
  name: 'common-js',
  load: id => Object.entries(ofCommonJS).find(([file]) => id.endsWith(file))?.[1],
};

/**
 * The library takes what it needs of Node's modules from `process.getBuiltinModule`. For the first `import` of
 * one, Node makes an ES module of it, and asks for all that there is in it: of node:fs, that loads every class of
 * streams. An import would also follow what somebody replaces in there later on; for what callbacks need of that,
 * src/callback/isolation/files.ts replaces what is below. node:module stays: Jest and vitest have a
 * `createRequire` of their own, for the context that the library is in.
 */
const builtins = {
  name: 'builtins',
  renderChunk(code) {
    // Each is one line and becomes one, so the map stays right.
    const line = /^import (?:(\w+)(?:, )?)?(?:\{(.+)\} )?from "(node:(?!module")[^"]+)";$/gm;
    const left = code.replace(line, (_line, whole, names, name) => {
      const some = names && `{${names.replaceAll(' as ', ': ')}}`;
      const module = `process.getBuiltinModule("${name}")`;
      const all = [whole, some].filter(Boolean).map(to => `${to} = ${module}`);
      return `const ${all.join(', ')};`;
    });
    const other = /^(?:import|export) .*"node:(?!module").*/m.exec(left)?.[0];
    if (other !== undefined) throw new Error(`not from process.getBuiltinModule: ${other}`);
    return { code: left, map: null };
  },
};

/** The text of a package's licence: a file of its own, or the end of its README. */
function licenceOf(folder, name) {
  const files = readdirSync(folder);
  const own = files.find(file => /^licen[sc]e/i.test(file));
  if (own !== undefined) return readFileSync(join(folder, own), 'utf8').trim();
  const readme = files.find(file => /^readme/i.test(file)) ?? 'README.md';
  const text = /^#+ licen[sc]e\b.*?\n(.*)/ims.exec(readFileSync(join(folder, readme), 'utf8'))?.[1];
  if (text === undefined) throw new Error(`${name} has no licence to pass on`);
  return text.trim();
}

/** A package that is bundled is passed on: its licence goes along. */
const licences = {
  name: 'licences',
  generateBundle(_options, bundle) {
    const folders = Object.values(bundle)
      .flatMap(chunk => Object.keys(chunk.modules ?? {}))
      .map(id => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0])
      .filter(Boolean);
    const texts = [...new Set(folders)].sort().map(folder => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(folder, 'package.json'), 'utf8'),
      );
      return `${name} ${version}, ${license}\n\n${licenceOf(folder, name)}\n`;
    });
    const source = texts.join(`\n${'-'.repeat(80)}\n\n`);
    this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source });
  },
};

export default defineConfig([
  {
    ...shared,
    input: {
      index: 'src/index.ts',
      containers: 'src/containers/search.ts',
      syscalls: 'src/syscalls/index.ts',
      vitest: 'src/vitest.ts',
    },
    plugins: [builtins],
    output: {
      ...output,
      chunkFileNames: '[name].js',
      // A program that runs while the package is updated loads containers.js of another version: by names of what it
      // takes from the library, that fails where one is not there.
      minifyInternalExports: false,
      codeSplitting: {
        groups: [{ name: 'library', test: id => library.has(id) && !apart.test(id) }],
      },
    },
  },
  {
    ...shared,
    input: { main: 'src/cli/main.ts' },
    plugins: [commonJS, ascii],
    output: {
      ...output,
      format: 'cjs',
      minify,
      // Names of functions are enough for a report, and maps made the package 8 % larger.
      sourcemap: false,
      entryFileNames: 'cli-[name].cjs',
      chunkFileNames: 'cli-[name].cjs',
      codeSplitting: {
        groups: [
          { name: 'start', test: start, priority: 1 },
          { name: 'finding', test: id => finding.has(id) },
        ],
      },
    },
  },
  {
    // What src/base/chunks.ts loads: each with the packages that it is made of, in one file.
    ...shared,
    input: {
      'free-names': 'src/worker/free-names.ts',
      grpc: 'src/containers/grpc.ts',
      progress: 'src/cli/progress.ts',
      tar: 'src/root/tar.ts',
      toml: 'src/containers/toml.ts',
      width: 'src/cli/width.ts',
    },
    output: {
      ...output,
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: 'chunks-[name].cjs',
      sourcemap: false,
      minify: true,
    },
    plugins: [licences],
  },
  // Last, for the digest: what loads all that, and what compiles it.
  ...[{ cli: 'src/cli/cli.ts' }, { compile: 'src/cli/compile.ts' }].map(input => ({
    ...shared,
    input,
    plugins: [stub, commonJS, stamp],
    output: {
      dir: 'lib',
      format: /** @type {const} */ ('cjs'),
      entryFileNames: '[name].cjs',
      minify,
    },
  })),
]);
