/**
 * Names. `dns.lookup`, and so every connection by name, asks the C library on a thread of libuv's
 * pool, which is outside; inside, it asks on a thread that is inside. `dns.resolve*` is refused inside:
 * c-ares retries, and opens TCP, from code that no hook sees, so a second query would go out from outside.
 */

import { domainToASCII } from 'node:url';
import { binding } from '../../base/binding.ts';
import { refusal } from '../../base/errors.ts';
import { builtin } from '../../base/lazy-builtins.ts';
import { Limiter } from '../../base/limiter.ts';
import { currentContext } from '../context.ts';
import { lookupError } from './names-errors.ts';
import { patch } from './patch.ts';

const dns = builtin('node:dns');
const net = builtin('node:net');

type Callback = (error: Error | null, ...results: unknown[]) => void;
type Loose = (...args: unknown[]) => unknown;
interface LookupOptions {
  family?: number | string | undefined;
  hints?: number | undefined;
  all?: boolean | undefined;
  order?: string | undefined;
  verbatim?: boolean | undefined;
}
interface Row {
  address: string;
  family: number;
}

export function isolateNames(): void {
  // Made outside: the default resolver would keep the context alive that first used it.
  dns().getServers();
  refuseResolvers();
  patch(dns() as unknown as Record<'lookup', Loose>, 'lookup', original => (...args) => {
    const [hostname, options] = args;
    if (isLocal(hostname)) return original(...args);
    const callback = typeof options === 'function' ? options : args[2];
    if (typeof callback !== 'function') return original(...args);
    const given = typeof options === 'function' ? {} : options;
    if (!isValid(given)) original('127.0.0.1', given, () => {});
    const wanted = normalise(given);
    lookupHere(hostname, wanted).then(
      rows => later(callback as Callback, null, ...result(rows, wanted)),
      error => later(callback as Callback, error),
    );
    return {};
  });
  patch(dns().promises as unknown as Record<'lookup', Loose>, 'lookup', original => (...args) => {
    const [hostname, options] = args;
    if (isLocal(hostname)) return original(...args);
    const wanted = normalise(options);
    const checked = isValid(options) ? undefined : original('127.0.0.1', options);
    return (async () => {
      await checked;
      const rows = await lookupHere(hostname, wanted);
      return wanted.all ? rows : rows[0];
    })();
  });
  patch(
    dns() as unknown as Record<'lookupService', Loose>,
    'lookupService',
    original =>
      (...args) => {
        const [address, port, callback] = args;
        if (!isAskedInside(address, port) || typeof callback !== 'function')
          return original(...args);
        serviceHere(address as string, port as number).then(
          found => later(callback as Callback, null, found.hostname, found.service),
          error => later(callback as Callback, error),
        );
        return {};
      },
  );
  patch(
    dns().promises as unknown as Record<'lookupService', Loose>,
    'lookupService',
    original => (address, port) =>
      isAskedInside(address, port)
        ? serviceHere(address as string, port as number)
        : original(address, port),
  );
}

/** Nothing to be asked: we are outside, or there is no name (Node answers, or says what is wrong). */
function isLocal(hostname: unknown): boolean {
  if (currentContext() === undefined) return true;
  return typeof hostname !== 'string' || hostname === '' || net().isIP(hostname) !== 0;
}

function isAskedInside(address: unknown, port: unknown): boolean {
  if (currentContext() === undefined) return false;
  return net().isIP(String(address)) !== 0 && Number(port) >= 0 && Number(port) <= 65535;
}

const families: readonly unknown[] = [undefined, 0, 4, 6];
const orders: readonly unknown[] = [undefined, 'verbatim', 'ipv4first', 'ipv6first'];
const flags: readonly unknown[] = [undefined, true, false];

/**
 * What is beyond doubt. Of all else Node says with its own errors what is wrong, by looking up what needs
 * no looking up: a question that those would see who have put something in the place of its function.
 */
