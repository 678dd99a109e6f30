/** `listInterfaces`: the network interfaces of a network namespace, by rtnetlink(7). */
import type { Target } from '../target/target.ts';
import { addressOf, type Family, macOf } from './address.ts';
import {
  attributes,
  bigNumberOf,
  byteOf,
  bytesOf,
  dump,
  getLink,
  linkName,
  linkSize,
  littleEndian,
  numberOf,
  protocols,
  textOf,
} from './netlink.ts';

export interface InterfaceAddress {
  readonly address: string;
  readonly family: Family;
  readonly prefixLength: number;
  /** `'global'`, `'site'`, `'link'`, `'host'`, or the number of another one (ip-address(8)). */
  readonly scope: string;
  readonly broadcast: string | undefined;
  /** The other end of a point-to-point link. */
  readonly peer: string | undefined;
  /** Of IPv4: the name that it was given under, such as `eth0:1`. */
  readonly label: string | undefined;
}

/** Since the interface was made, 64 bits wide. */
export interface ReceiveCounters {
  readonly bytes: bigint;
  readonly packets: bigint;
  readonly errors: bigint;
  readonly dropped: bigint;
  readonly overErrors: bigint;
  readonly multicast: bigint;
}

/** Since the interface was made, 64 bits wide. */
export interface TransmitCounters {
  readonly bytes: bigint;
  readonly packets: bigint;
  readonly errors: bigint;
  readonly dropped: bigint;
  readonly carrierErrors: bigint;
  readonly collisions: bigint;
}

export interface InterfaceInfo {
  readonly index: number;
  readonly name: string;
  /** `'ether'`, `'loopback'`, `'none'`, ... or the kernel's number (ARPHRD_*). */
  readonly type: string;
  /** `'veth'`, `'bridge'`, `'vlan'`, ...; undefined for real devices and `lo`. */
  readonly kind: string | undefined;
  /** As `ip` shows them: `['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP']`. */
  readonly flags: readonly string[];
  /** RFC 2863: `'UP'`, `'DOWN'`, `'UNKNOWN'`, `'LOWERLAYERDOWN'`, `'DORMANT'`, ... */
  readonly state: string;
  /** Bytes. */
  readonly mtu: number;
  readonly mac: string | undefined;
  /** The index of the bridge or bond that it is part of. */
  readonly master: number | undefined;
  /** The index of the interface at the other end (veth) or below (vlan, macvlan). */
  readonly link: number | undefined;
  /** Where that is in another network namespace: the id that this has in the target's. */
  readonly linkNetworkId: number | undefined;
  readonly addresses: readonly InterfaceAddress[];
  readonly rx: ReceiveCounters;
  readonly tx: TransmitCounters;
}

const getAddress = { protocol: protocols.route, type: 22, size: 8, answerSize: 8 }; // RTM_GETADDR

/**
 * The network interfaces in the network namespace of a target, by index, with what `ip -s addr` tells.
 *
 * Asks on a thread of its own that enters the namespace, which needs CAP_SYS_ADMIN (root has it) unless
 * it is ours. Rejects with `NamespaceError` where the target cannot be opened (ESRCH, EACCES) or entered
 * (EPERM). rtnetlink(7).
 */
export async function listInterfaces(target: Target): Promise<InterfaceInfo[]> {
  const [links = [], addresses = []] = await dump(target, [getLink, getAddress]);
  const byIndex = new Map<number, InterfaceAddress[]>();
  for (const body of addresses) {
    const index = body.getUint32(4, littleEndian);
    const list = byIndex.get(index) ?? [];
    byIndex.set(index, list);
    const address = interfaceAddress(body);
    if (address) list.push(address);
  }
  return links
    .map(body => interfaceInfo(body, byIndex.get(body.getInt32(4, littleEndian)) ?? []))
    .sort((one, other) => one.index - other.index);
}

