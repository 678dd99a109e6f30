/**
 * From options to what the launcher is told: opens what a child needs of its target, holds it until
 * the child has been started, and lets go of it.
 */
import { binding } from '../base/binding.ts';
import { isTop } from '../base/check.ts';
import { invalidValue } from '../base/errors.ts';
import { kindOf, maskOf, type NamespaceType } from '../base/namespace-types.ts';
import { own as ownOf } from '../base/own-properties.ts';
import { encode, type How } from '../create/launcher-request.ts';
import type { Fds } from '../target/fds.ts';
import { Namespaces } from '../target/namespaces.ts';
import { isChild, pidIn, refuseSuccessor } from '../target/process-identity.ts';
import { processOf, type Target } from '../target/target.ts';
import { checkCapabilities, setsOf } from './capabilities.ts';
import { bareEnvironment } from './environ.ts';
import { configured, type Parted, pairsOf, put } from './environment.ts';
import { withIds } from './ids.ts';
import { openAbove, openJoins } from './joins.ts';
import type { Plan } from './launch.ts';
import { launchFlags as flag } from './launch-flags.ts';
import {
  type ChildPlace,
  type Environment,
  type Own,
  ordered,
  type Credentials as Whose,
} from './options.ts';
import { inodeOf, isOwn, isOwnMounts, isOwnRoot, ownUserNamespace } from './ours.ts';
import { SourceProcess } from './source-process.ts';
import { neededBy, toolEnvironment, withMore } from './tools.ts';

/** LD_PRELOAD, BASH_ENV, BASH_FUNC_x%%, PERL5OPT, PATH, ...: no list of them would be complete. */
const strange =
  "other than 'target', unless mnt or root is the target's and not ours: with its variables, programs of ours would run its code";

/** What the command can ask for, and the library's functions cannot. */
export interface More extends Pick<How, 'files' | 'binfmt'> {
  /** Whose root, environment and cgroup, where that is not whose namespaces are joined. */
  readonly process?: Target | undefined;
  /** By which `killOnParentExit` does it. Default: SIGKILL. */
  readonly parentSignal?: number | undefined;
}

/** A plan with what it holds open. */
export class OpenPlan {
  readonly plan: Plan;
  readonly environment: Environment;
  /** Whose they are in the end. */
  readonly credentials: Whose;
  readonly #fds: Fds | undefined;
  readonly #files: number[] = [];
  /** User namespaces through which the way leads to that which is joined. */
  readonly #above: readonly number[] = [];

