/**
 * Handles that make further ones in native code, outside every scope (a server its connections, a
 * channel to a child the handles that come over it, an HTTP/2 session its streams): what they make
 * belongs where they belong.
 */

/** By their async ids. */
export const makers: Map<number, WeakRef<object>> = new Map();
const lost = new FinalizationRegistry<number>(id => makers.delete(id));
const types = new Set([
  'TCPSERVERWRAP',
  'PIPESERVERWRAP',
  'PIPEWRAP',
  'HTTP2SESSION',
  'MESSAGEPORT',
]);

export function isMaker(type: string): boolean {
  return types.has(type);
}

export function makes(id: number, handle: object): void {
  if (makers.has(id)) return;
  makers.set(id, new WeakRef(handle));
  lost.register(handle, id);
}

export function makerOf(id: number): object | undefined {
  return makers.get(id)?.deref();
}

type Arrival = readonly [id: number, type: string, handle: object];

/** Ports and sockets in a message: Node makes them, and names nobody, before it enters the port that has heard it. */
export class Arrivals {
  any = false;
  #list: Arrival[] = [];

  add(...arrival: Arrival): void {
    const [, type] = arrival;
    if (type !== 'MESSAGEPORT' && type !== 'TCPWRAP') return;
    this.any = true;
    this.#list.push(arrival);
  }

  take(settle: (...arrival: Arrival) => void): void {
    const list = this.#list;
    this.#list = [];
    this.any = false;
    for (const arrival of list) settle(...arrival);
  }
}
