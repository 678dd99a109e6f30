// Each line of docs/recipes.md, as it stands there, on a container that is made here of one static
// program: it ends well, has nothing to complain of, and shows what it is about.
import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { listSockets, processTree, spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { missing, type Runtime, startRunc } from '../engines/index.ts';
import { seconds } from '../timeouts.ts';
import { hasProgram } from './shared/support.ts';

const root = join(import.meta.dirname, '../..');
const recipes = readFileSync(join(root, 'docs/recipes.md'), 'utf8');
const lines = [...recipes.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block]) =>
  (block as string).trim().split('\n'),
);

const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-examples-'));
const image = join(folder, 'image');
/** What stands in a line for something else. */
const words: Record<string, string> = { FOLDER: folder, IMAGE: image };

/** What each line has to show; `{web}` is its pid, `{inside}` that of its server in there. */
const shows: Record<string, readonly string[]> = {
  'npm start -- web': ['hostname +web', 'interface +lo +127\\.0\\.0\\.1/8'],
  'node examples/namespaces.mjs web': ['net +\\d+ +its own', 'user +\\d+ +ours'],
  'linux-namespaces ls -p web': [' mnt ', ' net ', '\\b{web}\\b'],
  'node examples/namespaces.mjs': ['inode +type +processes', 'net +\\d+ +{web} +root +'],
  'linux-namespaces ls': ['NS TYPE +NPROCS', '\\b{web}\\b'],
  'linux-namespaces ls --json': ['"pid": {web},'],
  'node examples/tools.mjs web': ['\\$ hostname\nweb\n', 'LOOPBACK,UP', ':8080 '],
  'linux-namespaces enter -t web -n ip -s addr': ['LOOPBACK,UP', 'RX:'],
  'linux-namespaces enter -t web -u hostname': ['^web\n$'],
  'linux-namespaces debug web ss -nltp': ['LISTEN .*:8080 .*httpd'],
  'node examples/tree.mjs web': ['{web} \\(1\\) sh .*\\[.*net.*\\]', '\\(\\d+\\) httpd -f'],
  'linux-namespaces tree web': ['\\b{web} +1 .*sh ', 'httpd -f'],
  'linux-namespaces tree --cgroups web': ['CGROUP', '\\b{web} +1 .*sh '],
  'node examples/program.mjs web ps': ['1 0 .*sh ', ' ps'],
  'linux-namespaces enter -t web -p -m ps': ['1 0 .*sh ', ' ps'],
  'linux-namespaces enter -t web -a -e -c -S follow -G follow ps': ['1 0 .*sh ', ' ps'],
  'node examples/ports.mjs web': ['tcp .*:8080 pid {inside} httpd -f'],
  'node examples/ports.mjs web PID-INSIDE': ['^tcp .*:8080 pid {inside} httpd -f .*\n$'],
  'linux-namespaces ports web': ['tcp +LISTEN .*:8080 .*httpd'],
  "node examples/files.mjs web /etc/hosts '127.0.0.1 example.com'": [
    '127.0.0.1 localhost\n127.0.0.1 example.com\n\\(the same inside\\)',
  ],
  'linux-namespaces cat web:/etc/hosts': ['^127.0.0.1 localhost\n127.0.0.1 example.com\n$'],
  'linux-namespaces cp web:/etc/hosts FOLDER/hosts': ['^$'],
  'linux-namespaces cp FOLDER/hosts web:/etc/hosts.new': ['^$'],
  'linux-namespaces js -t web -p \'fs.readFileSync("/etc/hosts", "utf8")\'': ['example.com'],
  'node examples/containers.mjs HOST': ["runc's container blog", 'state +running', 'pid +\\d+'],
  'linux-namespaces ps --root HOST': ['runc +blog +blog +running'],
  'linux-namespaces ps --root HOST --json': ['"name": "blog"'],
  'npm start': ['Every line ran where it belongs'],
  'node examples/sandbox.mjs IMAGE ps': ['^PID .*\n +1 .* ps\n$'],
  'linux-namespaces run -r -p -m --mount-proc -n ip addr': ['LOOPBACK'],
};

test('every line of the recipes is known here, and every one here is in the recipes', () => {
  expect(Object.keys(shows)).toEqual(lines);
});

test('npm start -- NAME looks for a container', async () => {
  await expect(run('node examples/labs.mjs no-such-container')).rejects.toMatchObject({
    stderr: expect.stringMatching(/^no-such-container: .* no engine has such a container/),
  });
});

test('what the recipes show of an example is in it', () => {
  const examples = [...recipes.matchAll(/\(\.\.\/(examples\/\w+\.mjs)\)/g)].map(([, path]) =>
    readFileSync(join(root, path as string), 'utf8'),
  );
  const blocks = [...recipes.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => block as string);
  expect(blocks.length).toBeGreaterThan(4);
  for (const block of blocks) {
    expect(
      examples.some(example => example.includes(block)),
      block,
    ).toBe(true);
  }
});

