// One grammar: where containers are looked for is said in the same way of every subcommand that takes a
// NAME; what is wrong with a line is said with the word that is wrong.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { subcommands } from '../../../src/cli/subcommands.ts';
import { missing, startRunc } from '../../engines/index.ts';
import { outcome } from '../child/fixtures/targets.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-grammar-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = (words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const all = { ...process.env, ...env };
  return outcome(spawn(process.execPath, [main, ...words], { env: all }));
};

type Way = [before: string[], after: string[], env: NodeJS.ProcessEnv];

/** For each subcommand that takes a NAME: a line with it, WHERE in which options of it may stand. */
const lines: Record<string, { line: string; prints: RegExp }> = {
  ps: { line: 'ps -n -o name WHERE NAME', prints: /^NAME$/m },
  inspect: { line: 'inspect NAME WHERE', prints: /"id": "NAME"/ },
  find: { line: 'find pid 1 WHERE -n', prints: /^runc +NAME +NAME / },
  tree: { line: 'tree NAME WHERE', prints: / NAME .*sleep/ },
  ports: { line: 'ports NAME -a WHERE', prints: /^PROTO/ },
  ls: { line: 'ls -p NAME -n WHERE -o PID -t net', prints: /^ *PID$/m },
  cat: { line: 'cat NAME:/etc/hostname-of-image WHERE', prints: /^image$/m },
  cp: { line: 'cp NAME:/etc/hostname-of-image - WHERE', prints: /hostname-of-image/ },
  exec: { line: 'exec WHERE NAME /bin/busybox hostname', prints: /^NAME$/m },
  debug: { line: 'debug WHERE NAME cat /container/etc/hostname-of-image', prints: /^image$/m },
  js: { line: 'js WHERE -t NAME -p os.hostname()', prints: /^NAME$/m },
  enter: { line: 'enter WHERE -t NAME -u hostname', prints: /^NAME$/m },
};
const takesNoName = ['run', 'completion'];

test('every subcommand is here', () => {
  expect(Object.keys(subcommands).sort()).toEqual([...Object.keys(lines), ...takesNoName].sort());
});

const absent = missing('runc');
describe.skipIf(absent)(`where a container is looked for [${absent || 'installed'}]`, () => {
  let runc: Awaited<ReturnType<typeof startRunc>>;
  const name = 'grammar';
  let pid = 0;
  beforeAll(async () => {
    runc = await startRunc();
    pid = await runc.start(name);
    writeFileSync(
      join(runc.machine.folder, `bundle-${name}/rootfs/etc/hostname-of-image`),
      'image\n',
    );
  });
  afterAll(() => runc?.stop());

  const filled = (text: string, where: string[]) =>
    text
      .split(' ')
      .flatMap(word => (word === 'WHERE' ? where : [word.replace('NAME', name)]))
      .map((word, i, { [i - 1]: before }) => (before === 'pid' ? `${pid}` : word));
  const matching = (prints: RegExp) =>
    new RegExp(prints.source.replaceAll('NAME', name).replaceAll('PID', `${pid}`), prints.flags);

  test('of what is said more than once, the last one counts', async () => {
    const state = join(runc.machine.root, 'run/runc');
    const words = ['--directory=runc.root=/no/such', 'ps', '-q', `--directory=runc.root=${state}`];
    const env = { LINUX_NAMESPACES_DIRECTORIES: `crun.root=/no/such:runc.root=/no/such` };
    expect(await run(words, env)).toMatchObject({ stdout: `${name}\n`, code: 0 });
    const named = { LINUX_NAMESPACES_DIRECTORIES: `crun.root=/no/such:runc.root=${state}` };
    expect(await run(['ps', '-q'], named)).toMatchObject({ stdout: `${name}\n`, code: 0 });
  });

  describe.each(Object.entries(lines))('%s', (subcommand, { line, prints }) => {
    const root = () => runc.machine.root;
    const state = () => `runc.root=${root()}/run/runc`;
    const ways: [string, () => Way][] = [
      ['--root before it', () => [['--root', root()], [], {}]],
      ['--root after it', () => [[], [`--root=${root()}`], {}]],
      ['--directory after it', () => [[], ['--directory', state()], {}]],
      ['variables', () => [[], [], { LINUX_NAMESPACES_ROOT: root() }]],
    ];
    // There it is nsenter's.
    const some = ways.filter(([way]) => subcommand !== 'enter' || way !== '--root after it');

    test.each(some)('%s', async (_, wayOf) => {
      const [before, after, env] = wayOf();
      const { stdout, stderr, code } = await run([...before, ...filled(line, after)], env);
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(stdout).toMatch(matching(prints));
    });
  });
});

