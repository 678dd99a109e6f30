/**
 * What is done while system calls fail: by name a function that does one thing with the library and
 * gives back what came of it, which is to be the same whenever it succeeds. What it makes it removes.
 */
import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import { join } from 'node:path';

export const library = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const { openRoot, spawn, spawnSync } = library;
const all = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];

/** A process in new namespaces. */
async function startTarget(options) {
  const child = nodeSpawn(
    'unshare',
    ['--kill-child', '-f', ...options, 'sh', '-c', 'echo ready; exec sleep infinity'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const inner = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  return { pid: Number(inner), stop: () => child.kill('SIGKILL') };
}

/** The targets, and a folder for files. */
export async function makeWorld() {
  const folder = fs.mkdtempSync(join(os.tmpdir(), 'linux-namespaces-faults-'));
  fs.chmodSync(folder, 0o755);
  const tree = join(folder, 'tree');
  fs.mkdirSync(join(tree, 'a/b'), { recursive: true });
  for (let i = 0; i < 40; i++) fs.writeFileSync(join(tree, `a/file${i}`), `${i}`.repeat(i));
  fs.writeFileSync(join(tree, 'a/b/large'), Buffer.alloc(300_000, 'x'));
  fs.linkSync(join(tree, 'a/file7'), join(tree, 'a/b/seven'));
  fs.symlinkSync('a/file1', join(tree, 'link'));
  const [plain, deep] = await Promise.all([
    startTarget(['--net', '--uts', '--ipc']),
    startTarget(['-CimnpuT', '-r', '--mount-proc']),
  ]);
  const state = join(folder, 'state/run/runc/web');
  fs.mkdirSync(state, { recursive: true });
  const fields = fs.readFileSync(`/proc/${plain.pid}/stat`, 'latin1').split(') ')[1].split(' ');
  const config = { rootfs: '/srv', labels: ['bundle=/srv'], hostname: 'web' };
  fs.writeFileSync(
    join(state, 'state.json'),
    JSON.stringify({
      id: 'web',
      init_process_pid: plain.pid,
      init_process_start: Number(fields[19]),
      created: '2026-01-01T00:00:00Z',
      config,
    }),
  );
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    folder,
    tree,
    port: /** @type {net.AddressInfo} */ (server.address()).port,
    plain: plain.pid,
    deep: deep.pid,
    inodes: new Map(
      [plain.pid, deep.pid, 'self'].map(pid => [
        pid,
        Object.fromEntries(all.map(type => [type, fs.readlinkSync(`/proc/${pid}/ns/${type}`)])),
      ]),
    ),
    stop() {
      for (const target of [plain, deep]) target.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The code and output of a child; what it was not to be is an error. */
function outcome(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    let failed;
    child.stdout?.on('data', bytes => (output += bytes));
    for (const one of [child, ...(child.stdio ?? [])])
      one?.on('error', error => (failed ??= error));
    child.on('close', (code, signal) => {
      if (failed) reject(failed);
      else resolve({ code, signal, output });
    });
  });
}

const links = types => types.map(type => `/proc/self/ns/${type}`);

/** Runs readlink(1), and says in which types it was not where it should have been. */
async function place(w, options, types) {
  const { code, signal, output } = await outcome(spawn('readlink', links(types), options));
  const wanted = w.inodes.get(options.target);
  const seen = output.trim().split('\n');
  return { code, signal, elsewhere: types.filter((type, i) => seen[i] !== wanted[type]) };
}

/** The same for new namespaces, which are nobody's. */
async function placeAnew(w, options, types) {
  const { code, signal, output } = await outcome(spawn('readlink', links(types), options));
  const ours = w.inodes.get('self');
  const seen = output.trim().split('\n');
  return { code, signal, elsewhere: types.filter((type, i) => !seen[i] || seen[i] === ours[type]) };
}

async function create(w, types, options) {
  const made = await library.createNamespaces(types, options);
  try {
    return {
      types: made.types,
      ours: types.filter(type => w.inodes.get('self')[type] === `${type}:[${made.inode(type)}]`),
    };
  } finally {
    made.close();
  }
}

/** Work on the files of a target, in `w.work`, which the runner makes and removes. */
async function withRoot(w, work) {
  const root = openRoot(w.plain);
  try {
    return await work(root, w.work);
  } finally {
    root.close();
  }
}

const sorted = names => [...names].sort();
/** What is in the folder of the work, with lengths and modes. */
const files = ({ work }) =>
  sorted(fs.readdirSync(work, { recursive: true })).map(name => {
    const { mode, size, uid, gid } = fs.lstatSync(join(work, name));
    return [name, mode, uid, gid, (mode & 0o170000) === 0o100000 ? size : 0];
  });
/** The same, where nothing of it is to be there if it fails but the old file, whole. */
const replaced = (w, failed) => {
  const text = fs.readFileSync(join(w.work, 'file'), 'utf8');
  const names = fs.readdirSync(w.work);
  const whole = text === 'old' || text === 'x'.repeat(300_000);
  if (failed && (!whole || names.length > 1)) return { wrong: `${text.length} bytes in ${names}` };
  return [text.length, names];
};

const three = ['net', 'uts', 'ipc'];
const most = all.filter(type => type !== 'cgroup');

export const scenarios = {
  'spawn: net, uts, ipc': w => place(w, { target: w.plain }, three),
  'spawn: all types': w => place(w, { target: w.deep }, most),
  'spawn: what the target lends': w =>
    place(
      w,
      { target: w.deep, credentials: 'target', env: 'target', cgroup: 'target', root: 'target' },
      most,
    ),
  'spawn: until we end': w => place(w, { target: w.plain, killOnParentExit: true }, ['net']),
  'spawn: as somebody': w =>
    place(
      w,
      { target: w.plain, uid: 1234, gid: 1234, groups: [5], capabilities: [], noNewPrivs: true },
      ['net'],
    ),
  'spawn: new namespaces': w =>
    placeAnew(
      w,
      {
        unshare: all,
        ...{ idMap: 'root', hostname: 'h', loopback: true, mountProc: true, monotonic: 5 },
      },
      all,
    ),
  'spawn: new ones in joined ones': w =>
    placeAnew(w, { target: w.deep, unshare: ['net', 'mnt', 'pid'], mountProc: true }, [
      'net',
      'mnt',
    ]),
  'spawnSync: net, with input': w => {
    const options = { target: w.plain, input: 'x'.repeat(100_000), encoding: 'utf8' };
    const command = 'readlink /proc/self/ns/net; wc -c';
    const { error, status, stdout } = spawnSync('sh', ['-c', command], options);
    if (error) throw error;
    const [net, count] = stdout.trim().split('\n');
    const elsewhere = net === w.inodes.get(w.plain).net ? [] : ['net'];
    return { status, elsewhere, count };
  },
  'spawn: no such program': w =>
    outcome(spawn('/no/such/program', { target: w.plain })).then(
      () => 'it ran',
      error => {
        if (error.code !== 'ENOENT') throw error;
        return 'ENOENT';
      },
    ),
  evaluate: async w => {
    const fn = types => types.map(type => fs.readlinkSync(`/proc/self/ns/${type}`));
    const seen = await library.evaluate(w.deep, 'all', fn, most);
    return most.filter((type, i) => seen[i] !== w.inodes.get(w.deep)[type]);
  },
  'evaluate: a sandbox': () =>
    library.evaluate({ unshare: ['net', 'pid', 'mnt', 'uts'], hostname: 'box' }, 'all', () =>
      os.hostname(),
    ),
  'create: net, uts, ipc': w => create(w, three, { hostname: 'h', loopback: true }),
  'create: user, mnt, pid, time': w =>
    create(w, ['user', 'mnt', 'pid', 'time'], { idMap: 'root', monotonic: 7 }),
  callback: w => {
    const inside = library.withNamespaces(w.plain, ['net', 'uts'], () =>
      fs.readlinkSync('/proc/thread-self/ns/net'),
    );
    return inside === w.inodes.get(w.plain).net;
  },
  'callback: what it starts': async w => {
    const seen = library.withNamespaces(w.plain, ['net'], async () => {
      await new Promise(setImmediate);
      return fs.readlinkSync('/proc/thread-self/ns/net');
    });
    return (await seen) === w.inodes.get(w.plain).net;
  },
  namespaces: async w => {
    const list = await library.listNamespaces();
    const known = pid => list.some(({ inode }) => w.inodes.get(pid).net === `net:[${inode}]`);
    return ['self', w.plain, w.deep].map(known);
  },
  tree: async w => {
    const found = [];
    const walk = nodes => {
      for (const { pid, children } of nodes) {
        found.push(pid);
        walk(children);
      }
    };
    walk([await library.processTree()].flat());
    return [process.pid, w.plain, w.deep].map(pid => found.includes(pid));
  },
  sockets: async w => {
    const list = await library.listSockets(process.pid, { listening: true });
    const one = list.find(socket => socket.local.port === w.port);
    return [one?.protocol, one?.state, one?.processes.some(({ pid }) => pid === process.pid)];
  },
  interfaces: async w =>
    (await library.listInterfaces(w.plain)).map(({ name, mac, addresses }) => [
      name,
      mac,
      addresses,
    ]),
  containers: async w => {
    const list = await library.listContainers({ root: join(w.folder, 'state') });
    if (list.problems.length > 0) throw list.problems[0]; // it is named
    return list.map(({ id, state, pid }) => [id, state, pid === w.plain]);
  },
  'copy out': {
    run: w =>
      withRoot(w, (root, work) =>
        root.copyOut(w.tree, join(work, 'copy'), { preserveOwners: true }),
      ),
    look: (w, failed) => (failed ? {} : files(w)),
  },
  'copy in': {
    run: w => withRoot(w, (root, work) => root.copyIn(w.tree, join(work, 'copy'))),
    look: (w, failed) => (failed ? {} : files(w)),
  },
  'copy over a file': {
    run: w =>
      withRoot(w, (root, work) => root.copyIn(join(w.tree, 'a/b/large'), join(work, 'file'))),
    before: w => fs.writeFileSync(join(w.work, 'file'), 'old'),
    look: replaced,
  },
  'write atomically': {
    run: w =>
      withRoot(w, (root, work) =>
        root.writeFile(join(work, 'file'), 'x'.repeat(300_000), { atomic: true }),
      ),
    before: w => fs.writeFileSync(join(w.work, 'file'), 'old'),
    look: replaced,
  },
  'read and write': w =>
    withRoot(w, async (root, work) => {
      const path = join(work, 'file');
      await root.writeFile(path, 'hello');
      await root.appendFile(path, Buffer.alloc(200_000, 'y'));
      return (await root.readFile(path)).length;
    }),
  streams: {
    run: w =>
      withRoot(w, async (root, work) => {
        let length = 0;
        const path = join(w.tree, 'a/b/large');
        for await (const chunk of root.createReadStream(path)) length += chunk.length;
        const stream = root.createWriteStream(join(work, 'file'));
        stream.end('text');
        await once(stream, 'close');
        return length;
      }),
    look: (w, failed) => (failed ? {} : files(w)),
  },
  'look at files': w =>
    withRoot(w, async root => [
      sorted(await root.readdir(w.tree)),
      sorted(await root.readdir(w.tree, { recursive: true })).length,
      (await root.stat(join(w.tree, 'link'))).size,
      (await root.lstat(join(w.tree, 'link'))).isSymbolicLink(),
      await root.readlink(join(w.tree, 'link')),
      (await root.realpath(join(w.tree, 'link'))).endsWith('tree/a/file1'),
      await root.exists(join(w.tree, 'link')),
    ]),
  'change files': {
    run: w =>
      withRoot(w, async (root, work) => {
        await root.mkdir(join(work, 'one/two'), { recursive: true });
        await root.symlink('two', join(work, 'one/link'));
        await root.writeFile(join(work, 'one/two/file'), '');
        await root.chmod(join(work, 'one/two/file'), 0o640);
        await root.chown(join(work, 'one/two/file'), 1, 2);
        await root.rename(join(work, 'one/two/file'), join(work, 'three'));
        await root.rm(join(work, 'one'), { recursive: true });
      }),
    look: (w, failed) => (failed ? {} : files(w)),
  },
};
