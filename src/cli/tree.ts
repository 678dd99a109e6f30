/** `linux-namespaces tree`: processes from init to a container's, with where each leaves its parent. */
import { listContainers } from '../containers/list.ts';
import { type ProcessNode, processTree } from '../inspect/process-tree.ts';
import { type Options, readArguments, UsageError } from './arguments.ts';
import { nameOf } from './containers-here.ts';
import { type ProcessState, processState } from './process-state.ts';
import { drawForest, insideOf, printJson, printTable, style } from './table.ts';
import { targetOf } from './target-argument.ts';

export const usage = `linux-namespaces tree [option...] [PID|NAME]

Shows the processes of a container, and those above them, as a tree: with the pid
inside, the container, the state (as ps: R, S, D, T, Z), and the types of namespaces
in which each is apart from its parent. Without a target: all processes of the machine.

  -c, --cgroups      the cgroup of each
  -t, --threads      how many threads each has
      --root DIR     the root directory of the host, where that is not ours
  -J, --json
  -n, --noheadings   -u, --notruncate

  linux-namespaces tree web
  linux-namespaces tree -c -t web
  linux-namespaces tree | grep ' Z '`;

const options = {
  cgroups: { short: 'c' },
  threads: { short: 't' },
  root: { value: true },
  json: { short: 'J' },
  noheadings: { short: 'n' },
  notruncate: { short: 'u' },
} as const satisfies Options;

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  if (rest.length > 1) throw new UsageError(`one target, not ${rest.length}`);
  const { root } = given;
  const target = rest[0] === undefined ? undefined : await targetOf(rest[0], root);
  const containers = await listContainers({ root, timeout: 0 });
  const roots = await processTree(target, { containers });
  if (given.json) return printJson(roots.map(withState));
  const rows = drawForest(roots, node => node.children).map(row => ({
    ...row,
    ...processState(row.node.pid),
  }));
  type Row = (typeof rows)[number];
  const cgroup = { name: 'CGROUP', of: ({ node }: Row) => node.cgroup, shrinks: true as const };
  const threads = { name: 'THREADS', of: (row: Row) => row.threads, right: true as const };
  printTable(
    rows,
    [
      { name: 'PID', of: ({ node }) => node.pid, right: true },
      { name: 'INSIDE', of: ({ node }) => insideOf(node.pids), right: true },
      { name: 'USER', of: ({ node }) => node.user ?? node.uid },
      { name: 'S', of: row => row.state },
      ...(given.threads ? [threads] : []),
      { name: 'CONTAINER', of: containerOf, shrinks: true },
      ...(given.cgroups ? [cgroup] : []),
      { name: 'APART', of: ({ node }) => node.differs.join(',') },
      { name: 'COMMAND', of: row => `${row.branch}${commandOf(row)}` },
    ],
    { headings: !given.noheadings, cut: !given.notruncate },
    (line, { node }) => (node.differs.length > 0 ? style('bold', line) : line),
  );
}

function containerOf({ node: { container } }: { node: ProcessNode }): string | undefined {
  return container && nameOf(container);
}

/** As ps(1): what has ended has no arguments any more. */
function commandOf({ node, state }: ProcessState & { node: ProcessNode }): string {
  return state === 'Z' ? `[${node.command}] <defunct>` : node.command;
}

type NodeWithState = ProcessNode & ProcessState;

/** However deep: without recursion. The children of a node are those that are made of its own. */
function withState(root: ProcessNode): NodeWithState {
  const top = { ...root, ...processState(root.pid) };
  const todo = [top];
  for (let node = todo.pop(); node; node = todo.pop()) {
    const children = node.children.map(child => ({ ...child, ...processState(child.pid) }));
    Object.assign(node, { children });
    todo.push(...children);
  }
  return top;
}
