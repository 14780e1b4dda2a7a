/**
 * What peers say to each other in an open session, as valid messages drawn by
 * chance. What becomes of them on the way to the node is in `mutation.ts`.
 */
import type { Identity } from "../../src/identity/identity.ts";
import { encodeRelayTarget } from "../../src/mesh/relay/relay_format.ts";
import type { Address } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  AS_SEEN_HOST,
  encodePeers,
  type PeerEntry,
} from "../../src/wire/messages/peers.ts";
import {
  ACK_STATUS,
  encodeAck,
  encodeResume,
} from "../../src/wire/messages/ack.ts";
import {
  CHUNK_HEAD_BYTES,
  encodeMessage,
  MESSAGE_HEAD_BYTES,
  MESSAGE_ID_BYTES,
  writeChunkHead,
} from "../../src/wire/messages/message_frame.ts";
import {
  encodeGetPeers,
  encodeMissing,
  encodePeerIds,
  FINGERPRINT_BYTES,
} from "../../src/wire/messages/peer_request.ts";
import {
  DATA_HEAD_BYTES,
  encodeCredit,
  encodeEnd,
  encodeOpen,
  encodeReset,
  writeDataHead,
} from "../../src/wire/messages/stream_frames.ts";
import { encodePing, encodePong } from "../../src/wire/messages/ping.ts";
import {
  encodeReach,
  encodeReached,
  type ReachStatus,
} from "../../src/wire/messages/reach.ts";
import { encodeReason } from "../../src/wire/messages/reason.ts";
import { encodeWelcome } from "../../src/wire/messages/credentials.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import type { SeededRandom } from "../../src/testing/seeded_random.ts";

/** Names of protocols: those that a node of the fuzzer handles, and another. */
export const STREAM_PROTOCOLS = [
  "echo/1",
  "hold/1",
  "request/1",
  "relay/1",
  "glitter/9",
];

const REACH_STATUSES: readonly ReachStatus[] = ["reached", "failed", "skipped"];

/** A message that is right in itself. */
export interface Said {
  readonly command: string;
  readonly payload: Uint8Array;
}

/** Draws messages. */
export class Vocabulary {
  readonly #random: SeededRandom;
  readonly #identities: readonly Identity[];
  readonly #addresses: readonly Address[];
  #lastId: Uint8Array<ArrayBuffer> | undefined;
  /** Id of the stream that was opened last. */
  #lastStream = 1;

  /** Entries of peer lists are about these identities, at any of these addresses. */
  constructor(
    random: SeededRandom,
    identities: readonly Identity[],
    addresses: readonly Address[],
  ) {
    this.#random = random;
    this.#identities = identities;
    this.#addresses = addresses;
  }

  /** Some message of an open session. */
  any(): Said {
    const random = this.#random;
    const kinds = [
      this.#ping,
      this.#pong,
      this.#getPeers,
      this.#peerIds,
      this.#peers,
      this.#peers,
      this.#missing,
      this.#reach,
      this.#reached,
      this.#message,
      this.#message,
      this.#chunk,
      this.#ack,
      this.#resume,
      this.#open,
      this.#data,
      this.#data,
      this.#credit,
      this.#end,
      this.#reset,
      this.#welcome,
      this.#other,
    ];
    return kinds[random.below(kinds.length)]!.call(this);
  }

  /** A `bye` with any code. */
  bye(): Said {
    const code = this.#random.below(256);
    const text = "x".repeat(this.#random.below(32));
    return { command: COMMAND.bye, payload: encodeReason({ code, text }) };
  }

  #ping(): Said {
    const text = this.#random.below(2) === 0 ? undefined : "fuzz\u202e\x1b[2J";
    const nonce = this.#u64();
    const ping = text === undefined ? { nonce } : { nonce, text };
    return { command: COMMAND.ping, payload: encodePing(ping) };
  }

  #pong(): Said {
    return {
      command: COMMAND.pong,
      payload: encodePong({ nonce: this.#u64() }),
    };
  }

  #getPeers(): Said {
    const digest = this.#random.bytes(32).toHex();
    const fingerprints = this.#fingerprints();
    return {
      command: COMMAND.getpeers,
      payload: encodeGetPeers({ digest, fingerprints }),
    };
  }

