// What users do with their own state and sockets to root's list of containers.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Containers, findContainer, listContainers } from 'linux-namespaces';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sockets, state } from '../../../src/base/limits.ts';
import { seconds } from '../../timeouts.ts';
import { fdCount, hasProgram, rejectionOf, start, until } from '../shared/support.ts';

const attacks = fileURLToPath(new URL('../../attacks/', import.meta.url));

test.each(['podsock.mjs', 'squat.mjs'])('%s wins nothing', name => {
  const { stdout, stderr } = spawnSync(process.execPath, [join(attacks, name), '5'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(`${stdout}${stderr}`.trim()).toBe('won 0 of 5');
});

describe('a user’s file system where the state of a user without a session would be', () => {
  const [, , uid = ''] =
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map(line => line.split(':'))
      .find(([, , id = '', , , home]) => Number(id) > 0 && home?.startsWith('/')) ?? [];
  const place = `/tmp/storage-run-${uid}`;
  const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
  const program = join(folder, 'unanswered');
  execFileSync('cc', ['-o', program, join(attacks, 'unanswered.c')]);
  afterAll(() => rmSync(folder, { recursive: true }));

  test.skipIf(!existsSync('/dev/fuse') || existsSync(place)).each([
    ['may not look into', uid],
    ['gets no answer from', '0'],
  ])('that root %s [FUSE]', async (_, asker) => {
    mkdirSync(place);
    chownSync(place, Number(uid), Number(uid));
    const server = spawn('timeout', ['-s', 'KILL', '10', program, place, asker]);
    try {
      await once(server.stdout, 'data');
      let turns = 0;
      const timer = setInterval(() => turns++, 10);
      // What else there is on this machine is of no interest.
      await expect(listContainers()).resolves.toBeDefined();
      clearInterval(timer);
      if (asker === '0') expect(turns).toBeGreaterThan(20);
    } finally {
      const ended = server.exitCode ?? once(server, 'exit');
      server.kill();
      await ended;
      spawnSync('umount', ['-l', place]);
      rmdirSync(place);
    }
  });
});

describe('a root directory with two users', () => {
  const [alice, bob] = [1000, 1001];
  const storage = 'home/alice/.local/share/containers/storage';
  const containersJson = `${storage}/overlay-containers/containers.json`;
  const runtime = `run/user/${alice}`;
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
    for (const path of ['etc', `run/user/${bob}`]) mkdirSync(join(root, path), { recursive: true });
    writeFileSync(
      join(root, 'etc/passwd'),
      `alice:x:${alice}:${alice}::/home/alice:/bin/sh\nbob:x:${bob}:${bob}::/home/bob:/bin/sh\n`,
    );
    write(containersJson, [{ id: 'a'.repeat(64), names: ['hers'] }], alice);
    write(
      'home/bob/.local/share/containers/storage/overlay-containers/containers.json',
      [{ id: 'b'.repeat(64), names: ['his'] }],
      bob,
    );
    chown('home/alice', alice);
    chown('home/bob', bob);
    mkdirSync(join(root, runtime, 'podman'), { recursive: true });
    chown(runtime, alice);
    chownSync(join(root, `run/user/${bob}`), bob, bob);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function write(path: string, content: unknown, owner: number): string {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    chownSync(file, owner, owner);
    return file;
  }
  const chown = (path: string, uid: number) =>
    execFileSync('chown', ['-hR', `${uid}:${uid}`, join(root, path)]);
  const list = (options = {}): Promise<Containers> => listContainers({ root, ...options });
  const named = (containers: Containers) => containers.map(({ name }) => name).sort();
  const complaints = ({ problems }: Containers) =>
    problems.map(({ code, target: path }) => `${code} ${String(path).slice(root.length + 1)}`);

  test('as they are, both are listed, and meant only with the uid', async () => {
    const containers = await list();
    expect(complaints(containers)).toEqual([]);
    expect(named(containers)).toEqual(['hers', 'his']);
    for (const name of ['1000:hers', '1000:podman:hers', `1000:${'a'.repeat(64)}`, '1000:aaaaaa']) {
      expect((await findContainer(name, { root })).owner).toBe(alice);
    }
    for (const name of ['hers', 'podman:hers', 'a'.repeat(64), '1001:hers', '0:hers', ':hers']) {
      expect((await rejectionOf(findContainer(name, { root }))).code, name).toBe('ENOENT');
    }
    const { message } = await rejectionOf(findContainer('hers', { root }));
    expect(message).toContain('1000:podman:hers');
  });

  test.each([
    ['the file', containersJson, 'ELOOP'],
    ['a directory on the way', `${storage}/overlay-containers`, undefined],
    ['a directory further up', 'home/alice/.local', undefined],
  ])('a link in the place of %s is not followed', async (_, path, code) => {
    rmSync(join(root, path), { recursive: true });
    const elsewhere = join(root, 'home/bob/.local/share/containers/storage/overlay-containers');
    const target: Record<string, string> = {
      [containersJson]: `${elsewhere}/containers.json`,
      'home/alice/.local': join(root, 'home/bob/.local'),
    };
    symlinkSync(target[path] ?? elsewhere, join(root, path));
    lchownSync(join(root, path), alice, alice);
    const containers = await list();
    expect(named(containers)).toEqual(['his']);
    if (code) expect(complaints(containers)).toEqual([`${code} ${path}`]);
    else expect(containers.every(({ owner }) => owner === bob)).toBe(true);
  });

  test.skipIf(!hasProgram('setpriv'))(
    'a process of the user’s that is in no user namespace is no container: its root is the host’s',
    async () => {
      const as = [`--reuid=${alice}`, `--regid=${alice}`, '--clear-groups'];
      for (const before of [[], ['unshare', '--user']]) {
        await using target = start('setpriv', [...as, ...before, 'sleep', 'infinity']);
        const { pid } = target;
        const stat = await until('sleep', () => {
          const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
          return text.includes('(sleep)') ? text.split(') ')[1]?.split(' ') : undefined;
        });
        const status = { pid, 'process-start-time': Number(stat[19]), bundle: '/b', rootfs: 'r' };
        write(
          `${runtime}/crun/claimed/status`,
          { ...status, created: '2026-01-01T00:00:00Z' },
          alice,
        );
        chown(runtime, alice);
        const found = (await list()).find(({ name }) => name === 'claimed');
        const expected = before.length > 0 ? ['running', pid] : ['exited', undefined];
        expect([found?.state, found?.pid]).toEqual(expected);
      }
    },
  );

  test.skipIf(!hasProgram('setpriv'))(
    'the command line of what a user says is a monitor costs no more than any other',
    async () => {
      const program = join(root, 'cmdline');
      execFileSync('cc', ['-o', program, join(attacks, 'cmdline.c')]);
      chmodSync(root, 0o755);
      const as = [`--reuid=${alice}`, `--regid=${alice}`, '--clear-groups'];
      await using monitor = start('setpriv', [...as, program, '256', '1']);
      await until('a command line of 256 MiB', () => monitor.output().includes('ready'));
      const about = `overlay-containers/${'a'.repeat(64)}/userdata`;
      write(`${storage}/${about}/config.json`, {}, alice);
      write(`${runtime}/containers/${about}/conmon.pid`, `${monitor.pid}`, alice);
      for (const path of ['home/alice', runtime]) chown(path, alice);
      const script = `
        const { listContainers } = await import('linux-namespaces');
        const { maxRSS } = process.resourceUsage();
        const [{ name }] = await listContainers({ root: ${JSON.stringify(root)} });
        console.log(name, process.resourceUsage().maxRSS - maxRSS < 128 * 1024);`;
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', script]);
      expect(String(said)).toBe('hers true\n');
    },
  );

  test.each(['FIFO', 'device', 'directory', 'file of another user', 'larger than any'])(
    'a %s in the place of the file is refused, and nothing else is lost',
    async kind => {
      const file = join(root, containersJson);
      rmSync(file);
      if (kind === 'FIFO') execFileSync('mkfifo', [file]);
      else if (kind === 'device') execFileSync('mknod', [file, 'c', '1', '5']);
      else if (kind === 'directory') mkdirSync(file);
      else write(containersJson, '[]', kind.startsWith('file') ? bob : alice);
      if (kind === 'larger than any') truncateSync(file, state.containers + 1);
      const containers = await list();
      expect(named(containers)).toEqual(['his']);
      const code = kind.startsWith('file')
        ? 'EPERM'
        : kind.startsWith('larger')
          ? 'EFBIG'
          : 'EINVAL';
      expect(complaints(containers)).toEqual([`${code} ${containersJson}`]);
    },
  );

  test('paths as long as a file may be cost no time', () => {
    // Of what is in the middle, to find out where a path leads takes its square.
    const far = (length: number) => `/${'a'.repeat(length)}${'/b/..'.repeat(length / 10)}`;
    const about = `overlay-containers/${'a'.repeat(64)}/userdata`;
    const mounts = [{ type: 'bind', source: far(800_000), destination: '/x' }];
    write(
      `${storage}/${about}/config.json`,
      { root: { path: far(400_000).slice(1) }, mounts },
      alice,
    );
    const conf = 'home/alice/.config/containers/storage.conf';
    write(conf, `[storage]\nrunroot = "${'/'.repeat(60_000)}x"\n`, alice);
    write(`${runtime}/crun/hers/status`, { bundle: '/b', rootfs: far(400_000).slice(1) }, alice);
    for (const path of ['home/alice', runtime]) chown(path, alice);
    const script = `
      const { listContainers } = await import('linux-namespaces');
      const before = process.cpuUsage();
      const all = await listContainers({ root: ${JSON.stringify(root)} });
      const { user } = process.cpuUsage(before);
      console.log(all.map(({ name }) => name).sort().join(), user < 1e6 ? 'at once' : user);`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: seconds(30),
    });
    expect(String(said)).toBe('hers,hers,his at once\n');
  });

  test.each([-1, 0, 1])('a file as long as it may be, and %i', async more => {
    const text = JSON.stringify([{ id: 'a'.repeat(64), names: ['long'] }]);
    write(containersJson, text.padEnd(state.containers + more), alice);
    const containers = await list();
    expect(named(containers)).toEqual(more > 0 ? ['his'] : ['his', 'long']);
    expect(complaints(containers)).toEqual(more > 0 ? [`EFBIG ${containersJson}`] : []);
  });

  test('many files that are each as long as they may be: no more than of a user is read', async () => {
    write('run/runc/ours/state.json', '{}', 0);
    // By links: a disk has room for one of them.
    const status = write(`${runtime}/status`, { pid: 4194304, 'process-start-time': 1 }, alice);
    const config = write(`${runtime}/config`, `["${' '.repeat(state.file - 4)}"]`, alice);
    const count = state.ofUser / state.file + 1;
    for (let i = 0; i < count; i++) {
      const directory = join(root, runtime, 'crun', `${i}`);
      mkdirSync(directory, { recursive: true });
      linkSync(status, join(directory, 'status'));
      linkSync(config, join(directory, 'config.json'));
    }
    chown(runtime, alice);
    const containers = await list();
    expect(named(containers)).toEqual(expect.arrayContaining(['hers', 'his', 'ours']));
    // In the other directory, what is read after that is too much as well.
    const large = complaints(containers).filter(one => one.startsWith(`EFBIG ${runtime}`));
    expect(large).toEqual([expect.stringContaining(`EFBIG ${runtime}/crun/`)]);
    expect((await findContainer('1001:his', { root })).owner).toBe(bob);
  });

  test.each([0, 1])('a list as long as it may be, and %i', async more => {
    const rows = Array.from({ length: state.entries + more }, (_, i) => ({ id: `c${i}` }));
    write(containersJson, rows, alice);
    const containers = await list();
    expect(containers).toHaveLength(state.entries + 1); // and his
    expect(complaints(containers)).toEqual(more > 0 ? [`EFBIG ${containersJson}`] : []);
  });

  test('a home and a storage that are not the own', async () => {
    const conf = 'home/alice/.config/containers/storage.conf';
    write(conf, '[storage]\ngraphroot = "/home/bob/.local/share/containers/storage"\n', alice);
    chown('home/alice', alice);
    const containers = await list();
    expect(named(containers)).toEqual(['his']);
    expect(complaints(containers)[0]).toMatch(/^EPERM home\/bob/);
    chownSync(join(root, 'home/alice'), bob, bob);
    expect(complaints(await list())).toContain(`EPERM ${conf}`);
  });

  const fuse = existsSync('/dev/fuse') ? '' : 'no /dev/fuse';
  test.skipIf(fuse)(`a file system that never answers [${fuse || 'FUSE'}]`, async () => {
    const point = join(root, 'home/alice/.local');
    const server = openSync('/dev/fuse', 'r+');
    const options = `fd=3,rootmode=40000,user_id=0,group_id=0,allow_other`;
    execFileSync('mount', ['-i', '-t', 'fuse', '-o', options, 'silent', point], {
      stdio: ['ignore', 'inherit', 'inherit', server],
    });
    try {
      for (let i = 0; i < 3; i++) {
        const containers = await list();
        expect(named(containers)).toEqual(['his']);
        expect(complaints(containers)).toEqual([expect.stringMatching(/^ETIMEDOUT home\/alice/)]);
      }
    } finally {
      closeSync(server);
      execFileSync('umount', ['-l', point]);
    }
    expect(named(await list())).toEqual(['hers', 'his']);
  });

  test('a socket of somebody else, and one that answers too much', async () => {
    const path = join(root, runtime, 'podman/podman.sock');
    const target = `${runtime}/podman/podman.sock`;
    const listen = (answer: string) =>
      createServer(connection => {
        connection.on('error', () => {});
        connection.once('data', () => connection.end(answer));
      });
    const fds = fdCount();
    const server = listen('').listen(path);
    await new Promise(done => server.once('listening', done));
    chownSync(path, alice, alice);
    expect(complaints(await list())).toEqual([`EPERM ${target}`]); // we listen, not alice
    await new Promise(done => server.close(done));
    // Of root's own there is no such question.
    const stored = 'var/lib/containers/storage/overlay-containers/containers.json';
    write(stored, [{ id: 'c'.repeat(64), names: ['ours'] }], 0);
    const own = join(root, 'run/podman/podman.sock');
    mkdirSync(dirname(own));
    const body = '[]'.padEnd(sockets.answer);
    for (const more of [0, 1]) {
      const text = `HTTP/1.1 200 OK\r\n\r\n${body}${' '.repeat(more)}`;
      const long = listen(text).listen(own);
      await new Promise(done => long.once('listening', done));
      const expected = more > 0 ? ['EFBIG run/podman/podman.sock'] : [];
      expect(complaints(await list())).toEqual(expected);
      await new Promise(done => long.close(done));
    }
    expect(fdCount()).toBeLessThanOrEqual(fds);
  });

  test.each([
    [
      'another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    ],
    ['only that it goes on', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['less than it said', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[]'],
    ['nothing', ''],
    ['no HTTP', '\0\0\0'],
  ])('a socket that answers with %s', async (_, answer) => {
    const path = join(root, 'run/podman/podman.sock');
    write('var/lib/containers/storage/overlay-containers/containers.json', [{ id: 'ours' }], 0);
    mkdirSync(dirname(path));
    const server = createServer(connection => {
      connection.on('error', () => {});
      connection.once('data', () => connection.end(answer));
    }).listen(path);
    await new Promise(done => server.once('listening', done));
    try {
      const containers = await list({ timeout: 60_000 });
      expect(named(containers)).toEqual(['hers', 'his', 'ours']);
      expect(complaints(containers)).toEqual(['EPROTO run/podman/podman.sock']);
    } finally {
      await new Promise(done => server.close(done));
    }
  });

  test('sockets that do not answer are waited for in all, by a name that a user has, too', async () => {
    write('var/lib/containers/storage/overlay-containers/containers.json', [{ id: 'ours' }], 0);
    const [own, hers] = ['run', runtime].map(folder => join(root, folder, 'podman/podman.sock'));
    mkdirSync(dirname(own as string));
    let asked = 0;
    const server = createServer(connection => {
      connection.on('error', () => {}).on('data', () => asked++);
    }).listen(own);
    await new Promise(done => server.once('listening', done));
    execFileSync('chmod', ['711', root]);
    const silent =
      'require("net").createServer(() => {}).listen(process.argv[1], () => console.log())';
    const child = spawn(process.execPath, ['-e', silent, hers as string], {
      uid: alice,
      gid: alice,
    });
    try {
      await once(child.stdout, 'data');
      const { message } = await rejectionOf(findContainer('hers', { root, timeout: 200.5 }));
      expect(message).toContain('1000:podman:hers');
      expect(asked).toBe(0);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
      await new Promise(done => server.close(done));
    }
  });

  const all = ['State', 'StartedAt', 'Created', 'Labels', 'Ports', 'Pod'];
  test.each([
    ['a name that every object has', '"constructor"', all],
    ['what cannot be made a text', '{"toString":1,"valueOf":1}', all],
    ['more than any time', '1e300', all],
    ['what is nested', `${'['.repeat(7_000)}${']'.repeat(7_000)}`, ['State']],
  ])('a socket that has %s in the place of what it is asked for', async (_, value, fields) => {
    const id = 'c'.repeat(64);
    write('var/lib/containers/storage/overlay-containers/containers.json', [{ id }], 0);
    const path = join(root, 'run/podman/podman.sock');
    mkdirSync(dirname(path));
    const row = fields.map(field => `"${field}":${value}`);
    const server = createServer(connection => {
      connection.on('error', () => {});
      connection.once('data', () => {
        connection.end(`HTTP/1.1 200 OK\r\n\r\n[{"Id":"${id}",${row.join(',')}}]`);
      });
    }).listen(path);
    await new Promise(done => server.once('listening', done));
    try {
      const containers = await list();
      expect(named(containers)).toEqual([id, 'hers', 'his']);
      expect(containers.find(one => one.id === id)).toMatchObject({
        state: 'created',
        created: undefined,
        started: undefined,
        ports: [],
      });
    } finally {
      await new Promise(done => server.close(done));
    }
  });
});
