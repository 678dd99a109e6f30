/** Makes one container of what engines say of it, checked against the processes that there are. */
import { errnos } from '../base/errnos.ts';
import { failure, NamespaceError } from '../base/errors.ts';
import { heldUp } from '../base/waiting-files.ts';
import type { Container, ContainerState } from './container.ts';
import type { Pids } from './pids.ts';
import type { Reader } from './reader.ts';
import { hasOwnKernel, runtimeName } from './runtimes.ts';
import { first, type Group, type Pod, type Sighting } from './sighting.ts';
import { type Found, lookAt, type Process, type View } from './verified-process.ts';

export interface Look {
  readonly reader: Reader;
  readonly pids: Pids;
  readonly view: View;
}

const crunHandler = 'run.oci.handler';

/** What is known of its process: `unseen` where it could not be looked at, for the reason that is in the problems. */
type Known = { process?: Process; unseen?: 'for want of means' | 'without proof' };

/** undefined for what has been removed while we looked: a runtime's that its engine had no more. */
export async function containerOf(group: Group, look: Look): Promise<Container | undefined> {
  const [{ knownAs, owner, isThere }] = group;
  const known = await processOf(group, look);
  if (!known.process && !known.unseen && isThere && !(await isThere())) return undefined;
  const ofRuntime = group.find(
    one => one.startTime !== undefined && one.knownAs.root !== undefined,
  );
  const isRunc = ofRuntime?.knownAs.engine === 'runc';
  const told =
    first(group, 'runtime') ??
    (isRunc ? undefined : await first(group, 'findRuntime')?.(known.process?.pid));
  const annotations = first(group, 'annotations');
  // crun can also be told there to make a virtual machine of it.
  const handler = ofRuntime?.knownAs.engine === 'crun' ? annotations?.[crunHandler] : undefined;
  const runtime = hasOwnKernel(handler) ? handler : runtimeName(told);
  const isElsewhere = hasOwnKernel(runtime);
  const process = isElsewhere ? undefined : known.process;
  const pod = podOf(first(group, 'pod'), annotations);
  const state = stateOf(group, known);
  const created = first(group, 'created');
  return {
    engine: knownAs.engine,
    id: knownAs.id,
    name: first(group, 'name') ?? knownAs.id,
    runtime: isElsewhere ? runtime : (ofRuntime?.knownAs.engine ?? runtime),
    state,
    pid: process?.pid,
    startTime: process?.startTime,
    owner,
    image: first(group, 'image'),
    rootfs: first(group, 'rootfs') ?? (await first(group, 'findRootfs')?.()),
    bundle: first(group, 'bundle'),
    labels: first(group, 'labels'),
    annotations,
    command: first(group, 'command'),
    user: first(group, 'user'),
    workingDir: first(group, 'workingDir'),
    env: first(group, 'env'),
    ports: first(group, 'ports'),
    mounts: first(group, 'mounts'),
    logPath: first(group, 'logPath'),
    // Docker has one for it, too.
    hostname: process?.namespaces?.uts?.host ? undefined : first(group, 'hostname'),
    cgroup: process?.cgroup,
    created,
    started:
      first(group, 'started') ?? (state === 'created' ? undefined : startOf(process, created)),
    namespaces: process?.namespaces,
    pod: pod && { ...pod, labels: first(group, 'podLabels') },
    snapshot: first(group, 'snapshot'),
    knownAs: group.map(sighting => sighting.knownAs),
  };
}

/** A runtime writes down when the process started, and so goes before the engine. */
function runtimeIn(group: Group): Sighting | undefined {
  return group.find(({ pid, startTime }) => pid !== undefined && startTime !== undefined);
}

/** The pid of its process, here, if it need not be looked for. */
export function toldPid(group: Group, pids: Pids): number | undefined {
  const there = runtimeIn(group)?.pid ?? first(group, 'pid');
  return there === undefined || first(group, 'isSeen') ? there : pids.here(there);
}

