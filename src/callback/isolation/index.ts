/**
 * What has to be kept apart, besides the thread's own location, so that nothing of a callback happens
 * outside and nothing from outside happens in a callback. One file for each of Node's shared things.
 */
import { syncBuiltinESMExports } from 'node:module';
import { refusal } from '../../base/errors.ts';
import { threadKinds } from '../../base/namespace-types.ts';
import { isolateCluster } from './cluster.ts';
import { guardSignal, isolateDebugger, unguardSignal } from './debugger.ts';
import { isolateDirectories } from './directories.ts';
import { isolateFetch } from './fetch.ts';
import { isolateFileJobs } from './file-jobs.ts';
import { refuseFiles } from './file-refusals.ts';
import { guardFiles, isolateFiles, unguardFiles } from './files.ts';
import { isolateHttp } from './http.ts';
import { isolateLookups } from './lookups.ts';
import { isolateNames } from './names.ts';
import { isolateProcess } from './process.ts';
import { isolateSockets } from './sockets.ts';
import { isolateUnhooked } from './unhooked.ts';
import { isolateVm } from './vm.ts';

/** Once for a thread, outside, before its first callback. */
export function isolate(): void {
  refuseFrozen();
  const internal = isolateFiles();
  isolateFileJobs(internal);
  isolateDirectories();
  refuseFiles(internal);
  isolateProcess();
  isolateNames();
  isolateLookups();
  isolateSockets();
  isolateHttp();
  isolateFetch();
  isolateCluster();
  isolateDebugger();
  isolateUnhooked();
  isolateVm();
  syncBuiltinESMExports();
}

/** --frozen-intrinsics: `console` is one of those. */
function refuseFrozen(): void {
  // The functions of Node's modules are of the main context, whichever this is.
  if (!Object.isFrozen(Object.getPrototypeOf(syncBuiltinESMExports))) return;
  throw refusal(
    threadKinds.map(kind => kind.name),
    'callbacks replace functions of Node, which --frozen-intrinsics forbids',
    { advice: 'run without it, or use spawn() or evaluate()' },
  );
}

/** While hooks are on. */
export function guard(): void {
  guardSignal();
  guardFiles();
}

export function unguard(): void {
  unguardSignal();
  unguardFiles();
}
