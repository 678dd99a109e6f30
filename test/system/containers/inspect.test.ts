import { type Container, listContainers, listNamespaces, processTree } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, type Runtime, startRunc } from '../../engines/index.ts';
import { placeOf, read, rejectionOf, until } from '../shared/support.ts';
import { named } from './support.ts';

const absent = missing('runc');

describe.skipIf(absent)(`containers in other lists [${absent || 'installed'}]`, () => {
  let runc: Runtime;
  let containers: readonly Container[];
  let one: Container;
  let shares: Container;
  const inode = (link: string) => Number(/\d+/.exec(link)?.[0]);
  beforeAll(async () => {
    runc = await startRunc();
    const pid = await runc.start('one', {
      args: ['sh', '-c', 'sleep 1000000 & exec sleep 1000000'],
    });
    const namespaces = [
      { type: 'network', path: `/proc/${pid}/ns/net` },
      ...['pid', 'ipc', 'uts', 'mount'].map(type => ({ type })),
    ];
    await runc.start('shares', { namespaces });
    const list = await listContainers({ root: runc.machine.root });
    [one, shares] = [named(list, 'one'), named(list, 'shares')];
    containers = list;
  }, 60_000);
  afterAll(() => runc?.stop());

  test('a namespace has the containers that are in it', async () => {
    const rows = await listNamespaces({ containers, holders: false });
    const of = (pid: number, type: 'net' | 'mnt' | 'uts') => {
      const wanted = inode(placeOf(pid, type));
      return rows
        .find(row => row.inode === wanted)
        ?.containers.map(({ name }) => name)
        .sort();
    };
    expect(of(one.pid ?? 0, 'net')).toEqual(['one', 'shares']);
    expect(of(one.pid ?? 0, 'mnt')).toEqual(['one']);
    expect(of(shares.pid ?? 0, 'uts')).toEqual(['shares']);
    for (const type of ['net', 'mnt', 'uts'] as const) expect(of(process.pid, type)).toEqual([]);
  });

  test('a process has the container that it runs in', async () => {
    // Started in it from outside, with another parent, and one that has left its mount namespace.
    await runc.machine.start('runc', ['exec', 'one', 'sleep', '777777']);
    const moved = await runc.machine.start('nsenter', [
      ...['-t', `${one.pid}`, '-n', '-p', '-m', '--'],
      ...['unshare', '-m', 'sleep', '888888'],
    ]);
    const tree = () => processTree(one, { containers });
    const flat = async () => {
      const nodes = await tree();
      for (const node of nodes) nodes.push(...node.children);
      return nodes;
    };
    const inside = async () => (await flat()).filter(node => /^sleep [178]/.test(node.command));
    await until('the exec', () => read(`/proc/${moved}/comm`));
    let sleepers = await inside();
    for (const end = Date.now() + 20_000; sleepers.length < 4 && Date.now() < end; ) {
      sleepers = await inside();
    }
    expect(sleepers.map(node => node.command).sort()).toEqual([
      'sleep 1000000',
      'sleep 1000000',
      'sleep 777777',
      'sleep 888888',
    ]);
    for (const node of sleepers) {
      expect(node.container?.id, node.command).toBe('one');
    }
    const [init] = (await flat()).filter(({ pid }) => pid === 1);
    expect(init?.container).toBe(undefined);
    const [mine] = await processTree(process.pid, { containers });
    expect(mine?.container).toBe(undefined);
  });

  test('the containers of the machine are looked for, unless that is not wanted', async () => {
    for (const options of [{}, { containers: false }]) {
      const rows = await listNamespaces({ ...options, holders: false });
      const wanted = inode(placeOf(one.pid ?? 0, 'mnt'));
      // These are at the root of another mount namespace, and so not found by themselves.
      expect(rows.find(row => row.inode === wanted)?.containers).toEqual([]);
      expect((await processTree(one.pid, options)).length).toBeGreaterThan(0);
    }
    const error = await rejectionOf(listNamespaces({ containers: 5 as never }));
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
    expect((await rejectionOf(processTree(1, { containers: 'x' as never }))).code).toBe(
      'ERR_INVALID_ARG_TYPE',
    );
  });
});
