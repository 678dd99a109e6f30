/**
 * The environment of what `exec` runs: nothing of ours, but what is named. That of the engine's
 * configuration, which is what the image and `run -e` say; where there is none, that of the process.
 */
import { hostname } from 'node:os';
import { binding } from '../base/binding.ts';
import { bareEnvironment } from '../child/environ.ts';
import type { Environment, SpawnOptions } from '../child/options.ts';
import { isOwnMounts, isOwnRoot } from '../child/ours.ts';
import { SourceProcess } from '../child/source-process.ts';
import type { Container } from '../containers/container.ts';
import { openTarget } from '../target/target.ts';
import { UsageError } from './arguments.ts';
import type { ContainerUser } from './container-user.ts';
import { readText } from './read-text.ts';

interface For {
  readonly given: {
    readonly env?: readonly string[];
    readonly 'env-file'?: readonly string[];
  };
  readonly pid: number;
  readonly container: Container | undefined;
  readonly user: ContainerUser | undefined;
  /** Whom the engine's configuration names. */
  readonly configured: ContainerUser | undefined;
}

export function environmentFor({
  given,
  pid,
  container,
  user,
  configured: whose,
}: For): SpawnOptions['env'] {
  const named = variablesOf([...(given['env-file'] ?? []).flatMap(linesOf), ...(given.env ?? [])]);
  const configured = container?.env;
  if (configured === undefined) {
    // HOME is that of whom the process runs as.
    const own = isHere(pid) ? bareEnvironment : 'target';
    return [own, ...(user === undefined ? [] : [{ HOME: user.home }]), named];
  }
  const usual: Record<string, string> = { ...bareEnvironment };
  const own = container?.namespaces?.uts?.host ? hostname() : container?.hostname;
  if (own !== undefined) usual['HOSTNAME'] = own;
  if (user !== undefined) usual['HOME'] = user.home;
  // Podman writes that of whom it started into the configuration, where nothing else was asked for.
  const isPodmans = container?.engine === 'podman' && configured['HOME'] === whose?.home;
  return [usual, configured, isPodmans ? { HOME: usual['HOME'] } : {}, named];
}

/** Its programs are ours: with its variables, they would run its code. */
function isHere(pid: number): boolean {
  const mounts = openTarget(pid, ['mnt']);
  const isSame = isOwnMounts(mounts.get('mnt') ?? -1);
  mounts.release();
  if (!isSame) return false;
  const process = new SourceProcess(pid, false);
  try {
    const root = process.open('root');
    const isOwn = isOwnRoot(root);
    binding.close(root);
    return isOwn;
  } finally {
    process.close();
  }
}

/**
 * As docker's: empty lines, those that begin with #, and a name alone that we have no value for say nothing;
 * `export A=1` is of a shell.
 */
function linesOf(path: string): string[] {
  const lines = readText(path)
    .replace(/^\ufeff/, '')
    .split('\n')
    .map(line => line.trimStart().replace(/\r$/, ''))
    .filter(line => line !== '' && !line.startsWith('#'));
  const wrong = lines.find(line => /^[^=]*[ \t]/.test(line));
  if (wrong !== undefined) throw new UsageError(`${path}: a name has no spaces: ${wrong}`);
  return lines.filter(line => line.includes('=') || ownValue(line) !== undefined);
}

/** Later ones win. A name alone takes our value, or none. */
function variablesOf(lines: readonly string[]): Environment {
  const variables: Record<string, string | undefined> = Object.create(null);
  for (const line of lines) {
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    if (name === '' || line.includes('\0')) throw new UsageError(`no variable: ${line}`);
    const value = equals < 0 ? ownValue(name) : line.slice(equals + 1);
    // What Node writes in the place of bytes that it cannot read.
    if (value?.includes('\ufffd')) throw new UsageError(`${name}: its value is no UTF-8`);
    variables[name] = value;
  }
  return variables;
}

/** Of what this command was given; nothing that JavaScript calls so. */
function ownValue(name: string): string | undefined {
  return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
}
