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
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, readFile as readFileTaken } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createNamespaces, type Namespaces, openNamespaces, outside } from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { home, place } from '../shared/lab.ts';
import { script } from '../shared/script.ts';
import { attack, start, type Target, until } from '../shared/support.ts';

// Taken before any callback, as modules do that are loaded before ours.
const { readFile: taken, read: readTaken, writeFile: writeTaken, opendir: opendirTaken } = fs;
const promises = fs.promises;
const { writeFile: writeFileTaken, open: openTaken } = fs.promises;

const ttl = '/proc/sys/net/ipv4/ip_default_ttl';
const hostname = '/proc/sys/kernel/hostname';
const message = '/proc/sys/kernel/msgmax';
const conf = '/proc/sys/net/ipv4/conf';

/** Of each type a file that says something else inside. */
const files: Record<string, string> = {
  net: ttl,
  'net of a process': '/proc/net/dev',
  uts: hostname,
  'ipc, a sysctl': message,
  'ipc, a table': '/proc/sysvipc/msg',
  cgroup: '/proc/self/cgroup',
  'cgroup, by mounts': '/proc/thread-self/mountinfo',
};

let folder: string;
let lab: Namespaces;
let sleeper: Target | undefined;
const before: Record<string, string> = {};

/** A directory of some cgroup hierarchy; a namespace that is made in there shows paths otherwise. */
function makeCgroup(): string | undefined {
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point = '', type] = line.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    try {
      const made = join(point, `by-thread-${process.pid}`);
      mkdirSync(made);
      if (existsSync(join(made, 'cgroup.procs'))) return made;
    } catch {}
  }
  return undefined;
}
const cgroup = makeCgroup();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
  for (const path of [ttl, hostname, message]) before[path] = readFileSync(path, 'utf8');
  lab = await createNamespaces(['net', 'uts', 'ipc'], { hostname: 'blue', loopback: true });
  if (cgroup !== undefined) {
    const join = `echo $$ >${cgroup}/cgroup.procs; exec unshare -C sleep infinity`;
    sleeper = start('sh', ['-c', join]);
    const { pid } = sleeper;
    await until(
      'a cgroup namespace',
      () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n',
    );
  }
  inside(() => {
    writeFileSync(ttl, '99');
    writeFileSync(message, '4242');
    execFileSync('ipcmk', ['-Q']);
  });
});
afterEach(() => {
  for (const [path, content] of Object.entries(before)) {
    expect(
      outside(() => readFileSync(path, 'utf8')),
      `${path} of the host`,
    ).toBe(content);
  }
  expect(place()).toBe(home);
});
function isEmptied(directory: string): boolean {
  rmdirSync(directory);
  return true;
}
afterAll(async () => {
  lab.close();
  await sleeper?.kill();
  if (cgroup !== undefined) await until('the cgroup to be empty', () => isEmptied(cgroup));
  rmSync(folder, { recursive: true, force: true });
});

function inside<R>(fn: () => R): R {
  if (sleeper === undefined) return lab.run(fn);
  using there = openNamespaces(sleeper.pid, ['cgroup']);
  return lab.run(() => there.run(fn));
}

type Path = string | Buffer | URL;

const withHandle = async <R>(path: Path, use: (handle: FileHandle) => Promise<R>, flags = 'r') => {
  const handle = await promises.open(path, flags);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
};
const withFd = async <R>(path: Path, use: (fd: number) => Promise<R>, flags = 'r') => {
  const fd = await promisify(fs.open)(path, flags);
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
};
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

const known =
  cgroup === undefined
    ? Object.entries(files).filter(([name]) => !/cgroup/.test(name))
    : Object.entries(files);

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

const existsThere = (path: string) => inside(() => existsSync(path));

