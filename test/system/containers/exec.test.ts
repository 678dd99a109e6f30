// `linux-namespaces exec` beside docker exec, in Docker's own containers: the same user, environment and directory.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Docker, missing, startDocker } from '../../engines/index.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const absent = missing('docker');

describe.skipIf(absent)(`Docker [${absent || 'installed'}]`, () => {
  let docker: Docker;
  beforeAll(async () => {
    docker = await startDocker();
    const options = ['--name', 'web', '-e', 'A=b c', '-w', '/tmp', '-u', '1:2', '--ulimit'];
    await docker.start(...options, 'nofile=300:400', 'busybox:1', 'sleep', '1000');
  });
  afterAll(() => docker?.stop());

  test.each([
    [[], ['sh', '-c', 'id; pwd; env | sort; ulimit -n; grep Cap /proc/self/status']],
    [
      ['-u', '0'],
      ['sh', '-c', 'id; echo $HOME; grep Cap /proc/self/status'],
    ],
    [
      ['-u', '33:44', '-w', '/etc', '-e', 'A=x'],
      ['sh', '-c', 'id -u; id -g; pwd; echo $A'],
    ],
    [[], ['sh', '-c', 'cat /proc/self/cgroup']],
    [['-t'], ['sh', '-c', 'tty | cut -c1-9; echo $TERM; ls -l $(tty) | cut -c1-30']],
  ])('%j %j as docker exec', async (options, program) => {
    const theirs = await docker.try('exec', ...options, 'web', ...program);
    const words = [main, 'exec', ...options, 'web', ...program];
    const ours = await docker.machine.try(process.execPath, words);
    expect([ours.stdout, ours.code]).toEqual([theirs.stdout, theirs.code]);
  });
});
