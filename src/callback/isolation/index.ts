/**
 * What has to be kept apart, besides the thread's own place, so that nothing of a callback happens
 * outside and nothing from outside happens in a callback. One file for each of Node's shared things.
 */
import { syncBuiltinESMExports } from 'node:module';
import { isolateCluster } from './cluster.ts';
import { guardSignal, isolateDebugger, unguardSignal } from './debugger.ts';
import { isolateFetch } from './fetch.ts';
import { isolateHttp } from './http.ts';
import { isolateNames } from './names.ts';
import { isolateProcess } from './process.ts';

/** Once for a thread, at home, before its first callback. */
export function isolate(): void {
  isolateProcess();
  isolateNames();
  isolateHttp();
  isolateFetch();
  isolateCluster();
  isolateDebugger();
  syncBuiltinESMExports();
}

/** While hooks are on. */
export function guard(): void {
  guardSignal();
}

export function unguard(): void {
  unguardSignal();
}
