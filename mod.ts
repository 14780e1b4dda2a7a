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
 * for await (const event of alice.events()) {
 *   if (event.type === "peer:up") break;
 * }
 * console.assert(alice.peers()[0]?.identity === bob.identity.id);
 * ```
 *
 * Run as a program, this module is the command line: `deno run … mod.ts --help`.
 *
 * @module
 */
import { main } from "./src/cli/main.ts";

export { VerackError } from "./src/errors.ts";
export {
  Identity,
  identityName,
  parseIdentityId,
  shortId,
} from "./src/identity/identity.ts";
export { loadIdentity, writeIdentity } from "./src/identity/files.ts";
export { Node } from "./src/mesh/node.ts";

export type { Clock, Random } from "./src/clock.ts";
export type { ErrorCode } from "./src/errors.ts";
export type { IdentityFiles, LoadOptions } from "./src/identity/files.ts";
export type {
  FromPemOptions,
  GenerateOptions,
  IdentityId,
  KeyType,
  Passphrase,
} from "./src/identity/identity.ts";
export type { Direction, NodeEvent, Trust } from "./src/mesh/events.ts";
export type { LinkInfo, PeerInfo } from "./src/mesh/node.ts";
export type { NodeOptions } from "./src/mesh/options.ts";
export type { Address } from "./src/transport/address.ts";
export type {
  Connection,
  Credentials,
  Incoming,
  Listener,
  Pin,
  Transport,
} from "./src/transport/transport.ts";

if (import.meta.main) {
  // Not by running dry: a name that is being looked up cannot be called off, and
  // would hold the end up for half a minute. All that is printed is out by now.
  Deno.exit(await main(Deno.args));
}
