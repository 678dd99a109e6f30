/** `linux-namespaces ls`: the namespaces of the machine, with the options and columns of lsns(8). */

import { userNames } from '../base/addon-rows.ts';
import { isType, kinds, type NamespaceType } from '../base/namespace-types.ts';
import { printable } from '../base/printable.ts';
import { processRows } from '../base/processes.ts';
import type { NamespaceInfo } from '../inspect/list-namespaces.ts';
import { listNamespaces } from '../inspect/list-namespaces.ts';
import { type Options, readArguments, UsageError } from './arguments.ts';
import { print } from './output.ts';
import { type Column, drawForest, group, printJson, printTable, style } from './table.ts';
import { targetOf } from './target-argument.ts';

export const usage: string = `linux-namespaces ls [option...] [INODE]

Lists the namespaces of the machine; with INODE the processes in that one.

  -t, --type TYPE       only these (more than once: ${kinds.map(kind => kind.name).join(' ')})
  -p, --task PID|NAME   only those of this process or container
  -P, --persistent      only those without a process
  -T, --tree[=HOW]      as a tree: owner (default), parent, process
  -o, --output LIST     columns: NS TYPE PATH NPROCS PID PPID COMMAND UID USER
                        NETNSID NSFS PNS ONS ID; +LIST adds to the default ones
      --output-all      all columns
  -J, --json            -r, --raw           -l, --list (default)
  -n, --noheadings      -u, --notruncate`;

const options = {
  type: { short: 't', value: true, many: true },
  task: { short: 'p', value: true },
  persistent: { short: 'P' },
  tree: { short: 'T', value: 'maybe' },
  output: { short: 'o', value: true },
  'output-all': {},
  json: { short: 'J' },
  raw: { short: 'r' },
  list: { short: 'l' },
  noheadings: { short: 'n' },
  notruncate: { short: 'u' },
  nowrap: { short: 'W' },
} as const satisfies Options;

type Row = NamespaceInfo & { branch?: string };

const columns: readonly (Column<Row> & { json: (row: Row) => unknown })[] = [
  column('NS', row => row.inode, true),
  column('TYPE', row => row.type),
  column('PATH', row => row.pid && `/proc/${row.pid}/ns/${row.type}`),
  column('NPROCS', row => row.processes, true),
  column('PID', row => row.pid, true),
  column('PPID', row => row.ppid, true),
  column('UID', row => row.uid, true),
  column('USER', row => row.user ?? row.uid),
  column('NETNSID', row => (row.type === 'net' ? (row.networkId ?? 'unassigned') : undefined)),
  column('NSFS', row => row.mounts.map(mount => mount.path).join(',') || undefined),
  column('PNS', row => row.parent, true),
  column('ONS', row => row.owner, true),
  column('ID', row => row.id, true),
  column('COMMAND', row => row.command),
];

/** In JSON a number that there is none of is 0, as lsns has it, and a text null. */
function column(
  name: string,
  of: (row: Row) => string | number | bigint | undefined,
  right?: true,
) {
  const json = (row: Row) => of(row) ?? (right ? 0 : null);
  return { name, of, json, ...(right && { right }) };
}

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options);
  const types = given.type?.flatMap(list => list.split(',')).map(typeOf);
  if (rest.length > 0) return printProcesses(rest, given.noheadings === true);
  const rows: Row[] = await listNamespaces({
    types,
    persistent: given.persistent,
    target: given.task === undefined ? undefined : await targetOf(given.task),
  });
  rows.sort((one, other) => one.inode - other.inode);
  const shown = given['output-all'] ? columns : chosen(given.output, types);
  if (given.json) {
    const objects = rows.map(row =>
      Object.fromEntries(shown.map(({ name, json }) => [name.toLowerCase(), json(row)])),
    );
    return printJson({ namespaces: objects });
  }
  if (given.raw) return printRaw(rows, shown, given.noheadings === true);
  const drawn =
    given.tree === undefined ? rows : asTree(rows, given.tree === true ? 'owner' : given.tree);
  printTable(
    drawn,
    shown.map(one => (given.tree !== undefined && one.name === 'NS' ? branched : one)),
    { headings: !given.noheadings, cut: !given.notruncate },
    (line, row) => (row.ours ? style('dim', line) : line),
  );
}

