/**
 * One function of the library, in whatever runtime this is: `right`, `refused` with the message, or
 * `WRONG` with what it did. Without a name: the names of all.
 */
import { readlinkSync } from 'node:fs';
import os from 'node:os';

const lib = new URL(process.env.LINUX_NAMESPACES ?? '../lib/index.js', import.meta.url);
const library = await import(lib.href);
const syscalls = await import(new URL('syscalls.js', lib).href);
const [name] = process.argv.slice(2);
const own = readlinkSync('/proc/self/ns/net');
const line = ['-c', 'readlink /proc/self/ns/net'];
const options = { unshare: ['net'] };

const isElsewhere = said => said.startsWith('net:[') && said.trim() !== own;
const elsewhere = child =>
  new Promise((done, fail) => {
    let said = '';
    child.stdout.on('data', data => {
      said += data;
    });
    child.on('error', fail);
    child.on('close', () => done(isElsewhere(said)));
  });
const lab = async look => {
  const handle = await library.createNamespaces(['net', 'uts'], { hostname: 'lab' });
  try {
    return await look(handle);
  } finally {
    handle.close();
  }
};
const rooted = async look => {
  const root = library.openRoot(process.pid);
  try {
    return await look(root);
  } finally {
    root.close();
  }
};
const pid = process.pid;

const net = () => syscalls.openNamespace('/proc/self/ns/net');
/** What it says is of the kernel. */
const gives = (call, code) => {
  try {
    call();
  } catch (error) {
    if (error.code === code) return true;
    throw error;
  }
  return false;
};

/** @type {Record<string, () => unknown>} */
const calls = {
  spawn: () => elsewhere(library.spawn('sh', line, options)),
  'spawn, without options of ours': async () => {
    library.spawn('true', [], { stdio: 'ignore' });
    return true; // as node:child_process
  },
  spawnSync: () => isElsewhere(`${library.spawnSync('sh', line, options).stdout}`),
  execFileSync: () => isElsewhere(`${library.execFileSync('sh', line, options)}`),
  execSync: () => isElsewhere(`${library.execSync(line[1], options)}`),
  execFile: () => elsewhere(library.execFile('sh', line, options)),
  exec: () => elsewhere(library.exec(line[1], options)),
  fork: () =>
    elsewhere(
      library.fork(new URL('./say-net.mjs', import.meta.url), [], { ...options, silent: true }),
    ),
  withNamespaces: () => library.withNamespaces({ net: '/proc/self/ns/net' }, ['net'], () => true),
  outside: () => library.outside(() => readlinkSync('/proc/thread-self/ns/net') === own),
  currentNamespaces: () => library.currentNamespaces() === undefined,
  openNamespaces: () => `net:[${library.openNamespaces(pid, ['net']).inode('net')}]` === own,
  createNamespaces: () => lab(handle => handle.run(() => os.hostname()) === 'lab'),
  networks: async () => {
    const before = library.networks.list();
    const network = await library.networks.create(`runtimes-${pid}`);
    try {
      return library.networks.list().length === before.length + 1;
    } finally {
      network.close();
      library.networks.remove(`runtimes-${pid}`);
    }
  },
  unbindNamespace: () => {
    try {
      library.unbindNamespace('/nonexistent/file');
    } catch (error) {
      if (error.code === 'ENOENT') return true;
      throw error;
    }
  },
  namespacesOf: () => library.namespacesOf(pid).net.ours,
  sameNamespaces: () => library.sameNamespaces(pid, pid),
  listNamespaces: async () =>
    (await library.listNamespaces()).some(one => one.ours && one.type === 'net'),
  processTree: async () => JSON.stringify(await library.processTree(pid)).includes(`"pid":${pid}`),
  listSockets: async () => Array.isArray(await library.listSockets(pid)),
  listInterfaces: async () => (await library.listInterfaces(pid)).some(one => one.name === 'lo'),
  listContainers: async () => Array.isArray(await library.listContainers()),
  findContainer: async () =>
    library.findContainer('no such').catch(error => {
      if (error.code === 'ENOENT') return true;
      throw error;
    }),
  openRoot: () => rooted(async root => (await root.readFile('/proc/version')).length > 0),
  evaluate: async () => (await library.evaluate(pid, ['net'], () => 42)) === 42,
  openWorker: async () => {
    const worker = await library.openWorker(pid, ['net']);
    try {
      return (await worker.evaluate(() => 42)) === 42;
    } finally {
      await worker.close();
    }
  },
  NamespaceError: () => library.NamespaceError.prototype instanceof Error,
  WorkerError: () => library.WorkerError.prototype instanceof Error,
  Namespaces: () => typeof library.Namespaces === 'function',
  'syscalls.pidfdOpen': () => syscalls.pidfdOpen(pid) > 0,
  'syscalls.pidfdNamespace': () => syscalls.pidfdNamespace(syscalls.pidfdOpen(pid), 'net') > 0,
  'syscalls.openNamespace': () => net() > 0,
  'syscalls.nsType': () => syscalls.nsType(net()) === 'net',
  'syscalls.nsParent': () => gives(() => syscalls.nsParent(net()), 'EINVAL'),
  'syscalls.nsOwner': () => syscalls.nsOwner(net()) > 0,
  'syscalls.nsOwnerUid': () => gives(() => syscalls.nsOwnerUid(net()), 'EINVAL'),
  'syscalls.nsId': () => syscalls.nsId(net()) > 0n,
  'syscalls.nsInode': () => `net:[${syscalls.nsInode(net())}]` === own,
  'syscalls.setns': () => syscalls.setns(net(), 'net') === undefined,
  'syscalls.unshare': () => gives(() => syscalls.unshare('pid'), 'ENOTSUP') || true,
  'syscalls.clone': () => syscalls.clone(['uts'], '/bin/true').pid > 0,
  'syscalls.waitid': async () =>
    (await syscalls.waitid(syscalls.clone(['uts'], '/bin/true').pidfd)).code === 0,
};

if (name === undefined) {
  const raw = Object.keys(syscalls).filter(one => /^[a-z]/.test(one));
  const all = [...Object.keys(library), ...raw.map(one => `syscalls.${one}`)];
  const missing = all.filter(one => !(one in calls));
  if (missing.length > 0) throw new Error(`not tried: ${missing}`);
  console.log(JSON.stringify(Object.keys(calls)));
} else {
  const says = await Promise.resolve()
    .then(calls[name])
    .then(
      value => (value === true ? 'right' : `WRONG: ${value}`),
      error => `refused: ${error?.message}`,
    );
  console.log(says);
}
process.exit(0);
