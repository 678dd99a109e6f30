/** What is said of a subcommand that there is none of: which one was meant. */
import { nearest } from '../base/nearest.ts';
import { UsageError } from './arguments.ts';
import type { Subcommands } from './subcommand.ts';

/** What other tools call it. */
const others: Readonly<Record<string, string>> = {
  nsenter: 'enter',
  unshare: 'run',
  lsns: 'ls',
  list: 'ps',
  containers: 'ps',
  images: 'ps -a -o name,image',
  top: 'tree',
  pstree: 'tree',
  port: 'ports',
  ss: 'ports',
  netstat: 'ports',
  copy: 'cp',
  node: 'js',
  attach: 'exec -it',
  sh: 'exec -it',
  bash: 'exec -it',
  shell: 'exec -it',
};

export function unknownCommand(name: string, all: Subcommands): UsageError {
  const here = Object.hasOwn(others, name) ? others[name] : undefined;
  if (here !== undefined) {
    const [command] = here.split(' ');
    return new UsageError(
      `no command ${name}; here that is ${here} (see linux-namespaces ${command} --help)`,
    );
  }
  const near = nearest(name, [...Object.keys(all), 'help']);
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  return new UsageError(`no command ${name}${meant} (see linux-namespaces --help)`);
}
