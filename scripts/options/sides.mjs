/** Runs an option set by the command and by the tool of util-linux, and tells what of them can be compared. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const command = join(root, 'lib/cli.cjs');
const tools = { enter: 'nsenter', run: 'unshare', ls: 'lsns' };
const timeout = 60000; // ms; what takes longer stands still
const types = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];
const user = ['setpriv', '--reuid', '1001', '--regid', '1001', '--groups', '1001,1500'];

const inodesOf = pid =>
  Object.fromEntries(
    types.map(type => [type, Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/${type}`)))]),
  );

export class Bench {
  #folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-options-'));
  #children = [];
  #own = inodesOf('self');
  #count = 0;
  targets = [];

  /** `folder`: where the tools are, or nothing: along PATH. */
  constructor(folder) {
    this.tools = folder;
    chmodSync(this.#folder, 0o755);
    execFileSync('mount', ['-t', 'tmpfs', 'options', this.#folder]);
    // A mount namespace can be bound on such a mount only.
    execFileSync('mount', ['--make-private', this.#folder]);
    this.probe = join(this.#folder, 'probe');
    this.image = join(this.#folder, 'image');
    this.files = join(this.#folder, 'files');
    execFileSync('cc', ['-static', '-O1', '-o', this.probe, join(import.meta.dirname, 'probe.c')]);
    for (const name of ['proc', 'tmp', 'usr', `${this.#folder}`]) {
      mkdirSync(join(this.image, name), { recursive: true });
    }
    copyFileSync(this.probe, join(this.image, this.probe));
    mkdirSync(this.files);
    chmodSync(this.files, 0o1777);
  }

  pathOf(tool) {
    return this.tools === undefined ? tool : join(this.tools, tool);
  }

  /** The long options that a tool has. */
  known(name) {
    const help = execFileSync(this.pathOf(tools[name]), ['--help'], { encoding: 'utf8' });
    return new Set([...help.matchAll(/--([a-z-]+)/g)].map(([, option]) => option));
  }

  async start() {
    const wait = [this.probe, 'wait'];
    const unshare = (...flags) => ['unshare', '--kill-child', '-f', ...flags, ...wait];
    await this.#target([...wait]);
    await this.#target(unshare('-nu'));
    await this.#target(unshare('-muinpCT', '--mount-proc'));
    await this.#target(unshare('-r', '-mnpu', '--mount-proc'));
    await this.#target([
      command,
      'run',
      '--map-users=0:100000:65536',
      '--map-groups=0:100000:65536',
      '-S',
      '5',
      '-G',
      '6',
      '-u',
      ...wait,
    ]);
    await this.#target(unshare('-m', '-R', this.image));
    await this.#target([...user, ...unshare('-r', '-nu')]);
    await this.#target([...user, ...wait]);
  }

  async #target(line) {
    const [file, ...args] = line;
    const child = spawn(file, args, {
      cwd: '/tmp',
      env: { ...this.env, TARGET: 'yes' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    await once(child.stdout, 'data');
    let pid = child.pid;
    for (;;) {
      const below = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      if (below === '') break;
      pid = Number(below.split(' ')[0]);
    }
    this.targets.push(pid);
  }

  env = {
    PATH: process.env.PATH,
    HOME: '/root',
    LANG: 'C.UTF-8',
    VALUE: 'with space',
  };

  async close() {
    for (const child of this.#children) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    for (const pid of this.targets) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended with its parent
      }
    }
    execFileSync('umount', ['-l', this.#folder]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What is to be compared of both, by name. */
  async compare(set, asUser) {
    const wanted = await this.#outcome(set, asUser, this.pathOf(tools[set.command]));
    const own = await this.#outcome(set, asUser, command, set.command);
    return { own, wanted };
  }

  async #outcome(set, asUser, ...line) {
    const kept = [];
    const words = [...set.words, ...set.end, ...set.program].map(word => {
      if (word.endsWith('=FILE')) {
        const path = join(this.files, `${this.#count++}`);
        writeFileSync(path, '');
        chmodSync(path, 0o666);
        kept.push([word.slice(2, -5), path]);
        return word.replace('FILE', path);
      }
      const inode = /^INODE:(\d+)$/.exec(word);
      if (inode) return String(inodesOf(inode[1]).net);
      return word.replace('PROBE', this.probe).replace('IMAGE', this.image);
    });
    const [file, ...args] = [...(asUser ? user : []), ...line, ...words];
    const child = spawn(file, args, {
      cwd: '/usr',
      env: { ...this.env, SHELL: this.probe },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', text => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', text => (stderr += text));
    let stuck = false;
    // A tool that fails may leave a helper behind.
    const end = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // nobody is left
      }
    };
    const timer = setTimeout(() => {
      stuck = true;
      end();
    }, timeout);
    const [code, signal] = await once(child, 'exit');
    clearTimeout(timer);
    end();
    if (!child.stdout.closed || !child.stderr.closed) await once(child, 'close');
    const outcome = {
      end: stuck ? 'stuck' : (signal ?? code),
      stderr: stderr === '' ? 'empty' : 'something',
    };
    // What was ended in between has said a part of it.
    const seen =
      set.command === 'ls' ? { stdout: listed(stdout, child.pid) } : this.#seen(stdout, stuck);
    Object.assign(outcome, seen);
    for (const [type, path] of kept) outcome[`kept ${type}`] = this.#file(path);
    Object.defineProperty(outcome, 'text', { value: stderr.trim() });
    return outcome;
  }

  /** What has become of a file for a namespace. */
  #file(path) {
    if (!existsSync(path)) return 'gone';
    const bound = statSync(path).dev !== statSync(this.files).dev;
    if (bound) execFileSync('umount', ['-l', path]);
    rmSync(path);
    return bound ? 'bound' : 'there';
  }

  #seen(stdout, isPart) {
    if (isPart || !stdout.startsWith('{')) return { stdout };
    const report = JSON.parse(stdout);
    const { namespaces, mounts, boot, environment, ...rest } = report;
    const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const targets = this.targets.map(inodesOf);
    const relation = (type, inode) => {
      if (inode === this.#own[type]) return 'own';
      const index = targets.findIndex(inodes => inodes[type] === inode);
      return index < 0 ? 'new' : `of target ${index}`;
    };
    for (const [type, one] of Object.entries(namespaces)) {
      rest[type] = one && `${relation(type, one[0])}${one[1] ? ', its own' : ''}`;
    }
    const lines = mounts.split('\n').map(line => line.split(' '));
    const at = point => lines.filter(([, , , , where]) => where === point);
    rest.procs = at('/proc').length;
    rest.root = at('/').map(([, , , from, , , ...more]) => {
      const kinds = more.slice(0, more.indexOf('-')).map(word => word.replace(/\d+/, ''));
      return `${from === '/' ? '' : from.replace(this.#folder, '')} ${kinds} ${more[more.indexOf('-') + 1]}`;
    });
    rest.offset = Math.round((boot - uptime) / 20);
    rest.environment = environment.filter(pair => !pair.startsWith('_=')).sort();
    return rest;
  }
}

/**
 * Without the spaces of its columns; JSON as what it means. Who lists may be in the list, and after the
 * highest pid its own is lower than those of the targets.
 */
function listed(stdout, lister) {
  const text = stdout
    .replace(/(?:node -- )?[^\s"]+\/(?:cli\.cjs ls|lsns) [^"\n]*/g, 'who lists')
    .replaceAll(new RegExp(`\\b${lister}\\b`, 'g'), '1');
  try {
    return JSON.parse(text);
  } catch {
    return text.split('\n').map(line => line.trim().split(/ +/).join(' '));
  }
}
