/**
 * Images without a registry: the root file system of one with busybox and an applet of every name in
 * it, of one with a single static binary and nothing else (distroless), and of a Debian. As folders,
 * for runc and crun; as archives that docker, podman and ctr all load.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'linux-namespaces';

/**
 * In `busybox` there is a shell; in `distroless` just /httpd, which is busybox by another name. That of
 * `debian` is there after `debootstrap()`.
 */
export type Image = 'busybox' | 'distroless' | 'debian';

const busybox = '/bin/busybox';

/** The root file system, made at its first use. */
export function rootFolder(folder: string, image: Image): string {
  const root = join(folder, `rootfs-${image}`);
  if (existsSync(root)) return root;
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'etc', 'run', 'www']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  writeFileSync(join(root, 'www/index.html'), 'hello\n');
  if (image === 'distroless') {
    copyFileSync(busybox, join(root, 'httpd'));
  } else {
    mkdirSync(join(root, 'bin'));
    copyFileSync(busybox, join(root, 'bin/busybox'));
    const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
    for (const applet of applets) {
      if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
    }
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nwww:x:33:33::/:/bin/sh\n');
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nwww:x:33:\n');
  }
  chmodSync(join(root, 'tmp'), 0o1777);
  return root;
}

/**
 * Makes the root file system of the smallest Debian, of the release that this machine has. From the
 * network; what debootstrap mounts meanwhile is gone with its own mount namespace.
 */
export async function debootstrap(folder: string): Promise<void> {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const root = join(folder, 'debootstrap');
  const args = ['--variant=minbase', release ?? 'stable', root];
  await promisify(execFile)('debootstrap', args, {
    unshare: ['mnt'],
    killOnParentExit: true,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    maxBuffer: 1 << 24,
  });
  mkdirSync(join(root, 'www'));
  writeFileSync(join(root, 'www/index.html'), 'hello\n');
  renameSync(root, join(folder, 'rootfs-debian'));
}

/** An archive of the image `NAME`, with `command` as what it runs by default; docker save's format. */
export function imageArchive(
  folder: string,
  image: Image,
  name: string,
  command: readonly string[] = image === 'distroless' ? server : ['sleep', '1000000'],
): string {
  const out = join(folder, `${name.replaceAll(/\W/g, '-')}.tar`);
  if (existsSync(out)) return out;
  const work = mkdtempSync(join(folder, 'image-'));
  const layer = join(work, 'layer.tar');
  execFileSync('tar', ['-C', rootFolder(folder, image), '--numeric-owner', '-cf', layer, '.']);
  const diff = sha256(readFileSync(layer));
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      created: '2026-01-01T00:00:00Z',
      config: { Env: ['PATH=/bin'], Cmd: command },
      rootfs: { type: 'layers', diff_ids: [`sha256:${diff}`] },
      history: [{ created: '2026-01-01T00:00:00Z' }],
    }),
  );
  const id = sha256(config);
  writeFileSync(join(work, `${id}.json`), config);
  const manifest = [{ Config: `${id}.json`, RepoTags: [name], Layers: ['layer.tar'] }];
  writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
  const files = ['manifest.json', `${id}.json`, 'layer.tar'];
  execFileSync('tar', ['-C', work, '-cf', out, ...files]);
  rmSync(work, { recursive: true });
  return out;
}

/** What the distroless image runs: a web server on port 80. */
export const server: readonly string[] = ['/httpd', '-f', '-p', '80', '-h', '/www'];

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