function isValid(given: unknown): boolean {
  if (given === undefined || typeof given === 'number') return families.includes(given);
  if (typeof given !== 'object' || given === null) return false;
  const { family, hints, all, order, verbatim } = given as LookupOptions;
  const { ADDRCONFIG, ALL, V4MAPPED } = dns();
  const known =
    hints === undefined ||
    (Number.isInteger(hints) && (hints & ~(ADDRCONFIG | ALL | V4MAPPED)) === 0);
  return (
    known &&
    families.includes(family) &&
    orders.includes(order) &&
    [all, verbatim].every(flag => flags.includes(flag))
  );
}

/** Out of the promise: what the caller's function throws is an uncaught exception, not a rejection. */
function later(callback: Callback, ...args: Parameters<Callback>): void {
  process.nextTick(callback, ...args);
}

function normalise(options: unknown): LookupOptions {
  if (typeof options === 'number' || typeof options === 'string') return { family: options };
  return (options ?? {}) as LookupOptions;
}

/** EAI_NONAME, netdb.h. */
const noName = -2;

async function lookupHere(hostname: unknown, wanted: LookupOptions): Promise<Row[]> {
  const name = hostname as string;
  if (name.includes('\0')) throw lookupError('getaddrinfo', { error: noName, system: 0 }, name);
  const family = { IPv4: 4, IPv6: 6 }[String(wanted.family)] ?? Number(wanted.family ?? 0);
  const hints = wanted.hints ?? 0;
  const answer = await inTurn(() =>
    binding.getaddrinfo(domainToASCII(name) || name, family, hints),
  );
  if (answer.error !== 0) throw lookupError('getaddrinfo', answer, name);
  if (answer.addresses.length === 0)
    throw lookupError('getaddrinfo', { error: noName, system: 0 }, name);
  return sorted(answer.addresses, wanted);
}

function sorted(rows: Row[], { order, verbatim }: LookupOptions): Row[] {
  const chosen =
    order ??
    (verbatim === undefined ? dns().getDefaultResultOrder() : verbatim ? 'verbatim' : 'ipv4first');
  if (chosen === 'verbatim') return rows;
  const first = chosen === 'ipv6first' ? 6 : 4;
  return [...rows.filter(row => row.family === first), ...rows.filter(row => row.family !== first)];
}

function result(rows: Row[], wanted: LookupOptions): unknown[] {
  const [first] = rows;
  return wanted.all ? [rows] : [first?.address, first?.family];
}

async function serviceHere(
  address: string,
  port: number,
): Promise<{ hostname: string; service: string }> {
  const answer = await inTurn(() => binding.getnameinfo(address, Number(port)));
  if (answer.error !== 0) throw lookupError('getnameinfo', answer, address);
  return { hostname: answer.hostname, service: answer.service };
}

/** Each question has a thread of its own; of each context, no more than this many at once. */
const most = 16;

const key = {};

/** Waiting is in the context too, and so is what comes after it: the thread will start inside. */
function inTurn<T>(ask: () => Promise<T>): Promise<T> {
  const threads = currentContext()?.own(key, () => new Limiter(most));
  return threads === undefined ? ask() : threads.run(ask);
}

/**
 * Every query of every resolver goes through the methods of one internal class, ChannelWrap: refused
 * there, it is refused to those as well who took `dns.resolve4` out of the module long ago.
 */
function refuseResolvers(): void {
  const { _handle } = new (dns().Resolver)() as unknown as { _handle?: object };
  const channels = Object.getPrototypeOf(_handle ?? null) as Record<string, Loose> | null;
  const queries = Object.getOwnPropertyNames(channels ?? {}).filter(name =>
    /^query|^getHostByAddr$/.test(name),
  );
  if (channels === null || queries.length < 10) {
    throw new Error(
      `linux-namespaces does not know this version of Node (${process.version}): its DNS resolver has changed`,
    );
  }
  for (const name of queries) {
    patch(
      channels,
      name,
      original =>
        function (this: unknown, ...args: unknown[]) {
          if (currentContext() !== undefined) {
            throw refusal(['net'], 'dns.resolve*, dns.reverse and Resolver would ask outside', {
              advice: 'in a callback use dns.lookup(), or do it all in evaluate()',
            });
          }
          return original.apply(this, args);
        },
    );
  }
}