/** struct ifinfomsg and its attributes, linux/if_link.h. */
/** @internal */
export function interfaceInfo(body: DataView, addresses: InterfaceAddress[]): InterfaceInfo {
  const found = attributes(body, linkSize);
  const [index, name] = linkName(body);
  const type = body.getUint16(2, littleEndian);
  const mac = found.get(1); // IFLA_ADDRESS
  const info = found.get(18); // IFLA_LINKINFO
  const counters = found.get(23); // IFLA_STATS64
  const count = (field: number) => bigNumberOf(counters, field * 8) ?? 0n;
  return {
    index,
    name,
    type: deviceTypes[type] ?? `${type}`,
    kind: info && textOf(attributes(info, 0).get(1)), // IFLA_INFO_KIND
    flags: flagsIn(body.getUint32(8, littleEndian)),
    state: states[byteOf(found.get(16)) ?? 0] ?? 'UNKNOWN', // IFLA_OPERSTATE
    mtu: numberOf(found.get(4)) ?? 0,
    mac: mac && mac.byteLength > 0 ? macOf(bytesOf(mac)) : undefined,
    master: numberOf(found.get(10)),
    link: numberOf(found.get(5)) || undefined,
    linkNetworkId: numberOf(found.get(37)), // IFLA_LINK_NETNSID
    addresses,
    rx: {
      bytes: count(2),
      packets: count(0),
      errors: count(4),
      dropped: count(6),
      overErrors: count(11),
      multicast: count(8),
    },
    tx: {
      bytes: count(3),
      packets: count(1),
      errors: count(5),
      dropped: count(7),
      carrierErrors: count(17),
      collisions: count(9),
    },
  };
}

const families: Readonly<Record<number, Family>> = { 2: 'IPv4', 10: 'IPv6' };
const sizes: Readonly<Record<Family, number>> = { IPv4: 4, IPv6: 16 };

/** struct ifaddrmsg and its attributes, linux/if_addr.h. */
/** @internal */
export function interfaceAddress(body: DataView): InterfaceAddress | undefined {
  const family = families[body.getUint8(0)];
  const found = attributes(body, 8);
  const far = found.get(1); // IFA_ADDRESS
  const near = found.get(2) ?? far; // IFA_LOCAL
  if (family === undefined || near === undefined) return undefined;
  const [address, peer, broadcast] = [near, far, found.get(4)].map(view =>
    view && view.byteLength === sizes[family] ? addressOf(bytesOf(view)) : undefined,
  );
  if (address === undefined) return undefined;
  const scope = body.getUint8(3);
  return {
    address,
    family,
    prefixLength: body.getUint8(1),
    scope: scopes[scope] ?? `${scope}`,
    broadcast,
    peer: peer === address ? undefined : peer,
    label: textOf(found.get(3)),
  };
}

const scopes: Readonly<Record<number, string>> = {
  0: 'global',
  200: 'site',
  253: 'link',
  254: 'host',
  255: 'nowhere',
};

/** linux/if_arp.h, in the words of ip(8). */
const deviceTypes: Readonly<Record<number, string>> = {
  1: 'ether',
  32: 'infiniband',
  512: 'ppp',
  768: 'ipip',
  769: 'tunnel6',
  772: 'loopback',
  776: 'sit',
  778: 'gre',
  823: 'gre6',
  65534: 'none',
};

/** IF_OPER_*, linux/if.h. */
const states = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP'];

const running = 0x40;
/** IFF_*, linux/if.h; in the order and the words of ip(8). */
const flagNames: readonly (readonly [bit: number, name: string])[] = [
  [0x8, 'LOOPBACK'],
  [0x2, 'BROADCAST'],
  [0x10, 'POINTOPOINT'],
  [0x1000, 'MULTICAST'],
  [0x80, 'NOARP'],
  [0x200, 'ALLMULTI'],
  [0x100, 'PROMISC'],
  [0x400, 'MASTER'],
  [0x800, 'SLAVE'],
  [0x4, 'DEBUG'],
  [0x8000, 'DYNAMIC'],
  [0x4000, 'AUTOMEDIA'],
  [0x2000, 'PORTSEL'],
  [0x20, 'NOTRAILERS'],
  [0x1, 'UP'],
  [0x10000, 'LOWER_UP'],
  [0x20000, 'DORMANT'],
  [0x40000, 'ECHO'],
];

function flagsIn(bits: number): string[] {
  const names = flagNames.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
  return (bits & 1) !== 0 && (bits & running) === 0 ? ['NO-CARRIER', ...names] : names;
}
