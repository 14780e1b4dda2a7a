/**
 * What a node announces on the local network, and how announcements of others are read: DNS-SD
 * (RFC 6763) records. Pure; everything read is hostile until it is checked. The form is in
 * docs/protocol.md.
 */
import { isPeerId, type PeerId } from "../../core/peer_id.ts";
import type { DnsPacket, DnsRecord } from "../../transport/multicast_dns.ts";
import { parseNetworkName } from "../../wire/frame.ts";
import { MAX_ADDRESSES_PER_NODE, MAX_NODES_PER_PACKET } from "./lan_limits.ts";

/** The name of the service. */
export const LAN_SERVICE = "_verack._tcp.local";

/** The name under which all services of a network are listed (RFC 6763 §9). */
const ALL_SERVICES = "_services._dns-sd._udp.local";

/** The label of an instance and of its host: random, so that no two are the same. */
const LABEL = /^[0-9a-f]{16,32}$/;

/** What an open node announces, and a closed one or one with a secret does not. */
export interface LanNames {
  readonly network: string;
  readonly id: PeerId;
}

/** One node, as it is announced. */
export interface LanNode {
  /** Random, new at each start. */
  readonly label: string;
  readonly port: number;
  readonly addresses: readonly string[];
  /** Absent if it announces nothing but its port. */
  readonly names: LanNames | undefined;
}

/** Such a node in a packet, and how long that counts, seconds; 0: it is gone. */
export interface AnnouncedNode extends LanNode {
  readonly ttl: number;
}

/** The records of a node; with a `ttl` of 0 they say that it is gone. */
export function recordsOf(node: LanNode, ttl: number): DnsRecord[] {
  const { addresses, label, names, port } = node;
  const name = `${label}.${LAN_SERVICE}`;
  const target = `${label}.local`;
  const texts = names === undefined
    ? [""]
    : [`network=${names.network}`, `id=${names.id}`];
  return [
    { name: LAN_SERVICE, type: "PTR", ttl, target: name },
    { name, type: "SRV", ttl, target, port },
    { name, type: "TXT", ttl, texts },
    ...addresses.map((address): DnsRecord => ({
      name: target,
      type: address.includes(":") ? "AAAA" : "A",
      ttl,
      address,
    })),
  ];
}

/** The query for nodes, with those that are known, by their label and the rest of their time. */
export function queryFor(
  known: readonly { readonly label: string; readonly ttl: number }[],
): DnsPacket {
  return {
    isQuery: true,
    questions: [{ name: LAN_SERVICE, type: "PTR" }],
    records: known.map(({ label, ttl }) => ({
      name: LAN_SERVICE,
      type: "PTR",
      ttl,
      target: `${label}.${LAN_SERVICE}`,
    })),
  };
}

/** The records that answer a query about a node; none if it is for others, or lists them. */
export function answersFor(
  { questions, records }: DnsPacket,
  node: LanNode,
  ttl: number,
): DnsRecord[] {
  const name = `${node.label}.${LAN_SERVICE}`;
  const own = [name, `${node.label}.local`];
  const asked = questions.map((it) => it.name.toLowerCase());
  const isKnown = records.some((it) =>
    it.type === "PTR" && it.target.toLowerCase() === name && 2 * it.ttl >= ttl
  );
  const isAsked = asked.some((it) =>
    own.includes(it) || (it === LAN_SERVICE && !isKnown)
  );
  const listed: DnsRecord[] = asked.includes(ALL_SERVICES)
    ? [{ name: ALL_SERVICES, type: "PTR", ttl, target: LAN_SERVICE }]
    : [];
  return [...listed, ...(isAsked ? recordsOf(node, ttl) : [])];
}

/**
 * The nodes in a response, of each all records, as they come in one packet; and how many are
 * dropped because they break the form.
 */
export function nodesIn(
  { isQuery, records }: DnsPacket,
): { readonly nodes: readonly AnnouncedNode[]; readonly dropped: number } {
  if (isQuery) return { nodes: [], dropped: 0 };
  const named = records.flatMap((it) =>
    it.type === "PTR" && it.name.toLowerCase() === LAN_SERVICE
      ? it.target.toLowerCase()
      : []
  );
  const names = [...new Set(named)];
  const nodes = names.slice(0, MAX_NODES_PER_PACKET)
    .flatMap((name) => nodeOf(name, records) ?? []);
  return { nodes, dropped: names.length - nodes.length };
}

function nodeOf(
  name: string,
  records: readonly DnsRecord[],
): AnnouncedNode | undefined {
  const label = name.slice(0, -LAN_SERVICE.length - 1);
  if (name !== `${label}.${LAN_SERVICE}` || !LABEL.test(label)) {
    return undefined;
  }
  const about = records.filter((it) => it.name.toLowerCase() === name);
  const pointer = records.find((it) =>
    it.type === "PTR" && it.target.toLowerCase() === name
  );
  const ttl = pointer?.ttl ?? 0;
  if (ttl === 0) {
    return { label, port: 0, addresses: [], names: undefined, ttl };
  }
  const service = about.find((it) => it.type === "SRV");
  const text = about.find((it) => it.type === "TXT");
  if (service === undefined || text === undefined) return undefined;
  const names = namesIn(text.texts);
  const host = service.target.toLowerCase();
  const addresses = records.flatMap((it) =>
    (it.type === "A" || it.type === "AAAA") && it.name.toLowerCase() === host
      ? it.address
      : []
  );
  if (names === "faulty" || addresses.length === 0) return undefined;
  return {
    label,
    port: service.port,
    addresses: [...new Set(addresses)].slice(0, MAX_ADDRESSES_PER_NODE),
    names,
    ttl,
  };
}

/** Keys that are not known are ignored (RFC 6763 §6.4); both must be there, or neither. */
function namesIn(texts: readonly string[]): LanNames | undefined | "faulty" {
  const valueOf = (key: string) =>
    texts.find((it) => it.startsWith(`${key}=`))?.slice(key.length + 1);
  const network = valueOf("network");
  const id = valueOf("id");
  if (network === undefined && id === undefined) return undefined;
  if (network === undefined || id === undefined || !isPeerId(id)) {
    return "faulty";
  }
  try {
    return { network: parseNetworkName(network), id };
  } catch {
    return "faulty";
  }
}
