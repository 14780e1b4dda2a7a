/**
 * verack: a TLS-authenticated, fully connected peer network for Deno.
 *
 * A node is known by the hash of its public key. It joins through any one member,
 * meets everybody, opens every session with Bitcoin's `version`/`verack`
 * handshake, and proves its key inside it.
 *
 * ```ts
 * import { Node } from "./mod.ts";
 *
 * await using alice = await Node.start();
 * await using bob = await Node.start({ connect: [alice.address] });
 * await bob.joined();
 * console.assert(bob.peers()[0]?.identity === alice.identity.id);
 * ```
 *
 * Run as a program, this module is the command line: `deno run … mod.ts --help`.
 *
 * @module
 */
import { main } from "./src/cli/main.ts";

export { BEHAVIOUR_NAMES, BEHAVIOURS } from "./src/bitcoin/behaviours.ts";
export { CrawlCounts } from "./src/bitcoin/crawl_counts.ts";
export { parseCrawl } from "./src/bitcoin/crawl_records.ts";
export { crawl } from "./src/bitcoin/crawl.ts";
export { customSignet, NETWORKS, signetMagic } from "./src/bitcoin/networks.ts";
export { probe, probeAll } from "./src/bitcoin/probe.ts";
export { PROBE_ERROR_KINDS } from "./src/bitcoin/probe_result.ts";
export { respond } from "./src/bitcoin/respond.ts";
export { seedAddresses } from "./src/bitcoin/seeds.ts";
export {
  SERVICE_FLAG,
  serviceNames,
  servicesHex,
} from "./src/bitcoin/service_flags.ts";
export { VerackError } from "./src/errors.ts";
export {
  Identity,
  identityName,
  parseIdentityId,
  shortId,
} from "./src/identity/identity.ts";
export { loadIdentity, writeIdentity } from "./src/identity/files.ts";
export { Node } from "./src/mesh/node.ts";
export { DataDirectory } from "./src/store/data_directory.ts";
export { encodeFrame, FrameDecoder } from "./src/wire/frame.ts";
export {
  decodeAddr,
  decodeAddrV2,
  encodeAddr,
  encodeAddrV2,
} from "./src/wire/messages/addr.ts";
export { decodeFeature, encodeFeature } from "./src/wire/messages/feature.ts";
export {
  decodeLegacyReject,
  encodeLegacyReject,
} from "./src/wire/messages/legacy_reject.ts";
export {
  decodePing,
  decodePong,
  encodePing,
  encodePong,
} from "./src/wire/messages/ping.ts";
export { decodeVersion, encodeVersion } from "./src/wire/messages/version.ts";

export type { Behaviour, BehaviourName } from "./src/bitcoin/behaviours.ts";
export type {
  CrawlEvent,
  CrawlHeard,
  CrawlNode,
  CrawlOptions,
  CrawlSummary,
  NetworkType,
} from "./src/bitcoin/crawl_options.ts";
export type {
  BitcoinNetwork,
  NetworkName,
  NetworkOptions,
} from "./src/bitcoin/networks.ts";
export type { Inputs } from "./src/bitcoin/pool.ts";
export type {
  PeerMessage,
  ProbeAllOptions,
  ProbeOptions,
  VersionOptions,
} from "./src/bitcoin/probe_options.ts";
export type {
  ProbeError,
  ProbeErrorKind,
  ProbeEvent,
  ProbeResult,
} from "./src/bitcoin/probe_result.ts";
export type {
  Responder,
  ResponderEvent,
  RespondOptions,
} from "./src/bitcoin/respond_options.ts";
export type { Resolver, SeedOptions } from "./src/bitcoin/seeds.ts";
export type { ServiceName } from "./src/bitcoin/service_flags.ts";
export type { Clock, Random } from "./src/clock.ts";
export type {
  MessageStore,
  StoredAttempts,
  StoredMessage,
  StoredOutgoing,
  StoredSeen,
  StoredSetAside,
} from "./src/delivery/message_store.ts";
export type {
  BroadcastFailure,
  BroadcastResult,
} from "./src/delivery/broadcast.ts";
export type {
  BroadcastOptions,
  MessagesOptions,
  SendOptions,
} from "./src/delivery/delivery.ts";
export type { Message } from "./src/delivery/message.ts";
export type {
  SetAsideMessage,
  SetAsideMessages,
} from "./src/delivery/set_aside.ts";
export type { OutboxOptions } from "./src/delivery/outbox_limits.ts";
export type { ErrorCode } from "./src/errors.ts";
export type { IdentityFiles, LoadOptions } from "./src/identity/files.ts";
export type {
  FromPemOptions,
  GenerateOptions,
  IdentityId,
  KeyType,
  Passphrase,
} from "./src/identity/identity.ts";
export type {
  Admission,
  AllowOptions,
  InviteOptions,
} from "./src/mesh/admission.ts";
export type { InviteInfo } from "./src/mesh/invites.ts";
export type { AdmissionMode } from "./src/mesh/admission_rule.ts";
export type {
  Direction,
  MissingPair,
  NodeEvent,
  Trust,
} from "./src/mesh/events.ts";
export type { JoinedOptions } from "./src/mesh/joining.ts";
export type {
  NameBinding,
  NodeStore,
  PeerHead,
  PendingPeer,
  StoredAddress,
  StoredInvite,
  StoredPeer,
  StoredVerdict,
  Verdict,
} from "./src/mesh/node_store.ts";
export type { NodeOptions } from "./src/mesh/options.ts";
export type { HealthFact } from "./src/mesh/health.ts";
export type { NodeStatus } from "./src/mesh/node_status.ts";
export type { LinkInfo, PeerInfo } from "./src/mesh/peer_info.ts";
export type { Member } from "./src/mesh/who.ts";
export type { DataOptions } from "./src/store/data_directory.ts";
export type { Address } from "./src/transport/address.ts";
export type { Scope } from "./src/transport/scope.ts";
export type {
  Connection,
  Credentials,
  Incoming,
  Listener,
  Pin,
  Transport,
} from "./src/transport/transport.ts";
export type { NetworkAddress } from "./src/wire/bip155.ts";
export type { Frame, FrameDecoderOptions } from "./src/wire/frame.ts";
export type { AddrEntry } from "./src/wire/messages/addr.ts";
export type { FeatureMessage } from "./src/wire/messages/feature.ts";
export type { LegacyReject } from "./src/wire/messages/legacy_reject.ts";
export type { PingMessage, PongMessage } from "./src/wire/messages/ping.ts";
export type {
  VersionAddress,
  VersionMessage,
} from "./src/wire/messages/version.ts";

if (import.meta.main) {
  // Not by running dry: a name that is being looked up cannot be called off, and
  // would hold the end up for half a minute. All that is printed is out by now.
  Deno.exit(await main(Deno.args));
}
