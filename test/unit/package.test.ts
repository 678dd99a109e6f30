import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.entries<{ types: string; default: string }>(manifest.exports).filter(
  ([, files]) => typeof files === 'object',
);

/** Node's own resolution, which has the last word. */
const { resolve } = createRequire(import.meta.url);

test.each(entries)('%s: its files are there, and it can be imported', async (name, files) => {
  expect(existsSync(join(root, files.default))).toBe(true);
  expect(existsSync(join(root, files.types))).toBe(true);
  expect(resolve(join(manifest.name, name))).toBe(join(root, files.default));
  const module = await import(join(manifest.name, name));
  expect(Object.keys(module)).not.toEqual([]);
});

test('the public names are those that the design fixed', async () => {
  expect(Object.keys(await import('linux-namespaces'))).toEqual(
    expect.arrayContaining([
      'NamespaceError',
      'Namespaces',
      'createNamespaces',
      'currentNamespaces',
      'openNamespaces',
      'outside',
      'withNamespaces',
    ]),
  );
});

test('what only a rare call needs is in files of their own, and the licences beside them', () => {
  const chunks = ['free-names.cjs', 'grpc.cjs', 'tar.cjs', 'toml.cjs', 'width.cjs'];
  const read = (name: string) => readFileSync(join(root, 'lib', name), 'utf8');
  const others = readdirSync(join(root, 'lib')).filter(name => /\.c?js$/.test(name));
  for (const name of others.filter(name => !chunks.includes(name))) {
    expect(read(name), name).not.toContain('node_modules/');
  }
  const licences = read('LICENSES.txt');
  const bundled = ['acorn', 'eslint-scope', 'esrecurse', 'estraverse', 'tar-stream', 'streamx'];
  for (const name of [
    ...bundled,
    'b4a',
    'fast-fifo',
    'text-decoder',
    'smol-toml',
    'string-width',
  ]) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+`, 'm'));
  }
});

test('nothing else can be imported', () => {
  expect(() => resolve('linux-namespaces/lib/binding.js')).toThrow(
    expect.objectContaining({ code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }),
  );
});

test('the tarball has what is built and what it is built from, and no tests', () => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  const files = packed.files.map((file: { path: string }) => file.path);
  const wanted = ['lib/index.js', 'lib/index.d.ts', 'native/addon.cc', 'binding.gyp', 'README.md'];
  expect(files).toEqual(expect.arrayContaining([...wanted, 'LICENSE']));
  expect(files.filter((path: string) => /^(test|bench|examples|build|\.ci)\//.test(path))).toEqual(
    [],
  );
});

test('npm finds nothing to correct in package.json when it publishes that', () => {
  const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-manifest-'));
  try {
    const file = join(folder, 'package.json');
    copyFileSync(join(root, 'package.json'), file);
    execFileSync('npm', ['pkg', 'fix'], { cwd: folder, stdio: 'ignore' });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(manifest);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('before a tarball is made, by pack or publish', () => {
  /** The head of a program for that machine, elf(5): 62 is x64, 183 arm64. */
  const elf = (machine: number) => {
    const head = Buffer.alloc(64);
    head.write('\x7fELF', 'latin1');
    head.writeUInt16LE(machine, 18);
    return head;
  };
  const refusal = (machines: Record<string, number>, env: Record<string, string> = {}) => {
    const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-prepack-'));
    try {
      for (const [arch, machine] of Object.entries(machines)) {
        mkdirSync(join(folder, `prebuilds/linux-${arch}`), { recursive: true });
        writeFileSync(join(folder, `prebuilds/linux-${arch}/linux-namespaces.node`), elf(machine));
      }
      const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/prepack.mjs')], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, npm_config_dry_run: '', ...env },
      });
      return { status, stderr };
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test('the script is where npm looks for it', () => {
    expect(manifest.scripts.prepack).toBe('node scripts/prepack.mjs');
  });

  test('both binaries are there, each for its machine', () => {
    expect(refusal({ x64: 62, arm64: 183 })).toEqual({ status: 0, stderr: '' });
    expect(refusal({})).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/x64.*\n.*arm64/),
    });
    expect(refusal({ x64: 62 })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/arm64.* is not there/),
    });
    expect(refusal({ x64: 62, arm64: 62 }).status).toBe(1);
    expect(refusal({ x64: 0, arm64: 183 }).status).toBe(1);
  });

  test('a dry run says so and goes on', () => {
    const { status, stderr } = refusal({}, { npm_config_dry_run: 'true' });
    expect(status).toBe(0);
    expect(stderr).toContain('npm run binaries:arm64');
  });
});

// Node 20 aborts the process where a Worker is terminated in the middle of a require() of an ES module.
test('once imported, nothing is loaded by require() but the addon and chunks, which are CommonJS', () => {
  const script = `
    import module from 'node:module';
    import * as library from 'linux-namespaces';
    const load = module._load;
    const loaded = [];
    module._load = function (name, parent, isMain) {
      loaded.push(module._resolveFilename(name, parent, isMain));
      return load.call(this, name, parent, isMain);
    };
    const { pid } = process;
    const calls = [
      () => library.listNamespaces(), () => library.listSockets(pid),
      () => library.listInterfaces(pid), () => library.processTree(pid),
      () => library.namespacesOf(pid), () => library.listContainers({ timeout: 1 }),
      () => library.findContainer('none'), () => library.openRoot(pid).close(),
      () => library.openRoot(pid).archive('/etc/hostname').toArray(),
      () => library.openRoot(pid).extract([], '/none'),
      () => library.createNamespaces(['net']), () => library.networks.list(),
      () => library.withNamespaces(pid, ['net'], () => 1),
      () => library.spawn('true', { target: pid, namespaces: [] }),
      () => library.evaluate(pid, ['net'], () => 1),
    ];
    for (const call of calls) await Promise.resolve().then(call).catch(() => {});
    console.log(JSON.stringify(loaded));`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  });
  const foreign = JSON.parse(said).filter(
    (file: string) =>
      !/(^\w+$|node-gyp-build\/[\w-]+\.js$|package\.json$|\.node$|lib\/[\w-]+\.cjs$)/.test(file),
  );
  expect(said).toMatch(/\.node"/);
  expect(foreign).toEqual([]);
});

test('its import loads none of the modules of Node that take long to load', () => {
  const seen = execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const before = new Set(process.moduleLoadList);
    await import(${JSON.stringify(manifest.name)});
    console.log(process.moduleLoadList.filter(name => !before.has(name)).join());`,
    ],
    { cwd: root, encoding: 'utf8' },
  );
  const slow =
    /NativeModule (child_process|crypto|dgram|dns|http|https|internal\/fs\/streams|net|stream|tls|worker_threads|zlib)\b/g;
  expect(seen.match(slow) ?? []).toEqual([]);
});

