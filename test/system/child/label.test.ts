/**
 * The label of a security module, AppArmor's: a child that has its target's credentials has its profile, and
 * nothing runs where that cannot be taken over. Where the kernel has none, as here mostly, in a guest:
 * npm run test:kernels -- 6.1 v2 test/system/child/label.test.ts
 */
import { execFileSync, spawn as start } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SpawnOptions, spawn, spawnSync } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rootFolder } from '../../engines/images.ts';
import { missing } from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { hasProgram } from '../shared/support.ts';
import { folder, outcome, type Started, startTarget } from './fixtures/targets.ts';

const command = join(import.meta.dirname, '../../../lib/cli.cjs');
const enabled = '/sys/module/apparmor/parameters/enabled';
const isEnabled = existsSync(enabled) && readFileSync(enabled, 'utf8').startsWith('Y');
const without = !isEnabled || !hasProgram('apparmor_parser') ? 'apparmor_parser' : '';
// Where all is skipped, what comes after it is, too.
if (without) rmSync(folder, { recursive: true, force: true });

const name = `linux-namespaces-test-${process.pid}`;
/** As Docker's own: all but a few things is allowed, and going to another profile is none of it. */
const profile = `profile ${name} flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,
  signal,
  ptrace,
  unix,
  deny /**/denied w,
  deny mount,
}
`;
const parse = (how: string) =>
  execFileSync('apparmor_parser', [how, '--skip-cache'], { input: profile, stdio: ['pipe', 2, 2] });
/** Executes a line under the profile. */
const confined = ['sh', '-c', `echo "exec ${name}" >/proc/self/attr/exec; exec "$@"`, 'sh'];
const own = ['-c', 'cat /proc/self/attr/current; grep NoNewPrivs /proc/self/status'];
const wanted = `${name} (enforce)\nNoNewPrivs:\t0\n`;

describe.skipIf(without)(`AppArmor [needs ${without || 'nothing more'}]`, () => {
  let target: Started;
  let place: string;
  beforeAll(async () => {
    parse('--replace');
    place = mkdtempSync(join(folder, 'label-'));
    target = await startTarget(['mnt', 'pid', 'net'], { before: confined, keep: true });
  }, seconds(60));
  afterAll(() => {
    rmSync(place, { recursive: true, force: true });
    parse('--remove');
  });
  const run = (line: string[], options: SpawnOptions = {}) =>
    outcome(spawn('sh', line, { target: target.pid, ...options }));

  test('the target has it', () => {
    expect(readFileSync(`/proc/${target.pid}/attr/current`, 'utf8')).toBe(`${name} (enforce)\n`);
  });

  test.each<[string, SpawnOptions]>([
    ['as it is', {}],
    ['as another user', { uid: 33, gid: 33 }],
    ['below it', { unshare: ['pid'] }],
    ['in some namespaces', { namespaces: ['mnt', 'pid'] }],
  ])('a child %s', async (_, options) => {
    expect((await run(own, options)).stdout).toBe(wanted);
  });

  test('what it denies is denied', async () => {
    const script = `echo x >${place}/allowed; echo x >${place}/denied; ls ${place}`;
    const { stdout, stderr } = await run(['-c', script]);
    expect([stdout, stderr]).toEqual(['allowed\n', expect.stringMatching(/Permission denied/)]);
  });

  test('by the sync forms, on a terminal, with tools', async () => {
    const at = { target: target.pid };
    expect(spawnSync('sh', own, { ...at, encoding: 'utf8' }).stdout).toBe(wanted);
    let text = '';
    for await (const chunk of spawn('sh', own, { ...at, terminal: true }).terminal) text += chunk;
    expect(text.replaceAll('\r', '')).toBe(wanted);
    const withTools = await run(own, { tools: true });
    expect(withTools).toMatchObject({ stdout: wanted, stderr: '' });
  });

  test.each([
    ['by pipes, in place', '| cat'],
    ['by way of the command', '>FILE; cat FILE'],
  ])('exec %s', async (_, how) => {
    const line = `"$0" exec ${target.pid} sh -c '${own[1]}' ${how.replaceAll('FILE', join(place, 'out'))}`;
    expect((await outcome(start('sh', ['-c', line, command]))).stdout).toBe(wanted);
  });

  test('with our credentials it is not', async () => {
    expect((await run(own, { credentials: 'inherit' })).stdout).toMatch(/^unconfined\n/);
  });

  test('who may not take it over runs nothing', async () => {
    const other = `${name}-other`;
    const text = profile.replace(name, other);
    execFileSync('apparmor_parser', ['--replace', '--skip-cache'], { input: text });
    try {
      const mark = join(place, 'mark');
      const line = `"$0" exec ${target.pid} sh -c ': >${mark}'`;
      const under = (program: string[]) =>
        outcome(
          start('sh', [
            '-c',
            `echo "exec ${other}" >/proc/self/attr/exec; exec "$@"`,
            'sh',
            ...program,
          ]),
        );
      for (const how of ['', ' | cat']) {
        const { stderr } = await under(['sh', '-c', line + how, command]);
        expect(stderr).toMatch(/its label \(AppArmor, SELinux\) could not be taken over.*\n$/);
      }
      expect(existsSync(mark)).toBe(false);
      // The same without a label to take over does run, so it is that which was refused.
      const plain = await startTarget(['uts']);
      const { stdout } = await under([command, 'exec', `${plain.pid}`, 'echo', 'ran']);
      expect(stdout).toBe('ran\n');
    } finally {
      execFileSync('apparmor_parser', ['--remove', '--skip-cache'], { input: text });
    }
  });

  test('a profile that is not there any more is none', async () => {
    const late = `${name}-late`;
    const text = profile.replace(name, late);
    execFileSync('apparmor_parser', ['--replace', '--skip-cache'], { input: text });
    const before = confined.map(word => word.replace(name, late));
    const { pid } = await startTarget(['uts'], { before });
    execFileSync('apparmor_parser', ['--remove', '--skip-cache'], { input: text });
    const theirs = readFileSync(`/proc/${pid}/attr/current`, 'utf8');
    const { stdout } = await outcome(spawn('cat', ['/proc/self/attr/current'], { target: pid }));
    expect(stdout).toBe(theirs);
  });

  test.skipIf(missing('runc'))(
    'a container of runc [needs runc]',
    {
      timeout: seconds(120),
    },
    async () => {
      const id = `${name}-container`;
      const bundle = mkdtempSync(join(place, 'bundle-'));
      execFileSync('runc', ['spec'], { cwd: bundle });
      const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
      Object.assign(config.process, {
        terminal: false,
        args: ['sleep', '1000000'],
        env: ['PATH=/bin'],
        apparmorProfile: name,
      });
      config.root.path = rootFolder(bundle, 'busybox');
      writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
      try {
        execFileSync('runc', ['run', '-d', id], { cwd: bundle, stdio: 'ignore' });
        const words = ['exec', id, 'cat', '/proc/self/attr/current'];
        const ours = (await outcome(start(command, words))).stdout;
        expect(ours).toBe(`${name} (enforce)\n`);
        expect(ours).toBe((await outcome(start('runc', words))).stdout);
      } finally {
        execFileSync('runc', ['delete', '--force', id]);
      }
    },
  );
});
