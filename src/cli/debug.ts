/** `linux-namespaces debug`: programs of ours in a container, whose image may hold none. */

import { lstatSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isRoot, textOf } from '../base/own-rights.ts';
import { firstMounts } from '../base/proc.ts';
import { numbersIn } from '../base/status-fields.ts';
import type { SpawnOptions } from '../child/options.ts';
import { toolEnvironment } from '../child/tools.ts';
import { isPaused } from '../containers/verified-process.ts';
import { openRoot } from '../root/open-root.ts';
import { pidOf, type Target } from '../target/target.ts';
import { type Given, readArguments, UsageError } from './arguments.ts';
import { idsOf, userIn } from './container-user.ts';
import { endingAsExec, exitCodeOf } from './exec-end.ts';
import { allRights } from './exec-rights.ts';
import { runOnTerminal, runPiped } from './exec-run.ts';
import { type Lookup, lookupOf, lookupOptions } from './lookup.ts';
import { isTerminal } from './operator-terminal.ts';
import { programOf } from './program-line.ts';
import type { Context } from './subcommand.ts';
import { processOf, targetOf } from './target-argument.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  interactive: { short: 'i', about: 'is always so' },
  tty: { short: 't', about: 'is always so, where stdin and stdout are a terminal' },
  user: {
    short: 'u',
    value: true,
    equals: true,
    placeholder: 'USER[:GROUP]',
    about: "as whom: names of the container's own lists, or numbers",
  },
  tools: {
    value: true,
    placeholder: 'DIR',
    about: "programs of the root file system in DIR, in place of this machine's",
  },
  privileged: { about: 'with all capabilities that we have' },
  ...lookupOptions,
} as const satisfies Described;

export const usage: Usage = {
  lines: ['[option...] NAME|PID [program [argument...]]'],
  about: [
    "Runs a shell, or a program, of this machine in a container, or where a process is, whatever its image holds: in all its namespaces and its cgroups (not those of one that is paused, where nothing would run), on a root of its own with our /usr (read-only), the container's /proc and /sys, and its files at /container.",
    "It has the container's rights, and may trace its processes and look at its network where these are not the machine's. A terminal where stdin and stdout are one. Ends as exec.",
    'Users and groups are those of the container: tcpdump, which becomes a user of its own here, finds none there without -Z root.',
  ],
  options,
  examples: [
    ['linux-namespaces debug web', 'a shell'],
    ['linux-namespaces debug web ss -nltp', 'who listens'],
    ['linux-namespaces debug -u root web strace -p 1', 'what it is doing'],
  ],
};

export function main(args: readonly string[], { lookup }: Context): Promise<void> {
  return endingAsExec(() => run(args, lookup));
}

async function run(args: readonly string[], before: Lookup): Promise<number> {
  const { given, rest, after } = readArguments(args, options);
  const [name] = rest;
  if (name === undefined) throw new UsageError('which container? debug [option...] NAME [program]');
  const words = programOf('debug', args, options, rest);
  const target = processOf(await targetOf(name, lookupOf(before, given)));
  const pid = pidOf(target) ?? 0;
  const isOnTerminal = isTerminal(0) && isTerminal(1);
  if (given.tools === '') throw new UsageError('--tools: of which directory?');
  const tools = given.tools === undefined ? '/' : resolve(given.tools);
  const line = words.length > 0 ? words : [shellOf(tools)];
  if (words.length === 0 && isOnTerminal) console.error(whatLiesWhere(name, pid));
  const all = await placeOf(given, target, { tools, name });
  const start = isOnTerminal ? runOnTerminal : runPiped;
  const whose = given.tools === undefined ? "this machine's" : `those of ${given.tools}`;
  const program = {
    rest: line,
    after: after.slice(rest.length - words.length),
    hint: `; programs are ${whose}`,
  };
  return exitCodeOf(start, program, all, true);
}

async function placeOf(
  given: Given<typeof options>,
  target: Target,
  { tools, name }: { tools: string; name: string },
): Promise<SpawnOptions> {
  const user = given.user === undefined ? undefined : await userOf(target, given.user);
  const { TERM } = process.env;
  return {
    target,
    namespaces: 'all',
    tools,
    // In that of a paused one nothing runs, and into that of a container few users may move a process.
    cgroup: isRoot() && !(await isPaused(pidOf(target) ?? 0)) ? 'target' : undefined,
    credentials: 'target',
    setsid: true,
    env: {
      ...toolEnvironment,
      ...(TERM !== undefined && { TERM }),
      PS1: `[debug ${name.replace(/[^\w.:-]/g, '?')}] \\w \\$ `,
    },
    ...(user !== undefined && idsOf(user)),
    ...(given.privileged && allRights()),
  };
}

async function userOf(target: Target, spec: string) {
  const root = openRoot(target);
  try {
    return await userIn(root, spec);
  } finally {
    root.close();
  }
}

const shells = ['/bin/bash', '/usr/bin/bash', '/bin/sh', '/usr/bin/sh'];

function shellOf(tools: string): string {
  const shell = shells.find(path => isThere(join(tools, path)));
  if (shell !== undefined) return shell;
  if (isThere(`${tools}/.`)) throw new UsageError(`${tools} has no shell: name a program of it`);
  return '/bin/sh'; // it is no directory: what opens it says so
}

/** A link counts: where it leads to is below `tools`, and not here. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function whatLiesWhere(name: string, pid: number): string {
  const where = `${name}: programs are this machine's, the container's files are in /container`;
  const isPrivate = !/^\S+ \S+ \S+ \S+ \/ \S+ (?:\S+ )*?shared:\d+ (?:\S+ )*?- /m.test(
    firstMounts(pid),
  );
  const inside = numbersIn(textOf(`/proc/${pid}/status`) ?? '', 'NSpid').at(-1) ?? pid;
  return isPrivate
    ? `${where},\nas they are mounted at this moment: what it mounts later is seen in /proc/${inside}/root alone`
    : where;
}
