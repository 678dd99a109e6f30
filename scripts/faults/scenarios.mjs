/**
 * What is done while system calls fail: by name a function that does one thing with the library and
 * gives back what came of it, which is to be the same whenever it succeeds. What it makes it removes.
 */
import { spawn as nodeSpawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { all, library } from './world.mjs';

const { openRoot, spawn, spawnSync } = library;

/** The code and output of a child; what it was not to be is an error. */
function outcome(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    let failed;
    (child.terminal ?? child.stdout)?.on('data', bytes => (output += bytes));
    for (const one of [child, child.terminal, ...(child.stdio ?? [])])
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
  return placed(w, await outcome(spawn('readlink', links(types), options)), options.target, types);
}

function placed(w, { code, signal, output }, target, types) {
  const wanted = w.inodes.get(target);
  const seen = output.trim().split(/\r?\n/);
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
    const { mode, size, uid, gid, nlink } = fs.lstatSync(join(work, name));
    return [name, mode, uid, gid, (mode & 0o170000) === 0o100000 ? [size, nlink] : 0];
  });
/** The same, where nothing of it is to be there if it fails but the old file, whole. */
const replaced = (w, failed, name = 'file') => {
  const text = fs.readFileSync(join(w.work, name), 'utf8');
  const names = fs.readdirSync(w.work);
  const whole = text === 'old' || text === 'x'.repeat(300_000);
  if (failed && (!whole || names.length > 1)) return { wrong: `${text.length} bytes in ${names}` };
  return [text.length, names];
};

const command = join(import.meta.dirname, '../../lib/cli.cjs');

/**
 * The command, which becomes the program: what it says of a failure has the name of the error in it, or
 * where there is no request yet the number.
 */
const launchers = /^child launcher/; // of its calls those that are ours
async function become(...args) {
  const child = nodeSpawn(process.execPath, [command, ...args]);
  child.stdin.end();
  let said = '';
  child.stderr.on('data', bytes => (said += bytes));
  const ended = await outcome(child);
  if (said === '') return ended;
  const number = Number(/: errno (\d+)$/m.exec(said)?.[1]);
  const code = /\bE[A-Z0-9]{2,}\b/.exec(said)?.[0] ?? getSystemErrorName(-number);
  throw Object.assign(new Error(said.trim()), { code });
}

async function collect(stream) {
  const hash = createHash('sha256');
  for await (const bytes of stream) hash.update(bytes);
  return hash.digest('hex');
}

/** Of those of two cgroups that the first is in a folder of its own. */
const cgroupsOf = pid =>
  fs.readFileSync(`/proc/${pid}/cgroup`, 'utf8').match(/^.*linux-namespaces-faults.*$/gm);

