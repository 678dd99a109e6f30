/**
 * The differences that docs/command.md names: `row`, the beginning of the row there, and when it is the
 * cause. `only`: it is that of these, if they differ.
 */

const oneOf =
  (...patterns) =>
  set =>
    set.said.some(word => patterns.some(pattern => pattern.test(word)));
const type = (letter, name) => oneOf(new RegExp(`^-${letter}`), new RegExp(`^--${name}\\b`));

const all = oneOf(/^-a$/, /^--all$/);
const user = set => type('U', 'user')(set) || oneOf(/^--user-parent/)(set);
const forks = oneOf(/^-f$/, /^--fork/, /^--kill-child/, /^--forward-signals/);
const apart = set => type('p', 'pid')(set) || type('T', 'time')(set);
const keptFile = oneOf(/=\/.*\/files\/|=FILE$/);
const failed = outcome => outcome.end === 1 && outcome.stderr === 'something';

/** What a tool does wrong itself, and nobody would miss. */
export const faults = [
  {
    row: "nsenter's own: --keep-caps with a user namespace alone keeps nothing",
    when: ({ set, only }) =>
      set.command === 'enter' &&
      oneOf(/^--keep/)(set) &&
      !oneOf(/^-[a-zA-Z]*[muinpCT]/, /^--(mo|ut|ip|ne|pi|cg|ti)/)(set) &&
      only('capabilities'),
  },
  {
    row: "lsns' own: a filter with the number of a namespace",
    when: ({ wanted }) => /failed to apply filter: Inappropriate ioctl/.test(wanted.text),
  },
  {
    row: "unshare's own, before 2.42: its child was killed by SIGKILL, and it ends with 1",
    when: ({ own, wanted, old }) =>
      old && own.end === 'SIGKILL' && /^unshare: sigprocmask unblock failed/.test(wanted.text),
  },
  {
    row: "the kernel's own, from 6.18 on: whether a mount namespace can be bound depends on the CPU that made it",
    when: ({ own, wanted }) =>
      /^unshare: mount \/proc\/\d+\/ns\/mnt on \S+ failed: Invalid argument/.test(wanted.text) ||
      /: mnt of \S+: mount EINVAL/.test(own.text),
  },
  {
    row: 'older than 2.42: nothing to join, follow, -W=DIR, ranges and files with a new user namespace',
    when: ({ set, own, wanted, old }) =>
      old &&
      (/which namespaces\?|whose namespaces\?|: one target| can be any of /.test(own.text) ||
        /could not parse ID|newuidmap|newgidmap/.test(wanted.text) ||
        /failed to parse [ug]id: 'follow'/.test(wanted.text) ||
        (oneOf(/^-W=/)(set) && /cannot open current working directory/.test(wanted.text)) ||
        (keptFile(set) && /failed: Operation not permitted/.test(wanted.text))),
  },
];

