/**
 * What the compiled addon may ask of a system: the C library alone, and of that only what glibc 2.28
 * and musl both have. So one file for each processor serves every Linux.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const has = (program: string, option = '--version') => {
  try {
    execFileSync(program, [option], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const prebuilt = existsSync(join(root, 'prebuilds'))
  ? readdirSync(join(root, 'prebuilds')).filter(name => name.startsWith('linux-'))
  : [];
const addons = [
  'build/Release/addon.node',
  ...prebuilt.map(name => `prebuilds/${name}/linux-namespaces.node`),
].filter(path => existsSync(join(root, path)));

interface Wanted {
  name: string;
  /** Of glibc; undefined for what Node itself or nobody has. */
  version: string | undefined;
  weak: boolean;
}

function readelf(option: string, path: string): string[] {
  return execFileSync('readelf', ['-W', option, join(root, path)], { encoding: 'utf8' }).split(
    '\n',
  );
}

/** The symbols that the file wants of others. */
function wantedBy(path: string): Wanted[] {
  return readelf('--dyn-syms', path).flatMap(line => {
    const [, , , , bind, , place, symbol] = line.trim().split(/\s+/);
    if (place !== 'UND' || !symbol) return [];
    const [name = '', version] = symbol.split('@');
    return [{ name, version: version?.replace('GLIBC_', ''), weak: bind === 'WEAK' }];
  });
}

test('there is an addon to look at', () => expect(addons).not.toEqual([]));

describe.skipIf(!has('readelf'))('with readelf, of binutils', () => {
  test.each(addons)('%s needs libc and nothing else', path => {
    const needed = readelf('--dynamic', path)
      .filter(line => line.includes('(NEEDED)'))
      .map(line => /\[(.*)\]/.exec(line)?.[1]);
    expect(needed).toEqual(['libc.so.6']);
  });

  test.each(addons)(
    '%s wants nothing newer than glibc 2.28, and nothing that is glibc only',
    path => {
      const ofLibc = wantedBy(path).filter(({ name, weak }) => !weak && !/^(napi|uv)_/.test(name));
      expect(ofLibc.length).toBeGreaterThan(10);
      for (const { name, version } of ofLibc) {
        expect(`${name} ${version}`).toMatch(/ \d/);
        const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
        expect(major === 2 && minor <= 28, `${name} is of glibc ${version}`).toBe(true);
        // Checked variants, names for large files, C++ and what glibc keeps for its own compiler.
        expect(name).not.toMatch(/_chk$|64$|^_Z|^__cxa_(?!finalize)|^__getauxval$/);
      }
    },
  );
});

const own = addons.find(path => path.startsWith('build/') || path.includes(`-${process.arch}/`));

// Where Node was built for musl it exports what is a stand-in here: the loader asks for no more.
test.skipIf(!has('musl-gcc') || own === undefined)("musl's loader takes it [musl-gcc]", () => {
  const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-musl-'));
  try {
    const names = wantedBy(own as string).filter(({ name }) => /^(napi|uv)_/.test(name));
    const source = join(folder, 'load.c');
    writeFileSync(
      source,
      `#include <dlfcn.h>
      #include <stdio.h>
      ${names.map(({ name }) => `void ${name}(void) {}`).join('\n')}
      int main(int count, char** arguments) {
        void* addon = dlopen(arguments[count - 1], RTLD_NOW);
        if (addon == 0) return puts(dlerror()), 1;
        return dlsym(addon, "napi_register_module_v1") == 0;
      }`,
    );
    const program = join(folder, 'load');
    execFileSync('musl-gcc', ['-rdynamic', '-o', program, source]);
    expect(execFileSync(program, [join(root, own as string)], { encoding: 'utf8' })).toBe('');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
