/** What people write for a target: a pid, or the name of a container. */
import { noProcess } from '../base/advice.ts';
import type { NamespaceError } from '../base/errors.ts';
import { startTimeOf } from '../base/proc.ts';
import type { Container, ContainerOptions } from '../containers/container.ts';
import { pidMost } from '../target/process.ts';
import type { Owner } from '../target/process-identity.ts';
import type { Target } from '../target/target.ts';
import { UsageError } from './arguments.ts';
import { numberOf } from './ids.ts';
import { lookupNames } from './lookup.ts';
import { inWordsOf } from './option-words.ts';

/** A container without a process that could be a target. */
export class NotRunning extends UsageError {
  readonly engine: string;

  constructor(name: string, { state, runtime, engine }: Container) {
    const mayRun = ['running', 'paused', 'unknown'].includes(state);
    super(mayRun ? `${name}: ${noProcess(state, runtime)}` : `${name} is not running (${state})`);
    this.engine = engine;
  }
}

export async function targetOf(text: string, where: ContainerOptions): Promise<Target> {
  const pid = numberOf(text);
  if (pid === 0) throw new UsageError('0 is the pid of no process');
  if (pid !== undefined && pid > pidMost) {
    throw new UsageError(
      `there is no process ${text}; of a container that is called so, the engine stands before it: docker:${text}`,
    );
  }
  if (pid !== undefined) return pid;
  const container = await containerNamed(text, where);
  if (container.pid !== undefined) return container;
  throw new NotRunning(text, container);
}

/** The process that is meant, so that another that gets its pid is not taken for it. */
export function processOf(target: Target): Owner {
  const { pid, startTime } = typeof target === 'number' ? { pid: target } : (target as Owner);
  if (pid === undefined) return target as Owner;
  return { pid, startTime: startTime ?? startTimeOf(pid) };
}

export async function containerNamed(name: string, where: ContainerOptions): Promise<Container> {
  if (name === '') throw new UsageError('the name of the container is empty');
  const { findContainer } = await import('../containers/find.ts');
  try {
    return await findContainer(name, where);
  } catch (error) {
    throw Object.assign(error as Error, { message: await wordsOf(error as Error, name, where) });
  }
}

async function wordsOf(error: Error, name: string, where: ContainerOptions): Promise<string> {
  const { code, advice, message } = error as NamespaceError;
  if (code === 'ENOTUNIQ') return `${name}: ${advice}`;
  if (code !== 'ENOENT') return inWordsOf(lookupNames, message);
  const { unknownContainer } = await import('./unknown-container.ts');
  return unknownContainer(name, where, error as NamespaceError);
}