/** Runs a line in a shell, as people do, with the command in the PATH. */
async function run(line: string): Promise<{ stdout: string; stderr: string }> {
  const names = Object.keys(words).sort((one, other) => other.length - one.length);
  const filled = line.replace(new RegExp(`\\b(?:${names.join('|')})\\b`, 'g'), name =>
    String(words[name]),
  );
  const PATH = `${folder}:${process.env['PATH']}`;
  // What npm has to say of itself is not the example's.
  const env = { ...process.env, PATH, npm_config_loglevel: 'error' };
  return promisify(execFile)('sh', ['-c', filled], { cwd: root, env, maxBuffer: 2 ** 26 });
}

async function check(line: string): Promise<void> {
  const { stdout, stderr } = await run(line);
  expect(stderr).toBe('');
  for (const what of shows[line] as readonly string[]) {
    const known = what
      .replaceAll('{inside}', String(words['PID-INSIDE']))
      .replaceAll('{web}', String(words['web']));
    expect(stdout).toMatch(new RegExp(known));
  }
}

const needed = ['busybox', 'ip', 'ss'].filter(name => !hasProgram(name)).join(', ');
const withoutRunc = missing('runc');
const hasCgroup2 = / cgroup2 /.test(readFileSync('/proc/mounts', 'utf8'));
const joinsCgroup = /program\.mjs| -c /;
const ofEngines = lines.filter(line => line.includes('HOST'));

beforeAll(() => {
  const main = join(root, 'lib/cli.cjs');
  const command = `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`;
  writeFileSync(join(folder, 'linux-namespaces'), command, { mode: 0o755 });
  symlinkSync(process.execPath, join(folder, 'node'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(needed)(`on a container without an engine [${needed || 'installed'}]`, () => {
  let web: ChildProcess;

  beforeAll(async () => {
    for (const name of ['bin', 'dev', 'proc', 'etc', 'www'])
      mkdirSync(join(image, name), { recursive: true });
    const { stdout } = await promisify(execFile)('sh', ['-c', 'command -v busybox']);
    const busybox = stdout.trim();
    copyFileSync(busybox, join(image, 'bin/busybox'));
    for (const name of ['sh', 'httpd', 'ps']) symlinkSync('busybox', join(image, 'bin', name));
    writeFileSync(join(image, 'dev/null'), ''); // what a shell gives its background jobs to read
    writeFileSync(join(image, 'etc/hosts'), '127.0.0.1 localhost\n');
    web = spawn('sh', ['-c', 'httpd -f -p 8080 -h /www & wait'], {
      unshare: ['mnt', 'pid', 'net', 'uts', 'ipc'],
      root: image,
      mountProc: true,
      hostname: 'web',
      loopback: true,
      killOnParentExit: true,
      env: { PATH: '/bin' },
      stdio: 'ignore',
    });
    await once(web, 'spawn');
    const pid = web.pid as number;
    words['web'] = String(pid);
    await vi.waitFor(
      async () => {
        const sockets = await listSockets(pid, { listening: true });
        const inside = sockets[0]?.processes[0]?.pids.at(-1);
        expect(inside).toBeDefined();
        words['PID-INSIDE'] = String(inside);
      },
      { timeout: seconds(20), interval: 20 },
    );
  });
  afterAll(async () => {
    if (web === undefined) return;
    web.kill('SIGKILL');
    if (web.exitCode === null && web.signalCode === null) await once(web, 'exit');
  });

  test.for(lines.filter(line => !ofEngines.includes(line)))('%s', async (line, { skip }) => {
    if (joinsCgroup.test(line)) skip(!hasCgroup2, 'cgroup2 is not mounted');
    if (line.startsWith('npm ')) skip(!hasProgram('npm'), 'npm is not installed');
    await check(line);
  });

  test('what was copied there and back is whole', () => {
    for (const path of [join(folder, 'hosts'), join(image, 'etc/hosts.new')]) {
      expect(readFileSync(path, 'utf8')).toBe('127.0.0.1 localhost\n127.0.0.1 example.com\n');
    }
  });

  test('nothing that was started in it is left', async () => {
    const [above] = await processTree(web);
    const commands: string[] = [];
    const collect = (node: typeof above): void => {
      if (node === undefined) return;
      if (node.pids.length > 1) commands.push(node.command);
      for (const child of node.children) collect(child);
    };
    collect(above);
    expect(commands.filter(command => !/httpd/.test(command))).toEqual([]);
  });
});

describe.skipIf(withoutRunc)(`on a container of runc's [${withoutRunc || 'installed'}]`, () => {
  let runc: Runtime;
  beforeAll(async () => {
    runc = await startRunc();
    await runc.start('blog');
    words['HOST'] = runc.machine.root;
  }, 60_000);
  afterAll(() => runc?.stop());

  test.each(ofEngines)('%s', check);
});
