// `enter` and `run` become the program: what surrounds them sees what it sees of nsenter and unshare.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { folder, type Started, startTarget } from '../child/fixtures/targets.ts';
import { noTimeByExec } from '../shared/kernel.ts';
import { hasProgram } from '../shared/support.ts';

const command = join(import.meta.dirname, '../../../lib/cli.cjs');
const place = mkdtempSync(join(folder, 'in-place-'));
let target: Started;
beforeAll(async () => {
  target = await startTarget(['net', 'pid', 'mnt'], { keep: true });
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Is Node where a shell without a PATH looks? */
const withoutPath = spawnSync('sh', ['-c', 'command -v node'], { env: {} }).status === 0;

const running: ChildProcess[] = [];
/** What a test leaves behind is in the process group of its script. */
afterEach(() => {
  for (const { pid } of running.splice(0)) {
    try {
      process.kill(-(pid as number), 'SIGKILL');
    } catch {}
  }
});

/** In bash, with $C as the command: "nsenter ..." or "linux-namespaces enter ...". */
async function bash(script: string, prefix: string, env: NodeJS.ProcessEnv = process.env) {
  const cwd = mkdtempSync(join(place, 'cwd-'));
  const functions = `
    started() { read -r line <ready; } # a program that has written to it
    state() { until [ "$(cut -d' ' -f3 /proc/$1/stat 2>/dev/null | tr RDSI SSSS)" = $2 ]; do sleep 0.02; done; }
    mkfifo ready`;
  const child = spawn('env', ['--default-signal', 'bash', '-c', `${functions}\n${script}`], {
    cwd,
    env: { ...env, C: prefix },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', text => {
    stdout += text;
  });
  child.stderr.on('data', text => {
    stderr += text;
  });
  const closed = once(child, 'close');
  const [code, signal] = await once(child, 'exit');
  // What it has left in the background may hold its output for long.
  await Promise.race([closed, sleep(500)]);
  return { stdout, code, signal, stderr };
}

interface Pair {
  name: string;
  theirs: () => string;
  ours: () => string;
}
const replaced: Pair[] = [
  {
    name: 'enter -n',
    theirs: () => `nsenter -t ${target.pid} -n`,
    ours: () => `${command} enter -t ${target.pid} -n`,
  },
  { name: 'run -n', theirs: () => 'unshare -n', ours: () => `${command} run -n` },
];
const waiting: Pair[] = [
  {
    name: 'enter -p',
    theirs: () => `nsenter -t ${target.pid} -p -n`,
    ours: () => `${command} enter -t ${target.pid} -p -n`,
  },
  {
    name: 'run -p -f',
    theirs: () => 'unshare -p -f',
    ours: () => `${command} run -p -f`,
  },
  { name: 'run -f', theirs: () => 'unshare -f -n', ours: () => `${command} run -f -n` },
];
const both = [...replaced, ...waiting];

/** That it prints something is what says that the oracle has done something. */
async function same({ theirs, ours }: Pair, script: string, printed = /./): Promise<void> {
  const [wanted, own] = await Promise.all([bash(script, theirs()), bash(script, ours())]);
  expect(wanted.stdout).toMatch(printed);
  expect({ ...own, stderr: '' }).toEqual({ ...wanted, stderr: '' });
}

/** Those that this suite was started with. */
const withoutOthers = `for fd in $(ls /proc/$$/fd); do [ $fd -lt 3 ] || eval "exec $fd>&-"; done`;

const surroundings: [name: string, script: string][] = [
  ['a lock on descriptor 9', `exec 9>lock; flock 9; $C flock -n 9; echo $?`],
  ['a process substitution', `$C bash <(echo 'echo hi')`],
  [
    'descriptors, and which',
    `exec 3>&- 9</etc/passwd 63</dev/null 700>file <&-
     $C bash -c 'for i in {0..999}; do [ -e /proc/$$/fd/$i ] && [ $i != 255 ] && echo $i $(readlink /proc/$$/fd/$i | sed s/.*:.*/pipe/); done; head -c 4 <&9' | sed 's,/cwd-[^/]*,,'`,
  ],
  [
    'no descriptor at all',
    `${withoutOthers}
     $C sh -c 'for i in 0 1 2; do [ -e /proc/self/fd/$i ] && has="$has $i"; done; echo has$has >file' <&- >&- 2>&-
     cat file`,
  ],
  [
    'a pipe of which only others have the reading end',
    `{ exec 8>&1; $C sh -c 'echo to it >&8'; } | cat`,
  ],
  [
    'limits',
    `ulimit -Sn 300; ulimit -c 0; ulimit -Ss 5000; $C sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -s'`,
  ],
  ['prlimit', `prlimit --nofile=100:200 --core=0 $C sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'`],
  [
    'prlimit from outside',
    `$C sh -c 'echo up; read -r line; ulimit -Sn' <>ready >>said & until [ -s said ]; do sleep 0.02; done
     pid=$(pgrep -P $! || echo $!); prlimit --pid $pid --nofile=123; echo go >ready; wait $!; cat said`,
  ],
  ['nohup', `nohup $C sh -c 'kill -HUP $$; echo survived'`],
  ['ignored signals', `trap '' USR1 INT QUIT TSTP PIPE 35; $C grep SigIgn: /proc/self/status`],
  [
    'blocked signals',
    `env --block-signal=TERM,RTMIN+3,CHLD --ignore-signal=HUP $C grep -E 'SigBlk|SigIgn' /proc/self/status`,
  ],
  ['no signal', `env --default-signal $C grep -E 'SigBlk|SigIgn|SigCgt' /proc/self/status`],
  ['a timeout', `timeout -k 1 1 $C sleep 60; echo $?`],
  ['a reader that goes', `$C yes | head -n 1; echo \${PIPESTATUS[0]}`],
  ['the working directory', `mkdir -p 'a dir'; cd 'a dir'; $C pwd | sed 's,.*/,,'`],
  ['an umask and a priority', `umask 027; nice -n 5 $C sh -c 'umask; nice'`],
  ['a program that is not there', `$C /no/such; echo $?; $C ./ready; echo $?`],
  [
    'its children are its own',
    `sleep 60 & $C bash -c 'read -r children </proc/thread-self/children; echo "$children"; wait -n; echo $?'`,
  ],
];

describe.each(both)('$name', pair => {
  test.each(surroundings)('%s', async (_, script) => {
    await same(pair, script);
  });

  test('the environment, byte by byte, and arguments', async () => {
    const script = `env -i a.b=1 PATH="$PATH" 'BASH_FUNC_f%%=() { :; }' X=$'1\\n\\377' NODE_EXTRA_CA_CERTS=/no/such IFS=, OLDPWD=/x lns_a=5 _=7 $C \
      sh -c 'exec 9</proc/self/environ; od -An -c <&9; shift; printf "%s|" "$@" | od -c' sh 1 '' 'a  b' '*' $'\\377\\n' -n --`;
    await same(pair, script, /a +\. +b +=/);
  });

  test.skipIf(!withoutPath)('no environment at all', async () => {
    const script = `env -i $C sh -c 'od -An -c /proc/$$/environ; echo said'`;
    await same(pair, script, /^said\n$/);
  });

  test.skipIf(!hasProgram('make'))('the jobserver of make -j [needs make]', async () => {
    const script = `printf 'all: a b\\na b:\\n\\t@+$(C) $(MAKE) -s -f sub\\n' >main
      printf 'all: c d\\nc d:\\n\\t@echo made\\n' >sub
      make -s -j2 -f main 2>&1; echo $?`;
    await same(pair, script, /^made\nmade\nmade\nmade\n0\n$/);
  });

  test.each(['TERM', 'KILL', 'USR1', 'ALRM', 'RTMIN+2', 'SEGV'])('SIG%s to $!', async signal => {
    // Who waits in the manner of unshare(1) ignores this one.
    const ignored = pair.name.startsWith('run -') && pair.name.endsWith('-f') && signal === 'TERM';
    const script = `$C sh -c 'ulimit -c 0; echo up; exec sleep 20' >ready & started
        kill -${signal} $! ${ignored ? '; sleep 0.2; state $! S; kill -USR1 $!' : ''}
        wait $!; echo $?`;
    await same(pair, script, /^\d+\n$/);
  });

  test('is stopped and continued', async () => {
    const script = `mkfifo go; $C sh -c 'echo up; read -r line; exit $line' <>go >ready & started
      kill -STOP $!; state $! T; echo stopped; kill -CONT $!; state $! S; echo continued; echo 6 >go
      wait $!; echo $?`;
    await same(pair, script, /^stopped\ncontinued\n6\n$/);
  });

  test('stops as the program does, and continues it', async () => {
    // The first process of a pid namespace does not stop itself; unshare(1) does not see it.
    const [stops, alone] = [pair.name !== 'run -p -f', pair.name === 'run -f'];
    const script = `$C sh -c 'echo up; kill -STOP $$; echo again >&8' 8>said >ready & started
      ${stops ? 'state $! T; kill -CONT $!' : ''}
      wait $!; echo $?; cat said`;
    if (!alone) return same(pair, script, /^0\nagain\n$/);
    expect((await bash(script, pair.ours())).stdout).toBe('0\nagain\n');
  });

  test.each(['exit 7', 'kill -TERM $$', 'kill -PIPE $$', 'kill -XFSZ $$'])(
    'how it ended, for who waits: %s',
    async line => {
      const ends = [pair.theirs(), pair.ours()].map(prefix => {
        const [file = '', ...words] = prefix.split(' ');
        return once(spawn(file, [...words, 'sh', '-c', `ulimit -c 0; ${line}`]), 'exit');
      });
      const [theirs, ours] = await Promise.all(ends);
      expect(ours).toEqual(theirs);
    },
  );
});

describe.each(replaced)('$name', pair => {
  test('$! is the program, and a target', async () => {
    const script = `$C sh -c 'echo up; exec sleep 20' >ready & started
      until [ "$(cat /proc/$!/comm)" = sleep ]; do sleep 0.02; done
      grep -E 'Threads|SigQ' /proc/$!/status | cut -d/ -f1 | grep Threads; ls /proc/$!/fd
      [ "$(readlink /proc/$!/ns/net)" = "$(nsenter -t $! -n readlink /proc/self/ns/net)" ] && echo there
      [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/self/ns/net)" ] && echo host
      tr '\\0' ' ' </proc/$!/cmdline; readlink /proc/$!/exe; kill $!`;
    await same(pair, script, /sleep 20/);
  });
});

test.skipIf(noTimeByExec)(`run -T: in place, too [${noTimeByExec || 'time by exec'}]`, async () => {
  const script = `$C run -T --monotonic 1000 sh -c 'echo up; exec sleep 20' >ready & started
    until [ "$(cat /proc/$!/comm)" = sleep ]; do sleep 0.02; done
    grep -c 'monotonic *1000' /proc/$!/timens_offsets
    [ "$(readlink /proc/$!/ns/time)" != "$(readlink /proc/self/ns/time)" ] && echo new
    [ "$(readlink /proc/$!/ns/time)" = "$($C enter -T -t $! readlink /proc/self/ns/time)" ] && echo there`;
  expect((await bash(script, command)).stdout).toBe('1\nnew\nthere\n');
});

test('the next -t $! is where the program is', async () => {
  const script = `$C run -n sh -c 'echo up; exec sleep 20' >ready & started
    readlink /proc/$!/ns/net; $C enter -n -t $! readlink /proc/self/ns/net; kill $!`;
  const { stdout } = await bash(script, command);
  const [first, second] = stdout.trim().split('\n');
  expect(second).toBe(first);
  expect(first).not.toBe(readlinkSync('/proc/self/ns/net'));
});

describe.each(waiting)('$name: who waits', pair => {
  // unshare(1) of util-linux 2.38 exits with 1.
  if (pair.name !== 'run -p -f') {
    test('a program that was killed', async () => {
      const [file = '', ...words] = pair.ours().split(' ');
      const child = spawn(file, [...words, 'sh', '-c', 'kill -KILL $$']);
      expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    });
  }

  test('has nothing of Node, no file, and next to no memory', async () => {
    const script = `$C sh -c 'echo up; exec sleep 20' >ready & started
      until [ -z "$(ls /proc/$!/fd)" ]; do sleep 0.02; done
      grep -E 'Threads|VmRSS' /proc/$!/status; tr '\\0' ' ' </proc/$!/cmdline
      tr '\\0' '\\n' </proc/$!/environ | grep -c LINUX_NAMESPACES; readlink /proc/$!/exe; pkill -KILL -P $!`;
    const { stdout } = await bash(script, pair.ours());
    expect(stdout).toMatch(
      /^VmRSS:\s+\d{1,3} kB\nThreads:\s+1\nlinux-namespaces sh -c .* 0\n\/memfd:linux-namespaces \(deleted\)\n$/,
    );
  });
});

test('a stdout that is closed is said, and nothing is taken for printed', async () => {
  const script = `for words in "cat $$:/etc/passwd" "cp $$:/etc/passwd -" ps ls help \
      "js -t $$ -p 1" "js -t $$ -e console.log(1);process.exit(1)" "exec $$ uname" "debug $$ uname"; do
      $C $words >&-; echo $?; done
      for words in "run true" "js -t $$ -e 1" "exec $$ true"; do $C $words >&-; echo $?; done`;
  const { stdout, stderr } = await bash(script, command);
  expect(stdout).toBe(`${'1\n'.repeat(7)}${'125\n'.repeat(2)}${'0\n'.repeat(3)}`);
  expect(stderr).toBe('linux-namespaces: stdout is closed\n'.repeat(9));
  const none = 'for words in ps ls; do $C $words <&- >&- 2>&-; echo $?; done';
  expect((await bash(`${withoutOthers}\n${none}`, command)).stdout).toBe('1\n1\n');
});

test('that there is no process left to note all this with is said', async () => {
  const user = 'setpriv --reuid 54321 --regid 54321 --clear-groups prlimit --nproc=1';
  const { stdout, stderr } = await bash(`${user} $C ps; [ $? -gt 0 ] && echo failed`, command);
  expect(stdout).toBe('failed\n');
  expect(stderr).toMatch(/fork/);
});

test('--kill-child: with who waits', async () => {
  const script = `$C run -p -f --kill-child sh -c 'echo up; exec sleep 20' >ready & started
    child=$(pgrep -P $!); kill -KILL $!; until ! [ -e /proc/$child ] || grep -q 'State:.Z' /proc/$child/status; do sleep 0.02; done; echo gone`;
  expect((await bash(script, command)).stdout).toBe('gone\n');
});

test.each(['TERM', 'INT'])('--forward-signals: SIG%s', async signal => {
  const script = `env --default-signal=INT $C -f -n --forward-signals sh -c 'trap "echo had >&8; exit 5" ${signal}; echo up; while :; do sleep 0.1; done' 8>said >ready & started
    kill -${signal} $!; wait $!; echo $?; cat said`;
  const { stdout } = await bash(script, `${command} run`);
  expect(stdout).toBe('5\nhad\n');
});

test('a signal to who waits for a program in a pid namespace does not leave it behind', async () => {
  const script = `$C sh -c 'echo up; exec sleep 20' >ready & started
    child=$(pgrep -P $!); kill -TERM $!; wait $!; echo $?; [ -e /proc/$child ] || echo gone`;
  const { stdout } = await bash(script, `${command} enter -p -t ${target.pid}`);
  expect(stdout).toBe('143\ngone\n');
});

// Pipes alone: by way of these exec becomes the program, or who waits for it; by a file it starts it.
describe.each([
  ['exec by pipes', '> >(cat) 2> >(cat >errors)'],
  ['exec to a file', '>out 2>errors'],
])('%s', (name, to) => {
  const inside = (script: string) => bash(script, `${command} exec ${target.pid}`);
  const up = `sh -c 'echo up >&2; exec sleep 20' ${to} & until [ -s errors ]; do sleep 0.02; done`;

  test.each([
    ['TERM', 143],
    ['INT', 130],
    ['USR1', 138],
  ])('SIG%s to $!', async (signal, code) => {
    const script = `set -m; $C ${up}; kill -${signal} $!; wait $!; echo $?`;
    expect((await inside(script)).stdout).toBe(`${code}\n`);
  });

  test.each([
    ['exit 7', 7],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
  ])('how it ended, for who waits: %s', async (line, code) => {
    const { stdout } = await inside(`$C sh -c '${line}' ${to}; echo $?`);
    expect(stdout).toBe(`${code}\n`);
  });

  test('timeout', async () => {
    const { stdout } = await inside(`timeout 2 $C sleep 60 ${to}; echo $?`);
    expect(stdout).toBe('124\n');
  });

  if (!name.includes('pipes')) return;
  test('who waits has next to no memory', async () => {
    const script = `$C ${up}; grep VmRSS /proc/$!/status; kill $!`;
    expect((await inside(script)).stdout).toMatch(/^VmRSS:\s+\d{1,3} kB\n/);
  });
});

const shells = ['dash', 'bash', 'busybox sh'].filter(shell =>
  hasProgram(shell.split(' ')[0] as string),
);

test.each(shells)('the command as a program of %s: SIGQUIT', async shell => {
  const script = `for how in --default-signal --ignore-signal; do
    env $how=QUIT $SH $C run -u sh -c 'kill -QUIT $$; echo ignored'; echo $?; done`;
  const { stdout } = await bash(`ulimit -c 0; ${script}`, command, { ...process.env, SH: shell });
  expect(stdout).toBe('131\nignored\n0\n');
});

test.each(shells)('the command as a program of %s', async shell => {
  const odd = join(place, `odd 'name' $x * ${shell}`);
  mkdirSync(odd);
  symlinkSync(command, join(odd, '-n'));
  const script = `cd "$ODD"; exec 9</dev/null 70</dev/null; ulimit -Sn 400; trap '' USR1
    env -i PATH="$PATH" a.b=c SHELLOPTS=noglob:nounset:errexit:xtrace $SH ./-n run -u bash -c \
      'for i in {3..99}; do [ -e /proc/$$/fd/$i ] && echo $i; done; ulimit -Sn; grep SigIgn /proc/self/status; tr "\\0" "\\n" </proc/$$/environ | grep -v PATH=; echo "$@"' sh '*'`;
  const { stdout, code } = await bash(script, command, { ...process.env, ODD: odd, SH: shell });
  expect(stdout).toBe(
    '9\n70\n400\nSigIgn:\t0000000000000200\na.b=c\nSHELLOPTS=noglob:nounset:errexit:xtrace\n*\n',
  );
  expect(code).toBe(0);
});

test('as a program of node: descriptors 0 to 2, no signal ignored', async () => {
  const script = `exec 9</dev/null; trap '' USR1; "$NODE" $C run -u bash -c \
    'for i in {0..99}; do [ -e /proc/$$/fd/$i ] && echo $i; done; grep SigIgn: /proc/self/status'`;
  const { stdout } = await bash(script, command, { ...process.env, NODE: process.execPath });
  expect(stdout).toBe('0\n1\n2\nSigIgn:\t0000000000000000\n');
});

test('without /proc', async () => {
  const script = `unshare -m sh -c 'mount -t tmpfs none /proc; X=1 $C run -u sh -c "echo \\$X"'`;
  expect(await bash(script, command)).toMatchObject({ stdout: '1\n', stderr: '', code: 0 });
});

test('an environment that is too large for a note is handed on as the shell has it', async () => {
  const script = `X=$(printf "%0100000d" 0) $C run -u sh -c 'echo \${#X}'`;
  const { stdout } = await bash(script, command);
  expect(stdout).toBe('100000\n');
});

test('what takes Node long to read at its start is kept from it, and not from the program', async () => {
  const script = `NODE_EXTRA_CA_CERTS=/no/such $C run -u sh -c 'echo $NODE_EXTRA_CA_CERTS'`;
  const { stdout, stderr } = await bash(script, command);
  expect([stdout, stderr]).toEqual(['/no/such\n', '']); // Node says of it that it is not there
});

test.each([
  [
    'run -m -R /no/such',
    /^linux-namespaces: mnt: mount ENOENT, no such file or directory; --root .*\n$/,
  ],
  ['run -n -w /no/such', /^linux-namespaces: there is no directory \/no\/such\n$/],
  [
    'run -u -S 5 -G 4000000000 --map-user 3',
    /^linux-namespaces: setresgid EINVAL, invalid argument; .*\n$/,
  ],
])('what fails late is said in one line, in the words of Node: %s', async (line, words) => {
  const { stderr, code } = await bash(`$C ${line} true`, command);
  expect(stderr).toMatch(words);
  expect(code).toBe(1);
});

test('O_NONBLOCK of its streams stays as it is', async () => {
  const flags = `perl -MFcntl -e 'print fcntl(STDIN, F_GETFL, 0) & O_NONBLOCK ? "non-blocking\\n" : "blocking\\n"'`;
  const set = `perl -MFcntl -e 'fcntl(STDIN, F_SETFL, fcntl(STDIN, F_GETFL, 0) | O_NONBLOCK)'`;
  const script = `exec <>ready; $C sh -c "$FLAGS"; ${set}; $C sh -c "$FLAGS"`;
  const { stdout } = await bash(script, `${command} run -u`, { ...process.env, FLAGS: flags });
  expect(stdout).toBe('blocking\nnon-blocking\n');
});

describe.skipIf(!hasProgram('script'))('at a terminal [needs script]', () => {
  /**
   * An interactive bash: each line is typed when what comes before it has been seen. Ended where that does
   * not come.
   */
  async function type(lines: readonly [seen: RegExp, line: string][]): Promise<string> {
    const child = spawn('script', ['-qec', 'bash --norc --noprofile --noediting -i', '/dev/null'], {
      env: { ...process.env, PS1: '$ ', TERM: 'dumb', HISTFILE: '' },
      detached: true,
    });
    running.push(child);
    let screen = '';
    let at = 0;
    let next = 0;
    child.stdout.on('data', text => {
      screen += text;
      for (;;) {
        const [seen, line] = lines[next] ?? [];
        const found = seen?.exec(screen.slice(at));
        if (found === null || found === undefined) return;
        at += found.index + found[0].length;
        next++;
        child.stdin.write(line as string);
      }
    });
    const end = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), seconds(10));
    await once(child, 'exit');
    clearTimeout(end);
    return screen.replaceAll('\r', '');
  }

  // nsenter -p is ended by what is typed, and its program is not. The first process of a pid namespace does
  // not stop for a terminal.
  test.each(both.filter(({ name }) => name !== 'run -p -f'))(
    '$name: Ctrl-Z, fg, Ctrl-C',
    { timeout: seconds(90) },
    async ({ name, theirs, ours }) => {
      // It starts nothing meanwhile: a shell in the middle of a vfork(2) does not stop.
      const program = `bash -c 'trap "echo ha\\"\\"d; exit 9" INT; trap "echo ba\\"\\"ck" CONT; echo u""p; while :; do read -r; done'`;
      for (const prefix of name === 'enter -p' ? [ours()] : [theirs(), ours()]) {
        let screen = '';
        // Around unshare(1) too, a bash that gets SIGCONT now and then does not see it: 2 of 25 times.
        for (let i = 0; i < 4 && !/rc 9/.test(screen); i++) {
          screen = await type([
            [/[#$] $/, `${prefix} ${program}\n`],
            [/up/, '\x1a'],
            [/Stopped[\s\S]*[#$] $/, 'fg\n'],
            [/back/, '\x03\n'], // a bash that is still in one trap sees the other after its next line
            [/had[\s\S]*[#$] $/, 'echo rc $?; exit\n'],
          ]);
        }
        expect(screen, prefix).toMatch(/rc 9/);
      }
    },
  );

  test('a shell inside that suspends itself gives the terminal back', {
    timeout: seconds(30),
  }, async () => {
    const screen = await type([
      [/[#$] $/, `${command} enter -t ${target.pid} -p -m bash --norc --noediting\n`],
      [/[#$] $/, 'suspend\n'],
      [/Stopped[\s\S]*[#$] $/, "echo out''er; kill -KILL %1; disown -a; exit\n"],
    ]);
    expect(screen).toMatch(/^outer$/m);
  });
});
