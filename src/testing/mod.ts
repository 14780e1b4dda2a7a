/**
 * For tests of programs that use verack: a network in memory, a clock that tests advance,
 * seeded random numbers, and stores in memory; and the types of these seams. `docs/library.md`
 * has an example, which runs.
 *
 * @module
 */
import "../core/logtape.ts";
export { MemoryNetwork } from "./memory_network.ts";
export { MemoryLan } from "./memory_lan.ts";
export { SeededRandom } from "./seeded_random.ts";
export { settle, VIRTUAL_EPOCH_MS, VirtualClock } from "./virtual_clock.ts";
export { MemoryStore } from "../mesh/peers/memory_store.ts";
export type { Clock, Random } from "../core/clock.ts";
export type {
  MessageStore,
  StoredDeadLetter,
  StoredDeliveryCount,
  StoredKeptHead,
  StoredKeptMessage,
  StoredMessage,
  StoredOutgoing,
  StoredSeen,
} from "../delivery/message_store.ts";
export type { Direction, Trust } from "../mesh/events.ts";
export type {
  AccessRule,
  JoinRequest,
  NameBinding,
  NodeStore,
  PeerHead,
  StoredAccessRule,
  StoredAddress,
  StoredInvite,
  StoredPeer,
} from "../mesh/peers/node_store.ts";
export type { Address } from "../transport/address.ts";
export type { Scope } from "../transport/scope.ts";
export type {
  Connection,
  Credentials,
  Incoming,
  Listener,
  Overlay,
  Pin,
  Transport,
} from "../transport/transport.ts";
export type {
  ServiceRecord,
  ServiceResolver,
} from "../transport/service_records.ts";
export type { LinkAddress, LocalNetwork } from "../transport/local_networks.ts";
export type {
  DnsPacket,
  DnsQuestion,
  DnsRecord,
  MulticastDns,
  MulticastLink,
  MulticastReceiver,
} from "../transport/multicast_dns.ts";
export type { SentPacket } from "./memory_lan.ts";
