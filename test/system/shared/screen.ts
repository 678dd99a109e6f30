/** A terminal of tmux's with a shell on it, as an operator has one: typed into, and looked at. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seconds } from '../../timeouts.ts';

/** A machine: what runs a program in it to its end, and its root directory. */
interface Where {
  readonly root: string;
  run(file: string, args: string[]): unknown;
}

const here: Where = { root: '/', run: execFileSync };

export class Screen {
  readonly #folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-screen-'));
  readonly #socket = join(this.#folder, 'tmux');
  /** Before a command line that is to be run there. */
  readonly #entered: readonly string[];
  #modes = '';

  private constructor(root: string) {
    this.#entered = root === '/' ? [] : ['chroot', root];
  }

  /** Its prompt is `host# `. Its server is in that machine, and of it. */
  static async open(where = here): Promise<Screen> {
    const screen = new Screen(where.root);
    try {
      const size = ['-x', '100', '-y', '40'];
      const shell = `env -i PATH="$PATH" TERM=screen LANG=C.UTF-8 PS1="host# " sh`;
      await where.run('tmux', [...screen.#flags, 'new-session', '-d', ...size, shell]);
      await screen.until(/host# $/m);
      screen.#modes = screen.modes;
      screen.type(`${modes()} > ${screen.#folder}/before; echo no''ted`);
      await screen.until(/noted\n+host# $/m);
    } catch (error) {
      screen.close();
      throw error;
    }
    return screen;
  }

  get #flags(): string[] {
    return ['-u', '-f', '/dev/null', '-S', this.#socket];
  }

  /** By the server's own program: versions do not understand each other. */
  #tmux(...args: string[]): string {
    const [file = '', ...words] = [...this.#entered, 'tmux', ...this.#flags, ...args];
    return execFileSync(file, words, { encoding: 'utf8' });
  }

  /** A line, and the key that ends it. */
  type(text: string, key = 'Enter'): void {
    this.#tmux('send-keys', '-l', text);
    this.key(key);
  }

  key(name: string): void {
    this.#tmux('send-keys', name);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', `${columns}`, '-y', `${rows}`);
  }

  clear(): void {
    this.#tmux('send-keys', '-R');
    this.#tmux('clear-history');
    this.key('Enter');
  }

  get text(): string {
    return this.#tmux('capture-pane', '-p', '-J');
  }

  /** Of the shell that was started with it. */
  get pid(): number {
    return Number(this.#tmux('display-message', '-p', '#{pane_pid}'));
  }

  async until(wanted: RegExp, timeout: number = seconds(30)): Promise<string> {
    const end = Date.now() + timeout;
    for (;;) {
      const { text } = this;
      if (wanted.test(text)) return text;
      if (Date.now() > end) throw new Error(`no ${wanted} in\n${text}`);
      await sleep(50);
    }
  }

  /** Of its terminal, as seen from elsewhere. */
  get modes(): string {
    const file = `/proc/${this.pid}/fd/0`;
    return execFileSync('sh', ['-c', modes(`-F ${file}`)], { encoding: 'utf8' });
  }

  /** At the prompt of outside: the modes of its terminal are what they were, or are so in a moment. */
  async isUnchanged(timeout: number = seconds(30)): Promise<void> {
    const end = Date.now() + timeout;
    while (this.modes !== this.#modes) {
      if (Date.now() > end) throw new Error(`its terminal has changed:\n${this.modes}`);
      await sleep(10);
    }
    this.type(`${modes()} | diff ${this.#folder}/before - && echo un''changed; echo com''pared`);
    const text = await this.until(/compared/);
    if (!/^unchanged$/m.test(text)) throw new Error(`its terminal has changed:\n${text}`);
  }

  close(): void {
    try {
      this.#tmux('kill-server');
    } catch {
      // it has not come to that
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** All of stty(1) but the size. */
const modes = (of = '') => `stty -a ${of} | sed 's/rows.*columns [0-9]*;//'`;

/** What runs below a process: the children of each of its threads, and theirs. */
export function processesBelow(pid: number): { pid: number; line: string }[] {
  const children = now(() => readdirSync(`/proc/${pid}/task`), []).flatMap(tid =>
    now(() => readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8'), '').split(' '),
  );
  return children.filter(Boolean).flatMap(text => {
    const child = Number(text);
    const words = now(() => readFileSync(`/proc/${child}/cmdline`, 'utf8'), '');
    return [{ pid: child, line: words.replaceAll('\0', ' ').trim() }, ...processesBelow(child)];
  });
}

/** Whether it is in the process group that its terminal is for: what is typed. */
export function isForeground(pid: number): boolean {
  const stat = now(() => readFileSync(`/proc/${pid}/stat`, 'latin1'), '');
  const [, , group, , , front] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group !== undefined && group === front;
}

/** What is there, unless it has just ended. */
function now<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
