/**
 * One connection of a responder: the handshake by Core's rules for inbound peers
 * (or by a behaviour's), then pongs and one answer to `getaddr`, until it ends.
 */
import type { Clock, Random } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import {
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_PEERS_PER_MESSAGE,
} from "../wire/wire_limits.ts";
import {
  BITCOIN_PING_MS,
  BITCOIN_READ_BUFFER_BYTES,
} from "./bitcoin_limits.ts";
import { BitcoinProfile } from "../session/bitcoin_profile.ts";
import { Session } from "../session/session.ts";
import type { Connection } from "../transport/transport.ts";
import { BIP155 } from "../wire/bip155.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame } from "../wire/frame.ts";
import {
  type AddrEntry,
  encodeAddr,
  encodeAddrV2,
} from "../wire/messages/bitcoin_messages.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import { type BehaviourRules, OddConnection } from "./odd_connection.ts";
import type { PeerMessage } from "./probe_options.ts";
import { handleCommon } from "./probe.ts";
import { Recorder } from "./recorder.ts";

/** What the connections of a responder have in common. */
export interface ServeSettings {
  readonly magic: Uint8Array;
  /** Empty for Core's rules. */
  readonly rules: BehaviourRules;
  readonly delayMs: number;
  readonly addresses: readonly AddrEntry[];
  readonly handshakeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly ownNonces: ReadonlySet<bigint>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Called by a {@linkcode ServedConnection}. */
export interface ServeHooks {
  readonly onMessage: ((message: PeerMessage) => void) | undefined;
  readonly onOpen: (
    version: VersionMessage,
    features: readonly string[],
    atMs: number,
  ) => void;
}

/** Owns its connection. */
export class ServedConnection {
  readonly recorder: Recorder;
  readonly #connection: Connection;
  readonly #settings: ServeSettings;
  readonly #hooks: ServeHooks;
  readonly #local: VersionMessage;
  readonly #profile = new BitcoinProfile();
  readonly #isOdd: boolean;
  #stopped: VerackError | undefined;
  #session: Session | undefined;
  #answeredGetaddr = false;

  /** Nothing happens before {@linkcode run}. */
  constructor(
    connection: Connection,
    local: VersionMessage,
    settings: ServeSettings,
    hooks: ServeHooks,
  ) {
    const { clock, rules } = settings;
    const { onMessage } = hooks;
    this.recorder = new Recorder({ clock, profile: this.#profile, onMessage });
    this.#settings = settings;
    this.#hooks = hooks;
    this.#local = local;
    this.#isOdd = Object.keys(rules).length > 0;
    this.#connection = this.#isOdd ? this.#makeOdd(connection) : connection;
  }

  /** Serves the connection; resolves with the reason of its end. */
  async run(): Promise<VerackError> {
    const { magic, clock, random, ownNonces } = this.#settings;
    const { handshakeTimeoutMs, idleTimeoutMs } = this.#settings;
    try {
      const session = await Session.open({
        connection: this.#connection,
        role: "responder",
        magic,
        profile: this.#profile,
        local: this.#local,
        isOwnNonce: (nonce) => ownNonces.has(nonce),
        ...(this.#hooks.onMessage && {
          observe: (direction, frame) => this.#observe(direction, frame),
        }),
        keepPayload: MAX_HANDSHAKE_PAYLOAD_BYTES,
        initialReadBytes: BITCOIN_READ_BUFFER_BYTES,
        clock,
        random,
        handshakeTimeoutMs,
        heartbeatMs: Math.min(BITCOIN_PING_MS, idleTimeoutMs / 2),
        deadAfterMs: idleTimeoutMs,
      }, (session) => this.#onOpen(session));
      return await session.closed;
    } catch (error) {
      if (error instanceof VerackError) return this.#stopped ?? error;
      throw error;
    } finally {
      this.#connection.close();
    }
  }

  /** Ends an open session that is silent or does not read. */
  tick(): void {
    this.#session?.tick(0);
  }

  /** Ends it, whatever it is doing. */
  stop(error: VerackError): void {
    this.#stopped = error;
    if (this.#session === undefined) this.#connection.close();
    else this.#session.close(error);
  }

  #makeOdd(connection: Connection): OddConnection {
    const profile = this.#profile;
    const { rules, clock, random, magic, delayMs } = this.#settings;
    return new OddConnection({
      connection,
      rules,
      context: {
        magic,
        random,
        local: this.#local,
        get remote() {
          return profile.remote;
        },
      },
      clock,
      delayMs,
      onSend: (message) => this.recorder.observe("out", message),
    });
  }

  #observe(direction: "in" | "out", frame: Frame): void {
    // An odd connection reports what it sends itself: the session has other messages on record.
    if (direction === "in" || !this.#isOdd) {
      this.recorder.observe(direction, frame);
    }
  }

  #onOpen(session: Session): void {
    this.#session = session;
    this.recorder.endHandshake();
    handleCommon(session);
    session.handle(COMMAND.getaddr, () => this.#onGetaddr(session));
    const { recorder } = this;
    const features = [...this.#profile.announced];
    this.#hooks.onOpen(session.remote, features, recorder.elapsedMs);
  }

  /** Answered once a connection, as by Core for inbound peers. */
  #onGetaddr(session: Session): void {
    if (this.#answeredGetaddr) return;
    this.#answeredGetaddr = true;
    const v2 = session.features.has(COMMAND.sendaddrv2);
    const { addresses } = this.#settings;
    // `addr` has room for IP addresses only.
    const entries = (v2 ? addresses : addresses.filter(isIp))
      .slice(0, MAX_PEERS_PER_MESSAGE);
    if (entries.length === 0) return;
    if (v2) session.send(COMMAND.addrv2, encodeAddrV2(entries));
    else session.send(COMMAND.addr, encodeAddr(entries));
  }
}

function isIp({ network }: AddrEntry): boolean {
  return network === BIP155.ipv4 || network === BIP155.ipv6;
}
