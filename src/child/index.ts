/**
 * The door of this room: its functions, loaded by the first call of one of them. With
 * node:child_process they take as long to load as all the rest of the library.
 */
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import type { Exec, ExecFile, Fork, Spawn } from './signatures.ts';

type Room = typeof import('./spawn.ts');
type Loose = (...args: unknown[]) => never;

const load = createRequire(import.meta.url);
const room = (): Room => load('./spawn.js') as Room;

function door(name: keyof Room): Loose {
  const call: Loose = (...args) => (room()[name] as Loose)(...args);
  return Object.defineProperty(call, 'name', { value: name });
}

export const spawn: Spawn = door('spawn') as Spawn;
export const exec: Exec = door('exec') as unknown as Exec;
export const execFile: ExecFile = door('execFile') as unknown as ExecFile;
export const fork: Fork = door('fork') as Fork;
/** @internal */
export const within: Room['within'] = door('within') as Room['within'];

for (const [name, call] of Object.entries({ exec, execFile })) {
  Object.defineProperty(call, promisify.custom, {
    get: () => (room()[name as 'exec'] as unknown as Record<symbol, unknown>)[promisify.custom],
  });
}
