/** containerd, with `ctr` and its CRI plugin (Kubernetes): a daemon of its own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { imageArchive } from './images.ts';
import { Machine, type MachineOptions, type Output } from './machine.ts';

export interface ContainerdOptions extends MachineOptions {
  /** To start it in, next to other engines. Default: one of its own, which `stop()` stops too. */
  machine?: Machine;
}

export interface Containerd extends AsyncDisposable {
  readonly machine: Machine;
  /** The daemon. */
  readonly pid: number;
  /** Its socket, seen from outside. */
  readonly socket: string;
  /** Runs `ctr ARGS`; resolves to what it printed. */
  ctr(...args: string[]): Promise<string>;
  try(...args: string[]): Promise<Output>;
  stop(): Promise<void>;
}

/** The names that the images have in it, in its namespaces `default` and `k8s.io`. */
export const images = {
  busybox: 'docker.io/library/busybox:1',
  distroless: 'docker.io/library/distroless:1',
} as const;

const config = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${images.busybox}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
`;

const network = {
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      ipam: { type: 'host-local', subnet: '10.77.0.0/24', routes: [{ dst: '0.0.0.0/0' }] },
    },
  ],
};

export async function startContainerd(options: ContainerdOptions = {}): Promise<Containerd> {
  const machine = options.machine ?? (await Machine.start(options));
  try {
    for (const folder of ['containerd', 'cni/net.d']) {
      mkdirSync(`${machine.root}/etc/${folder}`, { recursive: true });
    }
    writeFileSync(`${machine.root}/etc/containerd/config.toml`, config);
    writeFileSync(`${machine.root}/etc/cni/net.d/10-pods.conflist`, JSON.stringify(network));
    const pid = await machine.start('containerd', []);
    const ctr = (...args: string[]) => machine.run('ctr', args);
    await machine.until('containerd', 'ctr', ['version']);
    for (const name of ['busybox', 'distroless'] as const) {
      const archive = imageArchive(machine.folder, name, `${name}:1`);
      for (const space of ['default', 'k8s.io']) await ctr('-n', space, 'image', 'import', archive);
    }
    const stop = () => (options.machine ? Promise.resolve() : machine.stop());
    return {
      machine,
      pid,
      socket: `${machine.root}/run/containerd/containerd.sock`,
      ctr,
      try: (...args) => machine.try('ctr', args),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    if (options.machine === undefined) await machine.stop();
    throw error;
  }
}
