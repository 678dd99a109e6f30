/**
 * HTTP and HTTPS pools: behind each global agent stands one agent for each context, so that no idle
 * connection is used on the other side. Agents that a user makes are the user's own.
 */
import type { Agent, AgentOptions } from 'node:http';
import { builtin } from '../../base/lazy-builtins.ts';
import { belongsHere, bindHere, currentContext, runWhere } from '../context.ts';
import { patch } from './patch.ts';

const http = builtin('node:http');
const https = builtin('node:https');

type Method = (this: Agent, ...args: unknown[]) => void;
type Limits = Pick<Agent, 'maxSockets' | 'maxFreeSockets' | 'maxTotalSockets'> & {
  keepAlive: boolean;
  keepAliveMsecs: number;
  scheduling: string;
  totalSocketCount: number;
};

export function isolateHttp(): void {
  // Loaded here, outside: from Node 22 on, TLS starts a thread that reads certificates.
  https();
  const agents = http().Agent.prototype as unknown as Record<'addRequest' | 'destroy', Method>;
  for (const name of ['addRequest', 'destroy'] as const) {
    patch(
      agents,
      name,
      original =>
        function (this: Agent, ...args: unknown[]) {
          if (name === 'addRequest') belongsHere(args[0] as object);
          original.apply(agentHere(this), args);
        },
    );
  }
  patchConnections(agents as unknown as Record<'createSocket', Method>);
}

/**
 * An agent that has been shared connects for one request when another's connection ends, and what connects
 * may call back from anywhere: the connection is made, and used, where its request was made.
 */
function patchConnections(agents: Record<'createSocket', Method>): void {
  patch(
    agents,
    'createSocket',
    original =>
      function (this: Agent, request: unknown, options: unknown, done: unknown) {
        runWhere(request as object, () =>
          original.call(this, request, options, bindHere(done as () => void)),
        );
      },
  );
  type Make = (...args: unknown[]) => unknown;
  for (const client of [http(), https()] as unknown as Record<'get' | 'request', Make>[]) {
    for (const name of ['get', 'request'] as const) {
      patch(
        client,
        name,
        original =>
          (...args) =>
            original(...args.map(withWayBack)),
      );
    }
  }
}

/** Options with which a request has no agent: what its `createConnection` calls comes back. */
function withWayBack(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const { createConnection } = options as { createConnection?: unknown };
  if (typeof createConnection !== 'function') return options;
  const value = (own: unknown, done: unknown) =>
    createConnection.call(
      options,
      own,
      typeof done === 'function' ? bindHere(done as () => void) : done,
    );
  return Object.defineProperty({ ...options }, 'createConnection', { value, enumerable: true });
}

function agentHere(agent: Agent): Agent {
  const context = currentContext();
  if (context === undefined) return agent;
  if (agent !== http().globalAgent && agent !== https().globalAgent) return agent;
  // Of a class of the user's own, put in the place of Node's: it is the user's.
  const kind = Object.getPrototypeOf(agent);
  if (kind !== http().Agent.prototype && kind !== https().Agent.prototype) return agent;
  if (Object.hasOwn(agent, 'createConnection')) return agent;
  const here = context.own(agent, () => twinOf(agent));
  // The limits may be set on the global agent at any time.
  const { maxSockets, maxFreeSockets, maxTotalSockets } = agent;
  Object.assign(here, { maxSockets, maxFreeSockets, maxTotalSockets });
  return here;
}

function twinOf(agent: Agent): Agent {
  const { keepAlive, keepAliveMsecs, scheduling } = agent as unknown as Limits;
  const Twin = agent instanceof https().Agent ? https().Agent : http().Agent;
  const { path: _, ...options } = (
    agent as unknown as { options: AgentOptions & { path: unknown } }
  ).options;
  return new Twin({ ...options, keepAlive, keepAliveMsecs, scheduling } as AgentOptions);
}