export const named = [
  // ---- nsenter ----
  {
    row: '`-a` joins',
    when: ({ set, only, wanted, own }) =>
      all(set) && !failed(own) && (failed(wanted) || only('leader', 'cwd', 'sessions')),
  },
  {
    row: '`-U`, `-a` or `--user-parent` for our own user namespace',
    when: ({ set, wanted, own }) =>
      (user(set) || all(set)) && !failed(own) && /reassociate.*Invalid argument/.test(wanted.text),
  },
  { row: '`-r=DIR`, `-w=DIR`', when: ({ own }) => /is of our file system/.test(own.text) },
  {
    row: '`-r=DIR`, `-w=DIR`',
    when: ({ set, own }) => oneOf(/^-w$/, /^--wd$/)(set) && /getcwd E(XDEV|NOENT)/.test(own.text),
  },
  { row: '`-e` without', when: ({ own }) => /^linux-namespaces: --env/.test(own.text) },
  { row: '`-F` with `-p`', when: ({ own }) => /--no-fork: with a pid/.test(own.text) },
  {
    row: '`-r` without `-m`: the working directory stays',
    when: ({ set, only }) => oneOf(/^-r/, /^--root/)(set) && only('cwd'),
  },
  {
    row: '`-S follow` where the target',
    when: ({ own }) => /has no number in the user namespace/.test(own.text),
  },
  {
    row: '`-r`, `-w`, `-e` or `-c` without a type',
    when: ({ wanted, own }) => /no namespace specified/.test(wanted.text) && !failed(own),
  },
  // ---- both ----
  {
    row: '`-G`, and `-U` of nsenter, where setgroups(2) is denied',
    when: ({ wanted, own }) => /setgroups failed/.test(wanted.text) && !failed(own),
  },
  {
    row: '`--keep-caps` with `-S`',
    when: ({ set, only }) =>
      oneOf(/^--keep-caps/)(set) && oneOf(/^-S/, /^--setuid/)(set) && only('capabilities'),
  },
  {
    row: 'long options that are unique there',
    when: ({ wanted, own }) => /is ambiguous/.test(wanted.text) && !/can be any of/.test(own.text),
  },
  // ---- unshare ----
  {
    row: 'without `-f`, `-p` and `-T`',
    when: ({ set, wanted }) =>
      set.command === 'run' &&
      !forks(set) &&
      apart(set) &&
      /pid_for_children.*No such file|mount .* failed: Operation not/.test(wanted.text),
  },
  {
    // The first process of a pid namespace is not ended by a signal of its own.
    row: 'without `-f`, `-p` and `-T`',
    when: ({ set }) =>
      set.command === 'run' && !forks(set) && type('p', 'pid')(set) && set.program[1] === 'die',
  },
  {
    // Another shell has other variables, and says something else.
    row: 'SHELL is not set',
    when: ({ set }) => set.program.length === 0 && oneOf(/^--clear-env/, /^--whitelist-env/)(set),
  },
  {
    row: '`--whitelist-env` with',
    when: ({ set, only }) => oneOf(/^--whitelist-env/)(set) && only('environment'),
  },
  {
    row: 'without `-f`, `-p` and `-T`',
    when: ({ set, only }) =>
      set.command === 'run' &&
      apart(set) &&
      !forks(set) &&
      only('leader', 'first', 'pid', 'time', 'offset', 'offsets', 'processes', 'end', 'stdout'),
  },
  {
    row: 'a FILE that cannot be bound',
    when: ({ set, wanted, own }) =>
      set.command === 'run' &&
      failed(own) &&
      /: (mount|open) E|names no file/.test(own.text) &&
      wanted.end === 1,
  },
  {
    row: 'with FILE, the program has a descriptor of unshare',
    when: ({ set, only }) => set.command === 'run' && keptFile(set) && only('descriptors'),
  },
  {
    row: '`--setgroups` with a single mapped group',
    when: ({ set, wanted }) =>
      oneOf(/^--setgroups/)(set) && /mutually exclusive|\/setgroups: /.test(wanted.text),
  },
  {
    row: '`-R DIR` with `-m`',
    when: ({ set, own, only }) =>
      /^linux-namespaces: --propagation unchanged/.test(own.text) ||
      (oneOf(/^-R/, /^--root/)(set) && only('root', 'procs')),
  },
  {
    row: '`-R DIR` with a `-w`',
    when: ({ set, only }) =>
      set.command === 'run' &&
      oneOf(/^-R/, /^--root/)(set) &&
      oneOf(/^-w\.$/)(set) &&
      only('cwd', 'root', 'procs'),
  },
  {
    row: '`--owner` with `-r`',
    when: ({ set, own }) => oneOf(/^--owner/)(set) && !failed(own),
  },
  // ---- lsns ----
  {
    row: 'some rows below others',
    when: ({ set, only, wanted }) =>
      set.command === 'ls' &&
      !oneOf(/^-l/, /^--list$/, /^-T/, /^--tree/)(set) &&
      only('stdout') &&
      /[└├]─|"children"/.test(JSON.stringify(wanted.stdout)),
  },
  {
    row: '`-r` in a tree',
    when: ({ set, only, wanted }) =>
      set.command === 'ls' && only('stdout') && /\\xe2\\x94/.test(`${wanted.stdout}`),
  },
  { row: 'of several INODEs', when: ({ own }) => /: one INODE or NAME, not/.test(own.text) },
  {
    row: 'what a user may not see',
    when: ({ set, asUser, own, only }) =>
      set.command === 'ls' &&
      asUser &&
      (/EACCES|: cannot tell /.test(own.text) ||
        (/: not all is seen: /.test(own.text) &&
          only('stderr', ...(own.end === 1 ? ['end'] : [])))),
  },
];

/** The rows that together explain the difference, by the first of them; undefined where some of it stays. */
export function rowOf(set, own, wanted, asUser, differing, old) {
  let left = differing;
  let first;
  for (const { row, when } of [...named, ...faults]) {
    let part = [];
    const only = (...keys) => {
      part = left.filter(key => keys.includes(key));
      return part.length > 0;
    };
    if (!when({ set, own, wanted, asUser, only, old })) continue;
    first ??= row;
    left = part.length === 0 ? [] : left.filter(key => !part.includes(key));
    if (left.length === 0) return first;
  }
  return undefined;
}
