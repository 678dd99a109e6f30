/** Made-up option sets of `enter`, `run` and `ls`, from a seed. */
import { pick } from '../random.mjs';
import { respelled } from './respelled.mjs';

const types = ['m', 'u', 'i', 'n', 'p', 'C', 'U', 'T'];
const long = {
  m: 'mount',
  u: 'uts',
  i: 'ipc',
  n: 'net',
  p: 'pid',
  C: 'cgroup',
  U: 'user',
  T: 'time',
};
const fileOf = { ...long, m: 'mnt' };

/** `known`: the long options that the tool of this machine has. `said`: the words, spelled plainly. */
export function setOf(command, random, known, targets) {
  const plain = { enter, run, ls }[command](random, targets).filter(word => isKnown(word, known));
  const items = random(2) === 0 ? plain : respelled(command, plain, random, known);
  const [words, said] = [items, plain].map(list => list.flatMap(item => item.split('\0')));
  if (command === 'ls') return { command, words, said, program: [], end: [] };
  // Without a program it is the shell of SHELL.
  const isShell = random(25) === 0;
  const end = isShell ? [] : pick([['--'], ['--'], []], random);
  return { command, words, said, program: isShell ? [] : programOf(random), end };
}

/** Of one option, its value behind a zero byte where it is a word of its own. */
function isKnown(word, known) {
  const [, name] = /^--([a-z-]+)/.exec(word) ?? [];
  if (name !== undefined) return known.has(name);
  // A letter that came later than the oldest tools.
  const [, letter] = /^-([a-zA-Z])/.exec(word) ?? [];
  if (letter === 'W' && !known.has('wdns')) return false;
  if (letter === 'e' && !known.has('env')) return false;
  if (letter === 'c' && !known.has('join-cgroup') && !known.has('map-current-user')) return false;
  return !word.includes('follow') || known.has('keep-caps');
}

const maybe = (random, percent, ...words) => (random(100) < percent ? [pick(words, random)] : []);

function programOf(random) {
  const n = random(20);
  if (n === 0) return ['PROBE', 'exit', String(pick([0, 1, 3, 126, 127, 255], random))];
  if (n === 1) return ['PROBE', 'die', String(pick([1, 2, 6, 9, 13, 15], random))];
  if (n === 2) return [pick(['/no/such', '/etc/passwd', '/etc', 'no-such-program'], random)];
  return ['PROBE'];
}

function someTypes(random, percent, withFile) {
  return types.flatMap(letter => {
    if (random(100) >= percent) return [];
    const plain = pick([`-${letter}`, `--${long[letter]}`], random);
    return random(100) < 12 ? [withFile(letter)] : [plain];
  });
}

function enter(random, targets) {
  const target = pick(targets, random);
  const other = pick(targets, random);
  const dirs = ['/', '/tmp', '/usr', '/no/such'];
  const list = [
    ...maybe(random, 92, `-t\0${target}`, `--target=${target}`, `-t${target}`),
    ...maybe(random, 25, '-a', '--all'),
    ...someTypes(random, 25, letter =>
      pick(
        [
          `-${letter}/proc/${other}/ns/${fileOf[letter]}`,
          `--${long[letter]}=/proc/${other}/ns/${fileOf[letter]}`,
        ],
        random,
      ),
    ),
    ...maybe(
      random,
      15,
      '-S\x000',
      '-S\x005',
      '--setuid=1000',
      '-Sfollow',
      '--setuid\x00follow',
      '-S\x00none',
    ),
    ...maybe(random, 15, '-G\x000', '-G\x006', '--setgid=1000', '-G\x00follow', '--setgid=follow'),
    ...maybe(random, 25, '--preserve-credentials'),
    ...maybe(random, 10, '--keep-caps'),
    ...maybe(random, 5, '--user-parent'),
    ...maybe(random, 15, '-r', '--root', `-r${pick(dirs, random)}`, `--root=${pick(dirs, random)}`),
    ...maybe(random, 15, '-w', '--wd', `-w${pick(dirs, random)}`, `--wd=${pick(dirs, random)}`),
    ...maybe(random, 10, `-W=${pick(dirs, random)}`, `--wdns=${pick(dirs, random)}`),
    ...maybe(random, 8, '-e', '--env'),
    ...maybe(random, 5, '-F', '--no-fork'),
    ...maybe(random, 2, '-x', '--nonsense', '--a', '--ut', '--pres'),
  ];
  return list;
}

const ranges = [
  '0:100000:10',
  '0:100000:1000',
  '5:200000:10',
  '100000,0,10',
  '1:100000:65535',
  '0:0:5',
  '1:2',
  'nonsense',
];