const named = Object.entries(lines).filter(([, { line }]) => line.includes('NAME'));
const nowhere = ['--root', folder];
test.each(named)(
  '%s of a name that nobody has: with where it was looked for, and how else',
  async (subcommand, { line }) => {
    const words = line.replace('WHERE ', '').replace(' WHERE', '').replace('NAME', 'nobody');
    const { stdout, stderr, code } = await run([...nowhere, ...words.split(' ')]);
    expect({ stdout, code }).toEqual({
      ...{ stdout: '', code: ['exec', 'debug'].includes(subcommand) ? 125 : 1 },
    });
    expect(stderr).toMatch(/^linux-namespaces: no container nobody, nor any other: .*\n$/);
    for (const text of [`${folder}/var/lib/docker`, '--root DIR', '--directory ENGINE.NAME=DIR']) {
      expect(stderr).toContain(text);
    }
    expect(stderr).not.toMatch(/options/);
  },
);

describe('the engine that the client of docker would ask', () => {
  const socket = join(folder, 'docker.sock');
  const config = join(folder, 'config');
  const hash = createHash('sha256').update('ours').digest('hex');
  const variables: [string, NodeJS.ProcessEnv][] = [
    ['DOCKER_HOST', { DOCKER_HOST: `unix://${socket}` }],
    ['DOCKER_CONTEXT', { DOCKER_CONTEXT: 'ours', DOCKER_CONFIG: config }],
  ];
  beforeAll(() => {
    const meta = join(config, 'contexts/meta', hash);
    mkdirSync(meta, { recursive: true });
    const content = { Name: 'ours', Endpoints: { docker: { Host: `unix://${socket}` } } };
    writeFileSync(join(meta, 'meta.json'), JSON.stringify(content));
  });

  test.each(named)('%s: a socket that is not there is said', async (subcommand, { line }) => {
    const words = line.replace('WHERE ', '').replace(' WHERE', '').replace('NAME', 'nobody');
    // One of the two for each: all read them by the same lines.
    const way = Object.keys(lines).indexOf(subcommand) % 2;
    const [, env] = variables[way] as (typeof variables)[number];
    const { stderr } = await run(words.split(' '), env);
    expect(stderr).toContain(`${socket}: lstat ENOENT`);
  });
});

