/** Loads the addon. No other file does. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Binding } from './addon.ts';
import { errnos } from './errnos.ts';
import { failure } from './errors.ts';
import { folder, load } from './here.ts';
import { requireNode } from './runtime.ts';

let root: string | undefined;
/** Where package.json is: above lib, in which this file is bundled, and above src, where tests load it. */
export function packageRoot(): string {
  root ??= above(folder);
  return root;
}

function above(folder: string): string {
  const parent = dirname(folder);
  return parent === folder || existsSync(join(parent, 'package.json')) ? parent : above(parent);
}

/** The addon. Loaded by its first use, which puts it in the place of this stand-in for every importer. */
export let binding: Binding = new Proxy({} as Binding, {
  get(_standIn, name) {
    binding = loadAddon();
    return binding[name as keyof Binding];
  },
});

function loadAddon(): Binding {
  requireNode();
  try {
    return load(usualFile() ?? load('node-gyp-build').path(packageRoot()));
  } catch (error) {
    const shortage = shortageOfFiles();
    if (shortage !== undefined) throw failure(shortage, 'open');
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_DLOPEN_DISABLED') {
      const words =
        'linux-namespaces is an addon, and this Node may load none: run it without --no-addons, or with --allow-addons where it has --permission';
      throw Object.assign(new Error(words, { cause: error }), { code });
    }
    if (!existsSync(join(packageRoot(), 'lib/library.js'))) {
      const words =
        'linux-namespaces is in a bundle, away from its addon: leave it out of that (external: linux-namespaces), and install it';
      throw new Error(words, { cause: error });
    }
    throw new Error(
      `linux-namespaces has no addon that loads on ${process.platform}-${process.arch}; with a C++ compiler, make and Python: npm rebuild linux-namespaces (${message.split('\n')[0]})`,
      { cause: error },
    );
  }
}

/**
 * Where it is after an install, or after a build, which counts first. node-gyp-build, which finds it anywhere
 * else, takes longer to load than the addon.
 */
function usualFile(): string | undefined {
  const { PREBUILDS_ONLY, LINUX_NAMESPACES_PREBUILD } = process.env;
  if (PREBUILDS_ONLY || LINUX_NAMESPACES_PREBUILD) return undefined;
  const files = [
    'build/Release/addon.node',
    `prebuilds/linux-${process.arch}/linux-namespaces.node`,
  ];
  return files.map(file => join(packageRoot(), file)).find(existsSync);
}

/** A program without free file descriptors cannot load it now, and can as soon as it has some. */
function shortageOfFiles(): number | undefined {
  try {
    // As many as that takes: the addon, and folders and modules on the way to it.
    const fds: number[] = [];
    try {
      while (fds.length < 4) fds.push(openSync('/', 'r'));
    } finally {
      for (const fd of fds) closeSync(fd);
    }
    return undefined;
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    return errno === errnos.EMFILE || errno === errnos.ENFILE ? errno : undefined;
  }
}
