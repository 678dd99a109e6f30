/** `linux-namespaces ps`: the containers of all engines. */
import type { Container } from '../containers/container.ts';
import { listContainers } from '../containers/list.ts';
import { type Options, readArguments, UsageError } from './arguments.ts';
import { print } from './output.ts';
import { printJson, printTable, style } from './table.ts';

export const usage = `linux-namespaces ps [option...]

Lists the containers of Docker, Podman, containerd, Kubernetes, LXC,
systemd-nspawn, runc and crun.

  -a, --all          those that do not run, too
      --root DIR     the root directory of the host, where that is not ours
  -J, --json         all that is known of each
  -q, --quiet        only the pids
  -n, --noheadings   -u, --notruncate`;

const options = {
  all: { short: 'a' },
  root: { value: true },
  json: { short: 'J' },
  quiet: { short: 'q' },
  noheadings: { short: 'n' },
  notruncate: { short: 'u' },
} as const satisfies Options;

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  if (rest.length > 0) throw new UsageError(`ps takes no ${rest[0]}`);
  const found = await listContainers({ root: given.root });
  for (const problem of found.problems) console.error(`linux-namespaces: ${problem.message}`);
  // What runs in a kernel of its own, or may run, has no pid.
  const running = ({ pid, state }: Container) =>
    pid !== undefined || ['running', 'paused', 'unknown'].includes(state);
  const containers = found.filter(container => given.all || running(container));
  if (given.json) return printJson(containers);
  if (given.quiet) {
    for (const { pid } of containers) if (pid !== undefined) print(pid);
    return;
  }
  printTable(
    containers,
    [
      { name: 'ENGINE', of: container => container.engine },
      { name: 'ID', of: ({ id }) => (given.notruncate ? id : id.slice(0, 12)) },
      { name: 'NAME', of: nameOf },
      { name: 'STATE', of: container => container.state },
      { name: 'PID', of: container => container.pid, right: true },
      { name: 'STARTED', of: ({ started }) => started?.toISOString().slice(0, 19) },
      { name: 'IMAGE', of: container => container.image },
    ],
    { headings: !given.noheadings, cut: !given.notruncate },
    (line, { pid }) => (pid === undefined ? style('dim', line) : line),
  );
}

/** By which it is found: of Kubernetes `namespace/pod/container`. */
function nameOf({ name, pod }: Container): string {
  return pod?.namespace === undefined ? name : `${pod.namespace}/${pod.name}/${name}`;
}
