/** `linux-namespaces ls`: the namespaces of the machine, with the options and columns of lsns(8). */

import { userNames } from '../base/addon-rows.ts';
import { isType, kinds, type NamespaceType } from '../base/namespace-types.ts';
import { printable } from '../base/printable.ts';
import type { ContainerOptions, Containers } from '../containers/container.ts';
import { Members } from '../containers/membership.ts';
import { identitiesOf, ownIdentities } from '../inspect/identity.ts';
import { namespaceRows } from '../inspect/namespace-rows.ts';
import { type Given, readArguments, UsageError } from './arguments.ts';
import { filterOf } from './filter.ts';
import { numberOf } from './ids.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import {
  columnsIn,
  jsonOf,
  type NamespaceColumn,
  printColumns,
  type Row,
  valueIn,
} from './ls-columns.ts';
import { type Drawn, drawn, edgeOf, forestOf, listOf, type Tree, withAbove } from './ls-tree.ts';
import { print, stdout } from './output.ts';
import type { Context } from './subcommand.ts';
import { columnNamed, printJson, printTable, style, tableOptions } from './table.ts';
import { targetOf } from './target-argument.ts';
import { noneOf, sayUnseen, type Unseen } from './unseen.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  type: {
    short: 't',
    value: true,
    many: true,
    placeholder: 'TYPE',
    about: `only these (more than once: ${kinds.map(kind => kind.name).join(' ')})`,
  },
  task: {
    short: 'p',
    value: true,
    placeholder: 'PID|NAME',
    about: 'only those of this process or container',
  },
  persistent: { short: 'P', about: 'only those without a process' },
  filter: {
    short: 'Q',
    value: true,
    placeholder: 'EXPR',
    about: 'only those for which it holds: \'NPROCS > 1 and TYPE =~ "^(net|mnt)$"\'',
  },
  tree: {
    short: 'T',
    value: 'maybe',
    words: ['owner', 'parent', 'process'],
    placeholder: 'HOW',
    about: 'as a tree: owner (default), parent, process',
  },
  output: {
    short: 'o',
    value: true,
    placeholder: 'LIST',
    about:
      'columns: NS TYPE PATH NPROCS PID PPID COMMAND UID USER NETNSID NSFS PNS ONS ID CONTAINER OURS; +LIST adds to the default ones',
  },
  'output-all': { about: 'all columns' },
  'list-columns': { short: 'H', about: 'what is in the columns' },
  json: { short: 'J', about: 'as JSON' },
  raw: { short: 'r', about: 'fields with one space between them' },
  list: { short: 'l', about: 'as a list (default)' },
  ...tableOptions,
  nowrap: { short: 'W', about: 'several paths stand on one line' },
  ...lookupOptions,
} as const satisfies Described;

export const usage: Usage = {
  lines: ['[option...] [INODE|NAME]'],
  about: [
    'Lists the namespaces of the machine, or of a container; with INODE the processes in that one. At a terminal, with the containers that are in them, and in a faint colour what this command is in, too (OURS).',
  ],
  options,
  examples: [
    ['linux-namespaces ls -o +OURS web', 'those of a container; which are ours, too'],
    ['linux-namespaces ls -t net -o +PATH', 'networks, with their files'],
    ['linux-namespaces ls 4026532281', 'who is in it'],
  ],
};

