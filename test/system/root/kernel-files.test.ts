/** Case A3: every call that changes something, on every file system that can be mounted here. */
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { promisify } from 'node:util';
import { type ContainerRoot, NamespaceError, openNamespaces, openRoot } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { startTarget } from '../child/fixtures/targets.ts';
import { hasProgram, rejectionOf, until } from '../shared/support.ts';
import { firstId, makeFolder, makeImage, run, startContainer } from './fixtures/containers.ts';

/** What mounts it at `$0`, and a file and a directory on it that every user of it could name. */
interface Kind {
  readonly mount: string;
  readonly file?: string;
  readonly directory?: string;
}

const mountOf = (type: string, more = '') => `mount -t ${type} ${more} none "$0"`;
const kernels: Readonly<Record<string, Kind>> = {
  proc: { mount: mountOf('proc'), file: 'sys/vm/stat_interval', directory: 'sys/vm' },
  sysfs: { mount: mountOf('sysfs'), file: 'kernel/mm/ksm/pages_to_scan', directory: 'kernel/mm' },
  cgroup2: { mount: mountOf('cgroup2'), file: 'cgroup.subtree_control' },
  cgroup: { mount: mountOf('cgroup', '-o none,name=linux-namespaces-test'), file: 'release_agent' },
  debugfs: { mount: mountOf('debugfs'), file: 'devices_deferred' },
  tracefs: { mount: mountOf('tracefs'), file: 'buffer_size_kb', directory: 'instances' },
  securityfs: { mount: mountOf('securityfs'), file: 'lsm' },
  bpf: { mount: `${mountOf('bpf')} && mkdir "$0/directory"`, directory: 'directory' },
  configfs: { mount: mountOf('configfs') },
  mqueue: { mount: `${mountOf('mqueue')} && : > "$0/queue"`, file: 'queue' },
  devpts: { mount: mountOf('devpts', '-o newinstance') },
  binfmt_misc: { mount: mountOf('binfmt_misc'), file: 'status' },
  efivarfs: { mount: mountOf('efivarfs') },
  fusectl: { mount: mountOf('fusectl') },
  pstore: { mount: mountOf('pstore') },
  nsfs: { mount: 'rmdir "$0" && : > "$0" && mount --bind /proc/self/ns/net "$0"', file: '' },
};

const made = ' && mkdir "$0/directory" && echo old > "$0/file"';
const own = { file: 'file', directory: 'directory' };
const holders: Readonly<Record<string, Kind>> = {
  tmpfs: { mount: mountOf('tmpfs') + made, ...own },
  ramfs: { mount: mountOf('ramfs') + made, ...own },
  overlay: {
    mount: `mkdir "$0/l" "$0/t" && mount -t tmpfs none "$0/t" && mkdir "$0/t/u" "$0/t/w" &&
      mount -t overlay -o "lowerdir=$0/l,upperdir=$0/t/u,workdir=$0/t/w" none "$0"${made}`,
    ...own,
  },
  ext4: {
    mount: `truncate -s 8M "$0.ext4" && mkfs.ext4 -q "$0.ext4" && mount -o loop "$0.ext4" "$0"${made}`,
    ...own,
  },
};

/** A container with that mounted at `/fs`; undefined: this kernel has none. */
async function containerWith({ mount }: Kind) {
  const image = makeImage();
  mkdirSync(join(image, 'fs'));
  const script = `${mount} && exec chroot "$1" /bin/sleep 1000000`;
  const child = run(['unshare', '-m', 'sh', '-c', script, join(image, 'fs'), image], 'pipe');
  const pid = child.pid as number;
  const ready = () =>
    child.exitCode !== null || readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
  await until('it to be mounted', ready);
  if (child.exitCode !== null) return undefined;
  const root = openRoot(pid);
  await root.symlink('/fs', '/tmp/link');
  return { root, image, at: `/proc/${pid}/root/fs` };
}

/** All that can be known of what is there, but for what changes by itself. */
function lookAt(path: string): unknown {
  const { mode, uid, gid, ino, ...rest } = lstatSync(path);
  let content = '';
  try {
    content = rest.isDirectory() ? readdirSync(path).sort().join() : readFileSync(path, 'utf8');
  } catch {}
  return [mode, uid, gid, ino, content];
}

const O_TMPFILE = constants.O_DIRECTORY | 0o20000000;

type Calls = Readonly<Record<string, () => Promise<unknown>>>;

type Handle = Awaited<ReturnType<ContainerRoot['open']>>;