async function processOf(group: Group, { reader, pids, view }: Look): Promise<Known> {
  const [{ knownAs, owner }] = group;
  const runtime = runtimeIn(group);
  const there = runtime?.pid ?? first(group, 'pid') ?? (await first(group, 'findPid')?.());
  const isSeen = first(group, 'isSeen') ?? false;
  if (typeof there !== 'number') {
    const unseen =
      isSeen && pids.doubt !== undefined
        ? `whether it runs is not known: ${pids.doubt}`
        : undefined;
    return doubted(group, there ?? first(group, 'doubt') ?? unseen, reader);
  }
  const pid = isSeen ? there : pids.here(there);
  const claim = {
    startTime: runtime?.startTime,
    isSeen,
    id: knownAs.id,
    cgroupName: first(group, 'cgroupName'),
    owner,
    hasOwnMounts: first(group, 'hasOwnMounts') ?? false,
  };
  try {
    const found = pid === undefined ? 'gone' : await lookAt({ pid, ...claim }, view);
    if (typeof found !== 'string') return { process: found };
    return doubted(group, doubtOf(group, found, pids)?.(there), reader);
  } catch (error) {
    if (!(error instanceof NamespaceError)) throw error;
    reader.problems.push(error);
    return { unseen: 'for want of means' };
  }
}

function doubted(group: Group, advice: string | undefined, reader: Reader): Known {
  if (advice === undefined) return {};
  reader.problems.push(failure(errnos.ESRCH, 'open', { target: nameOf(group), advice }));
  return { unseen: 'without proof' };
}

/** Why it is not known that its process has ended. */
function doubtOf(
  group: Group,
  found: Exclude<Found, Process>,
  pids: Pids,
): ((pid: number) => string) | undefined {
  if (pids.doubt !== undefined)
    return pid => `whether it runs, as pid ${pid}, is not known: ${pids.doubt}`;
  if (first(group, 'isElsewhere')) {
    return pid => `pid ${pid} is not known here: its engine may be on another machine`;
  }
  if (found === 'gone') return undefined;
  if (found === 'held up') return pid => `whether it runs, as pid ${pid}, is not known: ${heldUp}`;
  const why =
    first(group, 'startTime') === undefined
      ? "no runtime's state says when it started, and its cgroup is not named by the id"
      : 'what would prove it is hidden here (hidepid, another user namespace), or is by the clock of another time namespace';
  return pid => `nothing proves that pid ${pid} is its process: ${why}`;
}

function nameOf(group: Group): string {
  const [{ knownAs }] = group;
  return `${knownAs.engine}:${first(group, 'name') ?? knownAs.id}`;
}

/** A runtime starts the process, which waits, and says then that the container was created. */
function startOf(process: Process | undefined, created: Date | undefined): Date | undefined {
  if (process === undefined || created === undefined) return process?.started;
  return process.started > created ? process.started : created;
}

/** The process decides; without one, the engine may say why there is none. */
function stateOf(group: Group, { process, unseen }: Known): ContainerState {
  const believed = first(group, 'state');
  if (unseen === 'for want of means') return believed ?? 'running';
  if (unseen === 'without proof') return 'unknown';
  if (process === undefined) {
    // What a runtime created waits in a process, which is gone.
    const told = group.find(({ state, startTime }) => state !== undefined && !startTime)?.state;
    return told === undefined || told === 'running' || told === 'paused' ? 'exited' : told;
  }
  if (process.frozen ?? believed === 'paused') return 'paused';
  // The runtime's own mark, or an engine that is about to start it.
  return group.some(({ state, startTime }) => startTime && state === 'created')
    ? 'created'
    : 'running';
}

/** Podman writes which container holds the namespaces of a pod as CRI-O does. */
function podOf(pod: Pod | undefined, annotations: Container['annotations']): Pod | undefined {
  const sandbox = annotations?.['io.kubernetes.cri-o.SandboxID'];
  if (pod?.sandbox !== undefined || sandbox === undefined) return pod;
  return { name: undefined, namespace: undefined, uid: undefined, ...pod, sandbox };
}
