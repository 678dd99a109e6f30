/**
 * What the kernel answers by thread, but for reading and writing (by-thread.test.ts): names and
 * attributes, errors, and what goes on beside.
 */
import { execFileSync } from 'node:child_process';
import fs, {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { outside } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import {
  conf,
  folder,
  hostname,
  inside,
  lab,
  ttl,
  useLab,
  withHandle,
} from '../shared/by-thread.ts';
import { place } from '../shared/lab.ts';
import { script } from '../shared/script.ts';
import { attack } from '../shared/support.ts';

useLab();

// Taken before any callback, as by modules that are loaded before ours.
const { opendir: opendirTaken } = fs;
const promises = fs.promises;

/** A path as bytes of another realm. */
const foreign = (path: string): Uint8Array =>
  runInNewContext('new Uint8Array(bytes)', { bytes: [...Buffer.from(path)] });

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
        'opendir of what another realm made': async () =>
          walk(await promises.opendir(foreign(conf) as never)),
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
      for (const path of [hostname, foreign(hostname)]) {
        const blob = inside(async () => fs.openAsBlob(path as never));
        await expect(blob).rejects.toMatchObject(refused);
      }
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
