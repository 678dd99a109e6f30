/** Docker: a daemon of its own, with the images `busybox:1` and `distroless:1` loaded. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { imageArchive } from './images.ts';
import { Machine, type MachineOptions, type Output } from './machine.ts';

/** Its images, and so the file systems of containers, are containerd's: since Docker 23. */
export const hasContainerdStore = process.env['ENGINES_DOCKER_STORE'] === 'containerd';

export interface DockerOptions extends MachineOptions {
  /** To start it in, next to other engines. Default: one of its own, which `stop()` stops too. */
  machine?: Machine;
  /** More options of dockerd, such as `--userns-remap=default`. */
  flags?: readonly string[];
  /** Its socket. Default: /run/docker.sock. */
  socket?: string;
  /** A program to start it with, such as unshare. */
  under?: readonly string[];
}

export interface Docker extends AsyncDisposable {
  readonly machine: Machine;
  /** The daemon. */
  readonly pid: number;
  /** Runs `docker ARGS`; resolves to what it printed. */
  docker(...args: string[]): Promise<string>;
  /** The same, for what may fail. */
  try(...args: string[]): Promise<Output>;
  /** `docker run -d ARGS`; resolves to the container's id. */
  start(...args: string[]): Promise<string>;
  /** `docker inspect` of one container. */
  // biome-ignore lint/suspicious/noExplicitAny: what the engine prints, which the tests look into
  inspect(name: string): Promise<any>;
  stop(): Promise<void>;
}

export async function startDocker(options: DockerOptions = {}): Promise<Docker> {
  const machine = options.machine ?? (await Machine.start(options));
  try {
    const socket = `unix://${options.socket ?? '/run/docker.sock'}`;
    const env = { DOCKER_HOST: socket };
    if (hasContainerdStore) {
      mkdirSync(`${machine.root}/etc/docker`, { recursive: true });
      const features = { 'containerd-snapshotter': true };
      writeFileSync(`${machine.root}/etc/docker/daemon.json`, JSON.stringify({ features }));
    }
    const [program = '', ...args] = [...(options.under ?? []), 'dockerd', '-H', socket];
    const pid = await machine.start(program, [...args, ...(options.flags ?? [])]);
    const docker = (...args: string[]) => machine.run('docker', args, env);
    await machine.until(basename(program), 'docker', ['version'], env);
    for (const name of ['busybox', 'distroless'] as const) {
      await docker('load', '-q', '-i', imageArchive(machine.folder, name, `${name}:1`));
    }
    const stop = () => (options.machine ? Promise.resolve() : machine.stop());
    return {
      machine,
      pid,
      docker,
      try: (...args) => machine.try('docker', args, env),
      start: (...args) => docker('run', '-d', ...args),
      inspect: async name => JSON.parse(await docker('container', 'inspect', name))[0],
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    if (options.machine === undefined) await machine.stop();
    throw error;
  }
}
