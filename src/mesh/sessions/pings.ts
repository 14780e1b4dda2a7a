/** Pings of the user or the application: to all peers with text, or to one. */
import type { Random } from "../../core/clock.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { PROBE_TIMEOUT_MS } from "../../session/session_limits.ts";
import { MAX_PING_TEXT_BYTES } from "../../wire/wire_limits.ts";
import { SharedFrame } from "../../wire/frame.ts";
import { COMMAND } from "../../wire/commands.ts";
import { encodePing } from "../../wire/messages/ping.ts";
import type { Emit } from "../events.ts";
import type { NameResolver } from "../peers/name_resolver.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import { randomU64 } from "./session_opener.ts";

/** Dependencies of {@linkcode Pings}. */
export interface PingsOptions {
  readonly random: Random;
  readonly magic: Uint8Array;
  readonly table: PeerTable;
  readonly names: NameResolver;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** The pings of one node. */
export class Pings {
  readonly #options: PingsOptions;

  constructor(options: PingsOptions) {
    this.#options = options;
    const { emit, events, names } = options;
    events.on("introduced", ({ session, peer: { id } }) => {
      session.channel.onPing((text) => {
        if (text !== undefined) {
          emit({ type: "ping", id, ...names.of(id), text });
        }
      });
    });
  }

  /**
   * Pings all peers, with text that is encoded once. Returns how many they are; throws
   * `RangeError` when the text is too long.
   */
  all(text: string): number {
    const size = new TextEncoder().encode(text).length;
    if (size > MAX_PING_TEXT_BYTES) {
      throw new RangeError(
        `Cannot ping: text has ${size} bytes, must have at most ${MAX_PING_TEXT_BYTES}`,
      );
    }
    const { magic, random, table } = this.#options;
    const nonce = randomU64(random);
    const payload = encodePing({ nonce, text });
    const frame = new SharedFrame(magic, COMMAND.ping, payload);
    return table.connected()
      .filter(({ primary }) => primary?.channel.ping(nonce, frame)).length;
  }

  /** The round trip to one peer, milliseconds; `undefined` if it does not answer. */
  async roundTrip(id: PeerId): Promise<number | undefined> {
    const session = this.#options.table.get(id)?.primary?.channel;
    const answered = await session?.probe(PROBE_TIMEOUT_MS) ?? false;
    return answered ? session?.rttMs : undefined;
  }
}
