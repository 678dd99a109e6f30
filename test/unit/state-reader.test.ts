// A reader of one user's files stands in the same root as that of all.
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Reader } from '../../src/containers/reader.ts';

test.each([
  [undefined, ''],
  ['/', ''],
  ['/host/', '/host'],
  ['host', `${process.cwd()}/host`],
])('root %s', async (given, root) => {
  const all = new Reader(given);
  const ofUser = all.of('/home/user', 1000);
  for (const reader of [all, ofUser]) {
    expect(reader.root).toBe(root);
    expect(reader.outside('/home/user/bundle')).toBe(`${root}/home/user/bundle`);
    expect(reader.inside(`${root}/run/user/1000`)).toBe('/run/user/1000');
    if (root === '') expect(await reader.locate('/home/user')).toBe('/home/user');
  }
});

describe('names in directories below', () => {
  let folder: string;
  const make = (path: string) => mkdirSync(join(folder, path), { recursive: true });
  const pathsIn = async (reader: Reader, ...levels: string[]) => {
    const all = await reader.directories(folder, ...levels);
    return all.flatMap(({ path, names }) => names.map(name => relative(folder, join(path, name))));
  };
  beforeEach(() => {
    folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-names-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('those that are like the pattern of their level; what is no directory has none', async () => {
    for (const path of ['runtime-runc/moby/a', 'runtime-runc/other/b', 'plugins/moby/c'])
      make(path);
    writeFileSync(join(folder, 'runtime-file'), '');
    const reader = new Reader();
    const paths = await pathsIn(reader, 'runtime-*', '*');
    expect(paths.sort()).toEqual(['runtime-runc/moby/a', 'runtime-runc/other/b']);
    expect((await pathsIn(reader, 'runtime-r*')).sort()).toEqual([
      'runtime-runc/moby',
      'runtime-runc/other',
    ]);
    make('runtime-empty/none');
    expect(await reader.directories(folder, 'runtime-e*', '*')).toEqual([
      { path: join(folder, 'runtime-empty/none'), names: [] },
    ]);
    expect(await reader.directories(join(folder, 'nothing'), '*')).toEqual([]);
    expect(reader.problems).toEqual([]);
  });

  test('of all of them together no more than of one directory, which is said once', async () => {
    for (const name of ['a', 'b', 'c']) {
      make(name);
      for (let i = 0; i < 2500; i++) writeFileSync(join(folder, name, `${i}`), '');
    }
    writeFileSync(join(folder, 'b/2500'), '');
    const reader = new Reader();
    expect(await pathsIn(reader, '*')).toHaveLength(5000);
    expect(await pathsIn(reader, '*')).toHaveLength(5000);
    expect(reader.problems).toMatchObject([{ code: 'EFBIG', syscall: 'getdents' }]);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'one of them that is somebody else’s is a problem',
    async () => {
      for (const path of ['theirs/x', 'ours/y']) make(path);
      for (const path of ['', 'theirs', 'theirs/x']) chownSync(join(folder, path), 1000, 1000);
      chownSync(join(folder, 'ours'), 1001, 1001);
      const reader = new Reader().of(folder, 1000);
      expect(await pathsIn(reader, '*')).toEqual(['theirs/x']);
      expect(reader.problems).toMatchObject([{ code: 'EPERM', target: join(folder, 'ours') }]);
    },
  );
});
