// listNamespaces beside lsns and ls, on a machine of its own (a pid namespace with its own /proc), where
// namespaces are held in every way that there is. LSNS names another lsns than that of the PATH.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { holder } from './fixtures/holder.ts';

interface Row {
  type: string;
  inode: number;
  id?: string;
  ours: boolean;
  owner?: number;
  ownerUid?: number;
  parent?: number;
  processes: number;
  pid?: number;
  ppid?: number;
  command?: string;
  uid?: number;
  user?: string;
  networkId?: number;
  mounts: { path: string; mnt: number }[];
  holders: { by: string; pid: number; fd?: number; tid?: number }[];
}

interface Theirs {
  ns: number;
  type: string;
  nprocs: number;
  pid: number | null;
  ppid: number | null;
  command: string | null;
  uid: number | null;
  user: string | null;
  netnsid: string | number | null;
  nsfs: string | string[] | null;
  pns: number;
  ons: number;
}

type Known = 'outer' | 'nested' | 'first' | 'asNobody' | 'fd' | 'path' | 'socket' | 'children';

let zoo: {
  pid: number;
  known: Record<Known | 'thread' | 'zombie' | 'elsewhere', number>;
  places: Record<'outer' | 'nested' | 'children' | 'thread', number>;
  unreadable: number;
  ours: Row[];
  theirs: Theirs[];
  ls: string[];
  again: [Row[], Row[]];
  shallow: Row[];
  persistent: Row[];
  some: Row[];
  ofNested: Row[];
  ofPath: Row[];
};

beforeAll(async () => {
  const script = join(import.meta.dirname, 'fixtures/zoo.mjs');
  const machine = ['--pid', '--fork', '--kill-child', '--mount-proc', '--mount'];
  const lsns = process.env['LSNS']?.split(' ') ?? [];
  const { stdout } = await promisify(execFile)(
    'unshare',
    [...machine, process.execPath, script, holder, ...lsns],
    { maxBuffer: 1 << 26, timeout: seconds(60), killSignal: 'SIGKILL' },
  );
  zoo = JSON.parse(stdout);
}, seconds(90));

const inodes = (rows: Row[]) => rows.map(row => row.inode);
const ofInode = (inode: number) => zoo.ours.find(row => row.inode === inode) as Row;
const heldBy = (by: string, pid: number) =>
  zoo.ours.filter(row => row.holders.some(one => one.by === by && one.pid === pid));

