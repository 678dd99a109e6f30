// What a process of the container can see and take of ours, at every moment at which one of ours is there:
// each system call that it makes is held up by strace, and everything is looked at meanwhile.
import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { hasProgram } from '../shared/support.ts';
import { folder, makeImage, outcome } from './fixtures/targets.ts';

const look = join(folder, 'look');
execFileSync('cc', [
  ...['-static', '-O1', '-o', look],
  fileURLToPath(new URL('../../attacks/look.c', import.meta.url)),
]);
const command = fileURLToPath(new URL('../../../lib/cli.cjs', import.meta.url));
const mark = 'only-those-outside-have-this';

/** All that is called between the first instruction in there and the exec, or Node. */
const held =
  'setsid,prctl,execve,mount,umount2,pivot_root,chdir,fchdir,chroot,getcwd,capset,capget,setgroups,' +
  'setresuid,setresgid,keyctl,umask,close_range,gettid,ppoll,getpriority,unshare,rt_sigaction';

interface Strength {
  name: string;
  user: boolean;
  capabilities: string;
}

const strengths: Strength[] = [
  { name: 'Docker’s capabilities', user: false, capabilities: 'a80425fb' },
  { name: 'and CAP_SYS_PTRACE', user: false, capabilities: 'a80c25fb' },
  { name: 'root of a user namespace of its own', user: true, capabilities: '1ffffffffff' },
];

/** As /proc/PID/status has it. */
const power = ({ capabilities }: Strength) => capabilities.padStart(16, '0');

/** Everything that the looker has had of what `source` starts in its container, as `target`. */
async function lookAt(strength: Strength, source: string): Promise<string[]> {
  for (let i = 1; ; i++) {
    const had = await lookOnce(strength, source);
    // On a busy machine its turn may come too late to look at anybody: then it is tried again.
    if (had.some(thing => thing.startsWith('caps')) || i === 10) return had;
  }
}

