// /proc that is another's, hides processes, or is not there: nothing is taken from a process that only has
// the number, and what is said of it is true.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runScript } from './shared/support.ts';

test('of another pid namespace: of a child of ours its namespaces, and nothing of who has its number', () => {
  const script = fileURLToPath(new URL('fixtures/foreign-proc.mjs', import.meta.url));
  // In the first pid namespace many processes, so that the first pids of the second are taken there.
  const many = 'hostname other; for i in $(seq 60); do MARK=other sleep 1000 & done;';
  const inner = `unshare -pf -u --kill-child "${process.execPath}" "${script}"`;
  const line = ['-pf', '-u', '--mount-proc', '--kill-child', 'sh', '-c', `${many} ${inner}`];
  const said = JSON.parse(execFileSync('unshare', line, { encoding: 'utf8' }));
  const refused = expect.stringMatching(
    /^ESRCH: pid \d+: .*our \/proc is that of another pid namesp/,
  );
  expect(said).toEqual({
    withNamespaces: 'web',
    'spawn, some types': 'web',
    'spawn, all types': refused,
    'spawn, mnt': refused,
    'spawn, root': refused,
    'spawn, env': refused,
    'spawn, env in a list': refused,
    'spawn, credentials': refused,
    'spawn, cgroup': refused,
    evaluate: 'web',
    'evaluate, credentials': refused,
    'a worker as a target': refused,
    openRoot: refused,
    processTree: refused,
    namespacesOf: false,
    listInterfaces: 'lo',
    listSockets: 0,
    'a number, as /proc has it': 'other',
  });
});

const ask = (pid: string) => `
  import { openRoot, spawn } from 'linux-namespaces';
  for (const call of [
    () => openRoot(${pid}),
    () => spawn('true', [], { target: ${pid}, namespaces: ['uts'], credentials: 'target' }),
  ]) {
    try { call(); console.log('no error'); } catch (error) { console.log(error.message); }
  }`;

test("idMap: 'all' where /proc is not mounted", () => {
  const source = `
    import { spawnSync } from 'linux-namespaces';
    try { spawnSync('true', [], { unshare: ['user'], idMap: 'all' }); }
    catch (error) { console.log(error.name, error.code, error.type, error.target, error.advice); }`;
  const without = ['unshare', '-m', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'];
  expect(runScript(source, without)).toMatch(
    /^NamespaceError ENOENT user \/proc\/self\/uid_map .*needs \/proc/,
  );
});

describe('what is said of a process that /proc does not show', () => {
  test('where /proc is not mounted', () => {
    const said = runScript(ask('process.ppid'), [
      ...['unshare', '-m', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'],
    ]);
    const line = expect.stringMatching(/^pid \d+: open ESRCH, .*; \/proc is not mounted here$/);
    expect(said.trim().split('\n')).toEqual([line, line]);
  });

  test('where /proc is not mounted, of a call that needs no process', () => {
    const script = `
      import { createNamespaces, evaluate } from 'linux-namespaces';
      const calls = [() => createNamespaces(['net']), () => evaluate({ unshare: ['net'] }, 'all', () => {})];
      for (const call of calls) {
        await Promise.resolve().then(call).catch(error => console.log(error.name, error.message));
      }`;
    const said = runScript(script, [
      'unshare',
      '-m',
      'sh',
      '-c',
      'umount -l /proc && exec "$@"',
      'sh',
    ]);
    const line = expect.stringMatching(
      /^NamespaceError \/proc\/.*: open ENOENT, .*; \/proc is not mounted here$/,
    );
    expect(said.trim().split('\n')).toEqual([line, line]);
  });

  test('where /proc hides it', () => {
    const line =
      'mount -t proc -o hidepid=4 proc /proc && exec setpriv --reuid=65534 --regid=65534';
    const user = `${line} --clear-groups --bounding-set=-all --inh-caps=-all -- "$@"`;
    const said = runScript(ask('process.ppid'), [
      'unshare',
      '-mpf',
      'sh',
      '-c',
      `${user} & wait`,
      'sh',
    ]);
    const hidden = expect.stringMatching(/^pid \d+: open ESRCH, .*; \/proc hides it from us \(/);
    expect(said.trim().split('\n')).toEqual([hidden, hidden]);
  });

  test('where it has ended', () => {
    const said = runScript(
      `const gone = 4194303; ${ask('gone')}`.replace(/(const gone.*?;)\s*(import.*?;)/s, '$2 $1'),
    );
    const line = expect.stringMatching(/^pid 4194303: .*ESRCH, .*; the process has exited$/);
    expect(said.trim().split('\n')).toEqual([line, line]);
  });
});
