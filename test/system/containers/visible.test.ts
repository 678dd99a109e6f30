// What is seen and taken of ours from within real containers, at every moment at which one of ours is
// there (test/system/child/visible.test.ts says how), and what is stopped there.
import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRoot, spawn } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { missing, startDocker, startPodman } from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { folder, outcome } from '../child/fixtures/targets.ts';
import { hasProgram } from '../shared/support.ts';

for (const name of ['look', 'stop']) {
  const source = fileURLToPath(new URL(`../../attacks/${name}.c`, import.meta.url));
  execFileSync('cc', ['-static', '-O1', '-o', join(folder, name), source]);
}
const mark = 'only-those-outside-have-this';
const held =
  'setsid,prctl,execve,mount,chdir,getcwd,capset,setgroups,setresuid,setresgid,keyctl,close_range,gettid,ppoll,getpriority,unshare';

/** Starts an attacker in the container, with the container's rights, and waits until it is at work. */
async function attack(pid: number, name: string, args: string[]) {
  // By its own root: in an overlay of a user namespace nobody else can make a file.
  const root = openRoot(pid);
  await root.copyIn(join(folder, name), `/bin/${name}`);
  await root.chmod(`/bin/${name}`, 0o755);
  root.close();
  const child = spawn(`/bin/${name}`, args, {
    target: pid,
    credentials: 'target',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let said = '';
  child.stdout.on('data', text => {
    said += text;
  });
  await once(child.stdout, 'data');
  return {
    /** Ends it, once it has said all that it has had. */
    async end() {
      child.kill('SIGTERM');
      await closed;
      return said.trim().split('\n').slice(1);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

/** Runs a function's body in a Node of its own; what it returns is printed. */
function run(pid: number, body: string, under: string[] = []) {
  const program = `import { readFileSync } from 'node:fs';
    import { openWorker, spawn } from 'linux-namespaces';
    const target = ${pid};
    const end = child => new Promise(done => {
      child.on('error', error => done(error.message));
      child.on('exit', (code, signal) => done(signal ?? code));
    });
    console.log(await (async () => { ${body} })());
    process.exit();`;
  const [file = '', ...args] = [...under, process.execPath, '--input-type=module', '-e', program];
  return outcome(nodeSpawn(file, args, { env: { ...process.env, MARK: mark } }));
}

const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${held}`];
strace.push('-e', `inject=${held}:delay_enter=20000`);

/** What an attacker in the container has had of all that `body` starts there. */
async function lookAt(pid: number, body: string, stdout: string): Promise<string[]> {
  for (let i = 1; ; i++) {
    await using looker = await attack(pid, 'look', [mark]);
    const ran = await run(pid, body, strace);
    const stderr = ran.stderr.replace(/^strace: .*\n/gm, ''); // but for what surprised its own bookkeeping
    expect({ ...ran, stderr }).toMatchObject({ stdout, stderr: '' });
    const had = await looker.end();
    // On a busy machine its turn may come too late to look at anybody: then it is tried again.
    if (had.includes('seen') || i === 10) return had;
  }
}

async function check(pid: number) {
  const start = `spawn('/bin/look', ['end'], { target, stdio: 'ignore', killOnParentExit: true,`;
  const children = `return [
    await end(${start} credentials: 'target' })), await end(${start} })),
    await end(${start} unshare: ['time'] })), await end(${start} unshare: ['pid'] }))].join();`;
  const had = await lookAt(pid, children, '0,0,0,0\n');
  const own = [
    'seen',
    'mem',
    'fd 0 device',
    'fd 1 device',
    'fd 2 device',
    'fd 3 file',
    'fd 3 other',
  ];
  expect(had).toContain('seen');
  expect(had.filter(thing => !own.includes(thing) && !thing.startsWith('caps'))).toEqual([]);

  const worker = `const worker = await openWorker(target, 'all');
    const result = await worker.evaluate(() => 0);
    await worker.close();
    return result;`;
  const ofWorker = await lookAt(pid, worker, '0\n');
  expect(ofWorker).toContain('seen');
  const ours = /^(mark|elsewhere)|directory$|^fd ([4-9]|\d\d) socket$/;
  expect(ofWorker.filter(thing => ours.test(thing))).toEqual([]);

  await using _ = await attack(pid, 'stop', []);
  const body = `const ends = [];
    for (const unshare of [undefined, ['pid'], ['time']]) {
      const child = spawn('/bin/look', [], { target, unshare, stdio: 'ignore' });
      child.kill('SIGKILL');
      ends.push(await end(child));
    }
    // What has handed over to the program is reaped at its own time.
    const left = () => readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim();
    for (let i = 0; i < 100 && left() !== ''; i++) await new Promise(done => setTimeout(done, 20));
    return ends + left();`;
  const { stdout, stderr } = await run(pid, body);
  expect(stderr).toBe('');
  // Who is killed before it was the program has ended by that signal; look without a mark ends with 2.
  expect(stdout).toMatch(/^(SIGKILL|2),(SIGKILL|2),(SIGKILL|2)\n$/);
}

const withoutDocker = missing('dockerd');
describe.skipIf(withoutDocker || !hasProgram('strace'))(
  `Docker [${withoutDocker || 'installed'}; needs strace]`,
  () => {
    test('by its default, and with CAP_SYS_PTRACE', { timeout: seconds(240) }, async () => {
      const docker = await startDocker();
      try {
        for (const flags of [[], ['--cap-add', 'SYS_PTRACE']]) {
          const name = `seen-${flags.length}`;
          await docker.start('--name', name, ...flags, 'busybox:1', 'sleep', '100000');
          await check((await docker.inspect(name)).State.Pid);
        }
      } finally {
        await docker.stop();
      }
    });
  },
);

const withoutPodman = missing('podman', 'crun', 'runc');
describe.skipIf(withoutPodman || !hasProgram('strace'))(
  `Podman [${withoutPodman || 'installed'}; needs strace]`,
  () => {
    test.each([false, true])('rootless: %j', { timeout: seconds(240) }, async rootless => {
      const podman = await startPodman({ rootless, ...(rootless ? {} : { runtime: 'runc' }) });
      try {
        await podman.start('--name', 'seen', 'busybox:1', 'sleep', '100000');
        await check((await podman.inspect('seen')).State.Pid);
      } finally {
        await podman.stop();
      }
    });
  },
);
