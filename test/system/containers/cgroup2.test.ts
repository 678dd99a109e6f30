import { listContainers } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { missing, startRunc } from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { named } from './support.ts';

const absent = missing('runc');

describe.skipIf(absent)(`cgroups of version 2 [${absent || 'installed'}]`, () => {
  test('a container in one is paused when that is frozen', { timeout: seconds(60) }, async () => {
    await using runc = await startRunc({ cgroups: 2 });
    const pid = await runc.start('two');
    const look = async () => named(await listContainers({ root: runc.machine.root }), 'two');
    expect(await look()).toMatchObject({ pid, state: 'running' });
    expect((await look()).cgroup).toMatch(/^\/linux-namespaces-engines-\w+\.slice\/two$/);
    await runc.run('pause', 'two');
    expect(await look()).toMatchObject({ pid, state: 'paused' });
    await runc.run('resume', 'two');
    expect(await look()).toMatchObject({ pid, state: 'running' });
  });

  test('so is one whose process has a group below, as systemd', {
    timeout: seconds(60),
  }, async () => {
    await using runc = await startRunc({ cgroups: 2 });
    const pid = await runc.start('init');
    const look = async () => named(await listContainers({ root: runc.machine.root }), 'init');
    const scope = `/sys/fs/cgroup${(await look()).cgroup}/init.scope`;
    const move = `mkdir ${scope} && echo ${pid} >${scope}/cgroup.procs`;
    await runc.machine.run('sh', ['-c', move]);
    expect(await look()).toMatchObject({ pid, state: 'running' });
    await runc.run('pause', 'init');
    expect(await look()).toMatchObject({ pid, state: 'paused' });
    await runc.run('resume', 'init');
    expect(await look()).toMatchObject({ pid, state: 'running' });
  });
});
