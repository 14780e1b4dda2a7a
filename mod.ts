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
 * console.assert(bob.peers()[0]?.id === alice.identity.id);
 * ```
 *
 * Run as a program, this module is the command line: `deno run … mod.ts --help`.
 *
 * @module
 */
import "./src/core/logtape.ts";
export { VerackError } from "./src/core/errors.ts";
export { RequestError } from "./src/streams/request_error.ts";
export { defineMethod } from "./src/streams/request_types.ts";
export { parsePeerId } from "./src/core/peer_id.ts";
export { Identity } from "./src/identity/identity.ts";
export { Node } from "./src/mesh/node.ts";
export { DataDirectory } from "./src/store/data_directory.ts";
export type { BroadcastResult } from "./src/delivery/broadcast.ts";
export type { BroadcastOptions, SendOptions } from "./src/delivery/delivery.ts";
export type { MessagesOptions } from "./src/delivery/consumer.ts";
export type { Message } from "./src/delivery/incoming_message.ts";
export type { DeadLetter, DeadLetters } from "./src/delivery/dead_letters.ts";
export type {
  KeptMessage,
  KeptTopics,
  LeaseOptions,
  NackOptions,
} from "./src/delivery/kept_topics.ts";
export type { ErrorCode } from "./src/core/errors.ts";
export type { PeerId } from "./src/core/peer_id.ts";
export type { KeyType, Passphrase } from "./src/identity/identity.ts";
export type { OutboxOptions } from "./src/delivery/delivery_settings.ts";
export type {
  Admission,
  InviteOptions,
} from "./src/mesh/admission/admission.ts";
export type { NodeEvent } from "./src/mesh/events.ts";
export type { NodeOptions } from "./src/mesh/options.ts";
export type { Member } from "./src/mesh/peers/find_peers.ts";
export type { NodeStatus } from "./src/mesh/node_status.ts";
export type { PeerInfo } from "./src/mesh/peers/peer_info.ts";
export type {
  HandleOptions,
  OpenOptions,
  PeerStream,
  StreamHandler,
} from "./src/streams/peer_stream.ts";
export type {
  RequestContext,
  RequestFunction,
  RequestHandler,
  RequestMethod,
  RequestOptions,
  ServeFunction,
  ServeOptions,
} from "./src/streams/request_types.ts";
export type {
  SchemaResult,
  StandardSchema,
} from "./src/streams/standard_schema.ts";
export type { DataOptions } from "./src/store/data_directory.ts";

if (import.meta.main) {
  // Only now: a program that uses the library loads no command line.
  const { main } = await import("./src/cli/main.ts");
  // Not by running dry: a name that is being looked up cannot be called off, and
  // would hold the end up for half a minute. All that is printed is out by now.
  Deno.exit(await main(Deno.args));
}
