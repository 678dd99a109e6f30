/** `linux-namespaces tree`: processes from init to a container's, with where each leaves its parent. */

import { nameOf } from '../containers/container-names.ts';
import { listContainers } from '../containers/list.ts';
import { type ProcessNode, processTree } from '../inspect/process-tree.ts';
import { readArguments, UsageError } from './arguments.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import { type ProcessState, processState } from './process-state.ts';
import type { Context } from './subcommand.ts';
import { drawForest, insideOf, printJson, printTable, style, tableOptions } from './table.ts';
import { targetOf } from './target-argument.ts';
import { sayUnseen } from './unseen.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  cgroups: { short: 'c', about: 'the cgroup of each' },
  threads: { short: 't', about: 'how many threads each has' },
  json: { short: 'J', about: 'as JSON' },
  ...tableOptions,
  ...lookupOptions,
} as const satisfies Described;

export const usage: Usage = {
  lines: ['[option...] [PID|NAME]'],
  about: [
    'Shows the processes of a container, and those above them, as a tree: with the pid inside, the container, the state (as ps: R, S, D, T, Z), and the types of namespaces in which each is apart from its parent. Without a target: all processes of the machine.',
  ],
  options,
  examples: [
    ['linux-namespaces tree web', 'with those above'],
    ['linux-namespaces tree -c -t web', 'with cgroups and threads'],
    ["linux-namespaces tree | grep ' Z '", 'what has ended, and nobody waited for'],
  ],
};

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  if (rest.length > 1) throw new UsageError(`one target, not ${rest.join(' and ')}`);
  const where = lookupOf(lookup, given);
  const target = rest[0] === undefined ? undefined : await targetOf(rest[0], where);
  const containers = await listContainers({ ...where, timeout: 0 });
  const roots = await processTree(target, { containers });
  const { problems } = containers;
  sayUnseen({ problems, processes: roots.unreadable, isOfAll: true }, false);
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
    given,
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
    for (const child of children) todo.push(child);
  }
  return top;
}
