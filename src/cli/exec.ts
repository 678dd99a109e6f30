/** `linux-namespaces exec`: a program in a container, as docker exec runs it. */
import type { SpawnOptions } from '../child/options.ts';
import type { Container } from '../containers/container.ts';
import { isPaused } from '../containers/verified-process.ts';
import { openRoot } from '../root/open-root.ts';
import { type Given, type Options, readArguments, UsageError } from './arguments.ts';
import { idsOf, userIn } from './container-user.ts';
import { endingAsExec, exitCodeOf } from './exec-end.ts';
import { environmentFor } from './exec-environment.ts';
import { allRights } from './exec-rights.ts';
import { type Line, runDetached, runOnTerminal, runPiped } from './exec-run.ts';
import { shellIn } from './exec-shell.ts';
import { isTerminal } from './operator-terminal.ts';
import { targetOf } from './target-argument.ts';

export const usage: string = `linux-namespaces exec [option...] NAME|PID [program [argument...]]

Runs a program (default: a shell) in a container, or where a process is: in all its namespaces,
its root, cgroups and environment, with its rights and limits.

  -i, --interactive       stdin goes to it
  -t, --tty               it gets a terminal
  -u, --user USER[:GROUP] as whom: names of the container's own lists, or numbers
  -w, --workdir DIR       where, inside
  -e, --env NAME=VALUE    a variable; NAME alone: with our value
      --env-file FILE     variables, one a line
  -d, --detach            does not wait for it
      --privileged        with all capabilities that we have

Ends with its exit code, 128 and the signal that killed it; 126 where it cannot be executed, 127 where
there is none, 125 for all else. The container's seccomp filter does not hold for it.`;

const options = {
  interactive: { short: 'i' },
  tty: { short: 't' },
  user: { short: 'u', value: true },
  workdir: { short: 'w', value: true },
  env: { short: 'e', value: true, many: true },
  'env-file': { value: true, many: true },
  detach: { short: 'd' },
  privileged: {},
} as const satisfies Options;

type Exec = Given<typeof options>;

export function main(args: readonly string[]): Promise<void> {
  return endingAsExec(() => run(args));
}

async function run(args: readonly string[]): Promise<number> {
  const { given, rest, after } = readArguments(args, options);
  const [name, ...words] = rest;
  if (name === undefined)
    throw new UsageError('in which container? exec [option...] NAME|PID [program]');
  if (given.tty && given.interactive && !given.detach && !isTerminal(0)) {
    throw new UsageError('--tty: stdin is no terminal');
  }
  const target = await targetOf(name);
  const container = typeof target === 'object' ? (target as Container) : undefined;
  const pid = container?.pid ?? (target as number);
  if (container?.state === 'paused' || isPaused(pid)) {
    throw new Error(`${name} is paused: nothing runs in it until it is resumed`);
  }
  const root = openRoot(target);
  try {
    // Without a configuration, as whom it runs already.
    const spec = given.user ?? (container === undefined ? undefined : (container.user ?? ''));
    const user = spec === undefined ? undefined : await userIn(root, spec || '0');
    const line = words.length > 0 ? words : [await shellIn(root, name, user)];
    const env = environmentFor({ given, pid, container, user });
    return await start(
      given,
      { rest: line, after: after.slice(1) },
      {
        target,
        namespaces: 'all',
        root: 'target',
        cgroup: 'target',
        credentials: 'target',
        setsid: true,
        cwd: given.workdir ?? (container?.workingDir || undefined),
        env,
        ...(user !== undefined && idsOf(user)),
        ...(given.privileged && allRights()),
      },
    );
  } finally {
    root.close();
  }
}

async function start(given: Exec, line: Line, all: SpawnOptions): Promise<number> {
  const { detach, tty, interactive } = given;
  const run = detach ? runDetached : tty ? runOnTerminal : runPiped;
  return exitCodeOf(await run(line, all, interactive === true), line);
}
