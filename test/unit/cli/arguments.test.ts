// Command lines are read as getopt_long(3) reads them, which scripts written for nsenter rely on.
import { expect, test } from 'vitest';
import {
  HelpWanted,
  readArguments,
  UsageError,
  VersionWanted,
} from '../../../src/cli/arguments.ts';

const options = {
  target: { short: 't', value: true },
  net: { short: 'n', value: 'maybe' },
  mount: { short: 'm', value: 'maybe' },
  'map-users': { value: true, many: true },
  'map-user': { value: true },
  all: { short: 'a' },
  uts: { short: 'u', value: 'long' },
  owner: { short: 'o', value: true, equals: true },
  tty: { short: 'y', equals: true },
  tree: { short: 'T', value: 'maybe', words: ['aunt'] },
} as const;

const cases: [line: string, given: object, rest?: string[]][] = [
  ['', {}],
  ['true -n', {}, ['true', '-n']],
  ['-a true', { all: true }, ['true']],
  ['-t 5 -n true', { target: '5', net: true }, ['true']],
  ['-t5 -n', { target: '5', net: true }],
  ['--target=5 --net', { target: '5', net: true }],
  ['--target 5 --net x', { target: '5', net: true }, ['x']],
  ['-at 5', { all: true, target: '5' }],
  ['-nm', { net: true, mount: true }],
  ['-nmt5', { net: true, mount: true, target: '5' }],
  ['-n/run/netns/blue', { net: '/run/netns/blue' }],
  ['-n=/run/netns/blue', { net: '/run/netns/blue' }],
  ['--net=/run/netns/a=b', { net: '/run/netns/a=b' }],
  ['-a -- -n', { all: true }, ['-n']],
  ['-a - -n', { all: true }, ['-', '-n']],
  ['--tar 5 --al', { target: '5', all: true }],
  ['--map-users 0:1:2 --map-users=3:4:5', { 'map-users': ['0:1:2', '3:4:5'] }],
  ['--map-user 0', { 'map-user': '0' }],
  ['-t -5', { target: '-5' }],
  ['-t 4 -t 5', { target: '5' }],
  ['--net= x', { net: '' }, ['x']],
  ['-uu', { uts: true }],
  ['-ao=5', { all: true, owner: '5' }],
  ['-o= x', { owner: '' }, ['x']],
  ['-o =5', { owner: '=5' }],
  ['-t=5', { target: '=5' }],
  ['-aTaunt', { all: true, tree: 'aunt' }],
  ['-Taun', { tree: true, all: true, uts: true, net: true }],
  ['--uts=/x', { uts: '/x' }],
  ['--uts /x', { uts: true }, ['/x']],
  ['--tty=true x', { tty: true }, ['x']],
  ['-y --tty=false x', {}, ['x']],
  ['--tty=0 -ay=T x', { tty: true, all: true }, ['x']],
];

test.each(cases)('%s', (line, given, rest = []) => {
  const read = readArguments(line.split(' ').filter(Boolean), options);
  expect({ ...read.given }).toEqual(given);
  expect(read.rest).toEqual(rest);
});

test.each([
  ['-x', 'unknown option -x'],
  ['-ax', 'unknown option -x'],
  ['-u/x', 'unknown option -/'],
  ['-ux', 'unknown option -x'],
  ['--nothing', 'unknown option --nothing'],
  ['-t', 'option -t needs a value'],
  ['--target', 'option --target needs a value'],
  ['--all=yes', 'option --all takes no value'],
  ['-a=1', 'unknown option -='],
  ['--tty=no', 'option --tty is true or false, not no'],
  ['-y=', 'option -y is true or false, not '],
  ['--map', '--map can be any of --map-users, --map-user'],
])('refused: %s', (line, message) => {
  const read = () => readArguments(line.split(' '), options);
  expect(read).toThrow(UsageError);
  expect(read).toThrow(message);
});

test('help is asked for anywhere among the options, not behind them', () => {
  expect(() => readArguments(['-a', '--help'], options)).toThrow(HelpWanted);
  expect(() => readArguments(['-h'], options)).toThrow(HelpWanted);
  expect(readArguments(['ls', '-h'], options).rest).toEqual(['ls', '-h']);
  expect(readArguments(['--', '--help'], options).rest).toEqual(['--help']);
});

test.each(['-h', '--help', '--he', '-ah'])('%s is help', word => {
  expect(() => readArguments([word], options)).toThrow(HelpWanted);
});

test.each(['-V', '--version', '--ver', '-aV'])('%s is the version', word => {
  expect(() => readArguments([word], options)).toThrow(VersionWanted);
});

test('what comes first counts: a mistake, or help', () => {
  expect(() => readArguments(['-x', '-h'], options)).toThrow(UsageError);
  expect(() => readArguments(['-h', '-x'], options)).toThrow(HelpWanted);
});

test('options among other words, up to --, where no program follows', () => {
  const line = ['one', '-a', 'two', '-t', '5', '--', '-n', 'three'];
  const { given, rest, after } = readArguments(line, options, true);
  expect({ given, rest }).toEqual({
    given: { all: true, target: '5' },
    rest: ['one', 'two', '-n', 'three'],
  });
  expect(after.map(count => line.at(-1 - count))).toEqual(rest);
});

test('the order of the options', () => {
  const { order } = readArguments(['--map-user=5', '-a', '--map-user', '6', 'x', '-a'], options);
  expect(order).toEqual([
    { name: 'map-user', value: '5' },
    { name: 'all', value: true },
    { name: 'map-user', value: '6' },
  ]);
});
