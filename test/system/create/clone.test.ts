/** `clone` and `waitid` of linux-namespaces/syscalls. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clone, nsInode, pidfdNamespace, waitid } from 'linux-namespaces/syscalls';
import { afterAll, expect, test } from 'vitest';
import { noPidfdNamespaces } from '../shared/kernel.ts';
import { errorOf, fdCount, hasProgram, place, rejectionOf, types } from '../shared/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-clone-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'seen');

/** The program, its end and what it wrote. */
async function run(
  wanted: Parameters<typeof clone>[0],
  script: string,
  env?: Record<string, string>,
): Promise<{ code: number | null; seen: string }> {
  const { pid, pidfd } = clone(wanted, '/bin/sh', ['-c', `(${script}) > ${file} 2>&1`], env);
  expect(pid).toBeGreaterThan(1);
  const { code } = await waitid(pidfd);
  closeSync(pidfd);
  return { code, seen: readFileSync(file, 'utf8').trim() };
}

test('each type, and all at once: the program is in new ones, this thread is not', async () => {
  await run('uts', 'true'); // what is opened once, is
  const before = types.map(place);
  const links = types.map(type => `/proc/self/ns/${type}`).join(' ');
  for (const wanted of [...types.map(type => [type]), types]) {
    const fds = fdCount();
    // A shell that only execs: /proc may not know it by its new pid.
    const { code, seen } = await run(wanted, `exec readlink ${links}`);
    expect(code).toBe(0);
    const made = types.filter((_, i) => seen.split('\n')[i] !== before[i]);
    expect(made).toEqual(wanted);
    expect(fdCount()).toBe(fds);
  }
  expect(types.map(place)).toEqual(before);
});

test('with pid it is the first process; with user, nobody is known', async () => {
  expect(await run(['pid', 'user'], 'echo $PPID; id -u')).toEqual({ code: 0, seen: '0\n65534' });
});

test('argv, environment, signals and descriptors are those of a new program', async () => {
  const env = { PATH: process.env['PATH'] ?? '', ONE: '1' };
  const look =
    'env | grep ONE; grep -E "^Sig(Blk|Ign|Cgt)" /proc/$$/status; ls /proc/$$/fd | wc -l';
  const { seen } = await run('uts', look, env);
  const [one, blocked, ignored, caught] = seen.split('\n');
  expect(one).toBe('ONE=1');
  for (const line of [blocked, ignored]) expect(line).toMatch(/^Sig\w+:\s+0+$/);
  expect(caught).toMatch(/^SigCgt:/);
});

test('the program has our standard input and output, which Node closes at every other exec', () => {
  const source = `import { clone, waitid } from 'linux-namespaces/syscalls';
    await waitid(clone('uts', '/bin/sh', ['-c', 'cat; echo out; echo err >&2']).pidfd);`;
  const line = ['--input-type=module', '-e', source];
  const { stdout, stderr } = spawnSync(process.execPath, line, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    input: 'in\n',
  });
  expect({ stdout, stderr }).toEqual({ stdout: 'in\nout\n', stderr: 'err\n' });
});

test('an exit code, a signal, and no zombie', async () => {
  const ended = clone('uts', '/bin/sh', ['-c', 'exit 7']);
  expect(await waitid(ended.pidfd)).toEqual({ code: 7, signal: null });
  expect(await rejectionOf(waitid(ended.pidfd))).toMatchObject({ code: 'ECHILD' });
  closeSync(ended.pidfd);
  const killed = clone(['pid', 'net'], '/bin/sleep', ['1000']);
  process.kill(killed.pid, 'SIGKILL');
  expect(await waitid(killed.pidfd)).toEqual({ code: null, signal: 'SIGKILL' });
  expect(() => readlinkSync(`/proc/${killed.pid}/exe`)).toThrow();
  closeSync(killed.pidfd);
});

test('the pidfd is that of the program', async () => {
  const { pid, pidfd } = clone('net', '/bin/sleep', ['1000']);
  const info = readFileSync(`/proc/self/fdinfo/${pidfd}`, 'utf8');
  expect(Number(/^Pid:\s+(\d+)$/m.exec(info)?.[1])).toBe(pid);
  if (!noPidfdNamespaces) {
    const net = pidfdNamespace(pidfd, 'net');
    expect(`net:[${nsInode(net)}]`).toBe(readlinkSync(`/proc/${pid}/ns/net`));
    closeSync(net);
  }
  process.kill(pid, 'SIGTERM');
  expect(await waitid(pidfd)).toEqual({ code: null, signal: 'SIGTERM' });
  closeSync(pidfd);
});

test('what cannot be run leaves nothing, and says what', () => {
  const fds = fdCount();
  expect(errorOf(() => clone('uts', '/nowhere'))).toMatchObject({
    code: 'ENOENT',
    syscall: 'execve',
    target: '/nowhere',
  });
  expect(errorOf(() => clone('uts', '/etc/passwd'))).toMatchObject({ code: 'EACCES' });
  expect(errorOf(() => clone('uts', 'a\0b'))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  expect(errorOf(() => clone('uts', '/bin/true', [7 as never]))).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
  for (const args of ['text', null]) {
    expect(errorOf(() => clone('uts', '/bin/true', args as never))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
  // The rest of it would be lost, or it would be another variable.
  for (const env of [{ A: 'a\0b' }, { 'A\0B': 'a' }]) {
    expect(errorOf(() => clone('uts', '/bin/true', [], env))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  }
  expect(errorOf(() => clone(['nothing'] as never, '/bin/true'))).toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
  });
  expect(fdCount()).toBe(fds);
});

test.skipIf(!hasProgram('strace'))('without clone3: by clone, but for time [needs strace]', () => {
  const source = `
    import { clone, waitid } from 'linux-namespaces/syscalls';
    for (const types of [['pid', 'net'], ['user'], ['time']]) {
      try {
        const { pidfd } = clone(types, '/bin/sh', ['-c', 'exit 7']);
        console.log(types.join(), (await waitid(pidfd)).code);
      } catch ({ code, syscall, message }) {
        console.log(types.join(), code, syscall, message.includes('a filter or an old kernel'));
      }
    }
  `;
  const log = join(folder, 'log');
  const inject = ['-e', 'trace=clone3', '-e', 'inject=clone3:error=ENOSYS', '-o', log];
  const node = [process.execPath, '--input-type=module', '-e', source];
  const { stdout } = spawnSync('strace', ['-f', ...inject, ...node], { encoding: 'utf8' });
  expect(stdout).toBe('pid,net 7\nuser 7\ntime ENOSYS clone3 true\n');
  expect(readFileSync(log, 'utf8')).toMatch(/NEWPID.* ENOSYS/);
});
