/** Which container a process runs in; or that there is none, as far as that can be told. */
import type { ProcessRow } from '../base/processes.ts';
import type { Container, Containers } from '../containers/container.ts';
import { isHidden } from '../containers/verified-process.ts';
import type { UsageError } from './arguments.ts';
import { membershipOf } from './container-sockets.ts';
import { closedIn, noneOf } from './unseen.ts';

interface Whose {
  readonly row: ProcessRow;
  readonly container: Container;
}

export async function whoseProcess(
  pid: number,
  containers: Containers,
): Promise<Whose | UsageError> {
  const membership = await membershipOf(containers);
  const [row, container] = [membership.rowOf(pid), membership.containerOf(pid)];
  if (row !== undefined && container !== undefined) return { row, container };
  const { problems } = containers;
  const question = `which container process ${pid} runs in`;
  if (row !== undefined) {
    const closed = closedIn(containers);
    // By its mounts it would be a container's that somebody has started from outside.
    const isClosed = !row.namespaces.has('mnt') && containers.some(one => one.pid !== undefined);
    const unseen = { problems, closed, processes: Number(isClosed && closed.length === 0) };
    return noneOf(question, unseen, `process ${pid} runs in no container: ${row.command}`);
  }
  return noneOf(question, { processes: Number(isHidden(pid)) }, `there is no process ${pid}`);
}
