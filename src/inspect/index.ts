/** The door of this room: its functions, loaded by the first call of one of them. */
import { createRequire } from 'node:module';

type Interfaces = typeof import('./interfaces.ts');
type Lists = typeof import('./list.ts');
type Processes = typeof import('./process.ts');
type Sockets = typeof import('./sockets.ts');
type Trees = typeof import('./tree.ts');

const load = createRequire(import.meta.url);

/** A function of a file of this room. */
function door<Room, Name extends keyof Room & string>(file: string, name: Name): Room[Name] {
  const call = (...args: unknown[]) =>
    ((load(file) as Room)[name] as (...args: unknown[]) => unknown)(...args);
  return Object.defineProperty(call, 'name', { value: name }) as Room[Name];
}

export const listNamespaces: Lists['listNamespaces'] = door<Lists, 'listNamespaces'>(
  './list.js',
  'listNamespaces',
);
export const namespacesOf: Processes['namespacesOf'] = door<Processes, 'namespacesOf'>(
  './process.js',
  'namespacesOf',
);
export const sameNamespaces: Processes['sameNamespaces'] = door<Processes, 'sameNamespaces'>(
  './process.js',
  'sameNamespaces',
);
export const processTree: Trees['processTree'] = door<Trees, 'processTree'>(
  './tree.js',
  'processTree',
);
export const listSockets: Sockets['listSockets'] = door<Sockets, 'listSockets'>(
  './sockets.js',
  'listSockets',
);
export const listInterfaces: Interfaces['listInterfaces'] = door<Interfaces, 'listInterfaces'>(
  './interfaces.js',
  'listInterfaces',
);
