/** What `enter` and `run` say behind that a program is not there: what the line may have meant. */
import type { Arguments, Options } from './arguments.ts';
import { letters } from './type-options.ts';

type Line = Pick<Arguments<Options>, 'order' | 'rest'>;

/**
 * What follows a type, as in `-n /run/netns/blue ip addr`, may have been meant for its file. '' where that
 * cannot be.
 */
export function hintOfFile({ order, rest }: Line): string {
  const last = order.at(-1);
  const isType = last !== undefined && Object.hasOwn(letters, last.name) && last.value === true;
  return isType && rest.length > 1 ? `; a FILE is joined by =: --${last.name}=${rest[0]}` : '';
}

interface Given {
  readonly target?: readonly string[];
  readonly all?: true;
  readonly mount?: string | true;
  readonly root?: string | true;
}

/** A program of this machine is not in the files of a container. `mnt`: its mounts are joined. */
export function hintOfFiles(line: Line & { readonly given: Given }, mnt: boolean): string {
  const [program = ''] = line.rest;
  const { target: [target] = [], all, mount, root } = line.given;
  if (line.order.at(-1)?.name === 'uts' && /^(root|nobody|\d+)$/.test(program)) {
    return '; -u is uts: a user is -S UID';
  }
  const ofFile = program.includes('/') ? hintOfFile(line) : '';
  if (ofFile !== '' || (!mnt && root === undefined)) return ofFile;
  const [flag, file] = mnt ? [all && !mount ? '-a' : '-m', mount] : ['-r', root];
  const whose = typeof file === 'string' ? file : target;
  return ` in the files of ${whose}; without ${flag}, or with debug, this machine's`;
}
