/**
 * Whole files in one go: from Node 26 on, reading and writing a file, and copying a tree, are each one
 * job of the thread pool (`ReadFileJob` and its kin in `process.binding('fs')`).
 */
import fs from 'node:fs';
import { answer, isByThread, isByThreadAfterAll, refuseFile } from './by-thread.ts';
import { type FsBinding, isWatching } from './files.ts';
import { patch } from './patch.ts';

type Path = string | Uint8Array;
interface Job {
  /** An error for what Node's permission model forbids. */
  run(path?: Path): Error | undefined;
  ondone(error: Error | null, ...results: unknown[]): void;
  /** Of fs.readFile(). */
  context?: { options?: { flag?: string | number } };
}
type JobClass = new (...args: unknown[]) => Job;

const { cp } = fs.promises;
const { readFileSync, writeFileSync } = fs;

/** What a job was made of, where that could be seen. */
const made = new WeakMap<Job, unknown[]>();
/** What fs.writeFile() was called with, until it has started its job. */
let written: unknown[] | undefined;

export function isolateFileJobs(internal: FsBinding): void {
  const classes = internal as unknown as Record<string, JobClass | undefined>;
  const { ReadFileJob, WriteFileJob, CpDirJob } = classes;
  if (ReadFileJob !== undefined) {
    watchJob(classes, 'ReadFileJob', readHere);
  }
  if (WriteFileJob !== undefined) {
    watchJob(classes, 'WriteFileJob', writeHere);
    noteWrites();
  }
  if (CpDirJob !== undefined) walkTrees(classes, CpDirJob);
}

/** Of fs.js, which took the class out when Node started, only the method can be replaced. */
function noteArguments(classes: Record<string, JobClass | undefined>, name: string): void {
  const Original = classes[name] as JobClass;
  classes[name] = class extends Original {
    constructor(...args: unknown[]) {
      super(...args);
      made.set(this, args);
    }
  };
}

function watchJob(
  classes: Record<string, JobClass | undefined>,
  name: string,
  hereOf: (job: Job, path: Path) => (() => unknown[]) | Error,
): void {
  const { prototype } = classes[name] as JobClass & { prototype: Job };
  noteArguments(classes, name);
  patch(
    prototype,
    'run',
    original =>
      function run(this: Job, path?: Path) {
        if (!isWatching() || path === undefined) return original.call(this, path);
        const subjects = [{ of: path, follow: true }];
        const byThread = isByThread(subjects);
        if (byThread === false) return original.call(this, path);
        const here = hereOf(this, path);
        const start = () => {
          if (here instanceof Error) this.ondone(here);
          else answer(here, (error, results) => this.ondone(error, ...(results ?? [])));
        };
        if (byThread && here instanceof Error) return here;
        if (byThread) start();
        else {
          void isByThreadAfterAll(subjects).then(matters => {
            if (matters) return start();
            const forbidden = original.call(this, path);
            if (forbidden !== undefined) this.ondone(forbidden);
          });
        }
        return undefined;
      },
  );
}

function readHere(job: Job, path: Path): () => unknown[] {
  const flag = (made.get(job)?.[1] ?? job.context?.options?.flag ?? 'r') as string;
  // As of a job that has read it all: the data, and no fd to read on from.
  return () => [readFileSync(path as string, { flag }), -1];
}

function writeHere(job: Job, path: Path): (() => unknown[]) | Error {
  const [, flag, mode, data] = made.get(job) ?? argumentsOfWriteFile();
  if (data === undefined) {
    return refuseFile(
      'fs.writeFile() that was taken out of node:fs before the first callback',
      'call it as fs.writeFile(), or use fs.promises or fs.writeFileSync()',
    );
  }
  return () => {
    writeFileSync(path as string, data as string, { flag, mode } as object);
    return [];
  };
}

function argumentsOfWriteFile(): unknown[] {
  if (written === undefined) return [];
  const [path, data, given] = written;
  const { encoding, flag, mode } = (typeof given === 'string' ? { encoding: given } : given) as {
    encoding?: BufferEncoding;
    flag?: string;
    mode?: number;
  };
  const bytes = typeof data === 'string' ? Buffer.from(data, encoding ?? 'utf8') : data;
  return [path, flag ?? 'w', mode ?? 0o666, bytes];
}

function noteWrites(): void {
  type WriteFile = (...args: unknown[]) => void;
  patch(fs as unknown as { writeFile: WriteFile }, 'writeFile', original => (...args) => {
    const [path, data, options] = args;
    written = [path, data, typeof options === 'function' ? {} : (options ?? {})];
    try {
      original.apply(fs, args);
    } finally {
      written = undefined;
    }
  });
}

/** A tree may have a procfs anywhere in it: it is copied file by file, as when there is a filter. */
function walkTrees(classes: Record<string, JobClass | undefined>, CpDirJob: JobClass): void {
  noteArguments(classes, 'CpDirJob');
  const { prototype } = CpDirJob as JobClass & { prototype: Job };
  patch(
    prototype,
    'run',
    original =>
      function run(this: Job) {
        const given = made.get(this);
        if (!isWatching() || given === undefined) return original.call(this);
        const [from, to, force, dereference, errorOnExist, verbatimSymlinks, preserve, mode] =
          given as [string, string, boolean, boolean, boolean, boolean, boolean, number];
        const options = {
          recursive: true,
          force,
          dereference,
          errorOnExist,
          verbatimSymlinks,
          mode,
        };
        cp(from, to, { ...options, preserveTimestamps: preserve, filter: () => true }).then(
          () => this.ondone(null),
          error => this.ondone(error),
        );
        return undefined;
      },
  );
}
