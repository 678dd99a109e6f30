/** What Node tells its own handle of a child: the arguments of `handle.spawn`, private to Node. */

interface Stdio {
  readonly type: 'ignore' | 'pipe' | 'overlapped' | 'inherit' | 'fd' | 'wrap';
  readonly fd?: number;
  /** It passes handles, and messages: Node's `send()`. */
  readonly ipc?: boolean;
  readonly handle?: {
    readonly fd: number;
    open(fd: number): number | undefined;
    close(): void;
  };
}

/** What Node's handle is told to start. */
interface Spawn {
  readonly file: string;
  readonly args: string[];
  readonly envPairs: string[];
  readonly stdio: readonly Stdio[];
}

const closed = -1;
const pipe = -2;
const devNull = -3;
const ipc = -4;

/** Of `handle.spawn`: one object up to Node 24.13 and 26.3, eight arguments since. */
export function argumentsOf(given: readonly unknown[]): Spawn {
  const [first] = given;
  const { file, args, envPairs, stdio } =
    given.length === 1 && typeof first === 'object' && first !== null
      ? (first as Record<string, unknown>)
      : { file: first, args: given[1], envPairs: given[3], stdio: given[4] };
  if (
    (given.length !== 1 && given.length !== 8) ||
    typeof file !== 'string' ||
    !Array.isArray(args) ||
    !Array.isArray(envPairs) ||
    !Array.isArray(stdio)
  ) {
    throw new Error(
      `linux-namespaces: Node ${process.version} starts processes in a way that this version does not know; a newer one may`,
    );
  }
  return { file, args, envPairs, stdio };
}

/** Where the program gets a descriptor from: one of ours, or what the addon is to make. */
export function source(stdio: Stdio, i: number): number {
  switch (stdio.type) {
    case 'ignore':
      return i < 3 ? devNull : closed;
    case 'pipe':
    case 'overlapped':
      return stdio.ipc ? ipc : pipe;
    case 'wrap':
      return stdio.handle?.fd ?? closed;
    default:
      return stdio.fd ?? i;
  }
}
