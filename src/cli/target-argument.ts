/** What people write for a target: a pid, or the name of a container. */
import { noProcess } from '../base/advice.ts';
import type { Target } from '../target/target.ts';
import { UsageError } from './arguments.ts';
import { numberOf } from './ids.ts';

/** `root`: the root directory of the host, where that is not ours. */
export async function targetOf(text: string, root?: string): Promise<Target> {
  const pid = numberOf(text);
  if (pid !== undefined) return pid;
  const { findContainer } = await import('../containers/find.ts');
  const container = await findContainer(text, { root });
  if (container.pid !== undefined) return container;
  throw new UsageError(`container ${text}: ${noProcess(container.state, container.runtime)}`);
}
