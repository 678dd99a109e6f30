/** What cannot be looked at for want of files or memory is neither gone nor ended. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasProgram, runScript, startTarget, type Target } from '../shared/support.ts';

// On Node 20 and 22.13 a module that could not be loaded once never can be under the same name.
describe('what finds containers is loaded by the first call that looks for one', () => {
  const file = fileURLToPath(new URL('../../../lib/containers.js', import.meta.url));
  const failing = (source: string, error: string, when: string) => {
    const inject = ['-e', 'trace=openat', '-e', `inject=openat:error=${error}:when=${when}`];
    // It counts the calls of each thread: one thread of the pool opens them all.
    const how = ['-f', '-qq', '-o', '/dev/null', '-E', 'UV_THREADPOOL_SIZE=1', '-P', file];
    return runScript(source, ['strace', ...how, ...inject]);
  };

  test.skipIf(!hasProgram('strace')).each(['EMFILE', 'ENFILE', 'ENOMEM'])(
    '%s is an error of that call alone [needs strace]',
    error => {
      const said = failing(
        `import { findContainer, listContainers, NamespaceError } from 'linux-namespaces';
      const codeOf = call => call.then(() => 'found', error => error.code);
      const looking = () => Promise.all([codeOf(listContainers()), codeOf(findContainer('no such'))]);
      for (let i = 0; i < 4; i++) console.log(...await looking());
      const error = await findContainer('no such').catch(error => error);
      console.log(error instanceof NamespaceError);`,
        error,
        '1..2',
      );
      // Two calls at once are one attempt, for which Node opens the file once or, from version 26 on, twice.
      const failed = `${error} ${error}`;
      const [first, second, ...rest] = said.trim().split('\n');
      expect(first).toBe(failed);
      expect([failed, 'found ENOENT']).toContain(second);
      expect(rest).toEqual(['found ENOENT', 'found ENOENT', 'true']);
    },
  );

  test.skipIf(!hasProgram('strace'))(
    'arguments are checked without it, and nothing is rejected but the call [needs strace]',
    () => {
      const said = failing(
        `import { findContainer, listContainers } from 'linux-namespaces';
      process.on('unhandledRejection', error => console.log('unhandled', error.code));
      const calls = [listContainers({ rot: '/' }), findContainer(1), findContainer('')];
      const ended = await Promise.allSettled(calls);
      console.log(...ended.map(({ reason }) => reason.code));
      listContainers();`,
        'EMFILE',
        '1+',
      );
      expect(said.trim().split('\n')).toEqual([
        'ERR_INVALID_ARG_VALUE ERR_INVALID_ARG_TYPE ERR_INVALID_ARG_VALUE',
        'unhandled EMFILE',
      ]);
    },
  );

  test('the library that was required has it too, with the same classes', () => {
    const said = runScript(
      `import { createRequire } from 'node:module';
      const library = createRequire(${JSON.stringify(import.meta.url)})('linux-namespaces');
      const error = await library.findContainer('no such').catch(error => error);
      console.log(error instanceof library.NamespaceError, error.code);`,
    );
    expect(said.trim()).toBe('true ENOENT');
  });
});

describe.skipIf(!hasProgram('strace'))(
  'a running container whose process cannot be looked at [needs strace]',
  () => {
    let root: string;
    let target: Target;
    beforeEach(async () => {
      root = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-'));
      target = await startTarget('--net');
      const folder = join(root, 'run/runc/web');
      mkdirSync(folder, { recursive: true });
      const stat = readFileSync(`/proc/${target.pid}/stat`, 'latin1');
      const state = {
        id: 'web',
        init_process_pid: target.pid,
        init_process_start: Number(stat.split(') ')[1]?.split(' ')[19]),
        created: '2026-01-01T00:00:00Z',
        config: { rootfs: '/srv', labels: ['bundle=/srv'], hostname: 'web' },
      };
      writeFileSync(join(folder, 'state.json'), JSON.stringify(state));
    });
    afterEach(async () => {
      rmSync(root, { recursive: true });
      await target.kill();
    });

    // Files and links are read through the directory, in this order.
    test.each([
      ['stat', 'openat', 'EMFILE', 1],
      ['stat', 'openat', 'ENOMEM', 1],
      ['stat', 'readlinkat', 'ENOMEM', 1],
      ['stat', 'read', 'ENOMEM', 1],
      ['cgroup', 'openat', 'EMFILE', 2],
      ['ns/net', 'readlinkat', 'ENOMEM', 6],
    ])('/proc/PID/%s: %s with %s is a problem, and it has not ended', (_, call, error, when) => {
      const path = `/proc/${target.pid}`;
      const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=${error}:when=${when}`];
      const found = runScript(
        `import { listContainers } from 'linux-namespaces';
      const list = await listContainers({ root: ${JSON.stringify(root)} });
      console.log(JSON.stringify([
        list.map(({ name, state, pid }) => [name, state, pid ?? null]),
        list.problems.map(({ name, code }) => [name, code])]));`,
        ['strace', '-f', '-qq', '-o', '/dev/null', '-P', path, '-P', `${path}/stat`, ...inject],
      );
      expect(JSON.parse(found)).toEqual([[['web', 'running', null]], [['NamespaceError', error]]]);
    });

    test.each(['ENOENT', 'ESRCH'])('%s still means that it has ended', error => {
      const inject = ['-e', 'trace=openat', '-e', `inject=openat:error=${error}:when=1`];
      const found = runScript(
        `import { listContainers } from 'linux-namespaces';
      const list = await listContainers({ root: ${JSON.stringify(root)} });
      console.log(JSON.stringify([list[0].state, list.problems.length]));`,
        ['strace', '-f', '-qq', '-o', '/dev/null', '-P', `/proc/${target.pid}`, ...inject],
      );
      expect(JSON.parse(found)).toEqual(['exited', 0]);
    });
  },
);
