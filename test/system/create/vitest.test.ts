/** `linux-namespaces/vitest`, by runs of vitest of their own. */
import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { test as own } from 'linux-namespaces/vitest';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { place, read } from '../shared/support.ts';

const folder = join(import.meta.dirname, 'fixtures/networks');
const vitest = join(
  dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
);

interface Ran {
  passed: string[];
  failed: string[];
  skipped: string[];
  said: string;
}

/** Runs them in processes of which nothing is left when this resolves. */
async function run(files: readonly string[], before: readonly string[] = []): Promise<Ran> {
  const line = [...before, process.execPath, vitest, 'run', '--root', folder, ...files];
  const [file = '', ...args] = line;
  const env = { ...process.env, VITEST: undefined, VITEST_POOL_ID: undefined, NO_COLOR: '1' };
  const { stdout } = await promisify(execFile)(file, args, {
    cwd: folder,
    env,
    maxBuffer: 1 << 26,
  }).catch((error: { stdout: string }) => error);
  const results = JSON.parse(stdout.slice(stdout.indexOf('{"num')));
  const all: { status: string; title: string; failureMessages: string[] }[] =
    results.testResults.flatMap((one: { assertionResults: object[] }) => one.assertionResults);
  const with_ = (status: string) => all.filter(one => one.status === status).map(one => one.title);
  return {
    passed: with_('passed'),
    failed: with_('failed'),
    skipped: [...with_('skipped'), ...with_('pending')],
    said: stdout,
  };
}

/** What a network would be left in: its name, its cable, its mount, its process. */
function state(): object {
  const left = readdirSync('/proc').filter(
    pid => /^\d+$/.test(pid) && read(`/proc/${pid}/cmdline`)?.includes(folder),
  );
  return {
    left,
    links: execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }).match(/^\d+: [^:]+/gm),
    named: execFileSync('ip', ['netns'], { encoding: 'utf8' }),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').match(/^.* nsfs .*$/gm),
  };
}

test('50 tests in five files at once, each in its network, and nothing left', {
  timeout: seconds(180),
}, async () => {
  const before = state();
  const { passed, failed, said } = await run(['1', '2', '3', '4', '5']);
  expect(failed, said.slice(0, 2000)).toEqual([]);
  expect(passed).toHaveLength(50);
  expect(state()).toEqual(before);
});

test('the network goes also when a test fails or never ends', {
  timeout: seconds(180),
}, async () => {
  const { passed, failed, said } = await run(['failing']);
  expect(passed, said.slice(0, 2000)).toEqual(['asks for no network']);
  expect(failed).toEqual(['fails', 'never ends']);
});

test('without privilege, tests that ask for a network are skipped, and only those', {
  timeout: seconds(180),
}, async () => {
  const less = ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'];
  const { passed, failed, skipped, said } = await run(['1'], less);
  expect(failed, said.slice(0, 2000)).toEqual([]);
  expect(passed).toEqual([]);
  expect(skipped).toHaveLength(10);
  expect(said).not.toContain('STACK_TRACE');
});

own('in it there is lo, up, and nothing else', ({ net }) => {
  expect(net.inode('net')).not.toBe(place('net'));
  const seen = net.run(() => execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }));
  expect(seen.trim().split('\n')).toHaveLength(1);
  expect(seen).toMatch(/^1: lo: <LOOPBACK,UP/);
});
