/** The columns of `ls`, those of lsns(8) and three more: what is in them, for people, for programs, in a filter. */

import { nameOf as nameOfContainer } from '../containers/container-names.ts';
import type { NamespaceInfo } from '../inspect/namespace-rows.ts';
import type { Kind, Value } from './filter.ts';
import { print } from './output.ts';
import { type Column, printJson, printTable } from './table.ts';

/** A namespace, with its first process or one of all. */
export type Row = NamespaceInfo;

export interface NamespaceColumn extends Column<Row> {
  readonly about: string;
  readonly kind: Kind;
}

/** Of a namespace that has no process. */
const none = { uid: 0, user: 'root' };

function nameOf({ user, uid }: Row): string {
  return uid === undefined ? none.user : (user ?? String(uid));
}

/** A path that is mounted over itself is one. */
function paths({ mounts }: Row, here: number | undefined): string[] {
  const ours = mounts.filter(({ mnt }) => mnt === here).map(({ path }) => path);
  return [...new Set(ours)];
}

function column(name: string, of: Column<Row>['of'], about: string): NamespaceColumn {
  return { name, of, about, kind: 'text' };
}

function number(name: string, of: Column<Row>['of'], about: string): NamespaceColumn {
  return { name, of, about, kind: 'number', right: true };
}

/** `here`: our mount namespace, whose paths lead there. */
export function columnsIn(here: number | undefined): readonly NamespaceColumn[] {
  return [
    number('NS', row => row.inode, 'its number, that of /proc/PID/ns'),
    column('TYPE', row => row.type, 'its type'),
    column('PATH', row => row.pid && `/proc/${row.pid}/ns/${row.type}`, 'its file'),
    number('NPROCS', row => row.processes, 'how many processes are in it'),
    number('PID', row => row.pid, 'the process in it with the lowest pid'),
    number('PPID', row => row.ppid, 'the parent of that'),
    { ...column('COMMAND', row => row.command, 'its command line'), shrinks: true },
    number('UID', row => row.uid ?? none.uid, 'its effective uid'),
    column('USER', nameOf, 'the name of that'),
    column('NETNSID', networkId, 'the id that a network has in ours'),
    column('NSFS', row => paths(row, here), 'where it is mounted'),
    number('PNS', row => row.parent ?? 0, 'of pid and user: the number of the parent'),
    number('ONS', row => row.owner ?? 0, 'the number of the user namespace that owns it'),
    number('ID', row => row.id, 'the id that is never given again (Linux 6.18)'),
    { ...column('CONTAINER', containersOf, 'the containers that are in it'), shrinks: true },
    { ...column('OURS', oursOf, 'is it one of those that this command is in'), kind: 'boolean' },
  ];
}

function containersOf({ containers }: Row): string | undefined {
  return containers.length === 0 ? undefined : containers.map(nameOfContainer).join(',');
}

function oursOf({ ours }: Row): string {
  return ours ? 'yes' : 'no';
}

function networkId({ type, networkId }: Row): number | string | undefined {
  return type === 'net' ? (networkId ?? 'unassigned') : undefined;
}

/** For a filter; several paths are one text. */
export function valueIn({ kind, of }: NamespaceColumn, row: Row): Value {
  if (kind === 'boolean') return of(row) === 'yes';
  const value = of(row);
  if (!Array.isArray(value)) return value as Value;
  return value.length === 0 ? undefined : value.join('\n');
}

/** As lsns has it: a number, or a text. */
export function jsonOf({ kind, of }: NamespaceColumn, row: Row, separator: string): unknown {
  const value = of(row);
  if (Array.isArray(value)) return value.length === 0 ? null : value.join(separator);
  if (value === undefined) return null;
  if (kind === 'boolean') return value === 'yes';
  return kind === 'number' ? value : String(value);
}

/** As `lsns --list-columns` does. */
export function printColumns(
  columns: readonly NamespaceColumn[],
  { json, raw }: { json?: true; raw?: true },
): void {
  const rows = columns.map(({ name, kind, about }) => ({
    holder: name,
    type: kind === 'number' ? '<integer>' : '<string>',
    description: about,
  }));
  if (json) {
    printJson({ 'lsns-columns': rows });
    return;
  }
  if (raw) {
    print(
      rows
        .map(row => [row.holder, row.type, row.description.replaceAll(' ', '\\x20')].join(' '))
        .join('\n'),
    );
    return;
  }
  printTable(
    rows,
    [
      { name: 'HOLDER', of: row => row.holder, right: true },
      { name: 'TYPE', of: row => row.type },
      { name: 'DESCRIPTION', of: row => row.description },
    ],
    { noheadings: true },
  );
}
