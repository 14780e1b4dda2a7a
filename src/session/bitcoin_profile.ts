/**
 * The rules that Bitcoin Core adds to the shared `version`/`verack` ones
 * (`src/net_processing.cpp`): features, and that unexpected messages before `verack` do not end
 * the connection.
 */
import { COMMAND } from "../wire/commands.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import type { HandshakeContext, HandshakeProfile } from "./handshake.ts";

/** Protocol version we announce, Core's `PROTOCOL_VERSION`. */
export const BITCOIN_PROTOCOL_VERSION = 70016;
/** Peers below are disconnected, Core's `MIN_PEER_PROTO_VERSION`. */
export const BITCOIN_MINIMUM_VERSION = 31800;
/** From this version on `wtxidrelay` and `sendaddrv2` are sent; older software disconnects on them. */
const WTXID_RELAY_VERSION = 70016;

/** Peers above it get a `pong` (BIP31), Core's `BIP0031_VERSION`. */
const BIP31_VERSION = 60000;

const EMPTY = new Uint8Array(0);
/** Announced by peers of any version. */
const FEATURES: ReadonlySet<string> = new Set([
  COMMAND.sendaddrv2,
  COMMAND.sendtxrcncl,
]);
/** Announced by peers from version 70016 on; Core ignores `wtxidrelay` below. */
const FEATURES_WITH_WTXID: ReadonlySet<string> = new Set([
  COMMAND.wtxidrelay,
  ...FEATURES,
]);

/** Handshake rules of the Bitcoin network. One object a connection. */
export class BitcoinProfile implements HandshakeProfile {
  readonly minimumVersion = BITCOIN_MINIMUM_VERSION;
  readonly strict = false;
  readonly pongsAbove = BIP31_VERSION;
  readonly #announced = new Set<string>();
  #features = FEATURES;
  #remote: VersionMessage | undefined;

  get features(): ReadonlySet<string> {
    return this.#features;
  }

  /** The peer's version, once one was accepted. */
  get remote(): VersionMessage | undefined {
    return this.#remote;
  }

  /** What the peer announced so far, in order, also when the handshake fails. */
  get announced(): ReadonlySet<string> {
    return this.#announced;
  }

  onVersion(context: HandshakeContext): void {
    this.#remote = context.remote;
    if (context.commonVersion >= WTXID_RELAY_VERSION) {
      this.#features = FEATURES_WITH_WTXID;
      context.send(COMMAND.wtxidrelay, EMPTY);
      context.send(COMMAND.sendaddrv2, EMPTY);
    }
    context.sendVerack();
  }

  onMessage(command: string): void {
    // Other known messages before verack are ignored by Core, unknown ones always.
    if (this.#features.has(command)) this.#announced.add(command);
  }

  onVerack(): void {
    // The shared rules only.
  }
}