describe('beside lsns', () => {
  test('each namespace is there once, ordered by inode', () => {
    expect(inodes(zoo.ours)).toEqual([...new Set(inodes(zoo.ours))].sort((a, b) => a - b));
    expect(zoo.ours.length).toBeGreaterThan(50);
  });

  test('all that lsns has; the columns are the same but for lsns itself, which is one process more', () => {
    // lsns runs where its parent does, which is where we do.
    const columns = zoo.theirs.map(row => {
      const ours = ofInode(row.ns);
      return {
        ns: row.ns,
        type: row.type,
        nprocs: row.nprocs - (ours?.ours ? 1 : 0),
        pid: row.pid,
        ppid: row.ppid,
        command: row.command,
        // lsns from 2.40 on says that those without processes are root's.
        uid: row.nprocs === 0 ? null : row.uid,
        user: row.nprocs === 0 ? null : row.user,
        pns: row.pns,
        ons: row.ons,
      };
    });
    const same = zoo.theirs.map(({ ns }) => {
      const row = ofInode(ns);
      return {
        ns: row.inode,
        type: row.type,
        nprocs: row.processes,
        pid: row.pid ?? null,
        ppid: row.ppid ?? null,
        command: row.command ?? null,
        uid: row.uid ?? null,
        user: row.uid === undefined ? null : (row.user ?? `${row.uid}`),
        pns: row.parent ?? 0,
        ons: row.owner ?? 0,
      };
    });
    expect(same).toEqual(columns);
  });

  test('what only we have has no process: lsns 2.38 goes by processes alone', () => {
    const seen = zoo.theirs.map(row => row.ns);
    const more = zoo.ours.filter(row => !seen.includes(row.inode));
    expect(more.filter(row => row.processes > 0)).toEqual([]);
    // Held by a thread, by children to come, mounted elsewhere, mounted under another mount: no lsns.
    expect(more.length).toBeGreaterThanOrEqual(4);
  });

  test('the id as a network is what ip netns gave, and lsns’s NETNSID where it has the row', () => {
    const green = zoo.ours.find(row => row.mounts[0]?.path === '/run/netns/green');
    expect(green).toMatchObject({ type: 'net', networkId: 7, processes: 0 });
    for (const row of zoo.theirs.filter(row => row.type === 'net' && row.nprocs > 0)) {
      expect(`${ofInode(row.ns).networkId ?? 'unassigned'}`).toBe(`${row.netnsid}`);
    }
  });

  test('ls -l /proc/*/ns shows no other ones', () => {
    // As `awk | sort -u` would: each line once. Those of the children and of fds are not all there.
    const listed = zoo.ours.map(row => `${row.type}:[${row.inode}]`);
    expect(
      zoo.ls.filter(line => /^[a-z]+:\[/.test(line)).filter(line => !listed.includes(line)),
    ).toEqual([]);
    expect(zoo.ls.length).toBeGreaterThan(50);
  });

  test('300 processes in 40 namespaces', () => {
    const groups = zoo.ours.filter(row => row.command?.endsWith('holder sleepers 9'));
    expect(groups).toHaveLength(40);
    expect(groups.map(row => row.processes)).toEqual(Array(40).fill(10));
    expect(new Set(groups.map(row => row.pid)).size).toBe(30);
  });

  test('nothing is hidden from root here', () => {
    expect(zoo.unreadable).toBe(0);
  });
});

describe('what a namespace belongs to', () => {
  test('nested user namespaces: parent and owner are the same, down to the first', () => {
    const nested = ofInode(zoo.places.nested);
    const middle = ofInode(nested.parent as number);
    expect(nested).toMatchObject({ type: 'user', owner: middle.inode, processes: 2 });
    expect(middle).toMatchObject({ type: 'user', processes: 0, holders: [], mounts: [] });
    expect(ofInode(middle.parent as number)).toMatchObject({ ours: true, type: 'user' });
  });

  test('the user namespace that owns a network, and the uid of who made that', () => {
    const network = zoo.ours.find(row => row.owner === zoo.places.outer);
    expect(network).toMatchObject({ type: 'net', ownerUid: 0, pid: zoo.known.outer, processes: 1 });
  });

  test('a pid namespace below ours', () => {
    const own = zoo.ours.find(row => row.type === 'pid' && row.ours);
    const below = zoo.ours.filter(row => row.type === 'pid' && row.parent === own?.inode);
    expect(below).toMatchObject([{ processes: 3, command: `${holder} sleepers 2` }]);
  });

  test('ids are unique', () => {
    const ids = zoo.ours.flatMap(row => row.id ?? []);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('what holds a namespace that no process is in', () => {
  test('an open fd', () => {
    expect(heldBy('fd', zoo.known.fd)).toMatchObject([{ type: 'uts', processes: 0 }]);
  });

  test('an fd that was opened by the path of a mount, and shows that path', () => {
    const [green] = heldBy('fd', zoo.known.path);
    expect(green).toMatchObject({
      networkId: 7,
      holders: [{ by: 'fd', pid: zoo.known.path, fd: 7 }],
    });
  });

  test('a socket', () => {
    const held = heldBy('socket', zoo.known.socket).filter(row => !row.ours);
    expect(held).toMatchObject([{ type: 'net', processes: 0, holders: [{ by: 'socket' }] }]);
  });

  test('children to come', () => {
    expect(ofInode(zoo.places.children)).toMatchObject({
      type: 'time',
      processes: 0,
      holders: [{ by: 'children', pid: zoo.known.children }],
    });
  });

  test('a thread', () => {
    expect(ofInode(zoo.places.thread)).toMatchObject({
      type: 'uts',
      processes: 0,
      holders: [{ by: 'thread', pid: zoo.known.thread, tid: zoo.known.thread + 1 }],
    });
  });

  test('a mount, here and in another mount namespace; one that is hidden under another', () => {
    const own = zoo.ours.find(row => row.type === 'mnt' && row.ours)?.inode;
    const blue = zoo.ours.find(row => row.mounts[0]?.path === '/run/netns/blue');
    expect(blue).toMatchObject({ type: 'net', processes: 0 });
    // Each mount namespace that was made after it has a copy of the mount; ours comes first.
    expect(blue?.mounts[0]?.mnt).toBe(own);
    expect(blue?.mounts.length).toBeGreaterThan(5);
    const away = zoo.ours.filter(row => row.mounts.some(mount => mount.path === '/run/hidden/a b'));
    expect(away).toMatchObject([{ type: 'net', processes: 0, owner: blue?.owner }]);
    expect(away[0]?.mounts[0]?.mnt).not.toBe(own);
    const hidden = zoo.ours.filter(row => row.mounts.some(mount => mount.path === '/run/under'));
    expect(hidden).toMatchObject([{ type: 'ipc', processes: 0 }]);
    expect(hidden[0]).not.toHaveProperty('id'); // it cannot be opened
  });

  test('a zombie has its user and pid namespaces, and no other', () => {
    const all = (type: string) =>
      zoo.ours.filter(row => row.type === type).reduce((sum, row) => sum + row.processes, 0);
    expect(all('user')).toBe(all('pid'));
    for (const type of ['cgroup', 'ipc', 'mnt', 'net', 'time', 'uts']) {
      expect(all(type)).toBe(all('pid') - 1);
    }
  });
});

describe('options', () => {
  test('two lists at once are the same, and do not see each other', () => {
    const [one, other] = zoo.again;
    const bare = (rows: Row[]) => rows.map(row => ({ ...row, processes: undefined }));
    expect(bare(one)).toEqual(bare(zoo.ours));
    expect(bare(other)).toEqual(bare(zoo.ours));
    expect(one.flatMap(row => row.holders).filter(one => one.pid === zoo.pid)).toEqual([]);
  });

  test('holders: false finds what processes are in, what that leads to, and what is mounted here', () => {
    expect(zoo.shallow.flatMap(row => row.holders)).toEqual([]);
    const left = zoo.ours.filter(row => !inodes(zoo.shallow).includes(row.inode));
    expect(left.map(row => row.type).sort()).toEqual(['net', 'net', 'time', 'uts', 'uts']);
    expect(left.filter(row => row.processes > 0)).toEqual([]);
    const bare = (rows: Row[]) => rows.map(row => ({ ...row, mounts: [], holders: [] }));
    expect(bare(zoo.shallow)).toEqual(
      bare(zoo.ours.filter(row => inodes(zoo.shallow).includes(row.inode))),
    );
  });

  test('persistent: those without a process', () => {
    const without = zoo.ours.filter(row => row.processes === 0);
    expect(zoo.persistent).toEqual(without);
    expect(without).toHaveLength(9);
  });

  test('types', () => {
    expect(zoo.some).toEqual(zoo.ours.filter(row => ['user', 'net'].includes(row.type)));
  });

  test('target: a process, a path', () => {
    expect(zoo.ofNested.map(row => row.type).sort()).toEqual([
      'cgroup',
      'ipc',
      'mnt',
      'net',
      'pid',
      'time',
      'user',
      'uts',
    ]);
    expect(inodes(zoo.ofNested)).toContain(zoo.places.nested);
    expect(zoo.ofPath.map(row => row.mounts[0]?.path)).toEqual(['/run/netns/blue']);
  });
});
