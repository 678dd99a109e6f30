/** This process becomes a program, as execve(2) has it, by way of the launcher (native/launcher/in_place.c). */
import type { SpawnFailure } from '../base/addon-child.ts';
import { binding } from '../base/binding.ts';
import { isSince } from '../base/kernel.ts';
import { own } from '../base/own-properties.ts';
import { trace } from '../base/trace.ts';
import type { NodeOptions, Plan } from './launch.ts';
import { launchFlags } from './launch-flags.ts';
import { encodeWords, type Wording } from './launch-words.ts';

const devNull = -3;

/** What is the caller's of this process, and Node has changed or cannot tell from its own. */
export interface Inherited {
  /** Signals: the lowest bit is number 1. */
  readonly ignored: bigint;
  readonly blocked: bigint;
  /** The soft RLIMIT_NOFILE; 0: as it is now. */
  readonly openFiles: bigint;
  /** Of 0, 1 and 2: a bit for each that has O_NONBLOCK. */
  readonly nonBlocking: number;
  /** What stays open, ascending. */
  readonly descriptors: readonly number[];
}

export interface ProgramInPlace extends Omit<NodeOptions, 'envPairs' | 'detached'>, Wording {
  readonly file: string | Buffer;
  /** With argv[0]; a zero byte between each two. */
  readonly args: Buffer;
  readonly env: Buffer;
  /** Of its working directory, in place of `cwd`; `O_PATH` will do. */
  readonly cwdFd?: number | undefined;
  /** Its root directory is our working directory, which is that of the plan. */
  readonly rootIsHere?: boolean | undefined;
  /** The program is a child of the launcher also where no namespace asks for that. */
  readonly fork?: boolean | undefined;
  /** Where the program is a child: signals to us go to it. */
  readonly forward?: boolean | undefined;
  /** Where the program is a child that a signal has killed: this ends with 128 and its number, not by it. */
  readonly signalAsCode?: boolean | undefined;
  /** The exit code where something fails before the program is executed. Default: 1, as of nsenter(1). */
  readonly failed?: number | undefined;
  /** Its stdin is the null device; the caller's is gone, also where this fails. */
  readonly withoutInput?: boolean | undefined;
}

/** From Linux 6.3 on an exec is in the new time namespace, too, not only a child: time_namespaces(7). */
function withForks(flags: number, { created }: Plan, fork = false): number {
  if (fork) return flags | launchFlags.forkCreated;
  const needed = created.includes('pid') || !isSince(6, 3);
  return needed ? flags : flags & ~launchFlags.forkCreated;
}

/**
 * Returns only where that has failed: with nothing run, and this process as it was. What fails later the
 * launcher says on stderr, and exits: with 127 where there is no program, 126 where it cannot be executed,
 * otherwise with `failed`.
 *
 * Only on the main thread. Nothing of Node's stays: no thread, no handler of a signal, no listener of
 * 'exit'. Where the program has to be a child (pid is joined or created, time created before Linux 6.3; `fork`), the launcher
 * waits for it, stops with it, and ends as it did.
 */
export function executeInPlace(
  plan: Plan,
  program: ProgramInPlace,
  inherited: Inherited,
): SpawnFailure {
  const { file, args, env, cwd, cwdFd = -1, rootIsHere, ...how } = own(program);
  const { fork, forward, signalAsCode, failed = 1, withoutInput } = how;
  const { flags, ids } = plan.complete(program);
  const { ignored, blocked, openFiles, nonBlocking, descriptors } = inherited;
  trace('execute', () => ({ joined: plan.joined, created: plan.created }));
  return binding.execute({
    ...plan,
    flags:
      withForks(flags, plan, fork) |
      (forward ? launchFlags.forward : 0) |
      (signalAsCode ? launchFlags.signalAsCode : 0),
    ids,
    file,
    args,
    env,
    cwd: cwd || undefined,
    cwdFd,
    rootPath: rootIsHere ? '.' : plan.rootPath,
    stdio: Int32Array.from(withoutInput ? [devNull] : []),
    failed,
    kept: Int32Array.from(descriptors),
    inherited: BigUint64Array.of(ignored, blocked, openFiles, BigInt(nonBlocking)),
    words: encodeWords(plan, file.toString(), how),
  });
}
