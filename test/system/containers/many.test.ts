import { findContainer, listContainers } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, type Runtime, startRunc } from '../../engines/index.ts';
import { fdCount } from '../shared/support.ts';

const absent = missing('runc');
const count = 300;

describe.skipIf(absent)(`${count} containers [${absent || 'installed'}]`, () => {
  let runc: Runtime;
  beforeAll(async () => {
    runc = await startRunc();
    const bundle = runc.bundle('many', { image: 'distroless' });
    const line = `for i in $(seq ${count}); do runc run -d --bundle ${bundle} many-$i; done`;
    await runc.machine.run('sh', ['-c', line]);
  }, 300_000);
  afterAll(() => runc?.stop(), 120_000);

  test('are all listed, as runc lists them, with few files open at a time', async () => {
    const { root } = runc.machine;
    await listContainers({ root }); // what is loaded by the first call is loaded
    const before = fdCount();
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, fdCount());
    }, 1);
    const containers = await listContainers({ root });
    clearInterval(watch);
    expect(containers.problems).toEqual([]);
    expect(fdCount()).toBe(before);
    expect(most - before).toBeLessThan(40);
    const pids = JSON.parse(await runc.run('list', '-f', 'json')).map(
      ({ id, pid, status }: { id: string; pid: number; status: string }) =>
        `${id} ${pid} ${status}`,
    );
    expect(pids).toHaveLength(count);
    expect(containers.map(({ id, pid, state }) => `${id} ${pid} ${state}`).sort()).toEqual(
      pids.sort(),
    );
    expect((await findContainer('many-7', { root })).id).toBe('many-7');
  });
});
