// What holds a target down besides its rights: limits of resources, oom_score_adj, label.
import { readFileSync } from 'node:fs';
import { spawn } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { labelOf, limitsIn } from '../../../src/child/bounds.ts';
import { outcome, startTarget } from './fixtures/targets.ts';

const limited = [
  ...[
    'prlimit',
    '--nofile=300:400',
    '--nproc=1000:2000',
    '--core=0:0',
    '--stack=4194304:unlimited',
  ],
  ...['sh', '-c', 'echo 77 > /proc/self/oom_score_adj; exec "$@"', 'sh'],
];
const script = 'cat /proc/self/limits /proc/self/oom_score_adj';

test.each([
  ['', {}],
  ['as a user', { uid: 33, gid: 33 }],
  ['in a pid namespace below', { unshare: ['pid'] as const }],
])('with the rights of a target come its limits %s', async (_, options) => {
  const target = await startTarget(['mnt', 'pid'], { before: limited });
  const theirs = ['limits', 'oom_score_adj'].map(name =>
    readFileSync(`/proc/${target.pid}/${name}`, 'utf8'),
  );
  const { stdout } = await outcome(spawn('sh', ['-c', script], { target: target.pid, ...options }));
  expect(stdout).toBe(theirs.join(''));
  expect(stdout).toMatch(/Max open files +300 +400/);
});

test('without them, they are ours', async () => {
  const target = await startTarget(['mnt', 'pid'], { before: limited });
  const options = { target: target.pid, credentials: 'inherit' } as const;
  const { stdout } = await outcome(spawn('sh', ['-c', script], options));
  expect(stdout).not.toMatch(/Max open files +300/);
});

test('the file of limits, and none', () => {
  expect(limitsIn(readFileSync('/proc/self/limits', 'utf8'))).toHaveLength(32);
  expect(limitsIn('')).toBeUndefined();
});

test('which label is taken over, and how', () => {
  const files = (given: Record<string, string>) => (name: string) => given[name];
  expect(labelOf(files({ 'attr/apparmor/current': 'docker-default (enforce)\n' }))).toEqual({
    file: '/proc/self/attr/apparmor/exec',
    text: 'exec docker-default',
  });
  expect(labelOf(files({ 'attr/apparmor/current': 'unconfined\n' }))).toBeUndefined();
  expect(labelOf(files({ 'attr/current': 'a:b:container_t:s0:c1,c2\0' }))).toEqual({
    file: '/proc/self/attr/exec',
    text: 'a:b:container_t:s0:c1,c2',
  });
  expect(labelOf(files({}))).toBeUndefined();
});