function ofFile(root: ContainerRoot, path: string): Calls {
  const through = async (flags: string | number, use: (handle: Handle) => Promise<unknown>) => {
    const handle = await root.open(path, flags);
    try {
      await use(handle);
    } finally {
      await handle.close();
    }
  };
  return {
    writeFile: () => root.writeFile(path, '7\n'),
    'writeFile r+': () => root.writeFile(path, '7\n', { flag: 'r+' }),
    atomic: () => root.writeFile(path, '7\n', { atomic: true }),
    appendFile: () => root.appendFile(path, '7\n'),
    'open r+': () => through('r+', handle => handle.write('7\n')),
    'open w': () => through('w', async () => {}),
    'open a+': () => through('a+', handle => handle.write('7\n')),
    'open O_TRUNC': () => through(0o1000, async () => {}),
    'readFile w+': () => root.readFile(path, { flag: 'w+' }),
    stream: () => finished(root.createWriteStream(path, { flags: 'r+' }).end('7\n')),
    'chmod by handle': () => through('r', handle => handle.chmod(0o666)),
    'chown by handle': () => through('r', handle => handle.chown(7, 7)),
    'utimes by handle': () => through('r', handle => handle.utimes(7, 7)),
    'truncate by handle': () => through('r+', handle => handle.truncate()),
    chmod: () => root.chmod(path, 0o666),
    chown: () => root.chown(path, 7, 7),
  };
}

function ofNames(root: ContainerRoot, directory: string, name?: string, other = '/tmp'): Calls {
  const there = `${directory}/${name}`;
  return {
    ...(name && { 'rename from': () => root.rename(there, `${directory}/moved`) }),
    'rename onto': async () => {
      await root.writeFile(`${other}/moved`, 'new');
      await root.rename(`${other}/moved`, `${directory}/new`);
    },
    'writeFile wx': () => root.writeFile(`${directory}/made`, '', { flag: 'wx' }),
    'writeFile atomic, new': () => root.writeFile(`${directory}/made`, '', { atomic: true }),
    'open O_TMPFILE': async () =>
      (await root.open(directory, O_TMPFILE | constants.O_RDWR)).close(),
    symlink: () => root.symlink('x', `${directory}/symlink`),
    mkdir: () => root.mkdir(`${directory}/mkdir`),
    'mkdir recursive': () => root.mkdir(`${directory}/mkdir/a/b`, { recursive: true }),
    ...(name && {
      rm: () => root.rm(there),
      'rm recursive': () => root.rm(there, { recursive: true }),
    }),
    'chmod of a directory': () => root.chmod(directory, 0o777),
    'chown of a directory': () => root.chown(directory, 7, 7),
  };
}

test.each(Object.keys(kernels))('A3: nothing is changed on %s, nor through a link', async type => {
  const kind = kernels[type] as Kind;
  const there = await containerWith(kind);
  if (there === undefined) {
    console.log(`not tested: ${type}, which cannot be mounted here`);
    return;
  }
  const { root, at } = there;
  const outside = makeFolder();
  writeFileSync(join(outside, 'file'), '7\n');
  let tried = 0;
  for (const base of ['/fs', '/tmp/link']) {
    const directory =
      kind.file === '' ? undefined : [base, kind.directory].filter(Boolean).join('/');
    const entries = directory ? await root.readdir(directory) : [];
    const calls: Record<string, () => Promise<unknown>> = {
      ...(kind.file !== undefined && ofFile(root, [base, kind.file].filter(Boolean).join('/'))),
      ...(directory && ofNames(root, directory, entries[0])),
    };
    if (type === 'nsfs') delete calls['atomic']; // EBUSY: its file is a mount point, too
    const watched = [kind.file, kind.directory, ''].filter(name => name !== undefined);
    for (const [name, call] of Object.entries(calls)) {
      const before = watched.map(name => lookAt(join(at, name)));
      const error = await rejectionOf(call());
      expect(error, `${type} ${base} ${name}`).toMatchObject({ code: 'EPERM', type: 'mnt' });
      expect(error, name).toBeInstanceOf(NamespaceError);
      expect(error.message, name).toContain(`of type ${type},`);
      expect(error.message, name).toContain(`fileSystems: ['${type}']`);
      expect(
        watched.map(name => lookAt(join(at, name))),
        name,
      ).toEqual(before);
      tried++;
    }
  }
  expect(tried).toBeGreaterThan(15);
  root.close();
});

test.each(Object.keys(holders))('on %s all of it is done', async type => {
  const there = await containerWith(holders[type] as Kind);
  if (there === undefined) {
    console.log(`not tested: ${type}, which cannot be mounted here`);
    return;
  }
  const { root } = there;
  for (const base of ['/fs', '/tmp/link']) {
    for (const calls of [
      ofFile(root, `${base}/file`),
      ofNames(root, `${base}/directory`, 'name', base),
    ]) {
      for (const [name, call] of Object.entries(calls)) {
        await root.writeFile(`${base}/directory/name`, '');
        await expect(call(), `${type} ${base} ${name}`).resolves.not.toThrow();
      }
    }
    await root.rm(`${base}/directory`, { recursive: true });
    await root.mkdir(`${base}/directory`);
  }
  root.close();
});

