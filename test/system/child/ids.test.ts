// uid and gid: -1, which the kernel takes for "as it is", is no id; whoever looked somebody up in vain has it.

import { spawn as nodes } from 'node:child_process';
import { promisify } from 'node:util';
import * as library from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { outcome, startTarget } from './fixtures/targets.ts';

type Call = (options: object) => unknown;

const calls: [string, Call][] = [
  ['spawn', options => library.spawn('id', [], options)],
  ['exec', options => library.exec('id', options)],
  ['execFile', options => library.execFile('id', [], options)],
  ['fork', options => library.fork('/dev/null', [], { ...options, execArgv: [], silent: true })],
];

const places: [string, () => Promise<object>][] = [
  ['plain', async () => ({})],
  ['with unshare', async () => ({ unshare: ['net'] })],
  ['into a target', async () => ({ target: (await startTarget(['net'])).pid })],
  ['into a user namespace', async () => ({ target: (await startTarget(['user', 'net'])).pid })],
];

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    const { name, code, errno, syscall, message } = error as NodeJS.ErrnoException;
    return { name, code, errno, syscall, message: message.split('\n')[0] };
  }
  return 'nothing';
}

describe.each(places)('%s', (_, place) => {
  test.each([
    -1,
    2 ** 32 - 1,
    2 ** 32,
    -(2 ** 31) - 1,
    '-1',
    '4294967295',
    NaN,
    -1.5,
    -1n,
    [-1],
    { valueOf: () => -1 },
  ])('%s is refused in the words of Node', async id => {
    const there = await place();
    for (const name of ['uid', 'gid']) {
      const options = { [name]: id };
      const wanted = thrownBy(() => nodes('id', [], options as object));
      for (const [call, run] of calls) {
        expect(
          thrownBy(() => run({ ...there, ...options })),
          `${call} ${name}`,
        ).toEqual(wanted);
      }
    }
  });

  test('by a getter that says something else the second time', async () => {
    let asked = 0;
    const options = {
      ...(await place()),
      get uid() {
        return asked++ === 0 ? 1000 : -1;
      },
    };
    const child = library.spawn('id', ['-u'], { ...options, stdio: 'ignore' });
    child.on('error', () => {});
    expect(asked).toBe(1);
  });
});

test('-2 is 4294967294, as in Node; 0 and nothing are what they were', async () => {
  for (const uid of [-2, 0, null, undefined]) {
    const options = { uid, stdio: 'pipe' } as object;
    const [wanted, got] = await Promise.all([
      outcome(nodes('id', ['-u'], options)),
      outcome(library.spawn('id', ['-u'], options)),
    ]);
    expect(got).toEqual(wanted);
  }
});

test('promisified: it throws, as Node does', () => {
  const refused = expect.objectContaining({ code: 'EINVAL', syscall: 'spawn' });
  expect(() => promisify(library.execFile)('id', [], { uid: -1 })).toThrow(refused);
});

test('the methods of a handle', async () => {
  using lab = await library.createNamespaces(['net']);
  for (const call of [
    () => lab.spawn('id', [], { uid: -1 }),
    () => lab.exec('id', { uid: -1 }),
    () => lab.execFile('id', [], { gid: -1 }),
    () => lab.fork('/dev/null', [], { gid: -1 }),
  ]) {
    expect(thrownBy(call)).toMatchObject({ code: 'EINVAL', syscall: 'spawn' });
  }
});

test.each([-1, 2 ** 32 - 1, '-1'])('groups, owner, idMap: %s is no id', async id => {
  const value = /^ERR_INVALID_ARG_(VALUE|TYPE)$/;
  const refusal = { name: 'TypeError', code: expect.stringMatching(value) };
  const range = { inside: id, outside: 0, length: 1 };
  expect(() => library.spawn('id', [], { groups: [id] as number[] })).toThrow(
    expect.objectContaining(refusal),
  );
  for (const options of [
    { owner: { uid: id, gid: 0 } },
    { owner: { uid: 0, gid: id } },
    { idMap: id },
    { idMap: [id] },
    { idMap: range },
    { idMap: { uid: range } },
    { idMap: { gid: { ...range, inside: 0, outside: id } } },
  ] as object[]) {
    await expect(library.createNamespaces(['user'], options)).rejects.toMatchObject(refusal);
    expect(() => library.spawn('id', [], { unshare: ['user'], ...options })).toThrow(
      expect.objectContaining(refusal),
    );
  }
});

test.each([
  ['enter', '-t', `${process.pid}`, '-u', '-S', '-1'],
  ['enter', '-t', `${process.pid}`, '-u', '-S', '4294967295'],
  ['enter', '-t', `${process.pid}`, '-u', '--setgid=4294967295'],
  ['enter', '-t', `${process.pid}`, '-u', '-G-1'],
  ['run', '-u', '-S', '4294967295'],
  ['run', '-u', '-G', '-1'],
  ['run', '-U', '--owner=4294967295:0'],
  ['run', '-U', '--map-user=-1'],
  ['run', '-U', '--map-users=4294967295:0:1'],
])('the command: %s %s %s %s %s', async (...line) => {
  const command = new URL('../../../lib/cli.cjs', import.meta.url).pathname;
  const words = [...line.filter(word => word !== undefined), 'id'];
  const { code, stdout, stderr } = await outcome(nodes(process.execPath, [command, ...words]));
  expect([code, stdout, stderr.split('\n').length]).toEqual([1, '', 2]);
});
