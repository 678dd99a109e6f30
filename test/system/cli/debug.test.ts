// `linux-namespaces debug`: programs of this machine in a container of one static file.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { spawn as spawnOn } from 'linux-namespaces';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeImage, outcome, type Started, startTarget } from '../child/fixtures/targets.ts';
import { noTools } from '../shared/kernel.ts';
import { hasProgram } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const debug = (...args: string[]) => outcome(spawn(process.execPath, [main, 'debug', ...args]));

let target: Started;
let pid: string;
beforeAll(async () => {
  const types = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'] as const;
  target = await startTarget(types, { root: makeImage(), keep: true });
  pid = `${target.pid}`;
});

describe.skipIf(noTools)(`[${noTools || 'Linux 5.12'}]`, () => {
  test('its processes, network and files', async () => {
    const line = 'ps -p 1 -o comm=; ip -o link | wc -l; ls /container/bin; echo $HOME; id -u';
    expect(await debug(pid, 'sh', '-c', line)).toMatchObject({
      stdout: 'probe\n1\nprobe\n/root\n0\n',
      stderr: '',
      code: 0,
    });
  });

  test('in place: what it is given and how it ends', async () => {
    const child = spawn(process.execPath, [main, 'debug', pid, 'sh', '-c', 'cat; kill -9 $$']);
    child.stdin.end('typed');
    expect(await outcome(child)).toMatchObject({ stdout: 'typed', code: 137 });
    const own = await debug(pid, 'sh', '-c', 'echo "$PATH $LD_PRELOAD"; ls /proc/self/fd | wc -l');
    expect(own.stdout).toBe('/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \n4\n');
  });

  test('-u, --privileged, --tools', async () => {
    const show = ['sh', '-c', 'echo "$(id -u):$(id -G) $HOME"; grep CapEff /proc/self/status'];
    const { stdout } = await debug('-u', '1000:5', pid, ...show);
    expect(stdout).toMatch(/^1000:5 \/root\nCapEff:\s*0000000000083000\n$/);
    const group = await debug('-u', ':5', pid, 'sh', '-c', 'echo "$(id -u):$(id -G)"');
    expect(group.stdout).toBe('0:5\n');
    const own = execFileSync('grep', ['CapPrm', '/proc/self/status'], { encoding: 'utf8' });
    const all = await debug('--privileged', pid, 'grep', 'CapPrm', '/proc/self/status');
    expect(all.stdout).toBe(own);
    expect((await debug('--tools', makeImage(), pid, '/bin/probe')).stdout).toMatch(
      /"cwd":\s*"\/"/,
    );
  });

  test.each<[string[], number, RegExp]>([
    [['TARGET', 'sh', '-c', 'exit 3'], 3, /^$/],
    [['TARGET', 'no-such-program'], 127, /no such program; programs are this machine's\n$/],
    [['--tools', makeImage(), 'TARGET', 'no-such'], 127, /; programs are those of \/.+\n$/],
    [['TARGET', '-c', 'echo hi'], 125, /-c; a program stands behind .*: debug NAME sh -c/],
    [['-it', 'TARGET', 'sh', '-c', 'exit 3'], 3, /^$/],
    [['--image', 'busybox', 'TARGET'], 125, /--image; programs are this machine's, .* no image/],
    [['TARGET', '/etc'], 126, /EACCES/],
    [['no-such-container', 'true'], 125, /: (no|cannot tell which) container no-such-container/],
    [
      ['-u', 'nobody-there', 'TARGET', 'true'],
      125,
      /no user nobody-there in its \/etc\/passwd; a number/,
    ],
    [['--nosuch', 'TARGET', 'true'], 125, /nosuch/],
    [['--tools', '/no/such', 'TARGET', 'true'], 125, /--tools has to be a directory/],
    [['--tools', '/etc/passwd', 'TARGET'], 125, /--tools has to be a directory/],
    [['--tools', '/proc', 'TARGET'], 125, /^linux-namespaces: \/proc has no shell: name a program/],
    [['--tools', '', 'TARGET', 'true'], 125, /--tools: of which directory/],
    [['-u', '4294967295', 'TARGET', 'true'], 125, /--user 4294967295: a uid or gid is a number/],
    [['-u', ':x', 'TARGET', 'true'], 125, /no group x/],
    [['0', 'true'], 125, /: 0 is the pid of no process\n$/],
    [[], 125, /which container/],
  ])('%s ends with %i', async (args, code, words) => {
    const end = await debug(...args.map(arg => arg.replace('TARGET', pid)));
    expect(end).toMatchObject({ code, stderr: expect.stringMatching(words) });
  });
});

test.skipIf(!hasProgram('strace'))('before Linux 5.12 refused by name [needs strace]', async () => {
  const inject = ['-e', 'trace=mount_setattr', '-e', 'inject=mount_setattr:error=ENOSYS'];
  const line = ['-f', '-qq', '-o', '/dev/null', ...(noTools ? [] : inject), process.execPath, main];
  for (const more of [[], ['--tools', makeImage()], ['--privileged'], ['-u', '1000']]) {
    const command = ['debug', ...more, pid, 'true'];
    const { stderr, code } = await outcome(spawn('strace', [...line, ...command]));
    expect([stderr, code]).toEqual([expect.stringMatching(/--tools needs Linux 5\.12/), 125]);
  }
});

describe.skipIf(noTools || !hasProgram('bash'))(
  `on a terminal [needs bash]${noTools && ` [${noTools}]`}`,
  () => {
    test('a shell that says where it is, and how it ends', async () => {
      const child = spawnOn(process.execPath, [main, 'debug', pid], {
        terminal: { columns: 100, rows: 30 },
      });
      let said = '';
      const until = async (wanted: RegExp) => {
        while (!wanted.test(said)) {
          const [text] = await once(child.terminal, 'data');
          said += text;
        }
      };
      await until(/\[debug \d+\] \/ # /);
      // The mounts of its namespace are private.
      expect(said).toMatch(/\/container,\r\nas .* in \/proc\/1\/root alone/);
      child.terminal.write('cd /container/work; stty size; echo d""one\r');
      await until(/30 100[\s\S]*done[\s\S]*\[debug \d+\] \/container\/work # /);
      child.terminal.write('exit 5\r');
      expect(await once(child, 'exit')).toEqual([5, null]);
      child.terminal.destroy();
    });

    test('nothing of a picture of the moment, where its mounts are shared', async () => {
      const before = ['sh', '-c', 'mount --make-rshared / && exec "$@"', 'sh'];
      const shared = await startTarget(['mnt', 'pid'], { before });
      const child = spawnOn(process.execPath, [main, 'debug', `${shared.pid}`], { terminal: true });
      let said = '';
      child.terminal.on('data', text => (said += text)).write('exit\r');
      await once(child, 'exit');
      child.terminal.destroy();
      expect(said).toMatch(/files are in \/container\r\n/);
      expect(said).not.toMatch(/moment/);
    });

    test('the word `exec` has for an image without a shell', async () => {
      const { stderr, code } = await outcome(spawn(process.execPath, [main, 'exec', pid]));
      expect([stderr, code]).toEqual([
        expect.stringMatching(/no shell .*debug \d+ brings one/),
        125,
      ]);
      const { stdout } = await outcome(
        spawn(process.execPath, [main, 'debug', pid, 'bash', '-c', 'echo $BASH']),
      );
      expect(stdout).toMatch(/bash\n$/);
    });
  },
);