test('asked for by its name it is done, and no other', async () => {
  const { root, at } = (await containerWith(kernels['mqueue'] as Kind)) ?? {};
  if (root === undefined || at === undefined) return;
  const file = '/fs/queue';
  const refused = rejectionOf(root.chmod(file, 0o600, { fileSystems: ['proc', 'cgroup2'] }));
  expect((await refused).message).toContain('of type mqueue');
  const fileSystems = ['proc', 'mqueue'];
  await root.chmod(file, 0o604, { fileSystems });
  expect(statSync(join(at, 'queue')).mode & 0o777).toBe(0o604);
  await root.chown(file, 7, 8, { fileSystems });
  expect(statSync(join(at, 'queue'))).toMatchObject({ uid: 7, gid: 8 });
  const handle = await root.open(file, 'r', 0, { fileSystems });
  await handle.chmod(0o640);
  await handle.close();
  expect(statSync(join(at, 'queue')).mode & 0o777).toBe(0o640);
  await root.rm(file, { fileSystems });
  expect(readdirSync(at)).toEqual([]);
  for (const wrong of ['proc', [''], [7], ['a\0b'], {}]) {
    const error = rejectionOf(root.chmod(file, 0o600, { fileSystems: wrong as never }));
    expect((await error).name).toBe('TypeError');
  }
  root.close();
});

test('what is read there is read as before', async () => {
  const { root } = (await containerWith(kernels['proc'] as Kind)) ?? {};
  if (root === undefined) return;
  expect(await root.readFile('/fs/version', 'utf8')).toBe(readFileSync('/proc/version', 'utf8'));
  const handle = await root.open('/fs/version');
  expect(await handle.readFile('utf8')).toBe(readFileSync('/proc/version', 'utf8'));
  await handle.close();
  root.close();
});

test('a user namespace that shows our files: nothing of ours is changed by its links', async () => {
  const folder = makeFolder();
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'ours', { mode: 0o600 });
  mkdirSync(join(folder, 'directory'));
  writeFileSync(join(folder, 'directory/file'), 'ours');
  const { pid, merged } = await startContainer('user namespace');
  // Bound into it, as all is that `unshare -Urm` shows its user.
  mkdirSync(join(merged, 'ours'));
  execFileSync('nsenter', ['-t', `${pid}`, '-m', 'mount', '--bind', folder, `${merged}/ours`]);
  // A device of ours that is on no file system for files.
  const terminals = join(folder, 'terminals');
  mkdirSync(terminals);
  const devpts = ['-t', 'devpts', '-o', 'newinstance,ptmxmode=0600', 'devpts'];
  execFileSync('nsenter', ['-t', `${pid}`, '-m', 'mount', ...devpts, `${merged}/ours/terminals`]);
  using root = openRoot(pid);
  await root.symlink('/ours/secret', '/tmp/config');
  await root.symlink('/ours/terminals/ptmx', '/tmp/terminal');
  const calls: Calls = {
    writeFile: () => root.writeFile('/tmp/config', 'theirs'),
    atomic: () => root.writeFile('/tmp/config', 'theirs', { atomic: true }),
    appendFile: () => root.appendFile('/tmp/config', 'theirs'),
    open: () => root.open('/tmp/config', 'r+'),
    chmod: () => root.chmod('/tmp/config', 0o666),
    chown: () => root.chown('/tmp/config', 0, 0),
    device: () => root.open('/tmp/terminal', 'w', undefined, { special: true }),
    handle: async () => {
      const handle = await root.open('/tmp/config');
      await handle.chmod(0o666).finally(() => handle.close());
    },
    rename: () => root.rename('/ours/secret', '/ours/moved'),
    onto: () => root.rename('/ours/secret', '/ours/directory/file'),
    rm: () => root.rm('/ours/directory', { recursive: true }),
    mkdir: () => root.mkdir('/ours/made'),
    symlink: () => root.symlink('x', '/ours/made'),
  };
  for (const [name, call] of Object.entries(calls)) {
    const error = await rejectionOf(call());
    expect(error.code, name).toMatch(/^E(PERM|ACCES)$/);
    expect(error.message, name).toContain('its owner is no id of the container');
  }
  expect(readFileSync(secret, 'utf8')).toBe('ours');
  expect(statSync(secret)).toMatchObject({ uid: 0, gid: 0, mode: 0o100600 });
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual([
    'directory',
    'directory/file',
    'secret',
    'terminals',
  ]);
  // What its own root may, it still may; also right after what it may not.
  await root.writeFile('/tmp/own', 'x', { atomic: true });
  await root.chown('/tmp/own', 33, 33);
  await root.rm('/tmp/own');
  expect(statSync(join(merged, 'tmp')).uid).toBe(firstId);
});

