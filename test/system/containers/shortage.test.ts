/** What cannot be looked at for want of files or memory is neither gone nor ended. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runScript, startTarget, type Target } from '../shared/support.ts';

describe('a running container whose process cannot be looked at', () => {
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

  test.each([
    ['stat', 'openat', 'EMFILE'],
    ['stat', 'openat', 'ENOMEM'],
    ['stat', 'read', 'ENOMEM'],
    ['cgroup', 'openat', 'EMFILE'],
    ['ns/net', 'readlink', 'ENOMEM'],
  ])('/proc/PID/%s: %s with %s is a problem, and it has not ended', (file, call, error) => {
    const path = `/proc/${target.pid}/${file}`;
    const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=${error}`];
    const found = runScript(
      `import { listContainers } from 'linux-namespaces';
      const list = await listContainers({ root: ${JSON.stringify(root)} });
      console.log(JSON.stringify([
        list.map(({ name, state, pid }) => [name, state, pid ?? null]),
        list.problems.map(({ name, code }) => [name, code])]));`,
      ['strace', '-f', '-qq', '-o', '/dev/null', '-P', path, ...inject],
    );
    expect(JSON.parse(found)).toEqual([[['web', 'running', null]], [['NamespaceError', error]]]);
  });

  test.each(['ENOENT', 'ESRCH'])('%s still means that it has ended', error => {
    const inject = ['-e', 'trace=openat', '-e', `inject=openat:error=${error}`];
    const found = runScript(
      `import { listContainers } from 'linux-namespaces';
      const list = await listContainers({ root: ${JSON.stringify(root)} });
      console.log(JSON.stringify([list[0].state, list.problems.length]));`,
      ['strace', '-f', '-qq', '-o', '/dev/null', '-P', `/proc/${target.pid}/stat`, ...inject],
    );
    expect(JSON.parse(found)).toEqual(['exited', 0]);
  });
});
