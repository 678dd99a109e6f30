/** The rows of `ls` as a tree: which hang from which, and in which order. */
import type { Row } from './ls-columns.ts';
import { drawForest, group } from './table.ts';

export type Tree = 'owner' | 'parent' | 'process';

export interface Drawn {
  readonly node: Row;
  readonly branch: string;
}

/** Without a tree, all are roots. */
export interface Forest {
  readonly roots: readonly Row[];
  childrenOf(row: Row): readonly Row[];
}

/** In which column the lines of a tree are. */
export function edgeOf(tree: Tree | undefined): string | undefined {
  return tree === undefined ? undefined : tree === 'process' ? 'COMMAND' : 'NS';
}

/** Where that column is not shown, a tree is a list in its order: as lsns has it. */
export function listOf(rows: readonly Row[], tree: Tree | undefined): Forest {
  const isSorted = tree === undefined || tree === 'process';
  return { roots: isSorted ? rows : [...inOrder(rows, tree)], childrenOf: () => [] };
}

/** By process: below a row of its parent. */
export function forestOf(rows: readonly Row[], tree: Tree, ofProcesses: boolean): Forest {
  const byInode = new Map(rows.map(row => [row.inode, row]));
  const byPid = new Map(rows.map(row => [row.pid, row]));
  const rowOfParent = rowsOfParents(rows);
  const above = (row: Row) => {
    if (tree === 'owner') return byInode.get(row.owner ?? -1);
    if (tree === 'parent') return byInode.get(row.parent ?? -1);
    if (ofProcesses) return row.ppid === undefined ? undefined : byPid.get(row.ppid);
    return rowOfParent.get(row);
  };
  const children = group(tree === 'process' ? rows : inOrder(rows, tree), above);
  return {
    roots: children.get(undefined) ?? [],
    childrenOf: row => children.get(row) ?? [],
  };
}

/** Of each namespace, the last one before it whose process is the parent of its own: as lsns has it. */
function rowsOfParents(rows: readonly Row[]): Map<Row, Row> {
  const found = new Map<Row, Row>();
  const last = new Map<number, Row>();
  for (const row of rows) {
    const above = last.get(row.ppid ?? -1);
    if (above !== undefined) found.set(row, above);
    if (row.pid !== undefined) last.set(row.pid, row);
  }
  return found;
}

export function drawn({ roots, childrenOf }: Forest): Drawn[] {
  return drawForest(roots, childrenOf);
}

/** As lsns lists them: before what has no parent comes what owns it. */
function inOrder(rows: readonly Row[], tree: 'owner' | 'parent'): Set<Row> {
  const byInode = new Map(rows.map(row => [row.inode, row]));
  const ordered = new Set<Row>();
  for (const row of rows) {
    const line = [row];
    for (let next = aboveIn(byInode, row, tree); next && !line.includes(next); ) {
      line.push(next);
      next = aboveIn(byInode, next, tree);
    }
    for (const one of line.reverse()) ordered.add(one);
  }
  return ordered;
}

/** What is shown with a namespace in a tree. */
function aboveIn(
  byInode: ReadonlyMap<number, Row>,
  { owner = -1, parent = -1 }: Row,
  tree: 'owner' | 'parent',
): Row | undefined {
  return tree === 'owner' ? byInode.get(owner) : (byInode.get(parent) ?? byInode.get(owner));
}

/** And, behind them, those that they hang from in a tree. */
export function withAbove(
  rows: readonly Row[],
  all: readonly Row[],
  tree: 'owner' | 'parent',
): Row[] {
  const byInode = new Map(all.map(row => [row.inode, row]));
  const wanted = new Set(rows);
  for (const row of wanted) {
    const above = aboveIn(byInode, row, tree);
    if (above !== undefined) wanted.add(above);
  }
  return [...wanted];
}