/** A process with a name like the line of its status that says who it is. */
const named = "printf '\\rUid:\\t0 0 0 0' > /proc/self/comm; echo ready; kill -STOP $$";

test.each([
  ['ids of nobody', []],
  ['no group', ['--map-user=0']],
])('a user namespace with %s, that shows our files: nothing of ours is changed', async (_, map) => {
  const folder = makeFolder();
  chmodSync(folder, 0o755);
  const theirs = join(folder, 'theirs');
  mkdirSync(theirs);
  chownSync(theirs, 65534, 65534);
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'ours');
  const { pid } = await startTarget([], {
    uid: 65534,
    program: ['unshare', '--user', '--mount', ...map, 'sh', '-c', named],
  });
  for (const target of [pid, { mnt: `/proc/${pid}/ns/mnt` }]) {
    using root = openRoot(target);
    const calls: Calls = {
      writeFile: () => root.writeFile(secret, 'theirs'),
      atomic: () => root.writeFile(secret, 'theirs', { atomic: true }),
      open: () => root.open(secret, 'r+'),
      chmod: () => root.chmod(secret, 0o666),
      rename: () => root.rename(secret, join(folder, 'moved')),
      rm: () => root.rm(secret),
      mkdir: () => root.mkdir(join(folder, 'made')),
      copyIn: () => root.copyIn('/etc/passwd', secret),
    };
    for (const [name, call] of Object.entries(calls)) {
      expect((await rejectionOf(call())).code, name).toMatch(/^E(PERM|ACCES)$/);
    }
    // What its user may, is done as that user.
    await root.writeFile(join(theirs, 'file'), 'x', { atomic: true });
    expect(statSync(join(theirs, 'file'))).toMatchObject({ uid: 65534, gid: 65534 });
    await root.rm(join(theirs, 'file'));
  }
  expect(readFileSync(secret, 'utf8')).toBe('ours');
  expect(readdirSync(folder).sort()).toEqual(['secret', 'theirs']);
});

test.skipIf(!hasProgram('setpriv')).each(['-setuid', '-setgid', '-setuid,-setgid'])(
  'nor by a root that cannot become that user (%s)',
  async without => {
    const folder = makeFolder();
    chmodSync(folder, 0o777);
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'ours', { mode: 0o660 });
    const { pid } = await startTarget([], {
      uid: 65534,
      program: ['unshare', '--user', '--mount', '--map-root-user', 'sh', '-c', named],
    });
    const script = `
      const { openRoot } = await import('linux-namespaces');
      const root = openRoot(${pid});
      const calls = [
        root.writeFile('${secret}', 'theirs'), root.chmod('${secret}', 0o666), root.rm('${secret}'),
        root.mkdir('${folder}/made'), root.copyIn('/etc/passwd', '${secret}'),
      ];
      const all = await Promise.allSettled(calls);
      console.log(all.map(({ reason }) => reason?.code).join());`;
    const line = [
      `--bounding-set=${without}`,
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ];
    const said = execFileSync('setpriv', line, { encoding: 'utf8' });
    expect(said).toMatch(/^(E(PERM|ACCES),?){5}\n$/);
    expect(readFileSync(secret, 'utf8')).toBe('ours');
    expect(readdirSync(folder)).toEqual(['secret']);
  },
);

test('a user namespace that root made: changed by its ids, which a process shows', async () => {
  const folder = makeFolder();
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'ours', { mode: 0o600 });
  const { pid } = await startTarget(['user', 'mnt']);
  using byPath = openRoot({ mnt: `/proc/${pid}/ns/mnt` });
  using handle = openNamespaces(pid, ['user', 'mnt']);
  using byHandle = openRoot(handle);
  for (const root of [byPath, byHandle]) {
    const calls: Calls = {
      writeFile: () => root.writeFile(secret, 'theirs'),
      atomic: () => root.writeFile(secret, 'theirs', { atomic: true }),
      chmod: () => root.chmod(secret, 0o666),
      rm: () => root.rm(secret),
      mkdir: () => root.mkdir(join(folder, 'made')),
      copyIn: () => root.copyIn('/etc/passwd', secret),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await rejectionOf(call());
      expect(error.code, name).toMatch(/^E(PERM|ACCES)$/);
      expect(error.message, name).toContain('say a pid');
    }
    expect(await root.readFile(secret, 'utf8')).toBe('ours');
  }
  expect(readdirSync(folder)).toEqual(['secret']);
  using root = openRoot(pid);
  await root.writeFile(secret, 'changed');
  expect(readFileSync(secret, 'utf8')).toBe('changed');
});

test('A3 as a program, from an unprivileged user [needs setpriv]', async () => {
  const program = new URL('../../attacks/sysctl-link.mjs', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [program, '12']);
  expect(stdout).toBe('won 0 of 12\n');
});