async function lookOnce({ user, capabilities }: Strength, source: string): Promise<string[]> {
  const image = makeImage();
  copyFileSync(look, join(image, 'bin/look'));
  const line = [look, mark, image, capabilities];
  const flags = ['--kill-child', '-f', user ? '-rUmpnui' : '-mpnui', ...line];
  const container = nodeSpawn('unshare', flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(container, 'close');
  let had = '';
  const ready = new Promise(done => {
    container.stdout.on('data', text => {
      had += text;
      done(undefined);
    });
  });
  try {
    await ready;
    const children = `/proc/${container.pid}/task/${container.pid}/children`;
    const looker = Number(readFileSync(children, 'utf8'));
    const program = `import { execFileSync } from 'node:child_process';
      import { openWorker, spawn } from 'linux-namespaces';
      const target = ${looker};
      const end = child => new Promise(done => {
        child.on('error', error => done(error.message));
        child.on('exit', (code, signal) => done(signal ?? code));
      });
      console.log(await (async () => { ${source} })());
      process.exit();`;
    const { stdout, stderr, code, signal } = await outcome(
      nodeSpawn(
        'strace',
        [
          ...['-f', '-qq', '-o', '/dev/null', '-e', `trace=${held}`, '-e'],
          `inject=${held}:delay_enter=20000`,
          process.execPath,
          '--input-type=module',
          '-e',
          program,
        ],
        { env: { ...process.env, MARK: mark } },
      ),
    );
    const said = stderr.replace(/^strace: .*\n/gm, ''); // but for what surprised its own bookkeeping
    expect({ stdout, said, code, signal }).toEqual({
      stdout: '0\n',
      said: '',
      code: 0,
      signal: null,
    });
    process.kill(looker, 'SIGTERM'); // it says the rest, and ends
    await closed;
    return had.trim().split('\n').slice(1).sort();
  } finally {
    container.kill('SIGKILL');
  }
}

/** What the program itself has, and what it is. */
const own = ['fd 0 device', 'fd 1 device', 'fd 2 device', 'mem', 'seen'];
const spawned = (options: string) => {
  const file = options.includes('tools') ? '/container/bin/look' : '/bin/look';
  return `return end(spawn('${file}', ['end'], { target, stdio: 'ignore', killOnParentExit: true, ${options} }));`;
};

describe.skipIf(!hasProgram('strace'))('[needs strace]', () => {
  test.each(
    strengths.flatMap(strength =>
      (
        [
          ['a child', `credentials: 'target'`, []],
          ['a child with our rights', `credentials: 'inherit'`, []],
          ['a child with our tools', 'tools: true', ['root', 'cwd', 'ns/mnt']],
          ['a child in a new time namespace', `unshare: ['time'], monotonic: 100`, []],
          ['a child in a new user namespace', `unshare: ['user'], idMap: 'root'`, ['ns/user']],
          ['a child with a /proc', `unshare: ['mnt'], mountProc: true`, ['root', 'cwd', 'ns/mnt']],
          ['a child in a pid namespace below', `unshare: ['pid']`, []],
          [
            'a child in a user and a pid namespace below, with a /proc',
            `unshare: ['user', 'pid', 'mnt'], idMap: 'root', mountProc: true`,
            ['root', 'cwd', 'ns/mnt', 'ns/user'],
          ],
        ] as const
      ).map(([what, options, elsewhere]) => ({ strength, what, options, elsewhere })),
    ),
  )(
    '$what, before a process with $strength.name',
    {
      timeout: seconds(120),
    },
    async ({ strength, options, elsewhere }) => {
      const all = await lookAt(strength, spawned(options));
      expect(all).toContain('seen');
      const had = all.filter(thing => !thing.startsWith('caps'));
      // Whoever traces it gets no more than what the container has.
      const caps = all.filter(thing => thing.startsWith('caps'));
      if (options.includes("'target'")) expect(caps).toEqual([`caps ${power(strength)}`]);
      // What was made for the program is not where the looker is.
      const allowed = [...own, ...elsewhere.map(place => `elsewhere ${place}`)];
      // The pidfd of what it forks, which anybody in there could open: of the first of two alone.
      if (options.includes("'pid'")) allowed.push('fd 3 file', 'fd 3 other');
      expect(had.filter(thing => !allowed.includes(thing))).toEqual([]);
    },
  );

  // What waits for it holds nothing, and is seen by nobody: it is outside, and there to the end.
  test.each(strengths)(
    'the command in place, before a process with $name',
    {
      timeout: seconds(120),
    },
    async strength => {
      const line = JSON.stringify([command, 'enter', '-a', '-r', '-e', '-t']);
      const all = await lookAt(
        strength,
        `const { spawn: start } = await import('node:child_process');
         return end(start(process.execPath, [...${line}, target, '/bin/look', 'end'], { stdio: 'ignore' }));`,
      );
      expect(all).toContain('seen');
      const had = all.filter(thing => !thing.startsWith('caps'));
      expect(had.filter(thing => !own.includes(thing))).toEqual([]);
    },
  );

  test.each(strengths)(
    'a worker, before a process with $name',
    {
      timeout: seconds(120),
    },
    async strength => {
      const had = await lookAt(
        strength,
        `const worker = await openWorker(target, 'all');
       const result = await worker.evaluate(() => 0);
       await worker.close();
       return result;`,
      );
      expect(had).toContain('seen');
      expect(had.filter(thing => thing.startsWith('caps'))).toEqual([`caps ${power(strength)}`]);
      const files = had.filter(thing => /^fd ([4-9]|\d\d)/.test(thing));
      if (strength.capabilities === 'a80c25fb') {
        // It is node by then, with files of its own; ours would be a socket or a directory.
        expect(had.filter(thing => /^(elsewhere|mark)/.test(thing))).toEqual([]);
        expect(had.filter(thing => thing.endsWith('directory'))).toEqual([]);
        expect(files.filter(thing => thing.endsWith('socket'))).toEqual([]);
      } else {
        expect(had.filter(thing => !thing.startsWith('caps'))).toEqual(['seen']);
      }
    },
  );
});
