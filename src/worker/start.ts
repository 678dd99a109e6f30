/**
 * Starts the process of a worker: our own node, executed outside with native/launcher/preload.c in
 * it, which joins before node's main() runs. A child of ours as any other, so this builds on `child`.
 */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { binding } from '../base/binding.ts';
import { failure } from '../base/errors.ts';
import { builtin } from '../base/lazy-builtins.ts';
import { maskOf, type Types } from '../base/namespace-types.ts';
import { requirePermission } from '../base/permission.ts';
import type { NodeOptions } from '../child/launch.ts';
import { launchFlags } from '../child/launch-flags.ts';
import { type ChildPlace, type Credentials, part } from '../child/options.ts';
import { OpenPlan } from '../child/plan.ts';
import { startAs } from '../child/start.ts';
import { startAdvice } from '../create/advice.ts';
import { Channel } from './channel.ts';
import { stayedOutside } from './errors.ts';
import { checkSandbox, isSandbox, type WorkerOptions, type WorkerTarget } from './options.ts';
import { nodeFlags, requireUsableNode } from './own-node.ts';
import { notJoined, runInside } from './program.ts';
import { makeProtocol } from './protocol.ts';
import { makePack } from './thrown.ts';

const childProcess = builtin('node:child_process');

/** Node's options, and the whole program: nothing is read once it is inside. */
const program = `(${runInside})(${makeProtocol}, ${makePack}, ${notJoined})`;

export interface Started {
  /** Without streams of Node's own. */
  readonly child: ChildProcess;
  readonly channel: Channel;
  /** Fulfilled with its pid when it is in the types that were asked for, by the kernel's word. */
  readonly entered: Promise<number>;
  /** Whose it has. */
  readonly credentials: Credentials;
}

/** Throws what can be known before there is a process; later failures are 'error' events. */
export function startWorker(target: WorkerTarget, types: Types, options: WorkerOptions): Started {
  requirePermission();
  requireUsableNode();
  const { own } = part({
    ...optionsOf(target, types, options),
    setsid: true,
    killOnParentExit: true,
  });
  const node = must(binding.nodeProgram(), 'open_tree');
  const preload = must(binding.preloadedObject(), 'memfd_create');
  const env = environment(preload);
  const open = new OpenPlan(own, env);
  let channel: Channel | undefined;
  try {
    channel = new Channel();
    const { theirs } = channel;
    const { plan } = open;
    const mask = maskOf([...plan.joined, ...plan.created]);
    let enter: (pid: number) => void;
    let refuse: (error: Error) => void;
    const entered = new Promise<number>((resolve, reject) => {
      enter = resolve;
      refuse = reject;
    });
    const preloaded = {
      ...plan,
      complete(nodes: NodeOptions) {
        const { flags, ids } = plan.complete(nodes);
        return { flags: flags | launchFlags.noDebugger, ids };
      },
      foreignEnv: true,
      program: node,
      preload,
      entered(pid: number, seen: number) {
        if (seen === mask) enter(pid);
        else refuse(stayedOutside());
      },
    };
    // What is executed first has the channel's number as its argv[0], in front of what we give.
    const [argv0 = '', ...args] = [...nodeFlags(options.resourceLimits ?? {}), '-e', program];
    const stdio: StdioOptions = [...theirs];
    const child = startAs(preloaded, { argv0, env, stdio }, options =>
      childProcess().spawn('node', args, options),
    );
    return { child, channel, entered, credentials: open.credentials };
  } catch (error) {
    channel?.destroy();
    throw error;
  } finally {
    channel?.closeTheirs();
    open.release();
  }
}

/** The options of a child. */
function optionsOf(target: WorkerTarget, types: Types, options: WorkerOptions): ChildPlace {
  const { credentials, cgroup } = options;
  if (isSandbox(target)) {
    checkSandbox(target, types, options);
    return target;
  }
  return { target, namespaces: types, cgroup, credentials };
}

/**
 * Of ours, what the loader needs to find node's libraries outside; it is gone before node starts. Of
 * the target nothing: NODE_OPTIONS or OPENSSL_CONF would run code of its choice.
 */
function environment(preload: number): Record<string, string> {
  const { LD_LIBRARY_PATH } = process.env;
  return {
    LD_PRELOAD: `/proc/self/fd/${preload}`,
    ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }),
    OPENSSL_CONF: '',
  };
}

function must(fd: number, syscall: string): number {
  if (fd < 0)
    throw failure(fd, syscall, {
      advice: startAdvice(fd, syscall) ?? 'a worker runs a sealed copy of this node',
    });
  return fd;
}
