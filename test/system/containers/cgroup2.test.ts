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
});