test.each([
  ['sp', 'no command sp; did you mean ps? (see linux-namespaces --help)'],
  ['entre -t 1', 'no command entre; did you mean enter?'],
  ['help entre', 'no command entre; did you mean enter?'],
  ['quit', 'no command quit (see linux-namespaces --help)'],
  ['toString', 'no command toString (see'],
  ['nsenter -t 1', 'no command nsenter; here that is enter (see linux-namespaces enter --help)'],
  ['shell web', 'no command shell; here that is exec -it (see linux-namespaces exec --help)'],
  ['--no-such ps', 'unknown option --no-such\n'],
  ['--ro /x ps', 'unknown option --ro; did you mean --root?'],
  ['ps --ro /x', 'unknown option --ro; did you mean --root? (see linux-namespaces ps --help)'],
  ['ps --format x', 'unknown option --format; -o LIST chooses columns, and all is in --json (see'],
  ['ps --no-trunc', 'unknown option --no-trunc; here that is -u, --notruncate (see'],
  ['ps --formot x', 'unknown option --formot (see linux-namespaces ps --help)'],
  ['inspect -f {{.State.Pid}} web', 'unknown option -f; it is JSON: | jq -r .pid (see'],
  ['inspect a b', 'not a and b; of several: ps --json\n'],
  ['run -it image sh', 'unknown option -t; it makes namespaces, as unshare(1); containers are'],
  ['cp -c app a b', 'unknown option -c; a container of a pod is NAMESPACE/POD/CONTAINER (see'],
  ['cp --follow-link a b', 'unknown option --follow-link; here that is -L, --dereference (see'],
  ['ports -ltn web', 'unknown option -l; pids and programs are shown anyway'],
  ['logs web', "no command logs: that is the engine's own, as docker logs\n"],
  ['stop web', "no command stop: that is the engine's own, as docker stop\n"],
  [
    'describe web',
    'no command describe; here that is inspect (see linux-namespaces inspect --help)',
  ],
  [
    'ls -t network',
    'no type of namespace: network: there are user cgroup ipc uts net pid mnt time\n',
  ],
  ['enter --traget 5 -n', 'unknown option --traget; did you mean --target? (see'],
  ['run -n=/x/blue true', 'unknown option -=; a FILE is joined by =: --net=/x/blue (see'],
  ['run -un/x/blue true', 'unknown option -/; a FILE is joined by =: --net=/x/blue (see'],
  ['tree 4194303', 'linux-namespaces: there is no process 4194303\n'],
  ['ports 4194303', ': there is no process 4194303\n'],
  ['ls -p 4194303', 'linux-namespaces: there is no process 4194303\n'],
  ['js -t 4194303 -p 1', 'linux-namespaces: there is no process 4194303\n'],
  ['--root /no/such ps', 'by --root or LINUX_NAMESPACES_ROOT, is no directory: /no/such\n'],
  ['--root /etc/passwd ps -a', 'is no directory: /etc/passwd\n'],
  ['ls --root /proc/4194303/root', 'is no directory: /proc/4194303/root\n'],
  ['ps --root=', 'is no directory: \n'],
  ['tree ', 'the name of the container is empty\n'],
  ['find interface ', 'find which interface?'],
  ['find address ', 'find which address?'],
  ['ps --filter engine=dokcer', 'no engine dokcer: there are docker, podman,'],
  ['--directory docker=/x ps', 'not docker=/x'],
  ['ps --directory docker.root=/x', 'not docker.root=/x'],
  ['tree --directory constructor.name=/x', 'not constructor.name=/x'],
  ['find prot 80', 'did you mean find port 80?\n'],
  ['find ip 10.0.0.1', 'did you mean find address 10.0.0.1?\n'],
  ['find addr ::1', 'did you mean find address ::1?\n'],
  ['find 8080', 'did you mean find port 8080, or find pid 8080?\n'],
  ['find 172.30.88.3', 'did you mean find address 172.30.88.3?\n'],
  ['find 02:42:ac:11:00:02', 'did you mean find address 02:42:ac:11:00:02?\n'],
  ['find lo', 'did you mean find interface lo?\n'],
  ['find pid', 'find which pid? find pid PID\n'],
  ['find nothing', 'interface NAME, not nothing\n'],
  ['find port 80 81', 'interface NAME, not port 80 81\n'],
  ['find port 0', 'a port is a number from 1 to 65535: 0\n'],
  ['find port 65536', 'a port is a number from 1 to 65535: 65536\n'],
  ['find address web', 'an address is an IP or MAC address: web\n'],
  ['find address 10.0.0.0/8', 'an address is an IP or MAC address: 10.0.0.0/8\n'],
  ['tree 4194305', 'there is no process 4194305; of a container that is called so, the engine'],
  ['enter -t 123456789012 -n', 'stands before it: docker:123456789012\n'],
  ['js -t 1 -n -e 1', 'unknown option -n; here that is --types net (see'],
  ['js -t 1 --mount -e 1', 'unknown option --mount; here that is --types mnt (see'],
  [
    'js -t 1 console.log(1)',
    'there is no file console.log(1); code is what stands behind -e or -p',
  ],
  ['find pid x', 'a pid is a number: x'],
  ['tree 1 2', 'one target, not 1 and 2'],
  ['ports a b -J', 'one target, not a and b'],
  ['ls 1 2', 'one INODE or NAME, not 1 2'],
  ['cat /etc/motd', 'in which container? NAME:/path or PID:/path, not /etc/motd'],
  ['cp a b c', 'not a b c'],
  ['cp /a /b', '/a, /b'],
  ['completion csh', 'not csh'],
  ['enter -t 1 -t 2 -n true', 'one target, not 1 and 2'],
  ['js -t 1 --input-type cjs -p 1', 'not cjs'],
  ['js -t 1 --timeout soon -p 1', 'soon'],
  ['js -t 1 --types net,nte -p 1', '"--types" must be \'all\' or made of'],
  ['js -t 1 /etc', "EISDIR: illegal operation on a directory, read '/etc'\n"],
  ['ps --filter nme=x', 'not nme=x'],
  ['ps -o nme', 'no column nme'],
])('%s: refused with the word that is wrong', async (line, message) => {
  const { stdout, stderr, code } = await run(line.split(' '));
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  expect(stderr).toMatch(/^linux-namespaces: [^\n]*\n$/);
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/options\./);
});

