/** runc and crun, used directly: bundles of the two images, and containers of these. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Image, rootFolder, server } from './images.ts';
import { Machine, type MachineOptions, type Output } from './machine.ts';

export interface RuntimeOptions extends MachineOptions {
  /** To run it in, next to other engines. Default: one of its own, which `stop()` stops too. */
  machine?: Machine;
}

export interface Bundle {
  image?: Image;
  args?: readonly string[];
  hostname?: string;
  annotations?: Readonly<Record<string, string>>;
  /** In the OCI's words. Default: pid, network, ipc, uts, mount. */
  namespaces?: readonly { type: string; path?: string }[];
}

export interface Runtime extends AsyncDisposable {
  readonly machine: Machine;
  /** Runs it; resolves to what it printed. */
  run(...args: string[]): Promise<string>;
  try(...args: string[]): Promise<Output>;
  /** Makes a bundle, for `run`; resolves to its path. */
  bundle(id: string, bundle?: Bundle): string;
  /** `run -d` with a bundle of its own; resolves to the pid. */
  start(id: string, bundle?: Bundle): Promise<number>;
  stop(): Promise<void>;
}

export const startRunc = (options?: RuntimeOptions): Promise<Runtime> => start('runc', options);
export const startCrun = (options?: RuntimeOptions): Promise<Runtime> => start('crun', options);

async function start(name: string, options: RuntimeOptions = {}): Promise<Runtime> {
  const machine = options.machine ?? (await Machine.start(options));
  const run = (...args: string[]) => machine.run(name, args);
  const bundle = (id: string, how?: Bundle) => makeBundle(machine.folder, id, how);
  const stop = () => (options.machine ? Promise.resolve() : machine.stop());
  return {
    machine,
    run,
    try: (...args) => machine.try(name, args),
    bundle,
    start: async (id, how) => {
      await run('run', '-d', '--bundle', bundle(id, how), id);
      return JSON.parse(await run('state', id)).pid;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const capabilities = ['CAP_NET_BIND_SERVICE', 'CAP_KILL', 'CAP_SYS_CHROOT'];

function makeBundle(folder: string, id: string, how: Bundle = {}): string {
  const { image = 'busybox', hostname = id, annotations = {} } = how;
  const args = how.args ?? (image === 'distroless' ? server : ['sleep', '1000000']);
  const types = ['pid', 'network', 'ipc', 'uts', 'mount'];
  const bundle = join(folder, `bundle-${id}`);
  mkdirSync(bundle);
  execFileSync('cp', ['-a', rootFolder(folder, image), join(bundle, 'rootfs')]); // devices too
  const config = {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args,
      env: ['PATH=/bin'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    root: { path: 'rootfs' },
    hostname,
    annotations,
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      // Of what an earlier container has left in /dev, runc 1.3.6 follows the links.
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    ],
    linux: { namespaces: how.namespaces ?? types.map(type => ({ type })) },
  };
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
  return bundle;
}
