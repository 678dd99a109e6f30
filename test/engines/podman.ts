/** Podman, rootful or as a user of its own without root's rights, with the two images loaded. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { imageArchive } from './images.ts';
import { type Environment, Machine, type MachineOptions, type Output } from './machine.ts';

export interface PodmanOptions extends MachineOptions {
  /** To start it in, next to other engines. Default: one of its own, which `stop()` stops too. */
  machine?: Machine;
  rootless?: boolean;
  /** What it runs containers with. Default: crun. */
  runtime?: 'crun' | 'runc';
}

export interface Podman extends AsyncDisposable {
  readonly machine: Machine;
  /** Whose podman it is. */
  readonly uid: number;
  /** Its home directory, in the machine. */
  readonly home: string;
  /** Runs `podman ARGS`; resolves to what it printed. */
  podman(...args: string[]): Promise<string>;
  try(...args: string[]): Promise<Output>;
  /** `podman run -d ARGS`; resolves to the container's id. */
  start(...args: string[]): Promise<string>;
  // biome-ignore lint/suspicious/noExplicitAny: what the engine prints, which the tests look into
  inspect(name: string): Promise<any>;
  /** Starts its HTTP service; resolves to the socket, seen from outside. */
  serve(): Promise<string>;
  stop(): Promise<void>;
}

export const user = { name: 'lodger', uid: 4321, home: '/opt/lodger' };

/** The machine may lack CAP_SYS_RESOURCE: no limit above its own can be asked for. */
const config = (runtime: string) => `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "${runtime}"
`;

export async function startPodman(options: PodmanOptions = {}): Promise<Podman> {
  const machine = options.machine ?? (await Machine.start(options));
  const { rootless = false, runtime = 'crun' } = options;
  try {
    const { root } = machine;
    mkdirSync(`${root}/etc/containers`, { recursive: true });
    writeFileSync(`${root}/etc/containers/containers.conf`, config(runtime));
    const env: Record<string, string> = rootless ? await addUser(machine) : {};
    const as = rootless ? ['--reuid', '4321', '--regid', '4321', '--clear-groups'] : [];
    const socket = rootless
      ? `/run/user/${user.uid}/podman/podman.sock`
      : '/run/podman/podman.sock';
    const line = (args: readonly string[]) => [...as, 'podman', ...args];
    const podman = (...args: string[]) => machine.run('setpriv', line(args), env);
    for (const name of ['busybox', 'distroless'] as const) {
      await podman('load', '-q', '-i', imageArchive(machine.folder, name, `${name}:1`));
    }
    const stop = () => (options.machine ? Promise.resolve() : machine.stop());
    return {
      machine,
      uid: rootless ? user.uid : 0,
      home: rootless ? user.home : '/root',
      podman,
      try: (...args) => machine.try('setpriv', line(args), env),
      start: (...args) => podman('run', '-d', ...args),
      inspect: async name => JSON.parse(await podman('container', 'inspect', name))[0],
      serve: async () => {
        await podman('info');
        await serve(machine, line(['system', 'service', '-t', '0', `unix://${socket}`]), env);
        return `${root}${socket}`;
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    if (options.machine === undefined) await machine.stop();
    throw error;
  }
}

async function serve(machine: Machine, args: string[], env: Environment): Promise<void> {
  const socket = args.at(-1)?.replace('unix://', '') ?? '';
  mkdirSync(`${machine.root}${socket.slice(0, socket.lastIndexOf('/'))}`, { recursive: true });
  await machine.start('setpriv', args, env);
  await machine.until('setpriv', 'curl', ['-sf', '--unix-socket', socket, 'http://d/_ping']);
}

/** A user with a home, subordinate ids and what a login gives; resolves to its environment. */
export async function addUser(machine: Machine): Promise<Record<string, string>> {
  const { name, uid, home } = user;
  const runtime = `/run/user/${uid}`;
  for (const folder of [home, runtime, `${runtime}/podman`]) {
    mkdirSync(`${machine.root}${folder}`, { recursive: true });
    chownSync(`${machine.root}${folder}`, uid, uid);
  }
  const etc = `${machine.root}/etc`;
  appendFileSync(`${etc}/passwd`, `${name}:x:${uid}:${uid}::${home}:/bin/sh\n`);
  appendFileSync(`${etc}/group`, `${name}:x:${uid}:\n`);
  for (const file of ['subuid', 'subgid'])
    appendFileSync(`${etc}/${file}`, `${name}:300000:65536\n`);
  // What udev would let everybody use.
  for (const [device, minor] of [
    ['/dev/net/tun', '200'],
    ['/dev/fuse', '229'],
  ] as const) {
    const copy = `${machine.folder}/device-${minor}`;
    execFileSync('mknod', ['-m', '666', copy, 'c', '10', minor]);
    await machine.run('mount', ['--bind', copy, device]);
  }
  return { HOME: home, USER: name, XDG_RUNTIME_DIR: runtime };
}
