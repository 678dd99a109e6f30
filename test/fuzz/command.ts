/** What the command reads from its line and from files that are named there. */
import { deepStrictEqual } from 'node:assert';
import { HelpWanted, readArguments, UsageError, VersionWanted } from '../../src/cli/arguments.ts';
import { environmentFor } from '../../src/cli/exec-environment.ts';
import { filterOf } from '../../src/cli/filter.ts';
import { columnsIn, type Row, valueIn } from '../../src/cli/ls-columns.ts';
import { mapOf, ownerOf } from '../../src/cli/map-options.ts';
import type { IdMap } from '../../src/create/id-maps.ts';
import { Input } from './input.ts';

/** undefined where it is refused, by a word that users are told. */
function orRefused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if ([UsageError, HelpWanted, VersionWanted].some(one => error instanceof one)) return undefined;
    throw error;
  }
}

const plain = {
  ...{ inode: 4026531840, id: undefined, uid: 0, user: 'root', processes: 3, pid: 1, ppid: 0 },
  ...{ command: '/sbin/init', mounts: [], owner: undefined, parent: undefined },
};
const rows = [
  { ...plain, type: 'net', networkId: 0, id: 2n ** 60n },
  { ...plain, type: 'mnt', pid: undefined, command: undefined, user: undefined, uid: undefined },
  { ...plain, type: 'user', command: "sh -c 'a b'", mounts: [{ mnt: 7, path: '/x' }], parent: 5 },
] as unknown as Row[];
const columns = columnsIn(7);
const columnOf = (name: string) => columns.find(one => one.name === name.toUpperCase());

/** An expression of `ls --filter` is refused, or says of each row the opposite of its negation. */
export function filter(bytes: Buffer): void {
  const test = (text: string) =>
    orRefused(() =>
      filterOf<Row>(
        text,
        name => columnOf(name)?.kind,
        (name, row) => {
          const column = columnOf(name);
          return column && valueIn(column, row);
        },
      ),
    );
  const text = bytes.toString().slice(0, 1000);
  // A pattern that takes long is that of who types it.
  if (/[=!]~/.test(text) && /[*+{].*[*+{]/s.test(text)) return;
  const one = test(text);
  if (one === undefined) return; // in parentheses it may be one: `a) or (b`
  const other = test(`!(${text})`);
  deepStrictEqual(
    rows.map(row => other?.(row)),
    rows.map(row => !one(row)),
  );
}

const mapping = {
  'map-root-user': { short: 'r' },
  'map-current-user': { short: 'c' },
  'map-user': { value: true },
  'map-group': { value: true },
  'map-users': { value: true, many: true },
  'map-groups': { value: true, many: true },
  'map-auto': {},
  'map-subids': {},
  owner: { value: true },
} as const;

/** Options that say who is who: what they come to, or nothing where they are refused. */
export async function mapOptions(bytes: Buffer): Promise<IdMap | undefined> {
  const line = orRefused(() => readArguments(bytes.toString().split('\0'), mapping));
  if (line === undefined) return undefined;
  orRefused(() => ownerOf(line.given.owner));
  try {
    return await mapOf(line.given, line.order as Parameters<typeof mapOf>[1]);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** Lines of `exec --env` and of its file: each a variable whose name has no `=`, or refused. */
export function environment(files: Map<string, string>, bytes: Buffer): void {
  const input = new Input(bytes);
  const given = Array.from({ length: input.below(4) }, () => input.text());
  files.set('/environment', input.rest().toString('latin1'));
  const container = { env: { A: '1' }, hostname: 'h' } as never;
  const env = orRefused(() =>
    environmentFor({
      given: { env: given, 'env-file': ['/environment'] },
      ...{ pid: 1, container, user: undefined, configured: undefined },
    }),
  ) as Readonly<Record<string, string>>[] | undefined;
  for (const [name, value] of Object.entries(env?.at(-1) ?? {})) {
    const isOne = name !== '' && !/[=\0]/.test(name) && !String(value).includes('\0');
    if (!isOne) throw new Error(`${JSON.stringify(name)} became a variable`);
  }
}
