// A misspelt option is an error, and not one that was left out: in every options object that is wholly
// ours, before anything is done.
import {
  createNamespaces,
  evaluate,
  findContainer,
  listContainers,
  listNamespaces,
  listSockets,
  networks,
  openRoot,
  openWorker,
  processTree,
} from 'linux-namespaces';
import { describe, expect, test } from 'vitest';

const pid = process.pid;
const nothing = () => 1;
type Call = (options: never) => unknown;

const calls: readonly [name: string, call: Call, misspelt: string, meant: string][] = [
  ['createNamespaces', options => createNamespaces(['net'], options), 'loopbak', 'loopback'],
  ['createNamespaces', options => createNamespaces(['mnt'], options), 'Root', 'root'],
  ['networks.create', options => networks.create('refused', options), 'loopBack', 'loopback'],
  ['openWorker', options => openWorker(pid, ['net'], options), 'credential', 'credentials'],
  ['openWorker', options => openWorker(pid, ['net'], options), 'timeOut', 'timeout'],
  ['listNamespaces', options => listNamespaces(options), 'holder', 'holders'],
  ['processTree', options => processTree(pid, options), 'container', 'containers'],
  ['listSockets', options => listSockets(pid, options), 'listenning', 'listening'],
  ['listContainers', options => listContainers(options), 'timeouts', 'timeout'],
  ['findContainer', options => findContainer('web', options), 'directory', 'directories'],
];

const nested: readonly [name: string, call: () => unknown, option: string, meant: string][] = [
  [
    'evaluate',
    () => evaluate(pid, { types: 'all', signals: null } as never, nothing),
    'options.signals',
    'signal',
  ],
  ['evaluate', () => evaluate(pid, { type: 'all' } as never, nothing), 'options.type', 'types'],
  [
    'a limit of a worker',
    () => openWorker(pid, 'all', { resourceLimits: { stackSizeMB_: 1 } as never }),
    'options.resourceLimits.stackSizeMB_',
    'stackSizeMb',
  ],
  [
    'a sandbox',
    () => openWorker({ unshare: ['uts'], hostnam: 'x' } as never, 'all'),
    'target.hostnam',
    'hostname',
  ],
  [
    'an engine',
    () => listContainers({ directories: { dockr: {} } as never }),
    'options.directories.dockr',
    'docker',
  ],
  [
    "an engine's directory",
    () => listContainers({ directories: { docker: { dataroot: '/' } as never } }),
    'options.directories.docker.dataroot',
    'data-root',
  ],
  [
    'an id map',
    () => createNamespaces(['user'], { idMap: { uid: 'root', gdi: 'root' } as never }),
    'options.idMap.gdi',
    'gid',
  ],
];

describe('a name that is no option', () => {
  test.each(calls)('%s: %#', async (_, call, misspelt, meant) => {
    const error = await reasonOf(() => call({ [misspelt]: undefined } as never));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain(`"options.${misspelt}" must be`);
    expect(error.message).toContain(`such as ${meant}`);
  });

  test.each(nested)('%s: %#', async (_, call, option, meant) => {
    const error = await reasonOf(call);
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain(`"${option}" must be`);
    expect(error.message).toContain(`such as ${meant}`);
  });

  test('far from every name: all of them are said', async () => {
    const error = await reasonOf(() => listContainers({ colour: 1 } as never));
    expect(error.message).toContain('must be one of root, directories, timeout');
  });

  test.each([
    ['createReadStream', 'highWaterMarks', 'highWaterMark'],
    ['createReadStream', 'finish', undefined],
    ['createReadStream', 'flush', undefined],
    ['createReadStream', 'fd', undefined],
    ['createWriteStream', 'fileSystem', 'fileSystems'],
    ['createWriteStream', 'end', undefined],
    ['exists', 'sygnal', 'signal'],
    ['readFile', 'encodin', 'encoding'],
  ] as const)('openRoot: %s, %s', async (call, misspelt, meant) => {
    const root = openRoot(pid);
    try {
      const method = root[call] as (path: string, options: object) => unknown;
      const error = await reasonOf(() => method.call(root, '/etc/passwd', { [misspelt]: 1 }));
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
      if (meant !== undefined) expect(error.message).toContain(`such as ${meant}`);
    } finally {
      root.close();
    }
  });

  test('inherited names are no options, and refused as little as they are taken', async () => {
    const options = Object.create({ colour: 1 });
    await expect(listContainers(options)).resolves.toBeInstanceOf(Array);
  });
});

/** What it throws, or rejects with. */
async function reasonOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was refused');
}
