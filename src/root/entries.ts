/** What stat and readdir give, as Node's own objects: Stats, BigIntStats, Dirent. */
import fs, { type BigIntStats, type Dirent, type Stats } from 'node:fs';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { decoded } from './options.ts';

/** In the order of native/root/operation.cc; behind them, each time in seconds and nanoseconds. */
const numbers = [
  'dev',
  'mode',
  'nlink',
  'uid',
  'gid',
  'rdev',
  'blksize',
  'ino',
  'size',
  'blocks',
] as const;
const times = ['atime', 'mtime', 'ctime', 'birthtime'] as const;
const second = 1_000_000_000n; // nanoseconds

/** Made after one that Node itself gave: so it has whatever fields and methods that Node's have. */
export function statsOf(data: Buffer, bigint: boolean): Stats | BigIntStats {
  const model = fs.statSync('/', { bigint });
  const stats = Object.create(Object.getPrototypeOf(model));
  const at = (index: number) => data.readBigInt64LE(index * 8);
  numbers.forEach((name, i) => {
    stats[name] = bigint ? at(i) : Number(at(i));
  });
  const all = times.map((name, i) => {
    const index = numbers.length + 2 * i;
    return { name, ns: at(index) * second + at(index + 1), part: at(index + 1) };
  });
  for (const { name, ns } of all) {
    stats[`${name}Ms`] = bigint
      ? ns / 1_000_000n
      : Number(ns / second) * 1000 + Number(ns % second) / 1e6;
  }
  for (const { name, ns } of all) {
    if (bigint) stats[`${name}Ns`] = ns;
    // Up to Node 20 these are fields, made when the object is.
    if (Object.hasOwn(model, name)) stats[name] = new Date(Math.round(Number(stats[`${name}Ms`])));
  }
  // From Node 26 on, what is left of the seconds of each, for its Temporal.Instants.
  for (const symbol of Object.getOwnPropertySymbols(model)) {
    const name = /partial(\w+)Ns$/i.exec(symbol.description ?? '')?.[1]?.toLowerCase();
    const time = all.find(each => each.name === name);
    if (time) stats[symbol] = Number(time.part);
  }
  return stats;
}

/** Node's types of entries, which its type definitions do not have. */
const kinds = fs.constants as unknown as { UV_DIRENT_LINK: number; UV_DIRENT_DIR: number };

type Entry = Dirent | Dirent<Buffer>;
type DirentClass = new (name: string | Buffer, type: number, parentPath: string) => Entry;

let direntClass: DirentClass | undefined;

/** Nothing documents how one is made: so it is tried out, once. */
function checkedDirent(): DirentClass {
  if (direntClass !== undefined) return direntClass;
  const Made = fs.Dirent as unknown as DirentClass;
  const link = new Made('name', kinds.UV_DIRENT_LINK, '/parent');
  if (!link.isSymbolicLink() || link.isFile() || link.parentPath !== '/parent') {
    throw failure(errnos.EOPNOTSUPP, 'scandir', {
      advice: `this Node (${process.version}) makes Dirents anew`,
    });
  }
  direntClass = Made;
  return Made;
}

/**
 * The entries that native/root/tree.h lists, each by its number of directory, type and name: in Node's form,
 * relative to `path`.
 */
export function entriesOf(
  data: Buffer,
  path: string,
  options: {
    encoding?: unknown;
    withFileTypes?: boolean | undefined;
    recursive?: boolean | undefined;
  },
): (string | Buffer | Entry)[] {
  const { encoding, withFileTypes, recursive } = options;
  const Made = withFileTypes ? checkedDirent() : undefined;
  const asBytes = encoding === 'buffer' && !withFileTypes;
  // Where each directory is, under its number: below `path`, or in full for a Dirent.
  const top = withFileTypes ? path : '';
  const parents: (string | Buffer)[] = [asBytes ? Buffer.alloc(0) : top];
  const found: (string | Buffer | Entry)[] = [];
  for (let at = 0; at < data.length; ) {
    const parent = parents[data.readUInt32LE(at)] as string | Buffer;
    const type = data[at + 4] as number;
    const end = data.indexOf(0, at + 5);
    const bytes = data.subarray(at + 5, end);
    at = end + 1;
    const name = decoded(bytes, encoding);
    const full = joined(parent, asBytes ? bytes : withFileTypes ? bytes.toString() : name);
    found.push(Made ? new Made(copied(name), type, parent as string) : copied(full));
    if (recursive && type === kinds.UV_DIRENT_DIR) parents.push(full);
  }
  return found;
}

function joined(parent: string | Buffer, name: string | Buffer): string | Buffer {
  if (parent.length === 0) return name;
  if (typeof parent === 'string') return parent.endsWith('/') ? parent + name : `${parent}/${name}`;
  return Buffer.concat([parent, slash, name as Buffer]);
}

const slash = Buffer.from('/');

/** Of its own, so that one name does not keep the whole list. */
function copied(name: string | Buffer): string | Buffer {
  return typeof name === 'string' ? name : Buffer.from(name);
}
