/**
 * npm run test:arm64 [-- test/system/child ...]: tests on arm64, in a guest of QEMU with a kernel of
 * its own that emulates the processor, with the prebuilt addon as it ships. It alone knows how such a
 * guest is made: Debian's packages unpacked on a disk, which is kept for the next time, and an
 * initramfs with the checkout. The disk is never written to by a guest.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { checkout, findDisk } from './arm64-disk.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const addon = 'prebuilds/linux-arm64/linux-namespaces.node';
const minutes = 240;

/** The command that is needed, and the Debian package that has it. */
const needed = {
  'qemu-system-aarch64': 'qemu-system-arm',
  debootstrap: 'debootstrap',
  'dpkg-deb': 'dpkg',
  mke2fs: 'e2fsprogs',
  busybox: 'busybox-static',
};

/** What is run when no files are given. */
const worthwhile = ['test/unit/addon', 'test/system'];

/** What is left out then, and why. */
const leftOut = {
  'test/system/containers': 'Docker, containerd and Podman are not in the guest',
  'test/system/engines': 'Docker, containerd and Podman are not in the guest',
};

/** The first process: finds the disk and brings the checkout there. */
const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
for module in /*.ko; do insmod $module; done
until [ -b /dev/vda ]; do sleep 0.1; done
mount -t ext4 -o noatime /dev/vda /disk
cp -a ${checkout} /disk/srv/
mount --move /dev /disk/dev
exec switch_root /disk /bin/sh ${checkout}/guest.sh
`;

/** The first process, once it is on the disk. What it says last is the exit code. */
const guest = files => `export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root NO_COLOR=1
export CI=true PREBUILDS_ONLY=1 SLOWNESS=15
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs run /run
mkdir /dev/pts /dev/shm
mkdir -p /mnt # the script of base-files
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
ln -s /proc/self/fd /dev/fd
cp /usr/share/libc-bin/nsswitch.conf /etc/
printf '127.0.0.1 localhost\\n::1 localhost\\n' >/etc/hosts
echo nameserver 127.0.0.1 >/etc/resolv.conf
ip link set lo up
hostname arm64
cd ${checkout}
echo "Linux $(uname -r) $(uname -m), Node $(node --version)"
{
  node node_modules/vitest/vitest.mjs run --config guest.config.ts --reporter=verbose \\
    --reporter=./scripts/skipped.mjs --reporter=json --outputFile.json=/tmp/report.json ${files} 2>&1
  echo $? >/tmp/code
} | cat # no terminal
code=$(cat /tmp/code)
node -e "import('../test/scripts/count.mjs').then(({ count }) => {
  const { passed, failed, skipped } = count('/tmp/report.json');
  console.log(passed + ' passed, ' + failed + ' failed, ' + skipped + ' skipped');
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
})" || code=1
echo "exit code $code"
/bin/busybox poweroff -f
`;

const config = exclude => `import config from '../test/vitest.config.ts';
for (const { test } of config.test.projects) test.exclude = ${JSON.stringify(exclude)};
export default config;
`;

function checkTools() {
  if (process.getuid() !== 0) throw new Error('The files of a Debian have to belong to root');
  const missing = Object.keys(needed).filter(name => !has(name));
  if (missing.length > 0) {
    throw new Error(`Missing: apt-get install ${missing.map(name => needed[name]).join(' ')}`);
  }
  if (!fs.existsSync(join(root, addon))) throw new Error(`${addon}: npm run binaries:arm64`);
  const built = fs.statSync(join(root, addon)).mtimeMs;
  const newer = fs
    .readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' })
    .filter(name => fs.statSync(join(root, 'native', name)).mtimeMs > built);
  if (newer.length > 0) {
    throw new Error(`${newer[0]} is newer than ${addon}: npm run binaries:arm64`);
  }
}

function has(name) {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  return path.split(':').some(folder => fs.existsSync(join(folder, name)));
}

/** The checkout as it is, and what is to be run in it. */
function makeInitramfs(boot, folder, asked) {
  const inside = join(folder, 'initramfs');
  const packed = join(inside, checkout);
  for (const name of ['bin', 'dev', 'disk']) fs.mkdirSync(join(inside, name), { recursive: true });
  for (const name of fs.readdirSync(boot).filter(name => name.endsWith('.ko'))) {
    fs.copyFileSync(join(boot, name), join(inside, name));
  }
  fs.copyFileSync(join(boot, 'busybox'), join(inside, 'bin/busybox'));
  fs.writeFileSync(join(inside, 'init'), init, { mode: 0o755 });
  const wanted = ['README.md', 'binding.gyp', 'docs', 'examples', 'lib', 'native', 'package.json'];
  for (const name of [...wanted, 'src', 'test', 'tsconfig.json', 'vitest.config.ts', addon]) {
    fs.cpSync(join(root, name), join(packed, name), { recursive: true });
  }
  const all = asked.length === 0;
  const files = (all ? worthwhile : asked).map(name => `'${name}'`).join(' ');
  fs.writeFileSync(join(packed, 'guest.sh'), guest(files));
  const exclude = all ? Object.keys(leftOut).map(name => `${name}/**`) : [];
  fs.writeFileSync(join(packed, 'guest.config.ts'), config(exclude));
  if (all) for (const [name, why] of Object.entries(leftOut)) console.log(`Not ${name}: ${why}`);
  const archive = join(folder, 'initramfs.cpio');
  execFileSync('sh', ['-c', `find . | busybox cpio -o -H newc >${archive} 2>/dev/null`], {
    cwd: inside,
  });
  return archive;
}

/** Repeats what the guest says; its exit code. */
async function start(folder, initramfs) {
  const drive = `file=${join(folder, 'disk.ext4')},format=raw,if=virtio,snapshot=on`;
  const qemu = spawn(
    'qemu-system-aarch64',
    [
      ...['-M', 'virt', '-accel', 'tcg,thread=multi', '-cpu', 'max,pauth-impdef=on'],
      ...['-m', '4096', '-smp', '2', '-nographic', '-nodefaults', '-no-reboot', '-nic', 'none'],
      ...['-kernel', join(folder, 'boot/vmlinuz'), '-initrd', initramfs, '-drive', drive],
      ...['-append', 'console=ttyAMA0 loglevel=1 panic=-1', '-serial', 'stdio'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], timeout: minutes * 60_000, killSignal: 'SIGKILL' },
  );
  const closed = once(qemu, 'close');
  let code;
  for await (const line of createInterface({ input: qemu.stdout })) {
    const last = /^exit code (\d+)$/.exec(line);
    if (last) code = Number(last[1]);
    else if (code === undefined) console.log(line);
  }
  await closed;
  if (code === undefined) console.log('The guest ended before the tests did.');
  return code ?? 1;
}

checkTools();
const disk = findDisk();
const scratch = fs.mkdtempSync(join(os.tmpdir(), 'linux-namespaces-arm64-'));
try {
  const initramfs = makeInitramfs(join(disk, 'boot'), scratch, process.argv.slice(2));
  process.exitCode = await start(disk, initramfs);
} finally {
  fs.rmSync(scratch, { recursive: true });
}