// From TypeScript 6 on that is what a project has that says nothing of types; Node's were `any` there, in silence.
test.each([
  ['', "spawn('true', [], { stdio: 'pipe' }).stdout.nothing"],
  ['/syscalls', "waitid(1).then(({ signal }) => signal === 'nothing')"],
  ['/vitest', "test('', ({ net }) => net.spawn('true', [], { stdio: 'pipe' }).stdout.nothing)"],
])('linux-namespaces%s: its types are whole for a project that names none', (entry, wrong) => {
  const folder = mkdtempSync(join(root, 'test/.types-')); // in the package, for its own name
  try {
    const source = `import { ${/^\w+/.exec(wrong)} } from 'linux-namespaces${entry}';
      // @ts-expect-error: there is none
      ${wrong};`;
    writeFileSync(join(folder, 'program.ts'), source);
    const compilerOptions = { module: 'nodenext', strict: true, noEmit: true, types: [] };
    const project = { compilerOptions, files: ['program.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project));
    const tsc = join(root, 'node_modules/.bin/tsc');
    const { stdout } = spawnSync(tsc, ['-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
    expect(stdout).toBe('');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The upload itself is tried by nobody. */
const upload = 'npm publish --provenance';
const folder = join(root, '.github/workflows');
test.each(readdirSync(folder))('%s runs what .ci/run tries, and scripts that there are', name => {
  const text = readFileSync(join(folder, name), 'utf8');
  const lines = [...text.matchAll(/^ +(?:- )?run: (.*)$/gm)].map(([, line]) => `${line}`);
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines.filter(line => line !== upload)) {
    expect(line).toMatch(/^(sudo --preserve-env=CI,PATH env "PATH=\$PATH" )?bash \.ci\/run$/);
  }
  const tried = readFileSync(join(root, '.ci/run'), 'utf8');
  const scripts = [...tried.matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script);
  expect(scripts).toEqual(['lint', 'release']);
  expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(scripts));
});

test('repository is left to the owner: no address is known here', () => {
  expect(manifest).not.toHaveProperty('repository');
});

test('npm run bench has each name that docs/performance.md gives', () => {
  const page = readFileSync(join(root, 'docs/performance.md'), 'utf8');
  const rows = [...page.matchAll(/^\|.*\| `(\w+)`(?: \(only when named\))? \|$/gm)];
  const bench = readFileSync(join(root, 'bench/index.mjs'), 'utf8');
  const named = [...bench.matchAll(/^const (?:rowNames|programs) = \[(.*)\];$/gm)].flatMap(
    ([, names]) => `${names}`.split(', ').map(name => name.slice(1, -1)),
  );
  expect(new Set(rows.map(([, name]) => name))).toEqual(new Set(named));
});
