/** Namespaces bound to files, and named networks, beside ip netns. */
import { type ChildProcess, execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createNamespaces,
  networks,
  openNamespaces,
  spawn,
  unbindNamespace,
} from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, fdCount, hasProgram, rejectionOf, types } from '../shared/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-bind-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What our names begin with: others may have networks, too. */
const own = `ln-test-${process.pid}-`;

/** Our mounts of namespaces, and that of the directory of networks. */
const mounts = () =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(point => point === '/run/netns' || point.includes(own) || point.startsWith(folder));

describe('bind', () => {
  test('every type: lives on without handle and process, is opened by its path, is taken away', async () => {
    const before = mounts();
    for (const type of types) {
      const path = join(folder, type);
      const handle = await createNamespaces([type], type === 'pid' ? { init: true } : {});
      const inode = handle.inode(type);
      handle.bind(type, path);
      if (type !== 'pid') handle.close();
      const again = openNamespaces({ [type]: path }, [type]);
      expect(again.inode(type)).toBe(inode);
      again.close();
      handle.close();
      unbindNamespace(path);
      expect(existsSync(path)).toBe(false);
    }
    expect(mounts()).toEqual(before);
  });

  test('never over a file that is there, and not into a folder that is not', async () => {
    const handle = await createNamespaces(['uts']);
    const path = join(folder, 'taken');
    writeFileSync(path, 'mine');
    const error = errorOf(() => handle.bind('uts', path));
    expect(error).toMatchObject({ code: 'EEXIST', syscall: 'open', type: 'uts', target: path });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(errorOf(() => handle.bind('uts', join(folder, 'no/where')))).toMatchObject({
      code: 'ENOENT',
    });
    expect(errorOf(() => handle.bind('uts', ''))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(errorOf(() => handle.bind('net', path))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    handle.close();
  });

  test('a mount namespace on a shared mount: refused, said why, and no file left', async () => {
    const source = `
      import fs from 'node:fs';
      import { createNamespaces } from 'linux-namespaces';
      const handle = await createNamespaces(['mnt'], { propagation: 'unchanged' });
      try { handle.bind('mnt', ${JSON.stringify(join(folder, 'shared/mnt'))}); }
      catch ({ code, message }) { console.log(code, message, fs.readdirSync(${JSON.stringify(join(folder, 'shared'))}).length); }
    `;
    const script = `mkdir ${folder}/shared; mount -t tmpfs none ${folder}/shared; mount --make-shared ${folder}/shared; exec "$0" --input-type=module -e "$1"`;
    const line = ['--mount', 'sh', '-c', script, process.execPath, source];
    expect(execFileSync('unshare', line, { encoding: 'utf8' })).toMatch(
      /^EINVAL .*older than it, .*try again.*on a mount that is private.* 0$/m,
    );
  });

  test('unbindNamespace takes away nothing else', () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    expect(errorOf(() => unbindNamespace(path))).toMatchObject({ code: 'EINVAL', target: path });
    expect(existsSync(path)).toBe(true);
    expect(errorOf(() => unbindNamespace('/proc'))).toMatchObject({ code: 'EINVAL' });
    expect(errorOf(() => unbindNamespace(join(folder, 'nothing')))).toMatchObject({
      code: 'ENOENT',
    });
  });
});

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' });
const needed = hasProgram('ip') ? '' : ' [needs ip]';

describe.skipIf(needed)(`named networks${needed}`, () => {
  let before: string[] = [];
  let hadDirectory = true;
  beforeAll(async () => {
    hadDirectory = existsSync('/run/netns');
    (await networks.create(`${own}first`)).close();
    networks.remove(`${own}first`);
    before = mounts();
  });
  afterEach(() => {
    for (const name of networks.list()) if (name.startsWith(own)) networks.remove(name);
    for (const name of readdirSync('/run/netns')) {
      if (name.startsWith(own)) rmSync(join('/run/netns', name));
    }
    expect(mounts()).toEqual(before);
  });
  // What `ip netns` would have left there, too.
  afterAll(() => {
    if (!hadDirectory && networks.list().length === 0) {
      execFileSync('umount', ['/run/netns']);
      rmSync('/run/netns', { recursive: true });
    }
  });

  test('a namespace of another type is no network', async () => {
    const name = `${own}uts`;
    const path = join('/run/netns', name);
    using handle = await createNamespaces(['uts']);
    handle.bind('uts', path);
    try {
      expect(networks.list()).not.toContain(name);
      expect(() => networks.open(name)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
      await expect(networks.create(name)).rejects.toMatchObject({ code: 'EEXIST' });
    } finally {
      networks.remove(name);
    }
    expect(existsSync(path)).toBe(false);
  });

  test('ip netns sees, enters and removes ours; we see, open and remove its', async () => {
    const [blue, red] = [`${own}blue`, `${own}red`];
    const handle = await networks.create(blue, { loopback: true });
    expect(ip('netns', 'list')).toContain(blue);
    expect(ip('netns', 'exec', blue, 'readlink', '/proc/self/ns/net')).toBe(
      `net:[${handle.inode('net')}]\n`,
    );
    expect(ip('-n', blue, '-o', 'link', 'show', 'lo')).toContain('UP');
    handle.close();
    ip('netns', 'delete', blue);
    expect(networks.list()).not.toContain(blue);

    ip('netns', 'add', red);
    expect(networks.list()).toContain(red);
    const opened = networks.open(red);
    const inside = opened.run(() => execFileSync('readlink', ['/proc/self/ns/net']));
    expect(String(inside)).toBe(`net:[${opened.inode('net')}]\n`);
    opened.close();
    networks.remove(red);
    expect(ip('netns', 'list')).not.toContain(red);
    expect(existsSync(`/run/netns/${red}`)).toBe(false);
  });

  test('the directory is shared, so that other mount namespaces see them; the file as theirs', async () => {
    const propagation = () =>
      readFileSync('/proc/self/mountinfo', 'utf8').match(/ \/run\/netns \S+ (shared):/)?.[1];
    expect(propagation()).toBe('shared');
    (await networks.create(`${own}blue`)).close();
    ip('netns', 'add', `${own}red`);
    const stat = (name: string) =>
      execFileSync('stat', ['-c', '%a %u %s', `/run/netns/${own}${name}`], { encoding: 'utf8' });
    expect(stat('blue')).toBe(stat('red'));
  });

  test.each(['', '.', '..', '../x', 'a/b', '/x', 'a\0b', 'x'.repeat(256), 7, undefined])(
    'no name: %j',
    async name => {
      const code = expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/);
      const bad = name as string;
      expect(await rejectionOf(networks.create(bad))).toMatchObject({ name: 'TypeError', code });
      expect(errorOf(() => networks.open(bad))).toMatchObject({ name: 'TypeError', code });
      expect(errorOf(() => networks.remove(bad))).toMatchObject({ name: 'TypeError', code });
    },
  );

  test('what is there already, and what is not', async () => {
    const blue = `${own}blue`;
    const fds = fdCount();
    const handle = await networks.create(blue);
    const inode = handle.inode('net');
    handle.close();
    expect(await rejectionOf(networks.create(blue))).toMatchObject({
      code: 'EEXIST',
      type: 'net',
      target: `/run/netns/${blue}`,
    });
    const same = networks.open(blue);
    expect(same.inode('net')).toBe(inode);
    same.close();
    networks.remove(blue);
    expect(errorOf(() => networks.remove(blue))).toMatchObject({ code: 'ENOENT' });
    expect(errorOf(() => networks.open(blue))).toMatchObject({ code: 'ENOENT' });
    expect(fdCount()).toBe(fds);
  });

  test('what a killed program left: taken over when it is old, removed at any time', async () => {
    const path = `/run/netns/${own}left`;
    writeFileSync(path, '', { mode: 0 });
    expect(networks.list()).not.toContain(`${own}left`);
    expect(await rejectionOf(networks.create(`${own}left`))).toMatchObject({ code: 'EEXIST' });
    utimesSync(path, 1, 1);
    (await networks.create(`${own}left`)).close();
    expect(ip('netns', 'exec', `${own}left`, 'true')).toBe('');
    networks.remove(`${own}left`);
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, '', { mode: 0 });
    networks.remove(`${own}left`);
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, 'somebody else');
    utimesSync(path, 1, 1);
    expect(errorOf(() => networks.remove(`${own}left`))).toMatchObject({ code: 'EINVAL' });
    expect(await rejectionOf(networks.create(`${own}left`))).toMatchObject({ code: 'EEXIST' });
  });

  test('who holds the lock of the directory, as any user can, keeps nobody from making one [needs setpriv]', async () => {
    const line = ['--reuid=65534', '--clear-groups', 'flock', '--no-fork', '/run/netns'];
    const holder = nodeSpawn('setpriv', [...line, 'sh', '-c', 'echo held; exec sleep 1000']);
    try {
      await once(holder.stdout, 'data');
      (await networks.create(`${own}held`)).close();
      // For what two could take over at once it is waited, but not for ever.
      const path = `/run/netns/${own}left`;
      writeFileSync(path, '', { mode: 0 });
      utimesSync(path, 1, 1);
      expect(await rejectionOf(networks.create(`${own}left`))).toMatchObject({
        code: 'EAGAIN',
        syscall: 'flock',
        target: path,
      });
    } finally {
      holder.kill('SIGKILL');
    }
    (await networks.create(`${own}left`)).close();
  });

  test('two processes at once, and ip: each name has one maker, and nothing is lost', async () => {
    const source = `
      import { networks } from 'linux-namespaces';
      const made = [];
      for (let i = 0; i < 20; i++) {
        await networks.create('${own}' + i).then(
          handle => { made.push(i); handle.close(); },
          error => { if (error.code !== 'EEXIST') throw error; },
        );
      }
      console.log(JSON.stringify(made));
    `;
    const shell = `for i in $(seq 0 19); do ip netns add ${own}$i 2>/dev/null && echo $i; done; true`;
    const node = () => nodeSpawn(process.execPath, ['--input-type=module', '-e', source]);
    const outputs = await Promise.all([node(), node(), nodeSpawn('sh', ['-c', shell])].map(output));
    const [one = '', two = '', three = ''] = outputs;
    const made = [...JSON.parse(one), ...JSON.parse(two), ...three.split('\n').filter(Boolean)];
    expect(made.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(networks.list().filter(name => name.startsWith(own))).toHaveLength(20);
    const inodes = new Set(
      made.map(i => {
        const network = networks.open(`${own}${i}`);
        const inode = network.inode('net');
        network.close();
        return inode;
      }),
    );
    expect(inodes.size).toBe(20);
  });

  test('in a mount namespace without the directory, by two processes at once', async () => {
    // Both find no /run/netns, and one of them makes it a mount of its own, once.
    const source = `
      import { networks } from 'linux-namespaces';
      (await networks.create(process.argv[1])).close();
    `;
    const add = (name: string) => `"$0" --input-type=module -e "$1" ${name}`;
    const script = `umount -l /run/netns; mount -t tmpfs none /run; ${add('a')} & ${add('b')} & ip netns add c & wait
      ip netns list | sort; grep -c ' /run/netns ' /proc/self/mountinfo`;
    const line = ['--mount', 'sh', '-c', script, process.execPath, source];
    const seen = execFileSync('unshare', line, { encoding: 'utf8' }).trim().split('\n');
    expect(seen.map(word => word.trim())).toEqual(['a', 'b', 'c', '1']);
  });

  test('killed at any moment: what is there is whole, or an empty file that can be removed', async () => {
    const source = `
      import { networks } from 'linux-namespaces';
      console.log('on');
      for (let i = 0; ; i++) {
        (await networks.create('${own}' + i)).close();
        if (i % 2) networks.remove('${own}' + i);
      }
    `;
    for (let round = 0; round < 5; round++) {
      const child = nodeSpawn(process.execPath, ['--input-type=module', '-e', source], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data');
      await new Promise(done => setTimeout(done, 10 + 13 * round));
      child.kill('SIGKILL');
      await once(child, 'close');
      for (const name of readdirSync('/run/netns').filter(name => name.startsWith(own))) {
        if (networks.list().includes(name)) networks.open(name).close();
        networks.remove(name);
      }
      expect(mounts()).toEqual(before);
    }
  });

  test('two hosts joined by a cable: TCP between closures of one process', async () => {
    const blue = await networks.create(`${own}blue`, { loopback: true });
    const red = await networks.create(`${own}red`, { loopback: true });
    const run = async (...words: string[]) => {
      const child = spawn('ip', words, { target: blue, namespaces: ['net'], stdio: 'inherit' });
      expect(await once(child, 'exit')).toEqual([0, null]);
    };
    await run('link', 'add', 'cable', 'type', 'veth', 'peer', 'cable', 'netns', `${own}red`);
    await run('address', 'add', '10.9.8.1/24', 'dev', 'cable');
    await run('link', 'set', 'cable', 'up');
    ip('-n', `${own}red`, 'address', 'add', '10.9.8.2/24', 'dev', 'cable');
    ip('-n', `${own}red`, 'link', 'set', 'cable', 'up');

    const heard: string[] = [];
    const server = createServer(socket => {
      socket.on('data', data => {
        heard.push(`${socket.remoteAddress} said ${data}`);
        socket.end('hello, red');
      });
    });
    await blue.run(() => once(server.listen(80, '10.9.8.1'), 'listening'));
    const answer = await red.run(async () => {
      const socket = connect(80, '10.9.8.1');
      socket.write('hello, blue');
      const [data] = await once(socket, 'data');
      socket.destroy();
      return String(data);
    });
    expect(answer).toBe('hello, red');
    expect(heard).toEqual(['10.9.8.2 said hello, blue']);
    const closed = once(server, 'close');
    server.close();
    await closed;
    blue.close();
    red.close();
  });
});

async function output(child: ChildProcess): Promise<string> {
  let out = '';
  child.stdout?.on('data', data => {
    out += data;
  });
  child.stderr?.pipe(process.stderr);
  await once(child, 'close');
  return out;
}
