/** What is said of a subcommand or an option that there is none of: which one was meant. */
import { nearest } from '../base/nearest.ts';
import { UsageError } from './arguments.ts';
import type { Subcommands } from './subcommand.ts';

/** What other tools call it. */
const others: Readonly<Record<string, string>> = {
  nsenter: 'enter',
  unshare: 'run',
  lsns: 'ls',
  namespaces: 'ls',
  list: 'ps',
  containers: 'ps',
  container: 'ps',
  pods: 'ps',
  get: 'ps',
  describe: 'inspect',
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

/** What changes containers, or fetches something, is done by who has made them. */
const engines = new Set(
  'build commit compose create diff events export history import info kill load login logs pause pull push rename restart rm rmi save search start stats stop tag unpause update volume wait network'.split(
    ' ',
  ),
);

const ofPod = 'a container of a pod is NAMESPACE/POD/CONTAINER';
const ofPods = { '-c': ofPod, '--container': ofPod, '--namespace': ofPod };
const asJson = 'it is JSON: | jq -r .pid';
const notStarted = 'it makes namespaces, as unshare(1); containers are started by their engine';
const behind = 'a program stands behind the container: debug NAME sh -c ...';
const shown = 'pids and programs are shown anyway, tcp and udp, of who listens';

/** What other tools have, by the subcommand: what does the same. */
const otherOptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  exec: { ...ofPods, '-n': ofPod },
  debug: {
    '-n': ofPod,
    '--namespace': ofPod,
    '-c': behind,
    '--command': behind,
    '--profile': "it has the container's rights, or with --privileged all that we have",
    '--image': "programs are this machine's, or with --tools those in DIR: no image is needed",
    '--target': 'the container is named without it',
  },
  cp: {
    ...ofPods,
    '--follow-link': 'here that is -L, --dereference',
    '-v': 'at a terminal it shows how far it is',
  },
  cat: { ...ofPods, '-n': ofPod },
  js: ofPods,
  run: {
    ...Object.fromEntries(
      ['-t', '--rm', '--name', '--it', '-d', '-v', '-e', '--env', '--interactive', '--tty'].map(
        option => [option, notStarted],
      ),
    ),
  },
  ps: {
    '--format': '-o LIST chooses columns, and all is in --json',
    '--no-trunc': 'here that is -u, --notruncate',
    '-l': 'by name they are listed; when each was started is in STARTED',
  },
  inspect: { '-f': asJson, '--format': asJson },
  tree: { '-p': 'pids are shown anyway' },
  ports: { '-t': shown, '-l': shown, '-p': shown },
};

/** '' where nothing is known. `option`: as it was typed, `-n` or `--net`. */
export function hintOfOption(command: string, option: string): string {
  const hints = Object.hasOwn(otherOptions, command) ? otherOptions[command] : undefined;
  return hints !== undefined && Object.hasOwn(hints, option) ? `; ${hints[option]}` : '';
}

export function unknownCommand(name: string, all: Subcommands): UsageError {
  const here = Object.hasOwn(others, name) ? others[name] : undefined;
  if (here !== undefined) {
    const [command] = here.split(' ');
    return new UsageError(
      `no command ${name}; here that is ${here} (see linux-namespaces ${command} --help)`,
    );
  }
  if (engines.has(name)) {
    return new UsageError(`no command ${name}: that is the engine's own, as docker ${name}`);
  }
  const near = nearest(name, [...Object.keys(all), 'help']);
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  return new UsageError(`no command ${name}${meant} (see linux-namespaces --help)`);
}