describe('names and attributes', () => {
  test('stat, lstat, readlink, realpath, access, exists', async () => {
    const ino = inside(() => statSync('/proc/thread-self/ns/net').ino);
    const self = '/proc/thread-self/ns/net';
    expect((await inside(() => promises.stat(self))).ino).toBe(ino);
    expect((await inside(() => promisify(fs.stat)(self))).ino).toBe(ino);
    expect((await inside(() => promises.stat(self, { bigint: true }))).ino).toBe(BigInt(ino));
    const big = await inside(() => promisify(fs.stat)(self, { bigint: true }));
    expect(big.ino).toBe(BigInt(ino));
    expect(await inside(() => promises.readlink(self))).toBe(`net:[${ino}]`);
    expect(await inside(() => promisify(fs.readlink)(self))).toBe(`net:[${ino}]`);
    const handle = await inside(() => promises.open(self));
    expect((await handle.stat()).ino).toBe(ino);
    await handle.close();
    for (const path of [ttl, '/proc/net/dev']) {
      const there = inside(() => [
        fs.lstatSync(path).isSymbolicLink(),
        fs.realpathSync(path),
        fs.statfsSync(path).type,
      ]);
      const also = inside(async () => [
        (await promises.lstat(path)).isSymbolicLink(),
        await promises.realpath(path),
        (await promises.statfs(path)).type,
      ]);
      expect(await also).toEqual(there);
      expect(await inside(() => promisify(fs.exists)(path))).toBe(true);
      expect(await inside(() => promises.access(path))).toBe(undefined);
    }
  });

  test('readdir, opendir, glob, cp: the names that are there', async () => {
    inside(() => execFileSync('ip', ['link', 'add', 'only0', 'type', 'bridge']));
    try {
      const there = inside(() => readdirSync(conf)).sort();
      const here = readdirSync(conf).sort();
      expect(there).toContain('only0');
      expect(here).not.toContain('only0');
      const names = (entries: fs.Dirent[]) => entries.map(entry => entry.name);
      const walk = async (directory: fs.Dir) => {
        const found: string[] = [];
        for await (const { name } of directory) found.push(name);
        return found;
      };
      const listings: Record<string, () => Promise<string[]>> = {
        readdir: () => promises.readdir(conf),
        'fs.readdir': () => promisify(fs.readdir)(conf),
        'readdir with types': async () =>
          names(await promises.readdir(conf, { withFileTypes: true })),
        'readdir, recursive': async () =>
          (await promises.readdir(conf, { recursive: true })).filter(name => !name.includes('/')),
        'fs.readdir, recursive': async () => {
          const names = (await promisify(fs.readdir)(conf, { recursive: true })) as string[];
          return names.filter(name => !name.includes('/'));
        },
        opendir: async () => walk(await promises.opendir(conf)),
        'fs.opendir': async () => walk(await promisify(fs.opendir)(conf)),
        'opendir of a URL': async () => walk(await promises.opendir(pathToFileURL(conf) as never)),
        'Dir.read': async () => {
          const directory = await promises.opendir(conf);
          const found: string[] = [];
          for (let entry = await directory.read(); entry; entry = await directory.read()) {
            found.push(entry.name);
          }
          await directory.close();
          return found;
        },
        opendirSync: () => walk(fs.opendirSync(conf)),
        cp: async () => {
          const copy = join(folder, 'tree');
          await promises.cp(conf, copy, { recursive: true });
          const found = readdirSync(copy);
          rmSync(copy, { recursive: true });
          return found;
        },
      };
      for (const [name, list] of Object.entries(listings)) {
        expect([name, (await inside(list)).sort()]).toEqual([name, there]);
        const home = inside(async () => (await outside(list)).sort());
        expect([name, await home]).toEqual([name, here]);
      }
    } finally {
      inside(() => execFileSync('ip', ['link', 'delete', 'only0']));
    }
  });

  test('what cannot be asked for by this thread is refused by name', async () => {
    const refused = { name: 'NamespaceError', code: 'ENOTSUP' };
    expect(() => inside(() => fs.watchFile(hostname, () => {}))).toThrow(
      expect.objectContaining(refused),
    );
    fs.unwatchFile(hostname);
    if (typeof fs.openAsBlob === 'function') {
      await expect(inside(() => fs.openAsBlob(hostname))).rejects.toMatchObject(refused);
    }
    const unseen = async () => {
      for await (const { name } of await promisify(opendirTaken)(conf)) expect(name).toBe('lo');
    };
    await expect(inside(unseen)).rejects.toMatchObject(refused);
  });
});

test('a directory in /proc, with its parents: an error, where Node asks for ever', async () => {
  const path = '/proc/sys/net/x/y';
  const made = inside(() => promises.mkdir(path, { recursive: true }));
  await expect(made).rejects.toMatchObject({ code: 'ENOENT', syscall: 'mkdir', path });
  expect(await inside(() => promises.mkdir('/proc/sys/net', { recursive: true }))).toBe(undefined);
});

