import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type Containers, findContainer, listContainers } from 'linux-namespaces';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freeze } from '../shared/freezer.ts';
import {
  fdCount,
  read,
  rejectionOf,
  runScript,
  startTarget,
  type Target,
} from '../shared/support.ts';
import { named } from './support.ts';

/** State as engines write it, and as nobody should: in a root directory of its own. */
describe('state that is not as it should be', () => {
  let root: string;
  let target: Target;
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
    target = await startTarget('--net', '--uts');
  });
  afterEach(async () => {
    rmSync(root, { recursive: true });
    await target.kill();
  });

  const list = (options = {}): Promise<Containers> => listContainers({ root, ...options });
  const startTime = () => Number(read(`/proc/${target.pid}/stat`)?.split(') ')[1]?.split(' ')[19]);

  function write(path: string, content: unknown): string {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  }
  const good = (id: string, more = {}) => ({
    id,
    init_process_pid: target.pid,
    init_process_start: startTime(),
    created: '2026-11-24T06:00:00.5Z',
    config: { rootfs: '/srv/rootfs', labels: ['bundle=/srv', 'a=b'], hostname: 'host' },
    ...more,
  });
  const runc = (id: string, state: unknown = good(id)) => write(`run/runc/${id}/state.json`, state);
  const random = (digit: string) => digit.repeat(64);
  const docker = (id: string, config: unknown) =>
    write(`var/lib/docker/containers/${id}/config.v2.json`, config);
  const podman = (rows: unknown) =>
    write('var/lib/containers/storage/overlay-containers/containers.json', rows);
  /** The files that were complained of, by the code of it. */
  const complaints = ({ problems }: Containers) =>
    problems
      .filter(({ target: path }) => String(path).startsWith(root))
      .map(({ code, target: path }) => `${code} ${String(path).slice(root.length)}`)
      .sort();

  test('as it should be, there is nothing to complain of', async () => {
    runc('good');
    const containers = await list();
    expect(containers.problems).toEqual([]);
    expect(containers).toHaveLength(1);
    expect(containers[0]).toMatchObject({
      engine: 'runc',
      id: 'good',
      name: 'good',
      state: 'running',
      pid: target.pid,
      startTime: startTime(),
      rootfs: `${root}/srv/rootfs`,
      bundle: `${root}/srv`,
      annotations: { a: 'b' },
      hostname: 'host',
      created: new Date('2026-11-24T06:00:00.5Z'),
    });
  });

  test('what is half-written is said, and the rest is listed', async () => {
    runc('good');
    const path = runc('half', JSON.stringify(good('half')).slice(0, 50));
    docker(random('a'), '{"ID":');
    podman('[{"id":');
    write('run/crun/empty/status', '');
    const containers = await list();
    expect(named(containers, 'good').pid).toBe(target.pid);
    expect(complaints(containers)).toEqual([
      'EINVAL /run/crun/empty/status',
      'EINVAL /run/runc/half/state.json',
      'EINVAL /var/lib/containers/storage/overlay-containers/containers.json',
      `EINVAL /var/lib/docker/containers/${random('a')}/config.v2.json`,
    ]);
    expect(containers.map(({ engine, name }) => `${engine} ${name}`)).toContain('runc good');
    expect(named(containers, random('a')).state).toBe('unknown');
    // Who asks for the one that could not be read is told so.
    const error = await rejectionOf(findContainer('half', { root }));
    expect(error.code).toBe('ENOENT');
    expect(error.message).toContain('could be read');
    expect(path).toContain(root);
  });

  test("Docker's damaged file loses its name, not the container", async () => {
    const id = random('b');
    docker(id, '{"ID":');
    write(`run/docker/runtime-runc/moby/${id}/state.json`, good(id));
    const [container] = await list();
    expect(container).toMatchObject({ engine: 'docker', id, name: id, pid: target.pid });
    expect(container?.state).toBe('running');
  });

  test('another process with the pid is not the container', async () => {
    runc('old', good('old', { init_process_start: startTime() - 1 }));
    runc('dead', good('dead', { init_process_pid: 4194304 }));
    const id = random('c');
    // Without a start time the cgroup has to be named by the id, which this one's is not.
    docker(id, { ID: id, Name: '/claims', State: { Running: true, Pid: target.pid } });
    const containers = await list();
    for (const name of ['old', 'dead', 'claims']) {
      expect(named(containers, name), name).toMatchObject({ state: 'exited', pid: undefined });
    }
  });

  test('nor, with the mounts of the host, in a cgroup that is named by its id', async context => {
    for (const flag of ['--net', '--mount']) {
      await using claimed = await startTarget(flag);
      const frozen = freeze(claimed.pid) ?? context.skip('no freezer');
      try {
        const id = basename(frozen.cgroup);
        docker(id, { ID: id, Name: `/${flag}`, State: { Running: true, Pid: claimed.pid } });
        const wanted = flag === '--mount' ? ['paused', claimed.pid] : ['exited', undefined];
        const { state, pid } = named(await list(), flag);
        expect([state, pid]).toEqual(wanted);
      } finally {
        frozen.thaw();
      }
    }
  });

  test.each(['FIFO', 'link to a device', 'file without an end'])(
    'a %s in the place of its freezer is not waited for, and costs nothing else',
    kind => {
      runc('good');
      const cgroups = read(`/proc/${target.pid}/cgroup`) ?? '';
      const [, old] = /^\d+:freezer:(.*)$/m.exec(cgroups) ?? [];
      const [, path] = /^0::(.*)$/m.exec(cgroups) ?? [];
      const inside = old === undefined ? `${path}/cgroup.freeze` : `/freezer${old}/freezer.state`;
      const file = join(root, 'sys/fs/cgroup', inside);
      mkdirSync(dirname(file), { recursive: true });
      if (kind === 'FIFO') execFileSync('mkfifo', [file]);
      else if (kind.startsWith('link')) symlinkSync('/dev/zero', file);
      else writeFileSync(file, '');
      if (kind.startsWith('file')) truncateSync(file, 2 ** 32);
      const script = `
        const { listContainers } = await import('linux-namespaces');
        const all = await listContainers({ root: ${JSON.stringify(root)} });
        console.log(all.map(({ name, state }) => name + ' ' + state).join());
        for (const { code, target } of all.problems) console.log(code, target);`;
      const [, said, codes] = /^(.*)\n(\w+) .*\n$/.exec(runScript(script)) ?? [];
      const code = { F: 'EINVAL', l: 'ELOOP', f: 'EFBIG' }[kind[0] as string];
      expect([said, codes]).toEqual(['good running', code]);
    },
  );

  /** What nothing proves: each by its engine and name. */
  const unproven = ({ problems }: Containers) =>
    problems.map(({ code, target: of }) => `${code} ${of}`).sort();

  test('what runs by its engine, without a pid, is unknown, and said', async () => {
    const state = { Running: true, Pid: target.pid, StartedAt: '2026-11-24T06:00:00Z' };
    const unknown: [name: string, state: unknown][] = [
      ['text', { ...state, Pid: `${target.pid}` }],
      ['none', { Running: true }],
      ['zero', { ...state, Pid: 0 }],
      ['fraction', { ...state, Pid: 1.5 }],
      ['large', { ...state, Pid: 2 ** 32 + target.pid }],
      ['word', { ...state, Running: 'true', Pid: null }],
      ['again', { ...state, Restarting: true, Pid: `${target.pid}` }],
      ['null', null],
      ['missing', undefined],
      ['number', 5],
    ];
    const known: [name: string, state: unknown, is: string][] = [
      ['stopped', { ...state, Running: false, Pid: 0 }, 'exited'],
      ['restarting', { ...state, Restarting: true, Pid: 0 }, 'restarting'],
      ['new', {}, 'created'],
    ];
    for (const [i, [Name, State]] of [...unknown, ...known].entries()) {
      const ID = random('0123456789abc'[i] as string);
      docker(ID, { ID, Name: `/${Name}`, State });
    }
    const containers = await list();
    for (const [name] of unknown) {
      expect(named(containers, name), name).toMatchObject({ state: 'unknown', pid: undefined });
    }
    for (const [name, , is] of known) expect(named(containers, name).state, name).toBe(is);
    expect(unproven(containers)).toEqual(unknown.map(([name]) => `ESRCH docker:${name}`).sort());
  });

  test('a task whose pid is still to be written is unknown, or what its runtime says', async () => {
    const task = (id: string) => `run/containerd/io.containerd.runtime.v2.task/default/${id}`;
    const pidfiles = {
      empty: '',
      exponent: `${target.pid}e0`,
      hex: `0x${target.pid.toString(16)}`,
      missing: undefined,
      waiting: '',
    };
    for (const [id, text] of Object.entries(pidfiles)) {
      write(`${task(id)}/config.json`, {});
      if (text !== undefined) write(`${task(id)}/init.pid`, text);
    }
    write('run/containerd/runc/default/waiting/state.json', good('waiting'));
    write('run/containerd/runc/default/waiting/exec.fifo', '');
    const containers = await list();
    const unknown = ['empty', 'exponent', 'hex', 'missing'];
    for (const name of unknown) {
      expect(named(containers, name), name).toMatchObject({ state: 'unknown', pid: undefined });
    }
    expect(named(containers, 'waiting')).toMatchObject({ state: 'created', pid: target.pid });
    expect(unproven(containers)).toEqual(unknown.map(name => `ESRCH containerd:${name}`));
  });

  test("Podman's pidfile is of digits; where it is not, the container is unknown", async () => {
    const folder = 'containers/storage/overlay-containers';
    const pidfiles = ['', `0x${target.pid.toString(16)}`, `${target.pid}e0`, `+${target.pid}`];
    for (const [i, text] of [...pidfiles, undefined].entries()) {
      const directory = `${folder}/${random(`${i}`)}/userdata`;
      write(`var/lib/${directory}/config.json`, {});
      if (text !== undefined) write(`run/${directory}/pidfile`, text);
    }
    podman([0, 1, 2, 3, 4].map(i => ({ id: random(`${i}`), names: [`box${i}`] })));
    const containers = await list();
    for (const i of pidfiles.keys()) {
      const expected = { state: 'unknown', pid: undefined };
      expect(named(containers, `box${i}`), `${i}`).toMatchObject(expected);
    }
    expect(named(containers, 'box4').state).toBe('exited'); // and its file is removed
    expect(unproven(containers)).toEqual([...pidfiles.keys()].map(i => `ESRCH podman:box${i}`));
  });

  test.each([
    ['an object', {}, 1],
    ['a text', '"text"', 1],
    ['a number', 5, 1],
    ['null, as Go writes an empty one', 'null', 0],
    ['an empty list', [], 0],
  ])("Podman's list of containers that is %s", async (_, content, count) => {
    podman(content);
    const path = 'EINVAL /var/lib/containers/storage/overlay-containers/containers.json';
    expect(complaints(await list())).toEqual(Array(count).fill(path));
  });

  test('of another version: what is not known is not guessed, what is new is let be', async () => {
    const { init_process_start: _, ...without } = good('no-start');
    runc('no-start', without);
    runc('text-start', good('text-start', { init_process_start: `${startTime()}` }));
    runc('text-pid', good('text-pid', { init_process_pid: `${target.pid}` }));
    write('run/crun/no-pid/status', { 'process-start-time': startTime(), bundle: '/srv' });
    write('run/crun/old/status', { pid: target.pid, bundle: '/srv' });
    runc('new', good('new', { a_new_field: { b: 1 }, init_process_pid: target.pid }));
    const containers = await list();
    expect(named(containers, 'new').pid).toBe(target.pid);
    const unknown = [
      'crun:no-pid',
      'crun:old',
      'runc:no-start',
      'runc:text-pid',
      'runc:text-start',
    ];
    for (const name of unknown) {
      expect(named(containers, name.slice('runc:'.length)), name).toMatchObject({
        state: 'unknown',
        pid: undefined,
      });
    }
    const { problems } = containers;
    const of = (wanted: string) =>
      problems.filter(({ code }) => code === wanted).map(one => one.target);
    expect(of('ESRCH').sort()).toEqual(unknown);
    expect(of('EINVAL').sort()).toEqual([
      `${root}/run/crun/no-pid/status`,
      `${root}/run/crun/old/status`,
      `${root}/run/runc/no-start/state.json`,
      `${root}/run/runc/text-pid/state.json`,
      `${root}/run/runc/text-start/state.json`,
    ]);
    expect(problems).toHaveLength(2 * unknown.length);
  });

  const noText = { toString: 1, valueOf: 1 }; // for String() and Number() an error
  const wrong = [null, 5, 'text', '5', '', [], [[]], {}, { length: 1 }, true, noText];
  test.each(wrong.map(value => [JSON.stringify(value), value]))(
    'with %s in the place of everything',
    async (_, value) => {
      runc('good');
      runc('whole', value);
      for (const field of Object.keys(good('x'))) runc(field, good(field, { [field]: value }));
      for (const field of ['rootfs', 'labels', 'hostname', 'mounts']) {
        runc(`config-${field}`, good(`config-${field}`, { config: { [field]: value } }));
      }
      const mount = { device: 'bind', source: '/a', destination: '/b', flags: value };
      runc('flags', good('flags', { config: { mounts: [mount] } }));
      for (const file of ['status', 'config.json']) write(`run/crun/${file}/status`, value);
      write('run/crun/config.json/config.json', value);
      const [id, task] = [random('d'), 'run/containerd/io.containerd.runtime.v2.task/k8s.io/x'];
      docker(id, { ID: value, Name: value, State: value, Config: value, Created: value });
      docker(random('e'), value);
      write('etc/docker/daemon.json', { 'data-root': value, 'exec-root': value });
      const process = { args: value, cwd: value, env: value, user: { uid: value, gid: value } };
      write(`${task}/config.json`, { annotations: value, root: value, hostname: value, process });
      write(`${task}/init.pid`, JSON.stringify(value));
      podman([value, { id: random('f'), names: value, metadata: value, layer: value }]);
      const containers = await list();
      expect(named(containers, 'good')).toMatchObject({ state: 'running', pid: target.pid });
      for (const container of containers) {
        expect(container.name).toMatch(/./);
        expect(container.created?.getUTCFullYear() ?? 2026).toBe(2026);
        expect(container.user ?? '0:0').toMatch(/^(0:0|5:5)$/);
        expect(container.pid ?? target.pid, container.name).toBe(target.pid);
        for (const map of [container.labels, container.annotations]) {
          for (const text of Object.values(map ?? {})) expect(text).toBeTypeOf('string');
        }
      }
    },
  );

  test('nested as deep as it may be, or as long', async () => {
    runc('good');
    const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
    const nested = (id: string, value: string) =>
      runc(
        id,
        JSON.stringify(good(id)).replace('["bundle=/srv","a=b"]', () => value),
      );
    nested('deep', deep);
    nested('deeper', `${'[{"a":'.repeat(2_000)}1${'}]'.repeat(2_000)}`);
    nested('long', JSON.stringify(Array(100_000).fill('[[[\\"[[{')));
    docker(random('a'), deep);
    docker(random('b'), `${'{"State":'.repeat(200_000)}1${'}'.repeat(200_000)}`);
    truncateSync(runc('huge'), 100 * 2 ** 20);
    const containers = await list();
    expect(named(containers, 'good').pid).toBe(target.pid);
    expect(named(containers, 'deeper').pid).toBe(target.pid);
    expect(named(containers, 'long').pid).toBe(target.pid);
    expect(complaints(containers)).toEqual([
      'EFBIG /run/runc/huge/state.json',
      'EINVAL /run/runc/deep/state.json',
      `EINVAL /var/lib/docker/containers/${random('a')}/config.v2.json`,
      `EINVAL /var/lib/docker/containers/${random('b')}/config.v2.json`,
    ]);
  });

  test('what is no file is neither followed nor waited for', async () => {
    runc('good');
    const secret = write('secret', good('link'));
    for (const id of ['link', 'fifo', 'folder', 'device']) {
      mkdirSync(join(root, `run/runc/${id}`), { recursive: true });
    }
    symlinkSync(secret, join(root, 'run/runc/link/state.json'));
    execFileSync('mkfifo', [join(root, 'run/runc/fifo/state.json')]);
    mkdirSync(join(root, 'run/runc/folder/state.json'));
    execFileSync('mknod', [join(root, 'run/runc/device/state.json'), 'c', '1', '5']);
    const containers = await list();
    expect(containers.map(({ name }) => name)).toEqual(['good']);
    expect(complaints(containers)).toEqual([
      'EINVAL /run/runc/device/state.json',
      'EINVAL /run/runc/fifo/state.json',
      'EINVAL /run/runc/folder/state.json',
      'ELOOP /run/runc/link/state.json',
    ]);
  });

  test('what is the kernel’s is not read, wherever a link leads: its log is lost by that', () => {
    for (const name of ['etc', 'proc']) mkdirSync(join(root, name));
    symlinkSync('/proc/version', join(root, 'etc/passwd'));
    const script = `
      const { listContainers } = await import('linux-namespaces');
      const { problems } = await listContainers({ root: ${JSON.stringify(root)} });
      for (const { code, target } of problems) console.log(code, target);`;
    const mount = `mount --rbind /proc ${root}/proc && exec "$@"`;
    const said = runScript(script, ['unshare', '-m', 'sh', '-c', mount, 'sh']);
    expect(said).toBe(`EINVAL ${root}/proc/version\n`);
  });

  test('an id with ../ in it leads nowhere', async () => {
    const outside = write('outside/userdata/pidfile', `${target.pid}`);
    const up = '../../../../../outside';
    podman([
      { id: up, names: ['up'], layer: up },
      { id: '..', names: ['dots'] },
      { id: random('a'), names: ['layer'], layer: up, metadata: '{"image-name":"x"}' },
      { id: `${random('b')}\0`, names: ['null'] },
    ]);
    // A container whose file says that it is another, and an id of Docker's for the layers.
    runc('one', good('../one'));
    const id = random('c');
    docker(id, { ID: id, Name: '/dock', Driver: 'overlay2', State: {} });
    write(`var/lib/docker/image/overlay2/layerdb/mounts/${id}/mount-id`, up);
    const containers = await list();
    expect(containers.map(({ name }) => name).sort()).toEqual(['dock', 'layer', 'one']);
    expect(named(containers, 'layer').rootfs).toBe(undefined);
    expect(named(containers, 'dock').rootfs).toBe(undefined);
    expect(complaints(containers).filter(text => text.includes('containers.json'))).toHaveLength(3);
    expect(read(outside)).toBe(`${target.pid}`);
    for (const name of [up, '..', '../one', 'one/../one']) {
      expect((await rejectionOf(findContainer(name, { root }))).code).toBe('ENOENT');
    }
  });

  test('removed while it is looked at: not there, and nothing to complain of', async () => {
    runc('good');
    mkdirSync(join(root, 'run/runc/gone'), { recursive: true });
    mkdirSync(join(root, `var/lib/docker/containers/${random('a')}`), { recursive: true });
    const task = 'run/containerd/io.containerd.runtime.v2.task/default/gone';
    mkdirSync(join(root, task), { recursive: true });
    let looking = true;
    const churn = (async () => {
      while (looking) {
        const path = runc('comes-and-goes');
        await new Promise(setImmediate);
        rmSync(dirname(path), { recursive: true });
        await new Promise(setImmediate);
      }
    })();
    const before = fdCount();
    for (let i = 0; i < 100; i++) {
      const containers = await list();
      expect(containers.problems).toEqual([]);
      expect(named(containers, 'good').pid).toBe(target.pid);
      for (const { name } of containers) expect(name).toMatch(/^(good|comes-and-goes)$/);
    }
    looking = false;
    await churn;
    expect(fdCount()).toBeLessThanOrEqual(before);
  });

  test('a name that is the beginning of an id means the name', async () => {
    const [one, two] = [random('a'), `abcdef${random('0')}`.slice(0, 64)];
    docker(one, { ID: one, Name: '/abcdef', State: {} });
    docker(two, { ID: two, Name: '/other', State: {} });
    runc('other2');
    const find = (name: string) => findContainer(name, { root });
    expect((await find('abcdef')).id).toBe(one);
    expect((await find('abcdef0')).id).toBe(two);
    expect((await find('docker:abcdef')).id).toBe(one);
    expect((await find(two)).name).toBe('other');
    expect((await find('runc:other2')).engine).toBe('runc');
    // A few digits are met by chance; and no name is cut short.
    for (const name of ['abcde', 'aaaaa', 'othe', 'runc:abcdef', 'Other', 'nobody:other']) {
      expect((await rejectionOf(find(name))).code, name).toBe('ENOENT');
    }
    const twin = `${'a'.repeat(63)}b`;
    docker(twin, { ID: twin, Name: '/other', State: {} });
    expect((await rejectionOf(find('aaaaaa'))).code).toBe('ENOTUNIQ');
    const error = await rejectionOf(find('other'));
    expect(error.code).toBe('ENOTUNIQ');
    expect(error.target).toBe('other');
    expect(error.message).toContain(`docker:other (${two.slice(0, 12)}, created)`);
    expect(error.message).toContain(twin.slice(0, 12));
  });

  test('keys and names that mean something to JavaScript or a terminal', async () => {
    const id = random('a');
    const labels = '{"__proto__":"x","constructor":"y","a":{"b":1}}';
    docker(id, `{"ID":"${id}","Name":"/\\u001b[31m\\n","Config":{"Labels":${labels}},"State":{}}`);
    const [container] = await list();
    expect(Object.keys(container?.labels ?? {}).sort()).toEqual(['__proto__', 'constructor']);
    expect(container?.labels?.a).toBe(undefined);
    docker(random('b'), `{"ID":"${random('b')}","Name":"/\\u001b[31m\\n","State":{}}`);
    const error = await rejectionOf(findContainer('\u001b[31m\n', { root }));
    expect(error.code).toBe('ENOTUNIQ');
    expect(error.message).not.toMatch(/\p{Cc}/u);
  });

  test('links of the host, of its own directories, are followed within its root', async () => {
    const id = random('a');
    mkdirSync(join(root, 'var'), { recursive: true });
    symlinkSync('/run', join(root, 'var/run'));
    write('mnt/big/docker/containers/x/y', '');
    write(`mnt/big/docker/containers/${id}/config.v2.json`, { ID: id, Name: '/far', State: {} });
    write('etc/docker/daemon.json', { 'data-root': '/data', 'exec-root': '/var/run/docker' });
    symlinkSync('/mnt/../mnt/big/docker', join(root, 'data'));
    write(`run/docker/runtime-runc/moby/${id}/state.json`, good(id));
    expect(named(await list(), 'far')).toMatchObject({ state: 'running', pid: target.pid });
    // A circle ends.
    symlinkSync('/circle', join(root, 'circle'));
    write('etc/docker/daemon.json', { 'data-root': '/circle/x' });
    await list();
  });

  test('by the settings of Podman and containerd', async () => {
    const id = random('a');
    write(
      'etc/containers/storage.conf',
      '[storage]\n graphroot = """/pods\\u002fgraph""" # here\n"runroot"=\'/pods/run\'\n[other]\nrunroot = "/no"\n',
    );
    write('pods/graph/vfs-containers/containers.json', [{ id, names: ['far'], layer: 'l' }]);
    write(
      'etc/containerd/config.toml',
      '# state = "/no"\nstate = "/tasks"\n[plugins."x"]\n  state = "/no"\n',
    );
    write('tasks/io.containerd.runtime.v2.task/default/one/config.json', {});
    const containers = await list();
    expect(named(containers, 'far')).toMatchObject({
      engine: 'podman',
      state: 'created',
      rootfs: `${root}/pods/graph/vfs/dir/l`,
    });
    expect(named(containers, 'one').engine).toBe('containerd');
    const directories = { runc: { root: '/elsewhere' } };
    write('elsewhere/moved/state.json', good('moved'));
    expect(named(await list({ directories }), 'moved').pid).toBe(target.pid);
  });

  test('settings that are half-written, nested without end or endless are said, and not taken', async () => {
    runc('good');
    for (const [settings, complaint] of [
      ['state = "/tasks"\n[plug', 'EINVAL /etc/containerd/config.toml'],
      [`state = "/tasks"\nx = ${'['.repeat(30_000)}`, 'EINVAL /etc/containerd/config.toml'],
      [`state = "/tasks"\n# ${'x'.repeat(70_000)}`, 'EFBIG /etc/containerd/config.toml'],
      ['state = 5', undefined],
      ['state = "tasks"', undefined],
      ['__proto__ = { state = "/tasks" }', undefined],
    ] as const) {
      write('etc/containerd/config.toml', settings);
      write('tasks/io.containerd.runtime.v2.task/default/one/config.json', {});
      const containers = await list();
      expect(
        containers.map(({ name }) => name),
        settings.slice(0, 40),
      ).toEqual(['good']);
      expect(complaints(containers)).toEqual(complaint === undefined ? [] : [complaint]);
    }
  });

  test('more entries than any engine makes are cut off', async () => {
    for (let i = 0; i <= 5_000; i++) {
      mkdirSync(join(root, `run/crun/${i}`), { recursive: true });
    }
    runc('good');
    const containers = await list();
    expect(named(containers, 'good').pid).toBe(target.pid);
    expect(complaints(containers)).toEqual(['EFBIG /run/crun']);
  });

  test('where there is nothing, there is nothing, and nothing to complain of', async () => {
    expect(await list()).toHaveLength(0);
    expect((await listContainers({ root: join(root, 'none') })).problems).toEqual([]);
  });

  test('arguments that make no sense', async () => {
    const bad: [unknown, string][] = [
      [{ root: 5 }, 'options.root'],
      [{ timeout: -1 }, 'options.timeout'],
      [{ timeout: Number.NaN }, 'options.timeout'],
      [{ timeout: '5' }, 'options.timeout'],
      [{ directories: { docker: { 'data-root': 5 } } }, 'options.directories.docker'],
      [{ directories: 5 }, 'options.directories'],
      [null, 'options'],
    ];
    for (const [options, name] of bad) {
      const error = await rejectionOf(listContainers(options as never));
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
      expect(error.message).toContain(`"${name}`);
    }
    for (const options of [
      { root: 'relative' },
      { directories: { docker: { 'data-root': 'relative' } } },
      { directories: { docker: { root: '/x' } } },
      { directories: { rkt: { root: '/x' } } },
    ]) {
      const error = await rejectionOf(listContainers(options as never));
      expect(error.code).toBe('ERR_INVALID_ARG_VALUE');
    }
    for (const name of [undefined, 5, {}]) {
      const error = await rejectionOf(findContainer(name as never));
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
    }
    expect((await rejectionOf(findContainer(''))).code).toBe('ERR_INVALID_ARG_VALUE');
  });
});
