// What works on kernels before 5.12, by a filter that has none of the system calls that came later: the
// rest is refused by an error that names the call and what it needs, runs nowhere, and leaves nothing.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seconds } from '../timeouts.ts';
import { startTarget } from './shared/support.ts';

const here = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
const filter = join(folder, 'as-linux');
beforeAll(() => {
  execFileSync('cc', ['-Wall', '-Werror', '-O1', '-o', filter, here('as-linux.c')]);
});
afterAll(() => rmSync(folder, { recursive: true }));

const works = {
  callback: 'inside',
  'callback, later': 'inside',
  listNamespaces: true,
  processTree: true,
  listInterfaces: 'lo',
  listSockets: 0,
  listContainers: true,
  'new net, uts, ipc, cgroup': 'new',
  left: ' outside',
  threads: 0,
};
const without = (call: string) => expect.stringMatching(new RegExp(`^ENOSYS ${call}: `));
const noChildren = without('close_range');
const children = {
  'new mnt': noChildren,
  'new time': noChildren,
  spawn: noChildren,
  'spawn, new net': noChildren,
  'spawn, env': expect.stringMatching(/^ENOSYS .*children need Linux 5\.9/),
  'spawn, tools': noChildren,
  spawnSync: 'ENOSYS',
  evaluate: noChildren,
  'enter -n': 1,
};
/** A filter plays the old kernel here, on a new one. */
const filtered = (call: string) =>
  expect.stringMatching(new RegExp(`^ENOSYS ${call}: a seccomp filter is in force`));
const files = { readFile: true };
const pidfds = { pidfdOpen: 'number', pidfdNamespace: expect.stringMatching(/^ENOTTY .*6\.11/) };
const since9 = {
  'new mnt': 'mnt',
  'new time': 'time',
  spawn: 'inside',
  'spawn, new net': 'new',
  'spawn, env': 'inside',
  'spawn, tools': filtered('mount_setattr'),
  spawnSync: 0,
  evaluate: 'inside',
  'enter -n': 0,
};

test.each([
  [
    '4.11',
    {
      ...children,
      readFile: filtered('open'),
      pidfdOpen: without('pidfd_open'),
      pidfdNamespace: without('pidfd_open'),
    },
  ],
  [
    '5.4',
    {
      ...children,
      ...pidfds,
      readFile: filtered('open'),
    },
  ],
  ['5.6', { ...children, ...pidfds, ...files }],
  ['5.8', { ...children, ...pidfds, ...files }],
  ['5.9', { ...since9, ...pidfds, ...files }],
  ['5.12', { ...since9, 'spawn, tools': 'inside', ...pidfds, ...files }],
])('as Linux %s', { timeout: seconds(180) }, async (version, wanted) => {
  await using target = await startTarget('--net', '--uts', '--mount');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const script = [process.execPath, here('on-old-kernel.mjs'), `${target.pid}`];
  const said = execFileSync(filter, [`${major * 100 + minor}`, ...script], { encoding: 'utf8' });
  expect(JSON.parse(said)).toEqual({ ...works, ...wanted });
});

test('a type that the kernel does not have is none of all that a target has', async () => {
  await using target = await startTarget('--net', '--uts');
  // As before Linux 5.6, or without CONFIG_TIME_NS: the directory has a file of each type that there is.
  const hide = `for of in ${target.pid} $$ $$/task/$$; do
    mkdir -p "$1/$of" && mount -t tmpfs none "$1/$of"
    for type in cgroup ipc net uts user; do
      touch "$1/$of/$type" && mount --bind "/proc/$of/ns/$type" "$1/$of/$type" || exit
    done
    mount --rbind "$1/$of" "/proc/$of/ns" || exit
  done
  shift; exec "$@"`;
  const script = `import { namespacesOf, openNamespaces, withNamespaces } from 'linux-namespaces';
    const open = openNamespaces(${target.pid}, 'all');
    console.log(open.types.join(), withNamespaces(${target.pid}, 'all', () => 'inside'));
    console.log(Object.keys(namespacesOf(${target.pid})).join());
    try { openNamespaces(${target.pid}, ['net', 'time']); } catch (error) { console.log(error.message); }`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const under = ['-m', '--propagation', 'private', 'sh', '-c', hide, 'sh', folder];
  const said = execFileSync('unshare', [...under, filter, '411', ...node], { encoding: 'utf8' });
  const [all, known, refused] = said.split('\n');
  expect(all).toBe('uts,net inside');
  expect(known).toBe('user,cgroup,ipc,uts,net');
  expect(refused).toMatch(/^time of pid \d+: open ENOENT, .*this kernel has no time namespaces$/);
});
