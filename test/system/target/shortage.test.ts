/** A shortage while a target is opened: its own name, and never another process's namespaces. */
import { expect, test } from 'vitest';
import { hasProgram, runScript } from '../shared/support.ts';

const under = (path: string, call: string, error: string) => [
  'strace',
  '-f',
  '-qq',
  '-o',
  '/dev/null',
  '-P',
  path,
  '-e',
  `trace=${call}`,
  '-e',
  `inject=${call}:error=${error}`,
];

const code = (expression: string) => `
  import * as library from 'linux-namespaces';
  let code = 'none';
  try { await (${expression}); } catch (error) { ({ code } = error); }
  console.log(code);`;

// 2 is kthreadd: its namespaces are the machine's.
test.skipIf(!hasProgram('strace')).each([
  ['openat', '/proc/2/statm', 'EMFILE'],
  ['read', '/proc/2/statm', 'ENOMEM'],
  ['openat', '/proc/2/stat', 'EMFILE'],
])(
  '%s of %s with %s: not taken for a process that has namespaces [needs strace]',
  (call, path, error) => {
    const run = ['unshare', '--mount', ...under(path, call, error)];
    const said = runScript(code("library.openNamespaces(2, ['net'])"), run);
    expect(said.trim()).toBe(error);
  },
);

test.skipIf(!hasProgram('strace')).each([
  ['openat', 'EMFILE'],
  ['openat', 'ENOMEM'],
])('openRoot: %s of /proc/self/fd with %s is what it is called [needs strace]', (call, error) => {
  const run = under('/proc/self/fd', call, error);
  expect(runScript(code('library.openRoot(process.pid)'), run).trim()).toBe(error);
});

test.skipIf(!hasProgram('strace'))(
  'openRoot: fstatfs with ENOMEM is what it is called [needs strace]',
  () => {
    const inject = ['-e', 'trace=fstatfs', '-e', 'inject=fstatfs:error=ENOMEM'];
    const run = ['strace', '-f', '-qq', '-o', '/dev/null', ...inject];
    expect(runScript(code('library.openRoot(process.pid)'), run).trim()).toBe('ENOMEM');
  },
);

test.skipIf(!hasProgram('strace')).each(['listNamespaces()', 'processTree()'])(
  '%s: fstatfs of /proc with ENOMEM is what it is called [needs strace]',
  list => {
    const said = runScript(code(`library.${list}`), under('/proc', 'fstatfs', 'ENOMEM'));
    expect(said.trim()).toBe('ENOMEM');
  },
);