type List = Given<typeof options>;

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  check(given, rest);
  const columns = columnsIn(ownIdentities().get('mnt')?.inode);
  if (given['list-columns']) {
    printColumns(columns, given);
    return;
  }
  const types = given.type && [...new Set(given.type.flatMap(list => list.split(',')).map(typeOf))];
  const [word] = rest;
  const isName = word !== undefined && numberOf(word) === undefined;
  const text = isName ? undefined : word;
  const task = isName ? word : given.task;
  const tree = treeOf(given, text !== undefined);
  const usual = given['output-all']
    ? columns.map(({ name }) => name)
    : text === undefined
      ? usualColumns(types, given)
      : ['PID', 'PPID', 'USER', 'COMMAND'];
  const shown = chosen(columns, given.output, usual);
  const passes =
    given.filter === undefined
      ? () => true
      : filterOf(
          given.filter,
          name => columns.find(one => one.name === name.toUpperCase())?.kind,
          (name, row: Row) => valueIn(columnNamed(columns, name), row),
        );
  const where = lookupOf(lookup, given);
  const isAsked =
    shown.some(({ name }) => name === 'CONTAINER') || /container/i.test(given.filter ?? '');
  const wanted = { ...given, task, types, tree, isAsked };
  const { rows, ...unseen } = await (text === undefined
    ? namespaces(wanted, where)
    : processesIn(text, wanted, where));
  const found = rows.filter(passes);
  sayUnseen(unseen, found.length === 0);
  show(found, shown, tree, given, text !== undefined);
}

/** What lsns does not take either. */
function check(given: List, rest: readonly string[]): void {
  const pairs = [
    ['json', 'raw'],
    ['persistent', 'task'],
  ] as const;
  for (const [one, other] of pairs) {
    if (given[one] && given[other]) throw new UsageError(`--${one} and --${other}: one of them`);
  }
  if (rest.length > 0 && given.task !== undefined) {
    throw new UsageError('--task is for all namespaces: not with the number of one');
  }
  if (rest.length > 1) throw new UsageError(`one INODE or NAME, not ${rest.join(' ')}`);
}

function typeOf(text: string): NamespaceType {
  if (isType(text)) return text;
  const names = kinds.map(kind => kind.name).join(' ');
  throw new UsageError(`no type of namespace: ${text}: there are ${names}`);
}

function treeOf({ tree, list }: List, ofProcesses: boolean): Tree | undefined {
  if (tree === undefined) return ofProcesses && !list ? 'process' : undefined;
  const how = tree === true ? 'owner' : tree.replace(/^=/, '');
  if (how === 'owner' || how === 'parent' || how === 'process') return how;
  throw new UsageError(`a tree is by owner, parent or process, not by ${how}`);
}

/** Who looks is shown more than what a script reads, which knows lsns. */
function usualColumns(types: readonly NamespaceType[] | undefined, { json, raw }: List): string[] {
  const containers = stdout.isTTY && !json && !raw ? ['CONTAINER'] : [];
  const network = types?.includes('net') ? ['NETNSID', 'NSFS'] : [];
  return ['NS', 'TYPE', 'NPROCS', 'PID', 'USER', ...network, ...containers, 'COMMAND'];
}

function chosen(
  columns: readonly NamespaceColumn[],
  list: string | undefined,
  usual: readonly string[],
): NamespaceColumn[] {
  const asked = list?.replace(/^\+/, '').split(',') ?? [];
  const names = list === undefined || list.startsWith('+') ? [...usual, ...asked] : asked;
  return names.map(name => columnNamed(columns, name));
}

interface Wanted {
  readonly persistent?: true;
  readonly task: string | undefined;
  readonly types: readonly NamespaceType[] | undefined;
  readonly tree: Tree | undefined;
  /** Whether containers are. */
  readonly isAsked: boolean;
}

interface Found extends Unseen {
  readonly rows: readonly Row[];
}

async function namespaces(wanted: Wanted, where: ContainerOptions): Promise<Found> {
  const { persistent, task, tree } = wanted;
  const target = task === undefined ? undefined : await targetOf(task, where);
  const found = await rowsOf(wanted, where);
  const all = persistent ? found.rows.filter(row => row.processes === 0) : found.rows;
  if (target === undefined) return { ...found, rows: all };
  const only = identitiesOf(target);
  const rows = all.filter(row => only.get(row.type)?.inode === row.inode);
  const isUnder = tree === 'owner' || tree === 'parent';
  return { ...found, rows: isUnder ? withAbove(rows, all, tree) : rows };
}

