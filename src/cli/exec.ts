/** `linux-namespaces exec`: a program in a container, as docker exec runs it. */
import type { SpawnOptions } from '../child/options.ts';
import type { Container } from '../containers/container.ts';
import { isPaused } from '../containers/verified-process.ts';
import type { ContainerRoot } from '../root/container-root.ts';
import { openRoot } from '../root/open-root.ts';
import { type Given, readArguments, UsageError } from './arguments.ts';
import { addedGroups, type ContainerUser, idsOf, userIn } from './container-user.ts';
import { endingAsExec, exitCodeOf } from './exec-end.ts';
import { environmentFor } from './exec-environment.ts';
import { allRights } from './exec-rights.ts';
import { type Line, runDetached, runOnTerminal, runPiped } from './exec-run.ts';
import { shellIn } from './exec-shell.ts';
import { type Lookup, lookupOf, lookupOptions } from './lookup.ts';
import { isTerminal } from './operator-terminal.ts';
import { programOf } from './program-line.ts';
import type { Context } from './subcommand.ts';
import { processOf, targetOf } from './target-argument.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  interactive: { short: 'i', equals: true, about: 'stdin goes to it' },
  tty: { short: 't', equals: true, about: 'it gets a terminal' },
  user: {
    short: 'u',
    value: true,
    equals: true,
    placeholder: 'USER[:GROUP]',
    about: "as whom: names of the container's own lists, or numbers",
  },
  workdir: { short: 'w', value: true, equals: true, placeholder: 'DIR', about: 'where, inside' },
  env: {
    short: 'e',
    value: true,
    equals: true,
    many: true,
    placeholder: 'NAME=VALUE',
    about: 'a variable; NAME alone: with our value',
  },
  'env-file': { value: true, many: true, placeholder: 'FILE', about: 'variables, one a line' },
  detach: { short: 'd', equals: true, about: 'does not wait for it' },
  privileged: { equals: true, about: 'with all capabilities that we have' },
  ...lookupOptions,
} as const satisfies Described;

export const usage: Usage = {
  lines: ['[option...] NAME|PID [program [argument...]]'],
  about: [
    'Runs a program in a container, or where a process is: in all its namespaces, its root, cgroups and environment, with its rights and limits. Without a program a shell, as with -i, and at a terminal as with -it.',
  ],
  options,
  notes: [
    "Ends with its exit code, 128 and the signal that killed it; 126 where it cannot be executed, 127 where there is none, 125 for all else. The container's seccomp filter does not hold for it.",
  ],
  examples: [
    ['linux-namespaces exec web', 'a shell'],
    ['linux-namespaces exec -it web top', 'at a terminal'],
    ['linux-namespaces exec -u www-data -w /srv web ls -l', 'as another user, elsewhere'],
    ['pg_dump shop | linux-namespaces exec -i db psql shop', 'with stdin'],
  ],
};

type Exec = Given<typeof options>;

export function main(args: readonly string[], { lookup }: Context): Promise<void> {
  return endingAsExec(() => run(args, lookup));
}

async function run(args: readonly string[], before: Lookup): Promise<number> {
  const { given, rest, after } = readArguments(args, options);
  const [name] = rest;
  if (name === undefined)
    throw new UsageError('in which container? exec [option...] NAME|PID [program]');
  if (given.tty && given.interactive && !given.detach && !isTerminal(0)) {
    throw new UsageError('--tty: stdin is no terminal (-i alone needs none)');
  }
  const words = programOf('exec', args, options, rest);
  const found = await targetOf(name, lookupOf(before, given));
  const container = typeof found === 'object' ? (found as Container) : undefined;
  const target = container ?? processOf(found);
  const pid = target.pid as number;
  if (container?.state === 'paused' || (await isPaused(pid))) {
    throw new Error(
      `${name} is paused: nothing runs in it until it is resumed; debug ${name} runs beside it`,
    );
  }
  const root = openRoot(target);
  try {
    const [user, configured] = await usersOf(root, given.user, container, pid);
    const line = words.length > 0 ? words : [await shellIn(root, name, user)];
    const env = environmentFor({ given, pid, container, user, configured });
    const cwd = given.workdir || container?.workingDir || undefined;
    return await start(
      words.length > 0 ? given : asShell(given),
      {
        rest: line,
        after: after.slice(rest.length - words.length),
        hint: `; debug ${name} runs this machine's`,
        directory: cwd && `${cwd} in ${name}`,
      },
      {
        target,
        namespaces: 'all',
        root: 'target',
        cgroup: 'target',
        credentials: 'target',
        setsid: true,
        cwd,
        env,
        ...(user !== undefined && idsOf(user)),
        ...(given.privileged && allRights()),
      },
    );
  } finally {
    root.close();
  }
}

/** Who is meant, and whom the configuration names. Without one, as whom it runs already: undefined. */
async function usersOf(
  root: ContainerRoot,
  spec: string | undefined,
  container: Container | undefined,
  pid: number,
): Promise<[user: ContainerUser | undefined, configured: ContainerUser | undefined]> {
  if (container === undefined) return [spec ? await userIn(root, spec) : undefined, undefined];
  const named = container.user ?? '';
  const user = await userIn(root, spec || named);
  // Of one who is no longer in its lists nothing is known.
  const configured = spec ? await userIn(root, named).catch(() => undefined) : user;
  const added = configured === undefined ? [] : addedGroups(pid, configured);
  return [{ ...user, groups: [...new Set([...user.groups, ...added])] }, configured];
}

/** Without stdin it would end at once. */
function asShell(given: Exec): Exec {
  if (given.detach || given.tty) return given;
  return {
    ...given,
    interactive: true,
    ...(isTerminal(0) && isTerminal(1) && !given.interactive && { tty: true }),
  };
}

async function start(given: Exec, line: Line, all: SpawnOptions): Promise<number> {
  const { detach, tty, interactive } = given;
  const run = detach ? runDetached : tty ? runOnTerminal : runPiped;
  return exitCodeOf(run, line, all, interactive === true);
}
