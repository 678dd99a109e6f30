/**
 * What can wait for somebody else takes a `signal`, checked by `npm run lint` (tsc): a function that is
 * new, and gives a promise or a stream, is missing here until it has one. Never run.
 */
import type * as library from 'linux-namespaces';
import {
  type ContainerRoot,
  evaluate,
  exec,
  execFile,
  fork,
  type Namespaces,
  openWorker,
  spawn,
} from 'linux-namespaces';

type Waits<Result> = Result extends Promise<unknown> | NodeJS.ReadableStream | NodeJS.WritableStream
  ? true
  : false;
type Waiting<Of> = {
  [Name in keyof Of]: Of[Name] extends (...args: never[]) => infer Result
    ? true extends Waits<Result>
      ? Name
      : never
    : never;
}[keyof Of];

declare const root: ContainerRoot;
declare const handle: Namespaces;
const { signal } = new AbortController();
const all = { signal };

export const ofRoot: Record<Exclude<Waiting<ContainerRoot>, symbol>, () => unknown> = {
  readFile: () => root.readFile('/a', all),
  writeFile: () => root.writeFile('/a', '', all),
  appendFile: () => root.appendFile('/a', '', all),
  open: () => root.open('/a', 'r', 0, all),
  readdir: () => root.readdir('/a', all),
  stat: () => root.stat('/a', all),
  lstat: () => root.lstat('/a', all),
  readlink: () => root.readlink('/a', all),
  realpath: () => root.realpath('/a', all),
  mkdir: () => root.mkdir('/a', all),
  rm: () => root.rm('/a', all),
  rename: () => root.rename('/a', '/b', all),
  chmod: () => root.chmod('/a', 0, all),
  chown: () => root.chown('/a', 0, 0, all),
  symlink: () => root.symlink('/a', '/b', all),
  exists: () => root.exists('/a', all),
  copyOut: () => root.copyOut('/a', '/b', all),
  copyIn: () => root.copyIn('/a', '/b', all),
  extract: () => root.extract([Buffer.of()], '/a', all),
  archive: () => root.archive('/a', all),
  createReadStream: () => root.createReadStream('/a', all),
  createWriteStream: () => root.createWriteStream('/a', all),
};

/** They wait for the kernel and for files of this machine alone, or have limits of their own. */
type Bounded =
  | 'createNamespaces'
  | 'findContainer'
  | 'listContainers'
  | 'listInterfaces'
  | 'listNamespaces'
  | 'listSockets'
  | 'processTree';

export const ofLibrary: Record<Exclude<Waiting<typeof library>, Bounded>, () => unknown> = {
  evaluate: () => evaluate(1, { types: 'all', signal }, () => 1),
  openWorker: () => openWorker(1, 'all', all),
};

spawn('true', [], all);
exec('true', all);
execFile('true', [], all);
handle.spawn('true', [], all);
handle.exec('true', all);
handle.execFile('true', [], all);
fork('a.js', [], all);