  #peerIds(): Said {
    const fingerprints = this.#fingerprints();
    return {
      command: COMMAND.peerids,
      payload: encodePeerIds({ fingerprints }),
    };
  }

  #peers(): Said {
    const random = this.#random;
    const entries = Array.from({ length: random.below(5) }, () => this.entry());
    const more = random.below(4) === 0;
    return { command: COMMAND.peers, payload: encodePeers({ entries, more }) };
  }

  /** What somebody says about anybody. */
  entry(): PeerEntry {
    const random = this.#random;
    return entryOf(this.#pick(this.#identities), this.#someAddresses(), {
      lastSeen: random.word(),
      flags: random.below(16),
      name: random.below(2) === 0 ? "" : "fuzz",
    });
  }

  #reach(): Said {
    const addresses = this.#someAddresses();
    const payload = encodeReach({ nonce: this.#u64(), addresses });
    return { command: COMMAND.reach, payload };
  }

  #reached(): Said {
    const results = Array.from(
      { length: this.#random.below(5) },
      () => this.#pick(REACH_STATUSES),
    );
    const payload = encodeReached({ nonce: this.#u64(), results });
    return { command: COMMAND.reached, payload };
  }

  #missing(): Said {
    const ids = Array.from(
      { length: this.#random.below(5) },
      () => this.#pick(this.#identities).id,
    );
    return { command: COMMAND.missing, payload: encodeMissing({ ids }) };
  }

  /** Bodies whole and cut into chunks, in few topics, some with an id that came before. */
  #message(): Said {
    const random = this.#random;
    const id = random.below(4) === 0 && this.#lastId !== undefined
      ? this.#lastId
      : this.#lastId = random.bytes(MESSAGE_ID_BYTES);
    const topic = new TextEncoder().encode("t".repeat(random.below(3)));
    const payload = encodeMessage(id, topic, random.bytes(random.below(400)));
    // What is missing at the end is to follow in chunks.
    const least = MESSAGE_HEAD_BYTES + topic.length;
    const cut = least + random.below(payload.length - least + 1);
    return {
      command: COMMAND.message,
      payload: random.below(3) === 0 ? payload.subarray(0, cut) : payload,
    };
  }

  #chunk(): Said {
    const random = this.#random;
    const payload = random.bytes(CHUNK_HEAD_BYTES + random.below(200));
    writeChunkHead(payload, random.below(8));
    return { command: COMMAND.chunk, payload };
  }

  #ack(): Said {
    const random = this.#random;
    const statuses = Object.values(ACK_STATUS);
    const ranges = Array.from({ length: random.below(3) }, () => ({
      first: random.below(4),
      count: 1 + random.below(4),
      status: this.#pick(statuses),
    }));
    const limit = random.below(2) === 0 ? random.below(1_000_000) : 2 ** 40;
    return { command: COMMAND.ack, payload: encodeAck({ limit, ranges }) };
  }

  #resume(): Said {
    const random = this.#random;
    const resume = { number: random.below(8), held: 1 + random.below(500) };
    return { command: COMMAND.resume, payload: encodeResume(resume) };
  }

  /** Ids mostly ascend and are mostly of a dialer, so that some streams are opened. */
  #open(): Said {
    const random = this.#random;
    if (random.below(8) > 0) this.#lastStream += 2 * random.below(3);
    const protocol = this.#pick(STREAM_PROTOCOLS);
    const isToRelay = protocol === "relay/1" && random.below(4) > 0;
    const open = {
      stream: this.#lastStream + (random.below(16) === 0 ? 1 : 0),
      credit: random.below(2) === 0 ? random.word() : random.below(100_000),
      protocol,
      metadata: isToRelay
        ? encodeRelayTarget(this.#pick(this.#identities).id)
        : random.bytes(random.below(4) === 0 ? 1_024 : random.below(9)),
    };
    return { command: COMMAND.open, payload: encodeOpen(open) };
  }

  #data(): Said {
    const random = this.#random;
    const payload = random.bytes(DATA_HEAD_BYTES + 1 + random.below(900));
    writeDataHead(payload, 0, this.#stream());
    return { command: COMMAND.data, payload };
  }

  #credit(): Said {
    const bytes = 1 + this.#random.below(200_000);
    const payload = encodeCredit({ stream: this.#stream(), bytes });
    return { command: COMMAND.credit, payload };
  }

  #end(): Said {
    return { command: COMMAND.end, payload: encodeEnd(this.#stream()) };
  }

  #reset(): Said {
    const random = this.#random;
    const code = random.below(4) === 0 ? random.below(256) : random.below(5);
    const text = random.below(2) === 0 ? "" : "fuzz\u202e\x1b[2J";
    const reset = { stream: this.#stream(), code, text };
    return { command: COMMAND.reset, payload: encodeReset(reset) };
  }

  /** Mostly one that may be open, else any. */
  #stream(): number {
    const random = this.#random;
    return random.below(8) === 0
      ? 1 + random.below(0xffff_ffff)
      : Math.max(1, this.#lastStream - 2 * random.below(4));
  }

  #welcome(): Said {
    const welcome = {
      attestation: this.#random.bytes(this.#random.below(120)),
      closed: this.#random.below(2) === 0,
      networkKey: this.#random.bytes(32),
    };
    return { command: COMMAND.welcome, payload: encodeWelcome(welcome) };
  }

  /** Of another time, another network, or nobody's. */
  #other(): Said {
    const commands = [...Object.values(COMMAND), "glitter"]
      .filter((command) => command !== COMMAND.bye);
    return {
      command: this.#pick(commands),
      payload: this.#random.bytes(this.#random.below(64)),
    };
  }

  /** Up to four, also the one at which the peer is seen. */
  #someAddresses(): Address[] {
    const random = this.#random;
    const addresses = Array.from(
      { length: random.below(4) },
      () => this.#pick(this.#addresses),
    );
    if (random.below(4) === 0) addresses.push({ host: AS_SEEN_HOST, port: 9 });
    return addresses;
  }

  #fingerprints(): string[] {
    return Array.from({ length: this.#random.below(6) }, () => {
      const known = this.#pick(this.#identities).id
        .slice(0, 2 * FINGERPRINT_BYTES);
      const made = this.#random.bytes(FINGERPRINT_BYTES).toHex();
      return this.#random.below(2) === 0 ? known : made;
    });
  }

  #u64(): bigint {
    return new DataView(this.#random.bytes(8).buffer).getBigUint64(0);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)]!;
  }
}
