/**
 * What could not be seen: said in one line, with who would see it, so that no list is taken for whole,
 * and nothing that is not found for something that is not there.
 */
import type { NamespaceError } from '../base/errors.ts';
import { hasCapability, isRoot, runAsRoot, seesAllProcesses } from '../base/own-rights.ts';
import { printable } from '../base/printable.ts';
import { hidesProcesses } from '../base/proc.ts';
import type { Container } from '../containers/container.ts';
import { nameOf } from '../containers/container-names.ts';
import { UsageError } from './arguments.ts';

export interface Unseen {
  /** Of a list of containers. */
  readonly problems?: readonly NamespaceError[];
  /** Containers that run, and may not be looked into. */
  readonly closed?: readonly Container[];
  /** How many processes could not be looked into. */
  readonly processes?: number;
  /** All processes would have to be seen: those that are not shown at all are missing, too. */
  readonly isOfAll?: boolean;
}

/** Those of which neither the namespaces nor what is in them is shown. */
export function closedIn(containers: readonly Container[]): Container[] {
  return containers.filter(({ pid, namespaces }) => pid !== undefined && namespaces === undefined);
}

/** `isEmpty`: nothing else is shown, which is no answer then. */
export function sayUnseen(unseen: Unseen, isEmpty: boolean): void {
  const reason = reasonIn(unseen);
  const others = othersIn(unseen);
  for (const { message } of others) say(message);
  if (reason !== undefined) say(`not all is seen: ${reason}`);
  if (isEmpty && (reason !== undefined || others.length > 0)) process.exitCode = 1;
}

/** `otherwise`, where all was seen: that there is none. */
export function noneOf(question: string, unseen: Unseen, otherwise: string): UsageError {
  const reason = reasonIn(unseen);
  const others = othersIn(unseen);
  for (const { message } of others) say(message);
  if (reason === undefined && others.length === 0) return new UsageError(otherwise);
  return new UsageError(`cannot tell ${question}: ${reason ?? 'not all could be read'}`);
}

/** For want of which rights, and whose they are; undefined where none is missing. */
export function reasonIn({
  problems = [],
  closed = [],
  processes = 0,
  isOfAll = false,
}: Unseen): string | undefined {
  const unread = problems.filter(isDenied).map(({ target }) => `${target}`);
  const wants = [
    ...some('to read', unread),
    ...some('to look into', closed.map(nameOf)),
    ...(processes > 0 && !seesAllProcesses()
      ? [`to look into ${processes} ${processes === 1 ? 'process' : 'processes'}`]
      : []),
    ...(isOfAll && hidesProcesses()
      ? ['to see the processes that /proc hides (its mount option hidepid)']
      : []),
  ];
  if (wants.length === 0) return undefined;
  const lacking = (closed.length > 0 ? looking : looking.slice(0, 1)).filter(
    name => isRoot() && unread.length === 0 && !hasCapability(name),
  );
  const takes = lacking.length === 0 ? '' : `, which takes ${lacking.join(' and ')}`;
  return `no right ${wants.join(', or ')}${takes}; ${runAsRoot()}`;
}

/** What it takes to look into a process, and into its network. */
const looking = ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN'] as const;

/** One is named for all. */
function some(what: string, [first, ...others]: readonly string[]): string[] {
  if (first === undefined) return [];
  return [`${what} ${first}${others.length > 0 ? ` and ${others.length} more` : ''}`];
}

/** EPERM is what belongs to somebody who has no business there. */
function isDenied({ code }: NamespaceError): boolean {
  return code === 'EACCES';
}

function othersIn({ problems = [] }: Unseen): NamespaceError[] {
  return problems.filter(problem => !isDenied(problem));
}

function say(text: string): void {
  console.error(`linux-namespaces: ${printable(text)}`);
}
