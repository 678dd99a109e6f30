import type { Container } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { isNamedBy, Members } from '../../src/containers/membership.ts';

const id = 'a'.repeat(64);

test.each([
  ['/default/web', 'web'],
  ['/lxc.payload.web', 'web'],
  ['/lxc/web/init.scope', 'web'],
  ['/user.slice/user-1000.slice/user@1000.service/crun-web.scope', 'web'],
  ['/machine.slice/systemd-nspawn@web.service/payload', 'web'],
  [`/docker/${id}`, id],
  [`/machine.slice/libpod-${id}.scope/container`, id],
  [`/system.slice/docker-${id}.scope`, id],
  [`/kubepods.slice/kubepods-pod7d3c.slice/cri-containerd-${id}.scope`, id],
  [`/system.slice/containerd.service/kubepods-pod7d3c.slice:cri-containerd:${id}`, id],
  [`/crio-${id}`, id],
  [`11:pids:/../${id}`, id],
])('the cgroup %s is named by %s', (path, name) => {
  expect(isNamedBy(path, name)).toBe(true);
});

test.each([
  ['/system.slice/webmin.service', 'web'],
  ['/default/web2', 'web'],
  ['/default/my.web/my-web/web-1', 'web'],
  ['/user.slice/user-1000.slice/session-3.scope', 'user'],
  ['/', 'web'],
  ['8:pids:/', 'pids'],
])('the cgroup %s is not named by %s', (path, name) => {
  expect(isNamedBy(path, name)).toBe(false);
});

test('what is in the cgroup of a session is not in a container that has no cgroup of its own', () => {
  const cgroup = '/user.slice/user-1000.slice/session-3.scope';
  const namespaces = { mnt: { inode: 5, host: false } };
  const container = (name: string, path: string) =>
    ({ id: name, pid: 7, cgroup: path, namespaces }) as Partial<Container> as Container;
  const row = (path: string) => ({ pid: 9, ppid: 0, namespaces: new Map(), cgroup: path });
  const none = () => undefined;
  const rootless = new Members([container('user', cgroup)]);
  expect(rootless.ofProcess(row(cgroup), none)).toBe(undefined);
  const own = new Members([container('web', '/lxc.payload.web')]);
  expect(own.ofProcess(row('/lxc.payload.web/init.scope'), none)?.id).toBe('web');
});

/** Anybody can start a process in a process in a process. */
test('of thousands of processes, each the child of the one before, each is looked at once', () => {
  const count = 20_000;
  const container = { id, pid: count / 2, cgroup: `/docker/${id}`, namespaces: {} };
  const members = new Members([container as Partial<Container> as Container]);
  const rows = Array.from({ length: count }, (_, i) => {
    return { pid: i + 1, ppid: i, namespaces: new Map(), cgroup: '/' };
  });
  let looks = 0;
  const parent = (pid: number) => {
    looks++;
    return rows[pid - 1];
  };
  const inside = rows.filter(row => members.ofProcess(row, parent)?.id === id);
  expect(inside.map(row => row.pid)).toEqual(rows.slice(count / 2 - 1).map(row => row.pid));
  expect(looks).toBeLessThan(2 * count);
});
