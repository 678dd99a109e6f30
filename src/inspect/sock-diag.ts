/** The form of sock_diag(7): what is asked of the kernel, and what it answers. */
import { addressOf, type Family } from './address.ts';
import {
  attributes,
  byteOf,
  bytesOf,
  littleEndian,
  numberOf,
  protocols,
  type Request,
} from './netlink.ts';
import type { InternetSocket, SocketState, UnixSocket } from './socket-types.ts';

export type Bare<S> = Omit<S, 'processes'>;

/** By the kernel's numbers, net/tcp_states.h; what it calls NEW_SYN_RECV is SYN-RECV to ss. */
const stateNames: readonly SocketState[] = [
  'UNCONN',
  'ESTAB',
  'SYN-SENT',
  'SYN-RECV',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'UNCONN',
  'CLOSE-WAIT',
  'LAST-ACK',
  'LISTEN',
  'CLOSING',
  'SYN-RECV',
];
export const everyState = 0x1ffe;
/** tcp and unix that listen, udp and unix that have no peer. */
export const unconnected: number = bit('LISTEN') | bit('UNCONN');

function bit(state: SocketState): number {
  return 1 << stateNames.lastIndexOf(state);
}

function stateOf(number: number): SocketState {
  return stateNames[number] ?? 'UNCONN';
}

interface Inet {
  readonly protocol: 'tcp' | 'udp';
  readonly number: number;
  readonly family: Family;
  readonly familyNumber: number;
}

const inets: readonly Inet[] = [
  { protocol: 'tcp', number: 6, family: 'IPv4', familyNumber: 2 },
  { protocol: 'tcp', number: 6, family: 'IPv6', familyNumber: 10 },
  { protocol: 'udp', number: 17, family: 'IPv4', familyNumber: 2 },
  { protocol: 'udp', number: 17, family: 'IPv6', familyNumber: 10 },
];

const byFamily = 20; // SOCK_DIAG_BY_FAMILY
const inetSize = 72; // struct inet_diag_msg
const unixSize = 16; // struct unix_diag_msg

/** struct inet_diag_req_v2, linux/inet_diag.h. */
export function inetRequests(states: number): Request[] {
  return inets.map(inet => ({
    protocol: protocols.sockDiag,
    type: byFamily,
    size: 56,
    answerSize: inetSize,
    fill(body) {
      body.setUint8(0, inet.familyNumber);
      body.setUint8(1, inet.number);
      body.setUint32(4, states, littleEndian);
    },
  }));
}

/** struct unix_diag_req, linux/unix_diag.h: with name, peer, queues and uid. */
export function unixRequest(states: number): Request {
  return {
    protocol: protocols.sockDiag,
    type: byFamily,
    size: 24,
    answerSize: unixSize,
    fill(body) {
      body.setUint8(0, 1); // AF_UNIX
      body.setUint32(4, states, littleEndian);
      body.setUint32(12, 0x1 | 0x4 | 0x10 | 0x40, littleEndian);
    },
  };
}

/** struct inet_diag_msg, in the answer to the request of this index. */
export function internet(
  body: DataView,
  request: number,
  interfaces: ReadonlyMap<number, string>,
): Bare<InternetSocket> {
  const inet = inets[request] as Inet;
  const bytes = bytesOf(body);
  const size = inet.family === 'IPv4' ? 4 : 16;
  const ipv6Only = byteOf(attributes(body, inetSize).get(11)); // INET_DIAG_SKV6ONLY
  return {
    protocol: inet.protocol,
    family: inet.family,
    state: stateOf(body.getUint8(1)),
    local: {
      address: addressOf(bytes.subarray(8, 8 + size)),
      port: body.getUint16(4),
      interface: interfaces.get(body.getUint32(40, littleEndian)),
    },
    peer: { address: addressOf(bytes.subarray(24, 24 + size)), port: body.getUint16(6) },
    ipv6Only: ipv6Only === undefined ? undefined : ipv6Only !== 0,
    inode: body.getUint32(68, littleEndian),
    uid: body.getUint32(64, littleEndian),
    receiveQueue: body.getUint32(56, littleEndian),
    sendQueue: body.getUint32(60, littleEndian),
  };
}

const unixTypes: Readonly<Record<number, UnixSocket['type']>> = {
  1: 'stream',
  2: 'dgram',
  5: 'seqpacket',
};

/** struct unix_diag_msg. */
export function unix(body: DataView): Bare<UnixSocket> {
  const found = attributes(body, unixSize);
  const name = found.get(0); // UNIX_DIAG_NAME
  const peer = numberOf(found.get(2)); // UNIX_DIAG_PEER
  const queues = found.get(4); // UNIX_DIAG_RQLEN
  return {
    protocol: 'unix',
    type: unixTypes[body.getUint8(1)] ?? 'stream',
    state: stateOf(body.getUint8(2)),
    local: { path: name && pathOf(bytesOf(name)) },
    peer: peer ? { inode: peer } : undefined,
    inode: body.getUint32(4, littleEndian),
    uid: numberOf(found.get(7)), // UNIX_DIAG_UID, Linux 5.2
    receiveQueue: numberOf(queues) ?? 0,
    sendQueue: numberOf(queues, 4) ?? 0,
  };
}

/** unix(7): an abstract name begins with a zero byte, and may have more of them. */
function pathOf(name: Buffer): string {
  return name[0] === 0
    ? name.toString().replaceAll('\0', '@')
    : name.toString().replace(/\0.*$/s, '');
}
