/**
 * A machine within the machine, to run container engines in: a mount and a network namespace of its
 * own, with the engines' default directories (/run, /var/lib/docker, /etc, ...) its own as well, below
 * one temporary folder, and with its own part of each cgroup hierarchy. Pids are the host's.
 *
 * Whatever runs in it is killed, and everything removed, by `stop()`, and also when the test dies:
 * keeper.c sees to it.
 *
 * Its programs are this machine's, or those of another Debian, where ENGINES_TREE names the root directory
 * of one (scripts/engines.mjs): that is what the machine has then, but for /tmp and what runs the tests.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const path = '/usr/sbin:/usr/bin:/sbin:/bin';
const { ENGINES_TREE: tree = '' } = process.env;

/** Are the engines those of a newer Debian, of which some know cgroups of version 2 alone? */
export const isNewer = tree !== '';

/** Which of these programs are not installed, as words for the title of a skipped test. */
export function missing(...programs: string[]): string {
  const absent = programs.filter(
    name => !path.split(':').some(folder => isExecutable(`${tree}${folder}/${name}`)),
  );
  return absent.length === 0 ? '' : `${absent.join(', ')} of test/engines/packages`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface MachineOptions {
  /** The version of its cgroups: 1 as on the host (default), or 2 alone, without controllers. */
  cgroups?: 1 | 2;
}

/** Directories that the engines write to, each with a name for our copy. */
const own = {
  '/run': 'run',
  '/var/tmp': 'var-tmp',
  '/var/lib/docker': 'docker',
  '/var/lib/containerd': 'containerd',
  '/var/lib/containers': 'containers',
  '/var/lib/cni': 'cni',
  '/var/lib/lxc': 'lxc',
  '/opt': 'opt',
};

export class Machine {
  /** Everything is below this folder. */
  readonly folder: string;
  /** A process that is in its namespaces for as long as it is up. */
  readonly pid: number;
  readonly #keeper: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #waiting = new Map<number, (code: number) => void>();
  #commands = 0;

  static async start(options: MachineOptions = {}): Promise<Machine> {
    const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-engines-'));
    execFileSync('chmod', ['755', folder]);
    const machine = new Machine(folder);
    try {
      await machine.#setUp(options);
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  private constructor(folder: string) {
    this.folder = folder;
    const program = join(folder, 'keeper');
    const source = fileURLToPath(new URL('keeper.c', import.meta.url));
    execFileSync('cc', ['-O1', '-o', program, source]);
    this.#keeper = spawn(program, [tidyUp(folder)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: path, HOME: '/root', LANG: 'C.UTF-8' },
      cwd: '/',
      detached: true,
    });
    this.pid = this.#keeper.pid ?? -1;
    this.#gone = once(this.#keeper, 'close');
    this.#keeper.stdin?.on('error', () => {}); // it has ended: #gone says so
    createInterface({ input: this.#keeper.stdout as NodeJS.ReadableStream }).on('line', line => {
      const [number, code] = line.split(' ').map(Number) as [number, number];
      this.#waiting.get(number)?.(code);
    });
  }

  /** Where its files are seen from outside. */
  get root(): string {
    return `/proc/${this.pid}/root`;
  }

  /** Runs a command to its end; resolves to what it printed. It can leave daemons behind. */
  async run(file: string, args: readonly string[], env: Environment = {}): Promise<string> {
    const { code, stdout, stderr } = await this.try(file, args, env);
    if (code === 0) return stdout.trimEnd();
    throw new Error(`${file} ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  }

  /** The same, for what may fail. */
  async try(file: string, args: readonly string[], env: Environment = {}): Promise<Output> {
    const number = ++this.#commands;
    const output = join(this.folder, `output-${number}`);
    const ended = new Promise<number>(done => this.#waiting.set(number, done));
    const line = `${commandLine(file, args, env)} >${output}.1 2>${output}.2 </dev/null`;
    this.#keeper.stdin?.write(`{ ${line}; echo ${number} $?; } &\n`);
    const code = await Promise.race([ended, this.#gone.then(() => undefined)]);
    this.#waiting.delete(number);
    if (code === undefined) throw new Error(`${file}: the machine is gone`);
    const [stdout, stderr] = [1, 2].map(n => readFileSync(`${output}.${n}`, 'utf8'));
    return { code, stdout: stdout ?? '', stderr: stderr ?? '' };
  }

  /** Starts a daemon; what it says is in `NAME.log` of the folder. Resolves to its pid. */
  async start(name: string, args: readonly string[], env: Environment = {}): Promise<number> {
    const line = `exec setsid ${commandLine(name, args, env)} >${this.folder}/${basename(name)}.log 2>&1`;
    const started = await this.run('sh', ['-c', `(${line}) </dev/null & echo $!`]);
    return Number(started);
  }

  /** Repeats a command until it succeeds; `log`: what to show when it never does. */
  async until(log: string, file: string, args: readonly string[], env = {}): Promise<void> {
    const end = Date.now() + 30_000;
    for (;;) {
      const { code, stderr } = await this.try(file, args, env);
      if (code === 0) return;
      if (Date.now() > end) {
        const said = readFileSync(`${this.folder}/${log}.log`, 'utf8').slice(-2000);
        throw new Error(`${log} does not answer: ${stderr}\n${said}`);
      }
      await sleep(20);
    }
  }

  /** Kills all that runs in it, and removes everything. Stopping again does nothing. */
  async stop(): Promise<void> {
    this.#keeper.stdin?.end('exit\n');
    await this.#gone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #setUp({ cgroups = 1 }: MachineOptions): Promise<void> {
    const script = ['set -e', 'ip link set lo up'];
    if (tree !== '') script.push(...this.#changeRoot());
    for (const [directory, name] of Object.entries(own)) {
      mkdirSync(join(this.folder, name));
      script.push(`mkdir -p ${directory}`, `mount --bind ${this.folder}/${name} ${directory}`);
    }
    mkdirSync(join(this.folder, 'etc'));
    mkdirSync(join(this.folder, 'etc-work'));
    script.push(
      `mount -t overlay etc -o lowerdir=/etc,upperdir=${this.folder}/etc,workdir=${this.folder}/etc-work /etc`,
      'mkdir -p /run/lock /run/user /run/netns',
      'chmod 1777 /var/tmp',
    );
    const name = cgroupOf(this.folder);
    if (cgroups === 2) {
      const all = '/sys/fs/cgroup';
      script.push(`umount -R ${all}`, `mount -t cgroup2 cgroup2 ${all}`);
      script.push(`mkdir -p ${all}/${name}/${name}`, `mount --bind ${all}/${name} ${all}`);
      script.push(`mount --bind ${all} ${all}/${name}`);
    } else {
      for (const hierarchy of hierarchies()) {
        const part = `${hierarchy}/${name}`;
        mkdirSync(part);
        if (hierarchy.endsWith('/cpuset')) {
          for (const file of ['cpuset.cpus', 'cpuset.mems']) {
            writeFileSync(`${part}/${file}`, readFileSync(`${hierarchy}/${file}`));
          }
        }
        mkdirSync(`${part}/${name}`);
        script.push(`mount --bind ${part} ${hierarchy}`);
        // Here too, for who looks for the path that /proc shows, which starts at the host's root.
        script.push(`mount --bind ${hierarchy} ${hierarchy}/${name}`);
      }
      // crun 1.8 refuses a hybrid in which version 2 has a controller.
      script.push('umount /sys/fs/cgroup/unified 2>/dev/null || true');
    }
    await this.run('sh', ['-c', script.join('\n')]);
  }

  /** To a copy of the tree that keeps what is written to it; of every process in the mount namespace. */
  #changeRoot(): string[] {
    const [root, upper, work] = ['tree', 'tree-upper', 'tree-work'].map(name => {
      mkdirSync(join(this.folder, name));
      return join(this.folder, name);
    });
    const node = process.execPath;
    return [
      `mount -t overlay tree -o lowerdir=${tree},upperdir=${upper},workdir=${work} ${root}`,
      `for i in proc sys dev; do mount --rbind /$i ${root}/$i; done`,
      `mkdir -p ${root}${tmpdir()} && mount --bind ${tmpdir()} ${root}${tmpdir()}`,
      `mkdir -p ${root}${process.cwd()} ${root}${dirname(node)} ${root}/old`,
      `mount --bind ${process.cwd()} ${root}${process.cwd()}`,
      `[ -e ${root}${node} ] || { touch ${root}${node}; mount --bind ${node} ${root}${node}; }`,
      `cd ${root}`,
      'pivot_root . old',
      'umount -l /old',
    ];
  }
}

export type Environment = Readonly<Record<string, string>>;

function commandLine(file: string, args: readonly string[], env: Environment): string {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return ['env', ...settings, file, ...args].map(quote).join(' ');
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Where hierarchies of version 1, and on a machine with nothing else that of version 2, are mounted. */
function hierarchies(): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return mounts.flatMap(line => {
    const [mount = '', system = ''] = line.split(' - ');
    const point = mount.split(' ')[4] ?? '';
    const wanted =
      system.startsWith('cgroup ') || (system.startsWith('cgroup2 ') && point === '/sys/fs/cgroup');
    return wanted ? [point] : [];
  });
}

/** The name of its cgroup: a slice, for systemd reads the name of a unit from behind these. */
function cgroupOf(folder: string): string {
  return `${basename(folder)}.slice`;
}

/** What keeper.c runs at the end. A cgroup is busy for a moment after its last process. */
function tidyUp(folder: string): string {
  const name = cgroupOf(folder);
  const cgroups = `/sys/fs/cgroup/${name} /sys/fs/cgroup/*/${name}`;
  return `cd /
    for i in $(seq 100); do
      find ${cgroups} -depth -type d -exec rmdir {} + 2>/dev/null
      [ "$(ls -d ${cgroups} 2>/dev/null)" ] || break
      sleep 0.05
    done
    rm -rf --one-file-system ${folder}`;
}
