/** The subcommands: each is a file of its own, which loads only what it needs. */
import type { Subcommands } from './subcommand.ts';

export const subcommands: Subcommands = {
  exec: ['runs a program in a container, as docker exec', () => import('./exec.ts')],
  debug: ['a shell with our tools in a container that has none', () => import('./debug.ts')],
  enter: ['runs a program in namespaces of a process or container', () => import('./enter.ts')],
  run: ['runs a program in new namespaces', () => import('./run.ts')],
  ps: ['lists the containers of all engines', () => import('./ps.ts')],
  inspect: ['shows all that is known of a container', () => import('./inspect.ts')],
  find: ['says whose a pid, port, address or interface is', () => import('./find.ts')],
  ls: ['lists namespaces', () => import('./ls.ts')],
  tree: ['shows the processes of a container as a tree', () => import('./tree.ts')],
  ports: ['lists the ports of a container and who listens', () => import('./ports.ts')],
  cat: ['shows files of a container', () => import('./cat.ts')],
  cp: ['copies files between a container and here', () => import('./cp.ts')],
  js: ['runs JavaScript inside a container', () => import('./js.ts')],
  completion: ['completes words in bash, zsh or fish', () => import('./completion.ts')],
};
