/**
 * Tests in a guest of QEMU that emulates the processor and runs a kernel of its own: a disk that is
 * never written to (disk.mjs), and an initramfs with the checkout. It alone knows how a guest is
 * started and what it says.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { checkout } from './disk.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * @typedef {object} Guest
 * @property {string} title
 * @property {string} folder of disk.mjs
 * @property {string} kernel its name there
 * @property {'v1' | 'v2' | 'hybrid'} cgroups which hierarchies are mounted
 * @property {string[]} qemu the program, its machine and processor
 * @property {string} console
 * @property {string} addon the binary that is tested, from the top of the checkout
 * @property {string[]} files to run: as for vitest, or programs of ours, with arguments behind each
 * @property {string[]} leftOut of them
 * @property {string[]} [hidden] programs of the disk that are not to be there
 * @property {string[]} lacks what tests may be skipped for, besides what no guest has: the words that
 *   their titles have in brackets. Another skip is a failure.
 * @property {number} minutes at most
 */

/** What no guest has. */
const absent = [
  ...['crun', 'docker', 'dockerd', 'containerd', 'podman', 'lxc-start', 'fuse-overlayfs'],
  ...['fish', 'make', 'musl-gcc', 'perl', 'tmux', 'zsh'],
  'where pid 1 is one', // it is our own
];

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

const version2 = 'mount -t cgroup2 cgroup2 /sys/fs/cgroup';
const version1 = `mount -t tmpfs cgroup /sys/fs/cgroup
for one in cpu cpuacct memory pids freezer devices blkio; do
  mkdir /sys/fs/cgroup/$one && mount -t cgroup -o $one cgroup /sys/fs/cgroup/$one
done
mkdir /sys/fs/cgroup/systemd && mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd`;
const cgroups = {
  v2: version2,
  v1: version1,
  hybrid: `${version1}
mkdir /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified`,
};

const isProgram = file => /\.mjs( |$)/.test(file);

/** The exit code is in `code`. */
const test = files => `{
  node node_modules/vitest/vitest.mjs run --config guest.config.ts --reporter=verbose \\
    --reporter=./scripts/skipped.mjs --reporter=json --outputFile.json=/tmp/report.json ${files} 2>&1
  echo $? >/tmp/code
} | cat # no terminal
code=$(cat /tmp/code)
node -e "import('./scripts/count.mjs').then(({ count }) => {
  const { passed, failed, skipped } = count('/tmp/report.json');
  console.log(passed + ' passed, ' + failed + ' failed, ' + skipped + ' skipped');
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
})" || code=1`;

/** The same. */
const execute = programs => `code=0
${programs.map(line => `echo '${line}'\nnode ${line} 2>&1 || code=1`).join('\n')}`;

/** The first process, once it is on the disk. What it says last is the exit code. */
const script = (
  hierarchies,
  files,
  hidden,
  lacks,
) => `export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root NO_COLOR=1
export CI=true PREBUILDS_ONLY=1 SLOWNESS=15 MAY_LACK='${JSON.stringify([...absent, ...hidden, ...lacks])}'
${hidden.map(name => `rm -f $(command -v ${name})\n`).join('')}mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t securityfs securityfs /sys/kernel/security
${hierarchies}
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
for module in fuse inet_diag tcp_diag udp_diag unix_diag; do modprobe $module; done
ip link set lo up
hostname guest
cd ${checkout}
echo "Linux $(uname -r) $(uname -m), Node $(node --version)"
${files.length > 0 && files.every(isProgram) ? execute(files) : test(files.map(name => `'${name}'`).join(' '))}
echo "exit code $code"
/bin/busybox poweroff -f
`;

const config = exclude => `import config from './vitest.config.ts';
for (const { test } of config.test.projects) test.exclude = ${JSON.stringify(exclude)};
export default config;
`;

