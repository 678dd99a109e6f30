/**
 * Case: fs.promises in a callback changed the host. What the kernel answers by thread means the same by
 * fs synchronously, by callback, promise, stream and FileHandle, inside and outside.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs, {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readFile as readFileTaken } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { outside } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import {
  before,
  conf,
  folder,
  hostname,
  inside,
  known,
  message,
  type Path,
  ttl,
  useLab,
  withFd,
  withHandle,
} from '../shared/by-thread.ts';

useLab();

// Taken before any callback, as by modules that are loaded before ours.
const { readFile: taken, read: readTaken, writeFile: writeTaken } = fs;
const promises = fs.promises;
const { writeFile: writeFileTaken, open: openTaken } = fs.promises;

const readAll = async (read: (into: Buffer) => Promise<number>) => {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(4096);
    const length = await read(chunk);
    if (length === 0) return Buffer.concat(chunks).toString();
    chunks.push(chunk.subarray(0, length));
  }
};

/** Every way to read a file. */
const readers: Record<string, (path: Path) => Promise<string>> = {
  'fs.readFile': path => promisify(fs.readFile)(path, 'utf8'),
  'fs.readFile, a buffer': async path => String(await promisify(fs.readFile)(path)),
  'fs.readFile, taken before': path => promisify(taken)(path, 'utf8'),
  'fs.readFile of an fd': path => withFd(path, fd => promisify(fs.readFile)(fd, 'utf8')),
  'fs.readFile with a signal and flags': path =>
    promisify(fs.readFile)(path, {
      encoding: 'utf8',
      flag: 'rs',
      signal: new AbortController().signal,
    } as { encoding: 'utf8' }),
  'fs.read': path =>
    withFd(path, fd =>
      readAll(async into => (await promisify(fs.read)(fd, into, 0, 4096, null)).bytesRead),
    ),
  'fs.read, taken before': path =>
    withFd(path, fd =>
      readAll(
        into =>
          new Promise((ok, no) =>
            readTaken(fd, into, 0, 4096, null, (e, n) => (e ? no(e) : ok(n))),
          ),
      ),
    ),
  'fs.readv': path =>
    withFd(path, fd => readAll(async into => (await promisify(fs.readv)(fd, [into])).bytesRead)),
  'promises.readFile': path => promises.readFile(path, 'utf8'),
  'promises.readFile, taken before': path => readFileTaken(path, 'utf8'),
  'promises.readFile with a signal': path =>
    promises.readFile(path, { encoding: 'utf8', signal: new AbortController().signal }),
  'FileHandle.readFile': path => withHandle(path, handle => handle.readFile('utf8')),
  'promises.open, taken before': async path => {
    const handle = await openTaken(path);
    try {
      return await promises.readFile(handle, 'utf8');
    } finally {
      await handle.close();
    }
  },
  'FileHandle.read': path =>
    withHandle(path, handle => readAll(async into => (await handle.read(into)).bytesRead)),
  'FileHandle.readv': path =>
    withHandle(path, handle => readAll(async into => (await handle.readv([into])).bytesRead)),
  'FileHandle.readLines': path =>
    withHandle(path, async handle => {
      let lines = '';
      for await (const line of handle.readLines({ autoClose: false } as object))
        lines += `${line}\n`;
      return lines;
    }),
  'FileHandle.createReadStream': path =>
    withHandle(path, handle => text(handle.createReadStream({ autoClose: false }))),
  'FileHandle.readableWebStream': path =>
    withHandle(path, handle => text(handle.readableWebStream({ type: 'bytes' } as object))),
  createReadStream: path => text(fs.createReadStream(path)),
  'createReadStream, slowly': async path => {
    const stream = fs.createReadStream(path, { highWaterMark: 7 });
    await once(stream, 'open');
    return String(await buffer(stream));
  },
  'an fd that was opened synchronously': async path => {
    const fd = openSync(path, 'r');
    try {
      return await promisify(fs.readFile)(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  },
  'fs.copyFile': async path => {
    const copy = join(folder, 'copy');
    await promisify(fs.copyFile)(path, copy);
    return readFileSync(copy, 'utf8');
  },
  'promises.copyFile': async path => {
    const copy = join(folder, 'copy');
    await promises.copyFile(path, copy);
    return readFileSync(copy, 'utf8');
  },
};

// sendfile(2) and copy_file_range(2) take procfs for files without content: so does copyFileSync.
const copies = new Set(['fs.copyFile', 'promises.copyFile']);

describe('reading', () => {
  test.each(known)(
    '%s: every way the same as synchronously, on both sides',
    async (_name, path) => {
      const here = readFileSync(path, 'utf8');
      const there = inside(() => readFileSync(path, 'utf8'));
      expect(there).not.toBe(here);
      for (const [name, read] of Object.entries(readers)) {
        if (copies.has(name)) continue;
        const alive = inside(() => read(path));
        expect([name, await alive]).toEqual([name, there]);
        const across = inside(async () => [await read(path), await outside(() => read(path))]);
        const [seen, home] = await across;
        expect([name, seen]).toEqual([name, there]);
        if (!path.endsWith('net/dev')) expect([name, home]).toEqual([name, here]);
      }
    },
  );

  test.each([...copies])('%s: what copyFileSync gives', async name => {
    const copy = join(folder, 'copy');
    const there = inside(() => {
      fs.copyFileSync(hostname, copy);
      return readFileSync(copy, 'utf8');
    });
    expect(await inside(() => (readers[name] as (path: Path) => Promise<string>)(hostname))).toBe(
      there,
    );
  });

  test('every kind of path', async () => {
    const link = join(folder, 'link');
    const long = join(folder, 'long');
    const proc = join(folder, 'proc');
    symlinkSync(hostname, link);
    symlinkSync('/proc/sys', long);
    mkdirSync(proc);
    execFileSync('mount', ['-t', 'proc', 'proc', proc]);
    try {
      const paths: Path[] = [
        hostname,
        relative(process.cwd(), hostname),
        `/proc/../proc//sys/./kernel/hostname`,
        Buffer.from(hostname),
        pathToFileURL(hostname),
        link,
        join(long, 'kernel/hostname'),
        `/proc/self/root${hostname}`,
        join(proc, 'sys/kernel/hostname'),
      ];
      for (const path of paths) {
        for (const [name, read] of Object.entries(readers)) {
          if (copies.has(name)) continue;
          expect([String(path), name, await inside(() => read(path))]).toEqual([
            String(path),
            name,
            'blue\n',
          ]);
        }
      }
    } finally {
      execFileSync('umount', [proc]);
    }
  });

  test('with the working directory in /proc', async () => {
    const cwd = process.cwd();
    try {
      process.chdir('/proc/sys/kernel');
    } catch {
      return; // a Worker has none of its own
    }
    try {
      expect(await inside(() => promises.readFile('hostname', 'utf8'))).toBe('blue\n');
    } finally {
      process.chdir(cwd);
    }
  });

  test('what was opened on the other side is read as synchronously', async () => {
    const opened = await promises.open(hostname);
    const file = fs.createReadStream(hostname);
    await once(file, 'open');
    // uts is asked for by each read: by whom counts, not who opened it.
    expect(await inside(() => opened.readFile('utf8'))).toBe('blue\n');
    expect(await inside(() => text(file))).toMatch(/^(blue|.*)\n$/);
    await opened.close();
    const theirs = await inside(() => promises.open(ttl));
    expect(await theirs.readFile('utf8')).toBe('99\n'); // a file of net stays what it was when opened
    await theirs.close();
  });
});

const existsThere = (path: string) => inside(() => existsSync(path));

describe('writing', () => {
  const fdOf = (path: string, use: (fd: number) => Promise<unknown>) => withFd(path, use, 'w');
  const writers: Record<string, (path: string, data: string) => Promise<unknown>> = {
    'fs.writeFile': (path, data) => promisify(fs.writeFile)(path, data),
    'fs.writeFile of bytes': (path, data) => promisify(fs.writeFile)(path, Buffer.from(data)),
    'fs.writeFile of an fd': (path, data) => fdOf(path, fd => promisify(fs.writeFile)(fd, data)),
    'fs.appendFile': (path, data) => promisify(fs.appendFile)(path, data),
    'fs.write': (path, data) => fdOf(path, fd => promisify(fs.write)(fd, Buffer.from(data))),
    'fs.write of a string': (path, data) =>
      fdOf(path, fd => new Promise((ok, no) => fs.write(fd, data, e => (e ? no(e) : ok(0))))),
    'fs.writev': (path, data) => fdOf(path, fd => promisify(fs.writev)(fd, [Buffer.from(data)])),
    'promises.writeFile': (path, data) => promises.writeFile(path, data),
    'promises.writeFile, taken before': (path, data) => writeFileTaken(path, data),
    'promises.writeFile of an iterable': (path, data) =>
      promises.writeFile(path, Readable.from([data])),
    'promises.appendFile': (path, data) => promises.appendFile(path, data),
    'FileHandle.writeFile': (path, data) => withHandle(path, handle => handle.writeFile(data), 'w'),
    'FileHandle.appendFile': (path, data) =>
      withHandle(path, handle => handle.appendFile(data), 'a'),
    'FileHandle.write': (path, data) => withHandle(path, handle => handle.write(data), 'w'),
    'FileHandle.write of bytes': (path, data) =>
      withHandle(path, handle => handle.write(Buffer.from(data)), 'w'),
    'FileHandle.writev': (path, data) =>
      withHandle(path, handle => handle.writev([Buffer.from(data)]), 'w'),
    'FileHandle.createWriteStream': (path, data) =>
      withHandle(
        path,
        async handle => {
          const stream = handle.createWriteStream();
          stream.end(data);
          await once(stream, 'close');
        },
        'w',
      ),
    createWriteStream: async (path, data) => {
      const stream = fs.createWriteStream(path);
      stream.end(data);
      await once(stream, 'close');
    },
  };

  test.each(Object.entries(writers))('%s', async (name, write) => {
    const values = {
      [ttl]: '71',
      [hostname]: `red-${Math.floor(Math.random() * 1e9)}`,
      [message]: '5151',
    };
    for (const [path, value] of Object.entries(values)) {
      await inside(() => write(path, value));
      expect([name, path, inside(() => readFileSync(path, 'utf8'))]).toEqual([
        name,
        path,
        `${value}\n`,
      ]);
      expect(readFileSync(path, 'utf8')).toBe(before[path]);
    }
    inside(() => {
      writeFileSync(ttl, '99');
      writeFileSync(hostname, 'blue');
      writeFileSync(message, '4242');
    });
  });

  test('fs.writeFile, taken before: right, or refused by name [Node 26]', async () => {
    const done = inside(() => promisify(writeTaken)(ttl, '72'));
    await done.then(
      () => expect(inside(() => readFileSync(ttl, 'utf8'))).toBe('72\n'),
      error => expect(error).toMatchObject({ name: 'NamespaceError', code: 'ENOTSUP' }),
    );
    inside(() => writeFileSync(ttl, '99'));
  });

  test('a file that is there on one side only', async () => {
    inside(() => execFileSync('ip', ['link', 'add', 'only0', 'type', 'bridge']));
    const path = join(conf, 'only0/forwarding');
    const dangling = join(folder, 'dangling');
    symlinkSync(path, dangling);
    for (const way of [path, dangling]) {
      await inside(() => promises.writeFile(way, '0'));
      await inside(() => promises.access(way));
      await expect(outside(() => promises.access(way))).rejects.toMatchObject({ code: 'ENOENT' });
    }
    // The other way round: what the host has is not there inside, nor reached by a link.
    const theirs = readdirSync(conf).find(name => !existsThere(join(conf, name)));
    if (theirs !== undefined) {
      const absent = join(folder, 'absent');
      symlinkSync(join(conf, theirs, 'forwarding'), absent);
      for (const way of [join(conf, theirs, 'forwarding'), absent]) {
        await expect(inside(() => promises.readFile(way))).rejects.toMatchObject({
          code: 'ENOENT',
        });
        await expect(inside(() => promises.writeFile(way, '1'))).rejects.toMatchObject({
          code: 'ENOENT',
        });
      }
    }
    inside(() => execFileSync('ip', ['link', 'delete', 'only0']));
  });
});
