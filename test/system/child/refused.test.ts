// What keeps a child from starting, other than the kernel's rules on namespaces: a seccomp filter, Node's
// own permissions, a Node that starts processes in a new way. Nothing is run then.
import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { folder, outcome, probe, startTarget } from './fixtures/targets.ts';

const here = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const denied = join(folder, 'denied');

beforeAll(() => {
  execFileSync('cc', ['-O1', '-o', denied, here('denied.c')]);
});

function inNode(script: string, flags: string[] = []) {
  const line = [...flags, '--input-type=module', '-e', script];
  return outcome(nodeSpawn(process.execPath, line));
}

describe('a seccomp filter', () => {
  const cases: [string, string, string, object][] = [
    ['vfork', 'EPERM', 'clone', {}],
    ['execveat', 'EPERM', 'execveat', {}],
    ['execveat', 'ENOSYS', 'execveat', {}],
    ['close_range', 'ENOSYS', 'close_range', {}],
    ['close_range', 'EPERM', 'close_range', {}],
    ['setns', 'EPERM', 'setns', { namespaces: ['net'] }],
    ['setns', 'ENOSYS', 'setns', { namespaces: ['pid', 'net'] }],
    ['pidfd_open', 'ENOSYS', 'pidfd_open', { unshare: ['pid'] }],
    ['pidfd_open', 'EPERM', 'pidfd_open', { unshare: ['pid'], killOnParentExit: true }],
  ];
  test.each(cases)(
    'that answers %s with %s: an error that names %s, and nothing is left',
    async (call, code, said, options) => {
      const target = await startTarget(['net', 'pid']);
      const place = 'namespaces' in options ? { target: target.pid, ...options } : options;
      const line = [
        call,
        code,
        process.execPath,
        here('failing.mjs'),
        probe,
        JSON.stringify(place),
      ];
      const { stdout, stderr } = await outcome(nodeSpawn(denied, line));
      expect(stderr).toBe('');
      const { results, before, after } = JSON.parse(stdout);
      for (const result of results) expect(result).toMatchObject({ code, syscall: said });
      expect(after.children).toBe('');
      expect(after.fds).toBeLessThanOrEqual(before.fds);
    },
  );

  test.each([
    ['setns', 'ENOSYS', `withNamespaces(pid, ['net'], () => {})`],
    ['setns', 'ENOSYS', `listInterfaces(pid)`],
    ['setns', 'ENOSYS', `listSockets(pid)`],
    ['openat2', 'ENOSYS', `openRoot(pid).readFile('/etc/hostname')`],
    ['openat2', 'EPERM', `openRoot(pid).readFile('/etc/hostname')`],
    ['memfd_create', 'EPERM', `evaluate(pid, ['net'], () => {})`],
    ['pidfd_open', 'ENOSYS', `syscalls.pidfdOpen(pid)`],
    ['open_tree', 'EPERM', `execFileSync('true', [], { target: pid, tools: true })`],
    ['socket', 'EAFNOSUPPORT', `listInterfaces(pid)`],
  ])('that answers %s with %s: %s says what it is', async (call, code, expression) => {
    const target = await startTarget(['net', 'pid']);
    const script = `import * as syscalls from 'linux-namespaces/syscalls';
      import { evaluate, execFileSync, listInterfaces, listSockets, openRoot, withNamespaces } from 'linux-namespaces';
      const pid = ${target.pid};
      const error = await (async () => await ${expression})().catch(error => error);
      console.log(error.code, error.advice);`;
    const line = [call, code, process.execPath, '--input-type=module', '-e', script];
    const { stdout } = await outcome(nodeSpawn(denied, line));
    expect(stdout).toMatch(
      new RegExp(`^${code} .*(a seccomp filter is in force|RestrictAddressFamilies)`),
    );
    expect(stdout).not.toMatch(/CAP_SYS_ADMIN is missing|Linux 5\.6/);
  });

  test('that knows no clone3, as those of engines: nothing of it is needed', async () => {
    const target = await startTarget(['net', 'pid']);
    const place = JSON.stringify({ target: target.pid, namespaces: ['net', 'pid'] });
    const line = ['clone3', 'ENOSYS', process.execPath, here('failing.mjs'), probe, place];
    const { stdout } = await outcome(nodeSpawn(denied, line));
    for (const result of JSON.parse(stdout).results)
      expect(result).toEqual({ code: 0, signal: null });
  });
});

test('a Node that starts processes in a third way is refused loudly', async () => {
  const { stdout } = await inNode(`
    import { ChildProcess } from 'node:child_process';
    import { readFileSync } from 'node:fs';
    import { spawn } from 'linux-namespaces';
    const own = ChildProcess.prototype.spawn;
    ChildProcess.prototype.spawn = function (options) {
      const handle = this._handle;
      const { spawn } = handle;
      handle.spawn = first => spawn.call(handle, first, 'another', 'way');
      return own.call(this, options);
    };
    try { spawn('touch', [${JSON.stringify(join(folder, 'touched'))}]); } catch (error) { console.log(error.message); }
    console.log(readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8') === '');`);
  expect(stdout).toMatch(/^linux-namespaces: Node v.* starts processes in a way .*\ntrue\n$/);
});

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

test("Node's permission model: no children without --allow-child-process", async () => {
  const flags = [permission, '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons'];
  const script = `import { spawn, execFile, exec, fork } from 'linux-namespaces';
    for (const call of [spawn, execFile, exec, fork]) {
      try { call(${JSON.stringify(probe)}).on('exit', code => console.log(code)); } catch (error) { console.log(error.code); }
    }`;
  const none = await inNode(script, ['--no-warnings', ...flags]);
  expect(none).toMatchObject({ stdout: 'ERR_ACCESS_DENIED\n'.repeat(4), stderr: '' });
  const others = `import { createNamespaces } from 'linux-namespaces';
    import { clone } from 'linux-namespaces/syscalls';
    try { clone('uts', '/bin/true'); } catch (error) { console.log(error.code); }
    await createNamespaces(['mnt']).catch(error => console.log(error.code));`;
  expect(await inNode(others, ['--no-warnings', ...flags])).toMatchObject({
    stdout: 'ERR_ACCESS_DENIED\n'.repeat(2),
  });
  const allowed = `import { spawn } from 'linux-namespaces';
    spawn(${JSON.stringify(probe)}, ['exit', '4']).on('exit', code => console.log(code));`;
  expect(await inNode(allowed, ['--no-warnings', ...flags, '--allow-child-process'])).toMatchObject(
    {
      stdout: '4\n',
    },
  );
});