/** Containers are looked for while the addon looks at all processes. */
async function rowsOf(
  { types = kinds.map(kind => kind.name), isAsked }: Wanted,
  where: ContainerOptions,
): Promise<Found> {
  const own = ownIdentities();
  const containers = isAsked ? containersIn(where) : undefined;
  const members = Promise.resolve(containers ?? []).then(list => new Members(list));
  const { rows, unreadable } = await namespaceRows(types, true, own, members);
  const { problems = [] } = (await containers) ?? {};
  return { rows, problems, processes: unreadable, isOfAll: true };
}

async function containersIn(where: ContainerOptions): Promise<Containers> {
  const { listContainers } = await import('../containers/list.ts');
  return listContainers({ ...where, timeout: 0 });
}

/** The processes in a namespace: its row, with each of them. */
async function processesIn(text: string, wanted: Wanted, where: ContainerOptions): Promise<Found> {
  const inode = numberOf(text);
  if (inode === undefined) throw new UsageError(`the number of a namespace: ${text}`);
  const { processRows } = await import('../base/processes.ts');
  const [found, processes] = await Promise.all([rowsOf(wanted, where), processRows()]);
  const namespace = found.rows.find(row => row.inode === inode);
  if (namespace === undefined) {
    const task = processes.has(inode)
      ? `those of the process: --task ${inode}`
      : 'those of a process: --task PID';
    const none = `there is no namespace ${text}; ${task}`;
    throw noneOf(`who is in the namespace ${text}`, found, none);
  }
  const inside = [...processes.values()].filter(
    ({ namespaces }) => namespaces.get(namespace.type) === inode,
  );
  const names = await userNames(inside.map(({ uid }) => uid));
  const rows = inside.map(({ pid, ppid, uid, command }) => ({
    ...namespace,
    ...{ pid, ppid, uid, command, user: names.get(uid) },
  }));
  return { ...found, rows };
}

function show(
  rows: readonly Row[],
  shown: readonly NamespaceColumn[],
  tree: Tree | undefined,
  given: List,
  ofProcesses: boolean,
): void {
  const separator = given.nowrap ? ',' : '\n';
  const edge = edgeOf(tree);
  const isDrawn = tree !== undefined && shown.some(({ name }) => name === edge);
  const forest = isDrawn ? forestOf(rows, tree, ofProcesses) : listOf(rows, tree);
  if (given.json) {
    const object = (row: Row): object => {
      const fields = shown.map(one => [one.name.toLowerCase(), jsonOf(one, row, separator)]);
      const children = forest.childrenOf(row).map(object);
      return Object.fromEntries(children.length > 0 ? [...fields, ['children', children]] : fields);
    };
    printJson({ namespaces: forest.roots.map(object) });
    return;
  }
  if (rows.length === 0) return;
  if (given.raw) {
    const inOrder = drawn(forest).map(({ node }) => node);
    printRaw(inOrder, shown, given.noheadings === true);
    return;
  }
  printTable(
    drawn(forest),
    shown.map(({ name, of, right, shrinks }) => ({
      name,
      ...(shrinks && { shrinks }),
      ...(right && name !== edge && { right }),
      of: ({ node, branch }: Drawn) => {
        const value = of(node);
        if (Array.isArray(value) && given.nowrap) return value.join(',');
        return name === edge ? `${branch}${value ?? ''}` : value;
      },
    })),
    given,
    (line, { node }) => (node.ours && !ofProcesses ? style('dim', line) : line),
  );
}

/** One field each, whatever is in it. */
function printRaw(rows: readonly Row[], shown: readonly NamespaceColumn[], bare: boolean): void {
  const field = ({ of }: NamespaceColumn, row: Row) => {
    const value = of(row);
    const text = Array.isArray(value) ? value.join(',') : `${value ?? ''}`;
    return printable(text).replaceAll(' ', '\\x20');
  };
  const lines = rows.map(row => shown.map(one => field(one, row)).join(' '));
  const head = shown.map(({ name }) => name).join(' ');
  print([...(bare ? [] : [head]), ...lines].join('\n'));
}
