/**
 * Misspelt options of the functions that are not of children (child.ts), each beside one that is right:
 * an error of the compiler, checked by `npm run lint` (tsc). Never run.
 */
import type { BigIntStats, Stats } from 'node:fs';
import {
  type ContainerRoot,
  createNamespaces,
  evaluate,
  findContainer,
  listContainers,
  listNamespaces,
  listSockets,
  networks,
  openWorker,
  processTree,
} from 'linux-namespaces';

declare const root: ContainerRoot;
const { signal } = new AbortController();

// What the options say of the result.
const isBig = Math.random() > 0.5;
root.stat('/a') satisfies Promise<Stats>;
root.stat('/a', { signal }) satisfies Promise<Stats>;
root.stat('/a', { bigint: false }) satisfies Promise<Stats>;
root.lstat('/a', { bigint: true }) satisfies Promise<BigIntStats>;
root.lstat('/a', { bigint: isBig }) satisfies Promise<Stats | BigIntStats>;
// @ts-expect-error: it may be either
root.lstat('/a', { bigint: isBig }) satisfies Promise<Stats>;
root.readFile('/a') satisfies Promise<Buffer>;
root.readFile('/a', { encoding: null, signal }) satisfies Promise<Buffer>;
root.readFile('/a', { encoding: 'utf8', signal }) satisfies Promise<string>;
root.readFile('/a', 'latin1') satisfies Promise<string>;
root.readFile('/a', { encoding: isBig ? 'utf8' : null }) satisfies Promise<string | Buffer>;

// @ts-expect-error: misspelt
void createNamespaces(['net'], { loopback: true, hostnam: 'x' });
// @ts-expect-error: misspelt
void networks.create('blue', { loopbak: true });
// @ts-expect-error: misspelt
void evaluate(1, { types: 'all', timeot: 5 }, () => 1);
// @ts-expect-error: misspelt
void openWorker(1, ['net'], { timeout: 5, credential: 'target' });
// @ts-expect-error: misspelt
void openWorker(1, ['net'], { timeout: 5, resourceLimits: { stackSizeMB: 4 } });
// @ts-expect-error: misspelt
void openWorker({ unshare: ['uts'], hostnam: 'x' }, 'all');
// @ts-expect-error: misspelt
void listNamespaces({ holders: true, persistant: true });
// @ts-expect-error: misspelt
void processTree(1, { container: false });
// @ts-expect-error: misspelt
void listSockets(1, { listenning: true });
// @ts-expect-error: misspelt
void listContainers({ timeout: 5, directory: {} });
// @ts-expect-error: misspelt
void findContainer('web', { timeout: 5, directories: { dockr: {} } });

// @ts-expect-error: misspelt
void root.readFile('/a', { encoding: 'utf8', sginal: signal });
// @ts-expect-error: misspelt
void root.readFile('/a', { special: true, sginal: signal });
// @ts-expect-error: misspelt
void root.readFile('/a', { encoding: null, sginal: signal });
// @ts-expect-error: misspelt
void root.writeFile('/a', '', { atomic: true, sginal: signal });
// @ts-expect-error: misspelt
void root.appendFile('/a', '', { mode: 0o600, sginal: signal });
// @ts-expect-error: misspelt
void root.open('/a', 'r', 0, { special: true, sginal: signal });
// @ts-expect-error: misspelt
void root.readdir('/a', { recursive: true, withFileType: true });
// @ts-expect-error: misspelt
void root.readdir('/a', { withFileTypes: true, recursiv: true });
// @ts-expect-error: misspelt
void root.readdir('/a', { encoding: 'buffer', recursiv: true });
// @ts-expect-error: misspelt
void root.stat('/a', { bigint: true, sginal: signal });
// @ts-expect-error: misspelt
void root.stat('/a', { sginal: signal });
// @ts-expect-error: misspelt
void root.lstat('/a', { bigint: true, sginal: signal });
// @ts-expect-error: misspelt
void root.readlink('/a', { encoding: 'buffer', sginal: signal });
// @ts-expect-error: misspelt
void root.realpath('/a', { encoding: 'buffer', sginal: signal });
// @ts-expect-error: misspelt
void root.mkdir('/a', { recursive: true, mod: 0o700 });
// @ts-expect-error: misspelt
void root.rm('/a', { force: true, recursiv: true });
// @ts-expect-error: misspelt
void root.rename('/a', '/b', { signal, fileSystem: [] });
// @ts-expect-error: misspelt
void root.chmod('/a', 0, { signal, fileSystem: [] });
// @ts-expect-error: misspelt
void root.chown('/a', 0, 0, { signal, fileSystem: [] });
// @ts-expect-error: misspelt
void root.symlink('/a', '/b', { signal, fileSystem: [] });
// @ts-expect-error: misspelt
void root.exists('/a', { sginal: signal });
// @ts-expect-error: misspelt
void root.copyOut('/a', '/b', { preserveOwners: true, dereferenc: true });
// @ts-expect-error: misspelt
void root.copyIn('/a', '/b', { preserveOwners: true, dereferenc: true });
// @ts-expect-error: misspelt
void root.archive('/a', { special: true, oneFilesystem: true });
// @ts-expect-error: misspelt
void root.extract([Buffer.of()], '/a', { special: true, preserveOwner: true });
// @ts-expect-error: misspelt
root.createReadStream('/a', { start: 1, sginal: signal });
// @ts-expect-error: misspelt
root.createWriteStream('/a', { start: 1, sginal: signal });
// @ts-expect-error: misspelt
root.createReadStream('/a', { start: 1, fd: 3 });
// @ts-expect-error: misspelt
root.createWriteStream('/a', { start: 1, fs: {} });