/** Whether a file is a namespace that is kept there, which it ends: of a failure neither is to be left. */
const kept = (w, failed) => {
  const path = join(w.work, 'kept');
  const mounted = fs.readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);
  if (mounted) library.unbindNamespace(path);
  const left = fs.readdirSync(w.work);
  if (left.length > 0 || (failed && mounted)) return { wrong: `${path} is left` };
  return mounted;
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
  'spawn: with tools of ours': w =>
    place(
      w,
      { target: w.deep, tools: true },
      most.filter(type => type !== 'mnt'),
    ),
  'spawnSync: net, with input': w => {
    const options = { target: w.plain, input: 'x'.repeat(100_000), encoding: 'utf8' };
    const command = 'readlink /proc/self/ns/net; wc -c';
    const { error, status, stdout } = spawnSync('sh', ['-c', command], options);
    if (error) throw error;
    const [net, count] = stdout.trim().split('\n');
    const elsewhere = net === w.inodes.get(w.plain).net ? [] : ['net'];
    return { status, elsewhere, count };
  },
  'spawnSync: all types': w => {
    const { error, status, signal, stdout } = spawnSync('readlink', links(most), {
      target: w.deep,
      encoding: 'utf8',
    });
    if (error) throw error;
    return placed(w, { code: status, signal, output: stdout }, w.deep, most);
  },
  'spawnSync: what takes too long': w => {
    const { error } = spawnSync('sleep', ['60'], { target: w.plain, timeout: 300 });
    if (error?.code !== 'ETIMEDOUT') throw error;
    return 'ended';
  },
  'terminal: net': w => place(w, { target: w.plain, terminal: true }, ['net']),
  'terminal: all types': w => place(w, { target: w.deep, terminal: true }, most),
  'terminal: what is typed': w => {
    const options = { target: w.plain, terminal: { columns: 91, rows: 17 } };
    const child = spawn(
      'sh',
      ['-c', 'stty -echo; echo ready; read a; echo $a; stty size'],
      options,
    );
    child.terminal.once('data', () => child.terminal.write('typed\n'));
    return outcome(child);
  },
  'tools: all types': w => place(w, { target: w.deep, tools: true }, most),
  'tools: the root of the target': w =>
    outcome(
      spawn('ls', ['/container', '/usr/bin/env', '/etc/passwd'], { target: w.deep, tools: true }),
    ),
  'cgroup: that of the target': async w => {
    const options = { target: w.limited, cgroup: 'target' };
    const { output, ...ended } = await outcome(spawn('cat', ['/proc/self/cgroup'], options));
    const seen = output.match(/^.*linux-namespaces-faults.*$/gm);
    return [ended, seen, String(seen) === String(cgroupsOf(w.limited))];
  },
  'in place: enter': {
    run: async w => {
      const ended = await become(
        'enter',
        '-t',
        w.plain,
        '-n',
        '-u',
        '-i',
        'readlink',
        ...links(three),
      );
      return placed(w, ended, w.plain, three);
    },
    sites: launchers,
  },
  'in place: enter, as its parent': {
    run: async w => {
      const ended = await become('enter', '-t', w.deep, '-a', 'readlink', ...links(most));
      return placed(w, ended, w.deep, most);
    },
    sites: launchers,
  },
  'in place: run': {
    run: () =>
      become('run', '-U', '-r', '-p', '-f', '-m', '--mount-proc', 'sh', '-c', 'echo $$; id -u'),
    sites: launchers,
  },
  'in place: run, kept in a file': {
    run: w => become('run', `--uts=${join(w.work, 'kept')}`, 'true'),
    // As of unshare(1), it stays where the program could not be executed.
    look: w => kept(w, false),
    sites: launchers,
  },
  'kept in a file': {
    run: async w => {
      const made = await library.createNamespaces(['uts'], { hostname: 'h' });
      try {
        made.bind('uts', join(w.work, 'kept'));
      } finally {
        made.close();
      }
    },
    look: kept,
  },
  'a network with a name': async () => {
    const name = `linux-namespaces-faults-${process.pid}`;
    const made = await library.networks.create(name, { loopback: true });
    try {
      return library.networks.list().includes(name);
    } finally {
      made.close();
      try {
        library.networks.remove(name);
      } catch {
        library.networks.remove(name); // that has failed, so it still is there
      }
    }
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
    // A process that could not be looked into is counted.
    const owned = one?.processes.some(({ pid }) => pid === process.pid) || list.unreadable > 0;
    return [one?.protocol, one?.state, owned];
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
  archive: w => withRoot(w, root => collect(root.archive(w.tree))),
  extract: {
    run: w =>
      withRoot(w, (root, work) => root.extract([w.archive], work, { preserveOwners: true })),
    look: (w, failed) => (failed ? {} : files(w)),
  },
  'extract over a file': {
    run: w =>
      withRoot(w, async (root, work) => {
        const archive = root.archive(join(w.tree, 'a/b/large'));
        await root.extract(archive, work);
      }),
    before: w => fs.writeFileSync(join(w.work, 'large'), 'old'),
    look: (w, failed) => replaced(w, failed, 'large'),
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
