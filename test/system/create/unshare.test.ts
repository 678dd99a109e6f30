/** Ours beside unshare(1): the same options, seen from inside, as root and as a user. */
import { readFileSync } from 'node:fs';
import type { NamespaceType } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { hasProgram, types } from '../shared/support.ts';
import { type Case, compare, lent, lentToRoot, una } from './fixtures/users.ts';

const flagOf: Record<NamespaceType, string> = {
  cgroup: '-C',
  ipc: '-i',
  mnt: '-m',
  net: '-n',
  pid: '-p',
  time: '-T',
  user: '-U',
  uts: '-u',
};

const capabilities = [
  ...readFileSync('/usr/include/linux/capability.h', 'utf8').matchAll(/#define (CAP_\w+)\s+\d+\s/g),
]
  .map(match => match[1] as string)
  .filter(name => name !== 'CAP_LAST_CAP');

/** Of the ids that are lent, some versions of unshare(1) leave out one here (their pull request 4457). */
const wastes = ', but for the one that it may waste';

/** Each option of unshare(1); `first` is the first id that is lent to who runs it. */
const optionsWith = (first: number): Record<string, Case> => ({
  '-U': { theirs: ['-U'], ours: { unshare: ['user'] } },
  '-r': { theirs: ['-r'], ours: { unshare: ['user'], idMap: 'root' } },
  '-c': { theirs: ['-c'], ours: { unshare: ['user'], idMap: 'current' } },
  '--map-user --map-group': {
    theirs: ['--map-user=12', '--map-group=34'],
    ours: { unshare: ['user'], idMap: { uid: 12, gid: 34 } },
  },
  '--map-user alone': {
    theirs: ['--map-user=12'],
    ours: { unshare: ['user'], idMap: { uid: 12 } },
  },
  '--setgroups deny': {
    theirs: ['-U', '--setgroups=deny'],
    ours: { unshare: ['user'], setgroups: 'deny' },
  },
  '--setgroups allow': {
    theirs: ['-U', '--setgroups=allow'],
    ours: { unshare: ['user'], setgroups: 'allow' },
  },
  '--keep-caps': {
    theirs: ['-c', '--keep-caps'],
    ours: { unshare: ['user'], idMap: 'current', capabilities },
  },
  '--map-auto': { theirs: ['--map-auto'], ours: { unshare: ['user'], idMap: 'auto' } },
  [`-r --map-auto${wastes}`]: {
    theirs: ['-r', '--map-auto'],
    ours: { unshare: ['user'], idMap: ['root', 'auto'] },
  },
  [`--map-user 5 --map-auto, -S 5 -G 7${wastes}`]: {
    theirs: ['--map-user=5', '--map-group=7', '--map-auto', '-S', '5', '-G', '7'],
    ours: {
      unshare: ['user'],
      idMap: { uid: [5, 'auto'], gid: [7, 'auto'] },
      uid: 5,
      gid: 7,
    },
  },
  '--map-users --map-groups': {
    theirs: [`--map-users=${first},0,10`, `--map-groups=${first},0,20`],
    ours: {
      unshare: ['user'],
      idMap: {
        uid: { inside: 0, outside: first, length: 10 },
        gid: { inside: 0, outside: first, length: 20 },
      },
    },
  },
  '--propagation, the default': {
    theirs: ['-r', '-m'],
    ours: { unshare: ['user', 'mnt'], idMap: 'root' },
  },
  ...Object.fromEntries(
    ['private', 'slave', 'shared', 'unchanged'].map(propagation => [
      `--propagation ${propagation}`,
      {
        theirs: ['-r', '-m', `--propagation=${propagation}`],
        ours: { unshare: ['user', 'mnt'], idMap: 'root', propagation },
      },
    ]),
  ),
  '--mount-proc': {
    theirs: ['-r', '-p', '-f', '--mount-proc'],
    ours: { unshare: ['user', 'pid', 'mnt'], idMap: 'root', mountProc: true },
  },
  '--monotonic --boottime': {
    theirs: ['-r', '-T', '-f', '--monotonic=86400', '--boottime=604800'],
    ours: { unshare: ['user', 'time'], idMap: 'root', monotonic: 86_400, boottime: 604_800 },
  },
  '-w': { theirs: ['-r', '-w', '/usr'], ours: { unshare: ['user'], idMap: 'root', cwd: '/usr' } },
  'all eight': {
    theirs: ['-r', '-m', '-u', '-i', '-n', '-p', '-C', '-T', '-f', '--mount-proc'],
    ours: { unshare: [...types], idMap: 'root', mountProc: true },
  },
});

/** And those that only root can have. */
const asRoot: Record<string, Case> = {
  '--mount-proc, without user': {
    theirs: ['-p', '-f', '--mount-proc'],
    ours: { unshare: ['pid', 'mnt'], mountProc: true },
  },
  '-S -G': {
    theirs: ['-n', '-S', '12', '-G', '34'],
    ours: { unshare: ['net'], uid: 12, gid: 34 },
  },
  '--propagation shared, without user': {
    theirs: ['-m', '--propagation=shared'],
    ours: { unshare: ['mnt'], propagation: 'shared' },
  },
  '--boottime, to the past': {
    theirs: ['-T', '-f', '--boottime=-1'],
    ours: { unshare: ['time'], boottime: -1 },
  },
};

const needed = hasProgram('newuidmap') ? '' : ' [needs newuidmap]';

async function expectSame(uid: number, cases: Record<string, Case>): Promise<void> {
  const names = Object.keys(cases).filter(name => needed === '' || !/auto|users/.test(name));
  const results = await compare(
    uid,
    names.map(name => cases[name] as Case),
  );
  expect(results).toHaveLength(names.length);
  for (const [i, { ours, theirs }] of results.entries()) {
    expect(theirs.code, `${names[i]}: ${theirs.seen}`).toBe(0);
    if (!names[i]?.endsWith(wastes)) {
      expect(ours, names[i]).toEqual(theirs);
      continue;
    }
    expect(uncounted(ours.seen), names[i]).toEqual(uncounted(theirs.seen));
    const lengths = [...ours.seen.matchAll(/^uid_map: +\d+ +\d+ +(\d+)$/gm)].map(([, n]) =>
      Number(n),
    );
    expect(
      lengths.reduce((a, b) => a + b),
      names[i],
    ).toBe(1 + (uid === 0 ? 1000 : lent.length));
  }
}

/** Without the lengths of the ranges of ids. */
function uncounted(seen: string): string {
  return seen.replace(/^([ug]id_map: +\d+ +\d+) +\d+$/gm, '$1');
}

describe(`each option of unshare(1), and what a program sees then${needed}`, () => {
  test('as root', () => expectSame(0, { ...optionsWith(lentToRoot), ...asRoot }), seconds(120));
  test('as a user', () => expectSame(una, optionsWith(lent.first)), seconds(120));
});

const pairs = types.flatMap((one, i) => types.slice(i + 1).map(other => [one, other]));
const pairCases = pairs.map(pair => {
  const forks = pair.includes('pid') || pair.includes('time');
  const root = pair.includes('user');
  return {
    theirs: [...pair.map(type => flagOf[type]), ...(forks ? ['-f'] : []), ...(root ? ['-r'] : [])],
    ours: { unshare: pair, ...(root ? { idMap: 'root' } : {}) },
  };
});

test('every pair of types, as root', { timeout: seconds(120) }, async () => {
  const results = await compare(0, pairCases);
  expect(results).toHaveLength(28);
  for (const [i, { ours, theirs }] of results.entries()) {
    expect(theirs.code, `${pairs[i]}`).toBe(0);
    expect(ours, `${pairs[i]}`).toEqual(theirs);
    const made = [...ours.seen.matchAll(/^(\w+) new$/gm)].map(match => match[1]);
    expect(made).toEqual(pairs[i]);
  }
});

test('every pair of types, as a user: with user all, without none', {
  timeout: seconds(120),
}, async () => {
  const results = await compare(una, pairCases);
  for (const [i, { ours, theirs }] of results.entries()) {
    if (pairs[i]?.includes('user')) {
      expect(ours, `${pairs[i]}`).toEqual(theirs);
    } else {
      expect(theirs.code).toBe(1);
      expect(ours, `${pairs[i]}`).toMatchObject({ code: 'EPERM', syscall: 'unshare' });
      expect(ours.message).toContain('run as root, or create a user namespace, too');
    }
  }
});