test('a stream of a FileHandle that native code reads: right, or refused by name', async () => {
  const { out } = await script(`
    await lab.run(async () => {
      const handle = await fs.promises.open('/proc/sys/kernel/hostname');
      const { text } = await import('node:stream/consumers');
      await text(handle.readableWebStream()).then(text => say(text.trim()), error => say(error.code));
      process.exit();
    });`);
  // From Node 24 on, such a stream is one of bytes, which works.
  expect(['lab', 'ENOTSUP']).toContain(out.join());
});

test('in a Worker: the same, and no fd is closed twice at its end', async () => {
  const source = `
    import(workerData).then(async ({ createNamespaces }) => {
      const lab = await createNamespaces(['uts'], { hostname: 'lab' });
      await lab.run(async () => {
        for (let i = 0; i < 5; i++) {
          const handle = await fs.promises.open('/proc/sys/kernel/hostname');
          const name = await handle.readFile('utf8');
          await handle.close();
          parentPort.postMessage(name.trim());
        }
      });
    });`;
  const { out, err } = await script(`
    const { Worker } = await import('node:worker_threads');
    const source = 'const fs = process.getBuiltinModule("node:fs");' +
      'const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");' + ${JSON.stringify(source)};
    const worker = new Worker(source, { eval: true, workerData: import.meta.resolve('linux-namespaces') });
    worker.on('message', say);
    await new Promise(done => worker.on('exit', done));`);
  expect([out.join(), err]).toEqual(['lab,lab,lab,lab,lab', '']);
});