function typeOf(text: string): NamespaceType {
  if (isType(text)) return text;
  throw new UsageError(`no type of namespace: ${text}`);
}

const standard = ['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'COMMAND'];

function chosen(list: string | undefined, types: readonly NamespaceType[] | undefined) {
  const names = types?.includes('net')
    ? [...standard.slice(0, -1), 'NETNSID', 'NSFS', 'COMMAND']
    : standard;
  const asked = list === undefined ? names : list.replace(/^\+/, '').toUpperCase().split(',');
  const all = list?.startsWith('+') ? [...names, ...asked] : asked;
  return all.map(name => {
    const found = columns.find(column => column.name === name);
    if (found === undefined) throw new UsageError(`no column ${name}`);
    return found;
  });
}

const branched: Column<Row> = { name: 'NS', of: row => `${row.branch ?? ''}${row.inode}` };

/** One field each, whatever is in it. */
function printRaw(rows: readonly Row[], shown: readonly Column<Row>[], bare: boolean): void {
  const field = (value: unknown) => printable(`${value ?? ''}`).replaceAll(' ', '\\x20');
  const lines = rows.map(row => shown.map(({ of }) => field(of(row))).join(' '));
  const head = shown.map(({ name }) => name).join(' ');
  print([...(bare ? [] : [head]), ...lines].join('\n'));
}

function asTree(rows: readonly Row[], how: string): Row[] {
  const byInode = new Map(rows.map(row => [row.inode, row]));
  const above: Record<string, (row: Row) => Row | undefined> = {
    owner: row => byInode.get(row.owner ?? -1),
    parent: row => byInode.get(row.parent ?? -1),
    process: row => ofProcess(rows, row),
  };
  const parentOf = above[how];
  if (parentOf === undefined) throw new UsageError('a tree is by owner, parent or process');
  const children = group(rows, parentOf);
  const roots = children.get(undefined) ?? [];
  return drawForest(roots, row => children.get(row) ?? []).map(({ node, branch }) => ({
    ...node,
    branch,
  }));
}

/** The namespace of the same type that the process above a namespace's first one is listed for. */
function ofProcess(rows: readonly Row[], row: Row): Row | undefined {
  return rows.find(other => other !== row && other.type === row.type && other.pid === row.ppid);
}

async function printProcesses(rest: readonly string[], bare: boolean): Promise<void> {
  const [text = '', ...more] = rest;
  const inode = Number(text);
  if (more.length > 0 || !Number.isSafeInteger(inode)) {
    throw new UsageError(`the number of a namespace, one: ${rest.join(' ')}`);
  }
  const rows = [...(await processRows()).values()];
  const inside = rows.filter(row => [...row.namespaces.values()].includes(inode));
  if (inside.length === 0) throw new UsageError(`no process is in a namespace ${text}`);
  const names = await userNames(inside.map(row => row.uid));
  const pids = new Set(inside.map(row => row.pid));
  const children = group(inside, row => (pids.has(row.ppid) ? row.ppid : undefined));
  printTable(
    drawForest(children.get(undefined) ?? [], row => children.get(row.pid) ?? []),
    [
      { name: 'PID', of: ({ node }) => node.pid, right: true },
      { name: 'PPID', of: ({ node }) => node.ppid, right: true },
      { name: 'USER', of: ({ node }) => names.get(node.uid) ?? node.uid },
      { name: 'COMMAND', of: ({ node, branch }) => `${branch}${node.command}` },
    ],
    { headings: !bare },
  );
}
