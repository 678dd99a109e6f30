/** What the addon is asked to do with the files of a container, and what an error says of it. */

/** In the order of native/root/operation.h. */
export const operations = {
  open: 0,
  readFile: 1,
  stat: 2,
  readlink: 3,
  realpath: 4,
  list: 5,
  mkdir: 6,
  remove: 7,
  rename: 8,
  chmod: 9,
  chown: 10,
  symlink: 11,
  copy: 12,
  read: 13,
  write: 14,
  close: 15,
  replace: 16,
  commit: 17,
  abandon: 18,
  put: 19,
  putEnd: 20,
  attributes: 21,
  sync: 22,
} as const;

export interface Progress {
  /** Files, directories and links so far. */
  readonly files: number;
  /** Bytes of content so far, without holes. */
  readonly bytes: number;
}

export interface Request {
  readonly operation: keyof typeof operations;
  /** Node's word for it, and the paths, as an error shows them. */
  readonly syscall: string;
  readonly shown?: string | undefined;
  readonly shownOther?: string | undefined;
  readonly path?: Buffer | undefined;
  readonly other?: Buffer | undefined;
  readonly numbers?: readonly number[];
  readonly fd?: number;
  readonly second?: number;
  readonly data?: Buffer | undefined;
  readonly fileSystems?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: Progress) => void) | undefined;
  /** Answers what the call asks while it runs. */
  readonly ask?: ((question: Buffer) => Promise<Buffer>) | undefined;
  /** The code of an error, where something is there already. */
  readonly exists?: string | undefined;
}
