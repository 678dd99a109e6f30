/** createNamespaces: every type, what keeps them alive, and what is left afterwards. */
import { type ChildProcess, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createNamespaces,
  type Namespaces,
  type NamespaceType,
  openNamespaces,
  spawn,
} from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { noPidfdNamespaces } from '../shared/kernel.ts';
import {
  collected,
  fdCount,
  inodeOf,
  place,
  read,
  threads,
  types,
  until,
} from '../shared/support.ts';

/** What a program prints, and how it ended. */
async function outcome(child: ChildProcess): Promise<string> {
  let out = '';
  child.stdout?.on('data', data => {
    out += data;
  });
  child.stderr?.on('data', data => {
    out += data;
  });
  const [code, signal] = await once(child, 'close');
  return code === 0 ? out.trim() : `${out}${code ?? signal}`;
}

const path = { PATH: process.env['PATH'] ?? '' };
const inside = (handle: Namespaces, script: string) =>
  outcome(handle.spawn('sh', ['-c', script], { cwd: '/', env: path }));

/** Our children, zombies too. */
const children = () => threads().flatMap(tid => read(`/proc/self/task/${tid}/children`) || []);

test('every type: new, held without a process, and entered by children', async () => {
  // The first child in a pid namespace starts the thread that reaps such, which stays.
  const first = await createNamespaces(['user', 'pid'], { init: true });
  await inside(first, 'true');
  first.close();
  await expect.poll(children).toEqual([]);
  const fds = fdCount();
  // Nothing but an init holds a pid namespace where a pidfd does not lead to it.
  for (const type of types.filter(type => type !== 'pid' || !noPidfdNamespaces)) {
    const handle = await createNamespaces([type]);
    expect(handle.types).toEqual([type]);
    expect(handle.inode(type), type).not.toBe(inodeOf(place(type)));
    expect(children(), type).toEqual([]);
    const seen = await inside(handle, `readlink /proc/self/ns/${type}`);
    expect(inodeOf(seen), type).toBe(handle.inode(type));
    handle.close();
  }
  expect(fdCount()).toBe(fds);
});

test('every pair of types, and all eight at once', { timeout: seconds(120) }, async () => {
  const pairs = types.flatMap((one, i) => types.slice(i + 1).map(other => [one, other] as const));
  for (const pair of [...pairs, types]) {
    const needsInit = noPidfdNamespaces !== '' && pair.some(type => type === 'pid');
    const handle = await createNamespaces(pair, needsInit ? { init: true } : {});
    expect([...handle.types].sort()).toEqual(pair);
    const links = pair.map(type => `/proc/self/ns/${type}`).join(' ');
    const seen = (await inside(handle, `readlink ${links}`)).split('\n');
    expect(seen.map(inodeOf), `${pair}`).toEqual(pair.map(type => handle.inode(type)));
    for (const type of pair) expect(handle.inode(type)).not.toBe(inodeOf(place(type)));
    handle.close();
  }
});

