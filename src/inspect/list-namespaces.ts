/** `listNamespaces`: every namespace of the machine, as far as /proc shows it. */
import { checkBoolean, namesOf, optionsIn } from '../base/check.ts';
import { checkTypeList } from '../base/errors.ts';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import type { Target } from '../target/target.ts';
import { type ContainerChoice, checkChoice, membersOf } from './container-choice.ts';
import { identitiesOf, ownIdentities } from './identity.ts';
import { type NamespaceInfo, namespaceRows } from './namespace-rows.ts';

export interface ListOptions extends ContainerChoice {
  /** Only those of these types. Default: all types. */
  types?: readonly NamespaceType[] | undefined;
  /** Only those that a process, a handle or paths stand for. */
  target?: Target | undefined;
  /** Only those with no process in them, which something else keeps. Default: false. */
  persistent?: boolean | undefined;
  /**
   * Looks for what else holds a namespace (`holders`, and `mounts` in mount namespaces other than
   * ours), and so for those that only such a thing keeps alive. That is most of the work: every open
   * file and every thread of the machine. Default: true.
   */
  holders?: boolean | undefined;
}

const names = namesOf<ListOptions>({
  types: true,
  target: true,
  persistent: true,
  holders: true,
  containers: true,
});

/** By inode. */
export interface NamespaceList extends Array<NamespaceInfo> {
  /**
   * How many processes could not be looked into, or not as a whole: for want of rights, because they
   * keep us waiting, or because there is more of them than is read. What only these have is
   * not in the list.
   */
  readonly unreadable: number;
}

/**
 * Lists the namespaces of the machine, each once: those that a process is in, those that are only
 * held, and those that only own others. What comes and goes meanwhile may be in the list or not; a row
 * is always whole.
 *
 * Looks at /proc, on threads of its own. To look into processes of other users, CAP_SYS_PTRACE is
 * needed (root has it); those that may not be looked into are counted in `unreadable`.
 *
 * Rejects with `NamespaceError` where /proc is not mounted (ENOENT, ENOSYS), `target` cannot be
 * opened, or there are not enough file descriptors or memory (EMFILE, ENFILE, ENOMEM). lsns(8) has the same columns. Linux 4.11; the network's socket holders 5.6.
 */
export async function listNamespaces(given: ListOptions = {}): Promise<NamespaceList> {
  const options = check(given);
  const { types, target, persistent, holders = true } = options;
  const wanted = types ?? kinds.map(kind => kind.name);
  const own = ownIdentities();
  const only = target === undefined ? undefined : identitiesOf(target);
  const { rows, unreadable } = await namespaceRows(wanted, holders, own, membersOf(options));
  const chosen = rows.filter(
    row =>
      !(persistent && row.processes > 0) &&
      (only === undefined || only.get(row.type)?.inode === row.inode),
  );
  return Object.assign(chosen, { unreadable });
}

function check(given: ListOptions): ListOptions {
  const options = optionsIn(given, names);
  const { types, persistent, holders } = options;
  if (types !== undefined) checkTypeList(types, 'options.types');
  checkChoice(options);
  for (const [name, value] of Object.entries({ persistent, holders })) {
    if (value !== undefined) checkBoolean(`options.${name}`, value);
  }
  return options;
}