test('errors are those of Node', async () => {
  const failing: Record<string, () => Promise<unknown>> = {
    absent: () => promises.readFile('/proc/sys/net/none'),
    'absent, a callback': () => promisify(fs.readFile)('/proc/sys/net/none'),
    'absent, a stream': () => text(fs.createReadStream('/proc/sys/net/none')),
    'absent, stat': () => promises.stat('/proc/sys/net/none'),
    'absent, fs.stat': () => promisify(fs.stat)('/proc/sys/net/none'),
    'absent, opendir': () => promises.opendir('/proc/sys/net/none'),
    'absent, readdir': () => promises.readdir('/proc/sys/net/none'),
    'absent, copied': () => promises.copyFile('/proc/sys/net/none', join(folder, 'x')),
    'a directory': () => promises.readFile('/proc/sys/net'),
    'a directory, a callback': () => promisify(fs.readFile)('/proc/sys/net'),
    'a directory, written': () => promises.writeFile('/proc/sys/net', 'x'),
    'a directory, written by a callback': () => promisify(fs.writeFile)('/proc/sys/net', 'x'),
    'no directory': () => promises.readFile(`${ttl}/x`),
    'no directory, opendir': () => promises.opendir(ttl),
    'not to be written': () => promises.writeFile('/proc/self/net/dev', 'x'),
    'not to be made': () => promises.writeFile('/proc/sys/net/new', 'x'),
    'no number': () => promises.writeFile(ttl, 'abc'),
    'no number, a callback': () => promisify(fs.writeFile)(ttl, 'abc'),
    'no number, a FileHandle': () => withHandle(ttl, handle => handle.write('abc'), 'w'),
    'not to be removed': () => promises.unlink(ttl),
    'not to be renamed': () => promises.rename(ttl, `${ttl}.x`),
    'not to be a directory': () => promises.mkdir('/proc/sys/net/x'),
    'not to be a link': () => promises.symlink('x', '/proc/sys/net/x'),
    'no link': () => promises.readlink(ttl),
    'not to be linked': () => promises.link(ttl, join(folder, 'hard')),
    'not to be cut': () => promises.truncate('/proc/self/net/dev', 1),
    'no temporary one': () => promises.mkdtemp('/proc/sys/net/x'),
    aborted: () => promises.readFile(ttl, { signal: AbortSignal.abort() }),
    'aborted, a callback': () =>
      promisify(fs.readFile)(ttl, { signal: AbortSignal.abort() } as object),
    'of a wrong type': () => promises.readFile(null as never),
  };
  const shape = async (fail: () => Promise<unknown>) => {
    const error = await fail().then(
      result => ({ message: `no error, but ${result}` }),
      (error: NodeJS.ErrnoException & { dest?: string }) => error,
    );
    const { name, code, errno, syscall, path, dest, message } = error as typeof error &
      Error &
      NodeJS.ErrnoException & { dest?: string };
    const unnamed = (words?: string) => words?.replace(/X{6}|x\w{6}(?=')/g, 'xXXXXXX');
    return { name, code, errno, syscall, path: unnamed(path), dest, message: unnamed(message) };
  };
  for (const [name, fail] of Object.entries(failing)) {
    // With no callback alive, Node's own.
    const own = await shape(fail);
    const ours = inside(() => shape(fail));
    expect([name, await ours]).toEqual([name, own]);
  }
});

test('an abort between the steps is seen', async () => {
  const stop = new AbortController();
  const read = inside(() => promisify(fs.readFile)(hostname, { signal: stop.signal } as object));
  stop.abort();
  await expect(read).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
});

test('outside, /proc/net and /proc/self are not the lab, whatever the main thread does', async () => {
  const interfaces = (table: string) => table.split('\n').filter(line => line.includes(':')).length;
  const own = interfaces(readFileSync('/proc/net/dev', 'utf8'));
  const link = readlinkSync('/proc/thread-self/ns/net');
  let stop = false;
  let looks = 0;
  const wrong: unknown[] = [];
  const tables = async () => {
    for (; !stop; looks++) {
      const seen = interfaces(await promises.readFile('/proc/net/dev', 'utf8'));
      if (seen !== own) wrong.push(seen);
    }
  };
  const links = async () => {
    for (; !stop; looks++) {
      const seen = await promisify(fs.readlink)('/proc/self/ns/net');
      if (seen !== link) wrong.push(seen);
    }
  };
  const done = Promise.all([tables(), links(), tables(), links()]);
  await inside(async () => {
    while (looks < 2000) {
      const end = Date.now() + 3;
      while (Date.now() < end);
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  });
  stop = true;
  await done;
  expect(wrong).toEqual([]);
});

test('what went on is where it was: code after await, callbacks, and the side of ordinary files', async () => {
  const path = join(folder, 'ordinary');
  await inside(async () => {
    const at = place();
    expect(at).toBe(lab.inode('net'));
    await promises.writeFile(path, 'x'.repeat(1e6));
    expect(place()).toBe(at);
    for (const file of [path, hostname, ttl, join(folder, 'none')]) {
      await promises.readFile(file).catch(() => {});
      expect(place()).toBe(at);
      await new Promise<void>(resolve =>
        fs.readFile(file, () => {
          expect(place()).toBe(at);
          resolve();
        }),
      );
      expect(place()).toBe(at);
    }
  });
});

test('a FIFO is left to the pool: nothing waits for it', async () => {
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const fd = openSync(fifo, 'r+');
  try {
    const read = inside(() => promises.open(`/proc/self/fd/${fd}`, 'r'));
    const handle = await read;
    const heard = inside(() => handle.read(Buffer.alloc(3)));
    await new Promise(resolve => setTimeout(resolve, 5));
    writeFileSync(fd, 'abc');
    expect(String((await heard).buffer)).toBe('abc');
    await handle.close();
  } finally {
    closeSync(fd);
  }
});

const fuse = existsSync('/dev/fuse') ? '' : 'no /dev/fuse';

test.skipIf(fuse)(
  `a file system that never answers holds up its own call alone [${fuse || 'FUSE'}]`,
  async () => {
    const point = join(folder, 'silent');
    mkdirSync(point);
    const fd = openSync('/dev/fuse', 'r+');
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
    execFileSync('mount', ['-i', '-t', 'fuse', '-o', options, 'silent', point], {
      stdio: ['ignore', 'inherit', 'inherit', fd],
    });
    try {
      const hung = inside(() => [
        promises.readFile(join(point, 'x/y')).catch(error => error),
        promises.stat(join(point, 'x')).catch(error => error),
      ]);
      // Right meanwhile, and there at all.
      expect(await inside(() => promises.readFile(hostname, 'utf8'))).toBe('blue\n');
      closeSync(fd);
      for (const error of await Promise.all(hung)) expect(error).toBeInstanceOf(Error);
    } finally {
      try {
        closeSync(fd);
      } catch {}
      execFileSync('umount', ['-l', point]);
    }
  },
);

test('attack: the sysctls of the host, written by a promise', () => {
  expect(attack('callback-files')).toBe('won 0 of 5');
});
