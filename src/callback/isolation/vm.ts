/** The calls of node:vm, which may stop the code that they run: `timeout`, `breakOnSigint`. */
import { runStoppable } from '../stops.ts';
import { patch } from './patch.ts';

type Run = (this: unknown, ...args: unknown[]) => unknown;

export function isolateVm(): void {
  const vm = process.getBuiltinModule('node:vm');
  // By which all functions of the module, and the REPL, run a script.
  patchRun(Object.getPrototypeOf(vm.Script.prototype), 'runInContext');
  // With --experimental-vm-modules.
  const { Module: module } = vm as unknown as { Module?: { prototype: Record<'evaluate', Run> } };
  if (module !== undefined) patchRun(module.prototype, 'evaluate');
}

function patchRun<K extends string>(owner: Record<K, Run>, name: K): void {
  patch(
    owner,
    name,
    original =>
      function (...args) {
        return runStoppable(() => original.apply(this, args));
      },
  );
}
