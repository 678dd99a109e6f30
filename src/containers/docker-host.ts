/**
 * Which engine Docker's client would ask: DOCKER_HOST, DOCKER_CONTEXT, or `currentContext` of its
 * config.json. Where that is a socket on this machine that belongs to no engine whose files are known,
 * its containers are asked for there.
 */
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { builtin } from '../base/lazy-builtins.ts';
import { isRoot } from '../base/own-rights.ts';
import { at, text } from './fields.ts';
import { ownerOf } from './given-directories.ts';
import { isHere } from './located.ts';
import type { DockerLocation } from './location-types.ts';
import { Reader } from './reader.ts';

const crypto = builtin('node:crypto');

/** None where it is on another machine (tcp, ssh), or one of those that are known, which may be Podman's. */
export async function dockerOf(
  host: string | undefined,
  reader: Reader,
  known: readonly string[],
): Promise<DockerLocation[]> {
  const [, socket] = /^unix:\/\/(\/.*)$/s.exec(host ?? '') ?? [];
  const path = socket?.replace(/^\/var\/run\//, '/run/');
  if (path === undefined || known.includes(path)) return [];
  const owner = await ownerOf(path);
  if (typeof owner !== 'number') {
    const advice = 'DOCKER_HOST, or the context of Docker, names this socket';
    const { errno = errnos.ENOENT } = owner;
    reader.problems.push(failure(errno, 'lstat', { target: path, advice }));
    return [];
  }
  // A user who can change a directory of this path could put another socket in the place of root's.
  const theirs =
    owner === process.geteuid?.() && owner > 0 ? reader : reader.of(dirname(path), owner);
  const readers = { ofData: theirs, ofExec: theirs, ofSocket: theirs };
  const nowhere = { dataRoot: undefined, execRoot: undefined, runtimes: undefined };
  return [{ ...nowhere, socket: path, owner, ...readers }];
}

/** A uid may have no name, and its environment no HOME. */
function home(): string {
  try {
    return homedir();
  } catch {
    return '/nonexistent';
  }
}

/** What the client would take, in its own order, from the environment of who asks. */
export async function hostOfClient(): Promise<string | undefined> {
  const { DOCKER_HOST, DOCKER_CONTEXT } = process.env;
  if (text(DOCKER_HOST) !== undefined) return DOCKER_HOST;
  // What is said of these files is of no interest: without them there is no context.
  const config = text(process.env['DOCKER_CONFIG']) ?? `${home()}/.docker`;
  if (isRoot() && !isHere(config)) return undefined; // mostly, and not worth a thread
  const reader = new Reader().of(config, process.geteuid?.() ?? 0);
  const name =
    text(DOCKER_CONTEXT) ?? text(at(await reader.json(`${config}/config.json`), 'currentContext'));
  if (name === undefined || name === 'default') return undefined;
  const folder = crypto().createHash('sha256').update(name).digest('hex');
  const meta = await reader.json(`${config}/contexts/meta/${folder}/meta.json`);
  return text(at(meta, 'Endpoints', 'docker', 'Host'));
}
