// A child that has not become its program yet is its launcher, in our own namespaces: nobody may take it
// for what it is going to be.
import { spawn as nodeSpawn } from 'node:child_process';
import os from 'node:os';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { hasProgram } from '../shared/support.ts';
import { outcome } from './fixtures/targets.ts';

/** What is said of each of `ways` to take a child for a target that is held up in a system call. */
async function heldUp(call: string, microseconds: number, ways: Record<string, string>) {
  const calls = Object.entries(ways).map(
    ([name, code]) => `await say('${name}', async child => ${code});`,
  );
  const script = `
    import { readlinkSync } from 'node:fs';
    import os from 'node:os';
    import { text } from 'node:stream/consumers';
    import * as ns from 'linux-namespaces';
    const unshare = ['uts', 'pid', 'mnt'];
    const mountsOf = pid => readlinkSync('/proc/' + pid + '/ns/mnt');
    const said = {};
    const say = async (name, way) => {
      const child = ns.spawn('sleep', ['600'], { unshare, hostname: 'lab', stdio: 'ignore' });
      try { said[name] = await way(child); } catch (error) { said[name] = error.message; }
      child.kill('SIGKILL');
    };
    ${calls.join('\n')}
    console.log(JSON.stringify(said));`;
  const inject = `inject=${call}:delay_enter=${microseconds}`;
  const options = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { stdout, stderr } = await outcome(nodeSpawn('strace', [...options, ...node]));
  // strace says so of threads that end meanwhile.
  expect(stderr.replace(/^strace: dispatch_event: .*\n/gm, '')).toBe('');
  return JSON.parse(stdout) as Record<string, unknown>;
}

const ways = {
  'a callback': `ns.withNamespaces(child, ['uts'], () => os.hostname())`,
  'a callback, by pid': `ns.withNamespaces(child.pid, ['uts'], () => 'or nobody')`,
  'a handle': `ns.openNamespaces(child, ['uts']).run(() => os.hostname())`,
  'a child': `text(ns.spawn('uname', ['-n'], { target: child }).stdout).then(name => name.trim())`,
  'a sync child': `ns.execFileSync('uname', ['-n'], { target: child, encoding: 'utf8' }).trim()`,
  'a worker': `ns.evaluate(child, 'all', async () => (await import('node:os')).hostname())`,
  'a root': `(ns.openRoot(child), mountsOf(child.pid) !== mountsOf('self') && 'lab')`,
  'a look': `!ns.namespacesOf(child).uts.ours && 'lab'`,
};

test.skipIf(!hasProgram('strace')).each(['unshare', 'sethostname'])(
  'held up in %s: whoever takes it for a target waits for it [needs strace]',
  { timeout: seconds(60) },
  async call => {
    expect(os.hostname()).not.toBe('lab');
    const { 'a callback, by pid': byPid, ...said } = await heldUp(call, 300_000, ways);
    expect(said).toEqual(Object.fromEntries(Object.keys(said).map(name => [name, 'lab'])));
    expect(Object.keys(said)).toHaveLength(Object.keys(ways).length - 1);
    // That of the launcher, which has forked by then and ended, or is the program's.
    expect(byPid).toMatch(/^or nobody$|ESRCH/);
  },
);

test.skipIf(!hasProgram('strace'))(
  'held up for ever: it is no target [needs strace]',
  {
    timeout: seconds(60),
  },
  async () => {
    const said = await heldUp('sethostname', 7_000_000, {
      callback: `ns.withNamespaces(child, ['uts'], () => 'run')`,
    });
    expect(said).toEqual({
      callback: expect.stringMatching(/^pid \d+: execve EAGAIN, .*not become its program/),
    });
  },
);