test('with all options, as asked', async () => {
  const root = mkdtempSync(join(tmpdir(), 'linux-namespaces-root-'));
  try {
    for (const name of ['proc', 'bin', 'lib', 'lib64', 'usr', 'etc']) mkdirSync(join(root, name));
    const handle = await createNamespaces(types, {
      idMap: { uid: ['root', { inside: 7, outside: 1007, length: 3 }], gid: 'root' },
      setgroups: 'deny',
      hostname: 'blue',
      domainname: 'example',
      loopback: true,
      monotonic: 3600.5,
      boottime: -0.25,
      init: true,
      mountProc: true,
      root,
    });
    try {
      const child = handle.spawn('/proc/self/exe', { stdio: 'ignore', cwd: '/', env: {} });
      // It is our launcher, which is no program of theirs.
      expect(await once(child, 'exit')).toEqual([127, null]);
      const seen = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8').trim();
      // The first process is ours to look at, by the only way there is: /proc.
      const pid = Number(
        children()
          .flatMap(line => line.split(' '))
          .find(one => read(`/proc/${one}/comm`) === 'init'),
      );
      for (const type of types) {
        expect(inodeOf(readlinkSync(`/proc/${pid}/ns/${type}`))).toBe(handle.inode(type));
      }
      expect(seen('uid_map').split(/\s+/).map(Number)).toEqual([0, 0, 1, 7, 1007, 3]);
      expect(seen('gid_map').split(/\s+/).map(Number)).toEqual([0, 0, 1]);
      expect(seen('setgroups')).toBe('deny');
      expect(seen('timens_offsets').split(/\s+/)).toEqual([
        'monotonic',
        '3600',
        '500000000',
        'boottime',
        '-1',
        '750000000',
      ]);
      const mounts = seen('mountinfo')
        .split('\n')
        .map(line => line.split(' ')[4]);
      expect(mounts).toEqual(['/', '/proc']);
      expect(existsSync(`/proc/${pid}/root/proc/1/status`)).toBe(true);
      expect(existsSync(`/proc/${pid}/root/proc/${pid}`)).toBe(false);
    } finally {
      handle.close();
    }
    // Names and interfaces, with programs to ask.
    const names = { hostname: 'blue', domainname: 'example', loopback: true };
    for (const more of [[], ['user']] as NamespaceType[][]) {
      const other = await createNamespaces(['uts', 'net', ...more], names);
      const look = 'hostname; cat /proc/sys/kernel/domainname; cat /proc/net/if_inet6';
      expect(await inside(other, look)).toMatch(/^blue\nexample\n0{31}1 .* lo$/);
      other.close();
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});

describe('a new pid namespace', () => {
  const bare = `[${noPidfdNamespaces || 'PIDFD_GET_PID_NAMESPACE'}]`;
  test.skipIf(noPidfdNamespaces)(
    `without init: the first child is its first process, and its end is the end ${bare}`,
    async () => {
      const handle = await createNamespaces(['pid']);
      expect(await inside(handle, 'echo $$')).toBe('1');
      const child = handle.spawn('true', [], { stdio: 'ignore' });
      const [error] = await once(child, 'error');
      expect(error).toMatchObject({ code: 'ENOMEM', syscall: 'clone' });
      expect(error.message).toContain('the first process of this pid namespace has ended');
      handle.close();
    },
  );

  test('with init: children come and go, and orphans are reaped', async () => {
    const handle = await createNamespaces(['pid', 'mnt'], { init: true, mountProc: true });
    expect(Number(await inside(handle, 'echo $$'))).toBeGreaterThan(1);
    await inside(handle, '(sleep 0.01 & exec true) & wait'); // leaves an orphan
    const list = 'for p in /proc/[0-9]*; do cat $p/comm $p/stat; done 2>/dev/null';
    let seen = '';
    for (let i = 0; i < 200; i++) {
      seen = await inside(handle, list);
      if (!seen.includes('sleep')) break;
    }
    expect(seen).not.toContain('sleep');
    expect(seen).not.toMatch(/\) Z /);
    expect(seen).toMatch(/^init$/m);
    // No signal from inside ends it.
    await inside(handle, 'kill -9 1; kill -TERM 1; kill -INT 1');
    expect(await inside(handle, 'echo still')).toBe('still');
    handle.close();
  });

  test('closing the handle ends init, everything in the namespace, and leaves nothing', async () => {
    await createNamespaces(['pid'], { init: true }).then(handle => handle.close());
    await until('the first one to be reaped', () => children().length === 0);
    const [fds, tasks] = [fdCount(), threads().length];
    const handle = await createNamespaces(['pid'], { init: true });
    const child = handle.spawn('sleep', ['infinity'], { stdio: 'ignore' });
    await once(child, 'spawn');
    handle.close();
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    await until('init to be reaped', () => children().length === 0);
    await until('everything to be closed', () => fdCount() <= fds);
    expect(threads().length).toBeLessThanOrEqual(tasks);
  });

  test('a handle that is dropped ends it too', async () => {
    const fds = fdCount();
    await (async () => {
      const dropped = await createNamespaces(['pid'], { init: true });
      expect(dropped.types).toEqual(['pid']);
    })();
    await collected(fds);
    await until('init to be reaped', () => children().length === 0);
    await until('everything to be closed', () => fdCount() <= fds);
  });

  test('init dies with this process, also by SIGKILL, and also in a Worker', async () => {
    for (const worker of [false, true]) {
      const make = `
        const { createNamespaces } = await import('linux-namespaces');
        globalThis.kept = await createNamespaces(['pid', 'net'], { init: true });
        (await import('node:fs')).writeSync(1, 'made\\n');
        setInterval(() => {}, 1000);
      `;
      const main = worker
        ? `import { Worker } from 'node:worker_threads';
           new Worker(${JSON.stringify(`(async () => {${make}})()`)}, { eval: true });`
        : make;
      const script = nodeSpawn(process.execPath, ['--input-type=module', '-e', main], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(script.stdout, 'data');
      const pid = childOf(script.pid as number);
      expect(read(`/proc/${pid}/comm`)).toBe('init');
      script.kill('SIGKILL');
      await once(script, 'close');
      await until('init to end', () => !existsSync(`/proc/${pid}`) || isZombie(pid));
    }
  });

  test('a dead init is named', async () => {
    const handle = await createNamespaces(['pid'], { init: true });
    // The thread that made it ends meanwhile, and leaves it to another one.
    const pid = await until('init to be seen', () => children()[0]?.trim());
    process.kill(Number(pid), 'SIGKILL');
    await until('init to be reaped', () => children().length === 0);
    const [error] = await once(handle.spawn('true', [], { stdio: 'ignore' }), 'error');
    expect(error).toMatchObject({ code: 'ENOMEM', syscall: 'clone' });
    expect(error.message).toContain('the first process of this pid namespace has ended');
    handle.close();
  });
});

/** The children of all threads of a process. */
function childOf(pid: number): string {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.map(tid => read(`/proc/${pid}/task/${tid}/children`) ?? '').join('');
}

function isZombie(pid: string): boolean {
  return / Z /.test(read(`/proc/${pid}/stat`) ?? ' Z ');
}

test('a child in namespaces made for a Worker leaves them when that is terminated', {
  timeout: seconds(120),
}, async () => {
  // A holder that is half made belongs to nobody but the thread that makes it.
  const source = `
    import { Worker } from 'node:worker_threads';
    import fs from 'node:fs';
    const code = \`(async () => {
      const { createNamespaces } = await import('linux-namespaces');
      for (;;) await createNamespaces(['user', 'pid', 'net'], { init: true, idMap: 'root' });
    })()\`;
    for (let i = 0; i < 5; i++) {
      const worker = new Worker(code, { eval: true });
      await new Promise(done => setTimeout(done, 150));
      await worker.terminate();
    }
    const left = () => fs.readdirSync('/proc/self/task').flatMap(tid => {
      try { return fs.readFileSync('/proc/self/task/' + tid + '/children', 'utf8').trim() || []; }
      catch { return []; }
    });
    const links = () => fs.readdirSync('/proc/self/fd').filter(fd => {
      try { return /^(user|pid|net):/.test(fs.readlinkSync('/proc/self/fd/' + fd)); }
      catch { return false; }
    });
    const end = Date.now() + 20000;
    while (left().length + links().length > 0 && Date.now() < end) {
      await new Promise(done => setTimeout(done, 20));
    }
    console.log(JSON.stringify([left(), links()]));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    cwd: process.cwd(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  expect(await outcome(child)).toBe('[[],[]]');
});

test('openNamespaces sees what a child in them does', async () => {
  const handle = await createNamespaces(['net', 'user'], { idMap: 'root' });
  const child = handle.spawn('sleep', ['infinity'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const again = openNamespaces(child, ['net', 'user']);
  expect(again.inode('net')).toBe(handle.inode('net'));
  expect(again.inode('user')).toBe(handle.inode('user'));
  again.close();
  child.kill('SIGKILL');
  await once(child, 'exit');
  handle.close();
});
