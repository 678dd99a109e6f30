/**
 * What a guest of scripts/guest/guest.mjs starts from: a disk with Debian's packages, Node and the
 * packages of npm, and for each kernel what boots it, all of them unpacked and kept for the next
 * time. Nothing of it is executed here.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claimCache } from '../cache.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Where in the guest the package is. */
export const checkout = '/srv/linux-namespaces';

/** What the guest has besides the smallest Debian: what tests start. */
const packages = [
  ...[
    'apparmor',
    'busybox-static',
    'gcc',
    'iproute2',
    'libatomic1',
    'libc6-dev',
    'libstdc++6',
    'openssl',
  ],
  ...['procps', 'python3', 'runc', 'strace', 'uidmap'],
];

/**
 * @typedef {object} Machine
 * @property {string} name of the cache
 * @property {string} debian its name of the architecture
 * @property {string} npm its name of the architecture
 * @property {string} node the package of npm that is this Node
 * @property {string} release the Debian whose packages are on the disk
 * @property {Record<string, string>} kernels by name, the Debian whose newest kernel it is
 */

const run = (file, args, options = {}) =>
  execFileSync(file, args, { stdio: 'inherit', ...options });

/** Debian's packages, as files. */
function fetchDebian(machine, release, names, folder) {
  const options = ['--download-only', `--arch=${machine.debian}`, '--variant=minbase'];
  run('debootstrap', [...options, `--include=${names}`, release, folder]);
  return join(folder, 'var/cache/apt/archives');
}

/** No package's scripts are run. */
function unpack(archives, pattern, disk) {
  const each = `for deb in ${pattern}; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$0" || exit
  done`;
  run('sh', ['-c', each, disk], { cwd: archives });
}

/** A Debian, unpacked and nothing more. */
function unpackDebian(machine, folder, disk) {
  const archives = fetchDebian(machine, machine.release, packages, join(folder, 'debootstrap'));
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    fs.mkdirSync(join(disk, 'usr', name), { recursive: true });
    fs.symlinkSync(`usr/${name}`, join(disk, name));
  }
  unpack(archives, '*.deb', disk);
  // What the scripts would have made.
  for (const name of ['passwd', 'group']) {
    fs.copyFileSync(join(disk, 'usr/share/base-passwd', `${name}.master`), join(disk, 'etc', name));
  }
  fs.symlinkSync('gcc', join(disk, 'usr/bin/cc'));
  fs.symlinkSync('mawk', join(disk, 'usr/bin/awk'));
  fs.rmSync(join(disk, 'sbin/modprobe'), { force: true });
  fs.symlinkSync('/bin/busybox', join(disk, 'sbin/modprobe'));
}

/** The files of modules and of what they need, in the order to load them; none for what is built in. */
function filesOf(names, folder) {
  const lines = fs.readFileSync(join(folder, 'modules.dep'), 'utf8').split('\n');
  const files = names.flatMap(name => {
    const line = lines.find(line => new RegExp(`/${name}\\.ko(\\.xz)?$`).test(line.split(':')[0]));
    return line?.replace(':', '').trim().split(' ').reverse() ?? [];
  });
  return [...new Set(files)].map(file => join(folder, file));
}

/** The modules of a kernel to the disk, and to `boot` what starts it: itself, modules by number. */
function unpackKernel(machine, release, folder, disk, boot) {
  const fetched = join(folder, `kernel-${release}`);
  const name = `linux-image-cloud-${machine.debian}`;
  const archives = fetchDebian(machine, release, [name], fetched);
  const aside = join(fetched, 'unpacked');
  fs.mkdirSync(aside);
  unpack(archives, 'linux-*.deb', aside); // since 7.2 three packages
  const modules = [join(aside, 'usr/lib/modules'), join(aside, 'lib/modules')].find(fs.existsSync);
  const [version] = fs.readdirSync(modules);
  fs.cpSync(join(modules, version), join(disk, 'usr/lib/modules', version), { recursive: true });
  run('busybox', ['depmod', '-b', disk, version]);
  const kernel = join(disk, 'usr/lib/modules', version);
  fs.mkdirSync(boot, { recursive: true });
  const inBoot = join(aside, 'boot', `vmlinuz-${version}`);
  const image = fs.existsSync(inBoot) ? inBoot : join(kernel, 'vmlinuz');
  fs.copyFileSync(image, join(boot, 'vmlinuz'));
  fs.copyFileSync(join(disk, 'bin/busybox'), join(boot, 'busybox'));
  const needed = ['virtio_pci', 'virtio_blk', 'ext4', 'crc32c_generic'];
  for (const [number, from] of filesOf(needed, kernel).entries()) {
    const read = from.endsWith('.xz') ? 'busybox xzcat' : 'cat';
    const name = `${String(number).padStart(2, '0')}.ko`;
    run('sh', ['-c', `${read} "$0" >"$1"`, from, join(boot, name)]);
  }
  fs.rmSync(fetched, { recursive: true });
}

/** The packages of npm, and Node itself. */
function installNode(machine, folder, disk) {
  const packed = join(disk, checkout);
  fs.mkdirSync(packed, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) {
    fs.copyFileSync(join(root, name), join(packed, name));
  }
  const options = ['--no-audit', '--no-fund', '--ignore-scripts'];
  const foreign = ['--os=linux', `--cpu=${machine.npm}`, '--libc=glibc'];
  run('npm', ['ci', ...options, ...foreign], { cwd: packed });
  const aside = join(folder, 'node');
  fs.mkdirSync(aside);
  // By force: npm takes a package for another processor only where it is optional.
  run('npm', ['install', '--force', '--prefix', aside, ...options, machine.node]);
  const [name] = machine.node.split('@');
  fs.copyFileSync(join(aside, 'node_modules', name, 'bin/node'), join(disk, 'usr/bin/node'));
}

/** In `folder`: disk.ext4, and a folder for each kernel. */
function makeDisk(machine, folder) {
  const disk = join(folder, 'disk');
  unpackDebian(machine, folder, disk);
  for (const [name, release] of Object.entries(machine.kernels)) {
    unpackKernel(machine, release, folder, disk, join(folder, name));
  }
  installNode(machine, folder, disk);
  run('mke2fs', ['-q', '-t', 'ext4', '-d', disk, join(folder, 'disk.ext4'), '4G']);
  for (const name of ['disk', 'debootstrap', 'node']) {
    fs.rmSync(join(folder, name), { recursive: true });
  }
}

/**
 * The folder of `makeDisk`, made anew when this file, the machine or the packages' lock is another.
 * @param {Machine} machine
 */
export function findDisk(machine) {
  const hash = createHash('sha256').update(JSON.stringify(machine));
  for (const name of ['scripts/guest/disk.mjs', 'package-lock.json']) {
    hash.update(fs.readFileSync(join(root, name)));
  }
  const folder = join(claimCache(machine.name), hash.digest('hex').slice(0, 16));
  if (!fs.existsSync(folder)) {
    console.log('Making the disk of the guest');
    for (const name of fs.readdirSync(dirname(folder))) {
      fs.rmSync(join(dirname(folder), name), { recursive: true });
    }
    const unfinished = `${folder}-unfinished`;
    fs.mkdirSync(unfinished);
    makeDisk(machine, unfinished);
    fs.renameSync(unfinished, folder);
  }
  return folder;
}
