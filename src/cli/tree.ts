/** `linux-namespaces tree`: processes from init to a container's, with where each leaves its parent. */
import { processTree } from '../inspect/process-tree.ts';
import { type Options, readArguments, UsageError } from './arguments.ts';
import { drawForest, insideOf, printJson, printTable, style } from './table.ts';
import { targetOf } from './target-argument.ts';

export const usage = `linux-namespaces tree [option...] [PID|NAME]

Shows the processes of a container, and those above them, as a tree: with the pid
inside, and the types of namespaces in which each is apart from its parent. Without
a target: all processes of the machine.

  -c, --cgroups      the cgroup of each
  -J, --json
  -n, --noheadings   -u, --notruncate`;

const options = {
  cgroups: { short: 'c' },
  json: { short: 'J' },
  noheadings: { short: 'n' },
  notruncate: { short: 'u' },
} as const satisfies Options;

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  if (rest.length > 1) throw new UsageError(`one target, not ${rest.length}`);
  const roots = await processTree(rest[0] === undefined ? undefined : await targetOf(rest[0]));
  if (given.json) return printJson(roots);
  const cgroup = { name: 'CGROUP', of: ({ node }: (typeof rows)[number]) => node.cgroup };
  const rows = drawForest(roots, node => node.children);
  printTable(
    rows,
    [
      { name: 'PID', of: ({ node }) => node.pid, right: true },
      { name: 'INSIDE', of: ({ node }) => insideOf(node.pids), right: true },
      { name: 'USER', of: ({ node }) => node.user ?? node.uid },
      ...(given.cgroups ? [cgroup] : []),
      { name: 'APART', of: ({ node }) => node.differs.join(',') },
      { name: 'COMMAND', of: ({ node, branch }) => `${branch}${node.command}` },
    ],
    { headings: !given.noheadings, cut: !given.notruncate },
    (line, { node }) => (node.differs.length > 0 ? style('bold', line) : line),
  );
}