function run(random) {
  return [
    ...someTypes(random, 25, letter => `--${long[letter]}=FILE`),
    ...maybe(random, 25, '-f', '--fork'),
    ...maybe(random, 20, '-r', '--map-root-user'),
    ...maybe(random, 12, '-c', '--map-current-user'),
    ...maybe(
      random,
      8,
      '--map-user=5',
      '--map-user\x000',
      '--map-user=nobody',
      '--map-user=nonsense',
    ),
    ...maybe(random, 8, '--map-group=6', '--map-group\x000', '--map-group=users'),
    ...maybe(random, 8, ...ranges.map(range => `--map-users=${range}`)),
    ...maybe(random, 8, ...ranges.map(range => `--map-groups\0${range}`)),
    ...maybe(random, 12, '--setgroups=allow', '--setgroups\x00deny', '--setgroups=maybe'),
    ...maybe(
      random,
      12,
      '--propagation=private',
      '--propagation\x00slave',
      '--propagation=unchanged',
      '--propagation=bogus',
    ),
    ...maybe(random, 12, '--mount-proc', '--mount-proc=/proc', '--mount-proc=/no/such'),
    ...maybe(random, 12, '-S\x000', '-S\x005', '--setuid=1000', '-S\x00none'),
    ...maybe(random, 12, '-G\x000', '-G\x006', '--setgid=1000'),
    ...maybe(random, 10, '--keep-caps'),
    ...maybe(random, 8, '-R\0/', '-RIMAGE', '--root=IMAGE', '-R\0/no/such'),
    ...maybe(random, 10, '-w\0/tmp', '--wd=/usr', '-w/no/such', '-w.'),
    ...maybe(
      random,
      8,
      '--monotonic\x00100',
      '--boottime=200',
      '--monotonic=-5',
      '--boottime=nonsense',
    ),
    ...maybe(random, 5, '--kill-child', '--kill-child=TERM', '--kill-child=nonsense'),
    ...maybe(random, 4, '--forward-signals'),
    ...maybe(random, 4, '--owner=1000:1000', '--owner\x005', '--owner=0:0'),
    ...maybe(random, 4, '--clear-env', '--whitelist-env=PATH,HOME', '--whitelist-env\0NONE'),
    ...maybe(random, 2, '-x', '-nx', '--nonsense', '--map', '--map-r', '--pid=', '-n/x'),
  ];
}

const columns = [
  'NS',
  'TYPE',
  'PATH',
  'PID',
  'PPID',
  'COMMAND',
  'UID',
  'USER',
  'NETNSID',
  'NSFS',
  'PNS',
  'ONS',
];

const others = ['net', 'uts', 'pid', 'user', 'ipc', 'cgroup', 'time']
  .map(type => `-t\0${type}`)
  .join('\0');

function ls(random, targets) {
  const some = Array.from({ length: 1 + random(4) }, () => pick(columns, random));
  const target = pick(targets, random);
  const filters = [
    'PID > 5',
    'TYPE == "net"',
    'TYPE =~ "^[mn]"',
    'NSFS',
    'not NSFS',
    'UID == 0 and PID > 1',
    'FOO',
    'PID ==',
  ];
  return [
    // What comes and goes meanwhile is not compared: one process, or one namespace.
    random(3) === 0 ? `INODE:${pick(targets.slice(1, 4), random)}` : `-p\0${target}`,
    ...maybe(random, 80, '-l', '--list'),
    ...maybe(random, 50, '-J', '--json', '-r', '--raw'),
    // How many are in a namespace of the machine changes all the time.
    pick(
      [
        `-o\0${some}`,
        `--output=${some}`,
        `-o${some.join(',').toLowerCase()}`,
        ...(random(9) === 0 ? ['-oFOO'] : []),
      ],
      random,
    ),
    ...maybe(random, 40, '-n', '--noheadings'),
    ...maybe(random, 20, '-u', '--notruncate'),
    ...maybe(random, 20, '-W', '--nowrap'),
    // In our mount namespace is what comes and goes.
    pick(['-t\0net', '--type=uts', '-tpid', '-t\0nonsense', ...Array(8).fill(others)], random),
    ...maybe(random, 10, '-T', '-T=owner', '--tree=parent', '-T=process', '-T=bogus'),
    ...maybe(random, 15, ...filters.map(filter => `--filter=${filter}`)),
    ...maybe(random, 5, '-P', '--persistent'),
    ...maybe(random, 2, '-x', '--nonsense', '--out'),
  ].sort(() => random(3) - 1);
}
