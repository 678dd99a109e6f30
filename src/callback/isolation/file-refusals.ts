/**
 * What asks the kernel by other threads in native code, and is refused where that matters: files that are
 * watched, blobs, and streams of a FileHandle.
 */
import fs from 'node:fs';
import {
  isByThread,
  isByThreadAfterAll,
  isByThreadAtOnce,
  pathOf,
  refuseFile,
} from './by-thread.ts';
import { type FsBinding, isWatching } from './files.ts';
import { patch } from './patch.ts';

type Loose = (this: unknown, ...args: unknown[]) => unknown;

export function refuseFiles(internal: FsBinding): void {
  refuseBlobs();
  refuseWatching(internal);
  refuseStreams(internal);
}

function refuseBlobs(): void {
  patch(fs as unknown as Record<'openAsBlob', Loose>, 'openAsBlob', original => async (...args) => {
    const path = isWatching() ? pathOf(args[0]) : undefined;
    if (path !== undefined && (await isByThreadAfterAll([{ of: path, follow: true }]))) {
      throw refuseFile('fs.openAsBlob()', 'use new Blob([await fs.promises.readFile(path)])');
    }
    return original(...args);
  });
}

/** fs.watchFile() asks by the pool again and again; fs.watch() by this thread. */
function refuseWatching(internal: FsBinding): void {
  const { StatWatcher } = internal as unknown as { StatWatcher: { prototype: { start: Loose } } };
  patch(
    StatWatcher.prototype,
    'start',
    original =>
      function start(this: unknown, ...args: unknown[]) {
        if (isWatching() && isByThreadAtOnce(args[0] as string)) {
          throw refuseFile('fs.watchFile()', 'use fs.statSync() and a timer');
        }
        return original.apply(this, args);
      },
  );
}

/** On Node 20 and 22 that is what FileHandle.readableWebStream() does. */
function refuseStreams(internal: FsBinding): void {
  type Handle = { readonly fd: number; readStart(...args: unknown[]): unknown };
  const { FileHandle } = internal as unknown as { FileHandle: { prototype: Handle } };
  patch(
    FileHandle.prototype,
    'readStart',
    original =>
      function readStart(this: Handle, ...args: unknown[]) {
        if (isWatching() && isByThread([{ of: this.fd, follow: true }]) !== false) {
          throw refuseFile(
            'FileHandle.readableWebStream()',
            "use { type: 'bytes' }, createReadStream() or readFile()",
          );
        }
        return original.apply(this, args);
      },
  );
}