// Of the two, Node says which one it takes, on each line of stderr; for FORCE_COLOR NO_COLOR is nothing.
test('NO_COLOR holds beside FORCE_COLOR, and nothing is said of that', async () => {
  const both = { NO_COLOR: '1', FORCE_COLOR: '3', TERM: 'xterm-256color' };
  const { stderr } = await run(['nothing'], both);
  expect(stderr).toMatch(/^linux-namespaces: no command nothing [^\n]*\n$/);
  const line = `${process.execPath} ${main} ls -p ${process.pid}`;
  const onTerminal = async (env: NodeJS.ProcessEnv) => {
    const all = { ...process.env, ...env };
    return (await outcome(spawn('script', ['-qec', line, '/dev/null'], { env: all }))).stdout;
  };
  expect(await onTerminal({ ...both, NO_COLOR: '' })).toContain('\x1b[');
  const plain = await onTerminal(both);
  expect(plain).toContain('COMMAND');
  expect(plain).not.toContain('\x1b[');
});

test('options may stand behind the target where no program follows', async () => {
  const pid = `${process.pid}`;
  for (const words of [
    ['tree', pid, '-J'],
    ['ports', pid, '--json'],
  ]) {
    const { stdout, stderr, code } = await run(words);
    expect({ stderr, code }, words.join(' ')).toEqual({ stderr: '', code: 0 });
    expect(JSON.parse(stdout)).toBeInstanceOf(Array);
  }
  const copied = await run(['cp', `${pid}:${main}`, folder, '-q', '-p']);
  expect(copied).toMatchObject({ stderr: '', code: 0 });
  expect(readdirSync(folder)).toContain('cli.cjs');
});

test('help help: what help alone says', async () => {
  expect(await run(['help', 'help'])).toEqual(await run(['help']));
});

test.each(Object.keys(subcommands))('%s --help: its options, and three examples', async name => {
  const { stdout, stderr, code } = await run([name, '--help']);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const [, load] = subcommands[name] as (typeof subcommands)[string];
  const { usage } = await load();
  for (const option of Object.keys(usage.options))
    expect(stdout).toMatch(new RegExp(`--${option}\\b`));
  const examples = stdout.slice(stdout.indexOf('--version')).split('\n');
  expect(examples.filter(line => line.includes('linux-namespaces ')).length).toBeGreaterThanOrEqual(
    3,
  );
  expect(Math.max(...stdout.split('\n').map(line => line.length))).toBeLessThanOrEqual(80);
  expect(await run([name, '-V'])).toMatchObject({
    ...{ stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), code: 0 },
  });
});