/** The checkout as it is, and what is to be run in it. */
function makeInitramfs(guest, scratch) {
  const boot = join(guest.folder, guest.kernel);
  const inside = join(scratch, 'initramfs');
  const packed = join(inside, checkout);
  for (const name of ['bin', 'dev', 'disk']) fs.mkdirSync(join(inside, name), { recursive: true });
  for (const name of fs.readdirSync(boot).filter(name => name.endsWith('.ko'))) {
    fs.copyFileSync(join(boot, name), join(inside, name));
  }
  fs.copyFileSync(join(boot, 'busybox'), join(inside, 'bin/busybox'));
  fs.writeFileSync(join(inside, 'init'), init, { mode: 0o755 });
  const wanted = ['README.md', 'binding.gyp', 'docs', 'examples', 'lib', 'native', 'package.json'];
  wanted.push('scripts', 'src', 'test', 'tsconfig.json', 'vitest.config.ts');
  for (const name of wanted) {
    const filter = path => basename(path) !== 'node_modules'; // of an example
    fs.cpSync(join(root, name), join(packed, name), { recursive: true, filter });
  }
  const [, , platform, file] = /^(.*\/)?([^/]+)\/([^/]+)$/.exec(guest.addon);
  fs.cpSync(join(root, guest.addon), join(packed, 'prebuilds', platform, file));
  fs.writeFileSync(
    join(packed, 'guest.sh'),
    script(cgroups[guest.cgroups], guest.files, guest.hidden ?? [], guest.lacks),
  );
  fs.writeFileSync(join(packed, 'guest.config.ts'), config(guest.leftOut));
  const archive = join(scratch, 'initramfs.cpio');
  execFileSync('sh', ['-c', `find . | busybox cpio -o -H newc >${archive} 2>/dev/null`], {
    cwd: inside,
  });
  return archive;
}

/** Repeats what the guest says; its exit code. */
async function start(guest, initramfs) {
  const drive = `file=${join(guest.folder, 'disk.ext4')},format=raw,if=virtio,snapshot=on`;
  // With us it ends, however we do.
  const qemu = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', ...guest.qemu],
      ...['-accel', 'tcg,thread=multi', '-m', '4096', '-smp', '2', '-nographic', '-nodefaults'],
      ...['-no-reboot', '-nic', 'none', '-kernel', join(guest.folder, guest.kernel, 'vmlinuz')],
      ...['-initrd', initramfs, '-drive', drive, '-serial', 'stdio'],
      ...['-append', `console=${guest.console} loglevel=1 panic=-1 no_timer_check`],
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: guest.minutes * 60_000,
      killSignal: 'SIGKILL',
    },
  );
  const closed = once(qemu, 'close');
  let code;
  for await (const line of createInterface({ input: qemu.stdout })) {
    const last = /^exit code (\d+)$/.exec(line.trim());
    if (last) code = Number(last[1]);
    else if (code === undefined) console.log(line);
  }
  await closed;
  if (code === undefined) console.log('The guest ended before the tests did.');
  return code ?? 1;
}

function has(name) {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  return path.split(':').some(folder => fs.existsSync(join(folder, name)));
}

/**
 * Ends with what to install where a command is missing: `needed` has the Debian package of each.
 * @param {Record<string, string>} needed
 */
export function checkCommands(needed) {
  if (process.getuid() !== 0) throw new Error('The files of a Debian have to belong to root');
  const all = {
    ...needed,
    debootstrap: 'debootstrap',
    'dpkg-deb': 'dpkg',
    mke2fs: 'e2fsprogs',
    busybox: 'busybox-static',
  };
  const missing = Object.keys(all).filter(name => !has(name));
  if (missing.length > 0) {
    throw new Error(`Missing: apt-get install ${missing.map(name => all[name]).join(' ')}`);
  }
}

/**
 * Ends with how to make it, where the binary is missing or older than its sources.
 * @param {string} addon from the top of the checkout
 * @param {string} how
 */
export function checkAddon(addon, how) {
  if (!fs.existsSync(join(root, addon))) throw new Error(`${addon}: ${how}`);
  const built = fs.statSync(join(root, addon)).mtimeMs;
  const newer = fs
    .readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' })
    .filter(name => {
      const stats = fs.statSync(join(root, 'native', name));
      return stats.isFile() && stats.mtimeMs > built;
    });
  if (newer.length > 0) throw new Error(`${newer[0]} is newer than ${addon}: ${how}`);
}

/**
 * The exit code of the tests.
 * @param {Guest} guest
 */
export async function runGuest(guest) {
  const scratch = fs.mkdtempSync(join(os.tmpdir(), 'linux-namespaces-guest-'));
  try {
    console.log(`\n=== ${guest.title}`);
    return await start(guest, makeInitramfs(guest, scratch));
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
}
