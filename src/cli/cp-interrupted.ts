/** `cp` that is interrupted: what there is at its destination then, by a look before and one after. */
import { type BigIntStats, promises } from 'node:fs';
import type { ContainerRoot } from '../root/container-root.ts';
import type { FileArgument } from './file-argument.ts';
import { interruptible } from './interruption.ts';

/** Where a copy goes. */
export interface Destination {
  /** As it is written on the line. */
  readonly shown: string;
  /** What is there, a link followed; undefined: nothing. */
  look(): Promise<BigIntStats | undefined>;
  /** Resolves when nothing is written there any more. */
  settled(): Promise<void>;
}

/** `path`: the copy's own, below what `file` names where that is a directory. */
export function insideOf(root: ContainerRoot, file: FileArgument, path: Buffer): Destination {
  return {
    shown: `${file.container}:${path}`,
    look: () => root.stat(path, { bigint: true }).catch(() => undefined),
    settled: () => root.settled(),
  };
}

export function hereOf(root: ContainerRoot, path: Buffer): Destination {
  return {
    shown: path.toString(),
    look: () => promises.stat(path, { bigint: true }).catch(() => undefined),
    settled: () => root.settled(),
  };
}

/** An archive that goes to stdout. */
export const archiveEnd: Destination = {
  shown: 'the archive',
  look: async () => undefined,
  settled: async () => {},
};

export async function undoable(
  destination: Destination,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const before = await destination.look();
  await interruptible(work, async isDone => {
    await destination.settled();
    const { shown } = destination;
    if (destination === archiveEnd) return `${shown} is not whole`;
    if (isDone) return `${shown} had been copied by then`;
    const after = await destination.look();
    if (isSame(before, after)) return `nothing was changed at ${shown}`;
    if (after?.isDirectory())
      return `what had been copied to ${shown} stays: no file there is half a copy`;
    return `${shown} is not whole: it is written in place`;
  });
}

function isSame(before: BigIntStats | undefined, after: BigIntStats | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  const fields = ['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const;
  return before.isFile() && fields.every(name => before[name] === after[name]);
}