  constructor(own: Own, env: ChildPlace['env'], more: More = {}) {
    const { process: whole = own.target } = ownOf(more);
    let source: SourceProcess | undefined;
    try {
      const pid = processOf(whole);
      // Before its namespaces: what is read through it afterwards proves that it is the same process.
      if (pid !== undefined && needsSource(own, env)) {
        source = new SourceProcess(pid, isChild(whole));
      }
      this.#fds = openJoins(own); // which looks whether it still is that process
      const isChecked = whole === own.target && this.#fds !== undefined;
      if (source !== undefined && !isChecked) refuseSuccessor(source.pid, whole);
      const joined = ordered(this.#fds?.types ?? []);
      this.#above = this.#fds === undefined ? [] : openAbove(this.#fds, fd => this.#hold(fd));
      const ofTarget =
        own.root === 'target' ||
        own.tools !== undefined ||
        (own.root === undefined && joined.includes('mnt') && source);
      const option = own.tools === undefined ? 'root' : 'tools';
      const rootFd = ofTarget ? this.#hold(required(whole, source, option).open('root')) : -1;
      // What is false, Node takes for none.
      const given = env || (own.tools ? toolEnvironment : this.#usualEnvironment(source, rootFd));
      const { forNode, pairs } = this.#environment(own, given, rootFd, source);
      this.environment = forNode;
      // A file of the target's image is executed: it gets the target's rights.
      const isTheirs = joined.includes('mnt') && source !== undefined && !own.userParent;
      const asTarget = isTheirs || own.tools !== undefined;
      this.credentials = own.credentials ?? (asTarget ? 'target' : 'inherit');
      const foreignEnv = given !== env && given !== process.env;
      this.plan = this.#plan(own, joined, rootFd, source, { foreignEnv, pairs }, ownOf(more));
    } catch (error) {
      this.release();
      throw error;
    } finally {
      source?.close();
    }
  }

  release(): void {
    this.#fds?.release();
    for (const fd of this.#files.splice(0)) binding.close(fd);
  }

  #hold(fd: number): number {
    this.#files.push(fd);
    return fd;
  }

  #usualEnvironment(source: SourceProcess | undefined, rootFd: number): ChildPlace['env'] {
    if (this.#fds?.get('mnt') === undefined) return process.env;
    if (source === undefined) return bareEnvironment;
    return this.#isElsewhere(rootFd) ? 'target' : process.env;
  }

  /** It can be named, and be the same: --net=host. */
  #isOurs(type: NamespaceType): boolean {
    return isOwn(type, this.#fds?.get(type) ?? -1);
  }

  /** Are the programs that the child finds others than ours? */
  #isElsewhere(rootFd: number): boolean {
    const mounts = this.#fds?.get('mnt');
    return (mounts !== undefined && !isOwnMounts(mounts)) || (rootFd >= 0 && !isOwnRoot(rootFd));
  }

  #environment(
    own: Own,
    given: ChildPlace['env'],
    rootFd: number,
    source: SourceProcess | undefined,
  ): Parted {
    const parts: readonly unknown[] = Array.isArray(given) ? given : [given];
    const { terminal } = own;
    const all = parts.map(part => {
      if (part === 'target') {
        const process = required(own.target, source, 'env');
        if (own.tools || !this.#isElsewhere(rootFd))
          throw invalidValue('options.env', strange, given);
        return process.environment() ?? pairsOf(configured(own.target) ?? bareEnvironment);
      }
      if (typeof part === 'object' && part !== null) return part as Environment;
      // Node takes anything, and finds the variables in it that there are.
      if (part === given && (typeof part !== 'string' || own.target === undefined)) {
        return part as Environment;
      }
      throw invalidValue('options.env', "an object, 'target', or a list of these", given);
    });
    const [first] = all;
    if (all.length === 1 && terminal === undefined && !Array.isArray(first)) {
      return { forNode: first as Environment, pairs: undefined };
    }
    const whole = put(all);
    if (terminal === undefined) return whole;
    const TERM = terminal.name ?? whole.forNode['TERM'] ?? 'xterm';
    return whole.forNode['TERM'] === TERM ? whole : put([...all, { TERM }]);
  }

  #plan(
    own: Own,
    joined: readonly NamespaceType[],
    rootFd: number,
    source: SourceProcess | undefined,
    environment: Pick<Plan, 'foreignEnv' | 'pairs'>,
    { process: target = own.target, parentSignal = 9, files, binfmt }: More,
  ): Plan {
    const { unshare = [], root, tools } = own;
    const foreign = joined.includes('mnt') || root !== undefined || tools !== undefined;
    const user = this.#fds?.get('user');
    const inside = user !== undefined;
    const credentials =
      this.credentials === 'inherit'
        ? undefined
        : required(target, source, 'credentials').credentials(
            inside ? inodeOf(user) : undefined,
            ownUserNamespace(),
          );
    const given = own.capabilities && setsOf(checkCapabilities(own.capabilities));
    const usual =
      credentials &&
      withMore(
        credentials.capabilities,
        tools ? neededBy(joined.filter(type => !this.#isOurs(type))) : 0n,
      );
    const capabilities = given ?? usual;
    const groups = own.groups ?? credentials?.groups;
    let flags = 0;
    const set = (name: keyof typeof flag, wanted: unknown) => {
      if (wanted) flags |= flag[name];
    };
    set('setsid', own.terminal ?? own.setsid ?? foreign);
    set('hasTerminal', own.terminal);
    set('foreign', foreign);
    set('forkJoined', joined.includes('pid'));
    set('forkCreated', unshare.includes('pid') || unshare.includes('time'));
    set('groups', groups);
    set('groupsTry', inside && !groups && !credentials);
    set('rootInside', inside && !credentials);
    set('capabilities', capabilities);
    set('capabilitiesAtMost', credentials && !given);
    set('noNewPrivs', own.noNewPrivs ?? credentials?.noNewPrivs);
    set('umask', credentials);
    set('newKeyring', credentials);
    set('dieWithParent', own.killOnParentExit);
    const sets = capabilities ?? setsOf(0n);
    const cgroups = own.cgroup ? required(target, source, 'cgroup').openCgroups() : [];
    return {
      target: nameOf(target),
      joined,
      created: ordered(unshare),
      files,
      flags,
      unshare: maskOf(unshare),
      joins: new Int32Array([...this.#above, ...joined.map(type => this.#fds?.get(type) ?? -1)]),
      types: new Int32Array(
        [...this.#above.map(() => 'user' as const), ...joined].map(type => kindOf[type].flag),
      ),
      rootFd,
      rootPath: root === 'target' || (unshare.includes('mnt') && isTop(root)) ? undefined : root,
      create: encode(unshare, own, { inside, tools, files, binfmt }),
      parentSignal,
      cgroups: new Int32Array(cgroups.map(({ fd }) => this.#hold(fd))),
      cgroupFiles: cgroups.map(({ path }) => path),
      groups: new Uint32Array(groups ?? []),
      umask: credentials?.umask ?? 0,
      limits: credentials?.limits ?? new BigUint64Array(),
      oomScore: credentials?.oomScore,
      label: credentials?.label?.text,
      labelFile: credentials?.label?.file,
      capabilities: BigUint64Array.of(
        sets.inheritable,
        sets.permitted,
        sets.effective,
        sets.bounding,
        sets.ambient,
      ),
      ...environment,
      terminal: own.terminal,
      program: -1,
      preload: -1,
      entered: undefined,
      complete: options => withIds(ownOf(options), flags, credentials, own.groups),
    };
  }
}

function nameOf(target: Target | undefined): number | string | undefined {
  return (
    pidIn(target) ?? (target instanceof Namespaces ? undefined : target && JSON.stringify(target))
  );
}

/** Is anything wanted of the target but its namespaces? */
function needsSource(
  { namespaces, root, tools, cgroup, credentials }: Own,
  env: ChildPlace['env'],
): boolean {
  return (
    namespaces === 'all' ||
    namespaces.includes('mnt') ||
    root === 'target' ||
    tools !== undefined ||
    cgroup !== undefined ||
    credentials === 'target' ||
    env === 'target' ||
    (Array.isArray(env) && env.includes('target'))
  );
}

function required(
  target: Target | undefined,
  source: SourceProcess | undefined,
  option: string,
): SourceProcess {
  if (source !== undefined) return source;
  throw invalidValue(`options.${option}`, "'target' only with a target that is a process", target);
}
