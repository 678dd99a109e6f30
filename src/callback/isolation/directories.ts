/**
 * Open directories: their functions are in an internal object of their own, which is not to be had. So
 * they are replaced where a program takes them from, and a directory that was opened by what a program
 * had taken before is refused where it is read.
 */
import fs from 'node:fs';
import {
  answer,
  isByThread,
  isByThreadAfterAll,
  isByThreadAtOnce,
  pathOf,
  refuseFile,
} from './by-thread.ts';
import { isWatching } from './files.ts';
import { patch } from './patch.ts';

type Loose = (this: unknown, ...args: unknown[]) => unknown;
type Path = string | Uint8Array;
type Done = (error: Error | null, result?: unknown) => void;

const { opendirSync } = fs;

/** Of an open directory: is it read by this thread? Not known of those that were opened unseen. */
const readHere = new WeakMap<object, boolean>();

export function isolateDirectories(): void {
  patchOpening();
  patchReading();
}

const subjectOf = (path: Path) => [{ of: path, follow: true }];

function patchOpening(): void {
  const owner = fs as unknown as Record<'opendir' | 'opendirSync', Loose>;
  patch(owner, 'opendirSync', original => (...args) => {
    const path = isWatching() ? pathOf(args[0]) : undefined;
    const directory = original(...args);
    if (path !== undefined) readHere.set(directory as object, isByThreadAtOnce(path));
    return directory;
  });
  patch(owner, 'opendir', original => (...args) => {
    const path = isWatching() ? pathOf(args[0]) : undefined;
    const done = args.findLast(arg => typeof arg === 'function') as Done | undefined;
    if (path === undefined || done === undefined) return original(...args);
    const options = args.filter(arg => arg !== done).slice(1);
    open(path, options, done, opened => original(args[0], ...options, opened));
    return undefined;
  });
  const promises = fs.promises as unknown as Record<'opendir', Loose>;
  patch(promises, 'opendir', original => (...args) => {
    const path = isWatching() ? pathOf(args[0]) : undefined;
    if (path === undefined) return original(...args);
    const [, ...options] = args;
    return new Promise((resolve, reject) => {
      const done: Done = (error, directory) => (error ? reject(error) : resolve(directory));
      open(path, options, done, opened => {
        (original(...args) as Promise<unknown>).then(directory => opened(null, directory), opened);
      });
    });
  });
}

function open(path: Path, options: unknown[], done: Done, elsewhere: (done: Done) => void): void {
  const opened =
    (here: boolean): Done =>
    (error, directory) => {
      if (!error) readHere.set(directory as object, here);
      done(error, directory);
    };
  const start = (here: boolean) => {
    if (!here) return elsewhere(opened(false));
    answer(() => opendirSync(path as string, ...(options as object[])), opened(true));
  };
  const here = isByThread(subjectOf(path));
  if (here === undefined) void isByThreadAfterAll(subjectOf(path)).then(start);
  else start(here);
}

interface Directory {
  readonly path: Path;
  read(done?: Done): unknown;
  readSync(): unknown;
  close(): Promise<void>;
  entries(): AsyncGenerator;
  [Symbol.asyncIterator](): AsyncGenerator;
}

/** Throws for one whose opening went unseen: it may be the other side's. */
function isReadHere(directory: Directory): boolean {
  if (!isWatching()) return false;
  const known = readHere.get(directory);
  if (known !== undefined) return known;
  if (isByThread(subjectOf(directory.path)) === false) return false;
  throw refuseFile(
    'a directory that was opened by what had been taken out of node:fs before the first callback',
    'open it by fs.opendir() or fs.promises.opendir()',
  );
}

function patchReading(): void {
  const directories = fs.Dir.prototype as unknown as Directory;
  patch(
    directories,
    'read',
    original =>
      function read(this: Directory, ...args: [Done?]) {
        const [done] = args;
        try {
          if (!isReadHere(this)) return original.apply(this, args);
        } catch (error) {
          if (done === undefined) return Promise.reject(error);
          throw error;
        }
        if (done !== undefined) return answer(() => this.readSync(), done);
        return new Promise((resolve, reject) =>
          answer(
            () => this.readSync(),
            (error, entry) => (error ? reject(error) : resolve(entry)),
          ),
        );
      },
  );
  for (const name of ['entries', Symbol.asyncIterator] as const) {
    patch(
      directories,
      name,
      original =>
        async function* entries(this: Directory) {
          try {
            if (!isReadHere(this)) return yield* original.call(this);
            for (;;) {
              const entry = await this.read();
              if (entry === null) return;
              yield entry;
            }
          } finally {
            // Node's own has closed it already.
            await this.close().catch(() => {});
          }
        },
    );
  }
}
