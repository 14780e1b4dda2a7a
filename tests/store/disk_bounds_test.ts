// Every table filled to its bound: what a database then takes is what docs/limits.md says.
import { assert, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import {
  MAX_DEAD_LETTERS,
  MAX_SEEN_SENDERS,
} from "../../src/delivery/delivery_limits.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import { MAX_ATTESTATION_BYTES } from "../../src/wire/wire_limits.ts";
import { MAX_CERTIFICATE_BYTES } from "../../src/transport/transport_limits.ts";
import { MAX_IDLE_LOG_BYTES } from "../../src/store/store_limits.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import {
  worstCaseDiskBytes,
  worstCaseDiskTerms,
} from "../helpers/worst_case.ts";
import { assertRows, written } from "../helpers/limits_document.ts";
import { place, samplePeer } from "./sample_peer.ts";

const MIB = 1_048_576;
const CHUNK = 65_536;
/** Longest texts that each is checked against before it is stored. */
const NAME = "n".repeat(64);
const HOST = "h".repeat(253);
const TOPIC = "t".repeat(128);
const REASON = "r".repeat(512);

function random(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += CHUNK) {
    crypto.getRandomValues(bytes.subarray(at, at + CHUNK));
  }
  return bytes;
}

function randomId(): PeerId {
  return random(32).toHex() as PeerId;
}

const SENDERS = Array.from({ length: MAX_SEEN_SENDERS }, randomId);

function sender(index: number): PeerId {
  return SENDERS[index % SENDERS.length]!;
}

type Fill = (store: SqliteStore, index: number) => void;

function putOutgoing(bodyBytes: number): Fill {
  return (store, index) => {
    store.messages.putOutgoing({
      id: random(16),
      topic: TOPIC,
      body: random(bodyBytes),
      createdAt: Date.now(),
      ttlMs: 1_000,
    }, [sender(index)]);
  };
}

function putDeadLetters(bodyBytes: number): Fill {
  return (store, index) =>
    store.messages.putDeadLetter({
      from: sender(index),
      id: random(16),
      topic: TOPIC,
      body: random(bodyBytes),
      reason: REASON,
      at: Date.now(),
    });
}

function putKept(bodyBytes: number): Fill {
  return (store, index) => {
    store.messages.putKept({
      from: sender(index),
      id: random(16),
      topic: TOPIC,
      body: random(bodyBytes),
      at: Date.now(),
      deliveryCount: 5,
    });
  };
}

/** Writes the largest row of a kind. */
const ROWS: Record<string, Fill> = {
  "rows of peers on record": (store) =>
    store.putPeer(samplePeer(1, {
      id: randomId(),
      certificate: random(MAX_CERTIFICATE_BYTES),
      name: NAME,
      addresses: Array.from({ length: 8 }, (_, index) => ({
        address: { host: HOST, port: 65_528 + index },
        rank: "advertised" as const,
        configured: false,
        namedFrom: "loopback" as const,
      })),
      attestation: random(MAX_ATTESTATION_BYTES),
    })),
  "rows of peers that wait to be admitted": (store) =>
    store.putJoinRequest({
      id: randomId(),
      certificate: random(MAX_CERTIFICATE_BYTES),
      address: { host: HOST, port: 65_535 },
      direction: "outbound",
      firstSeen: Date.now(),
      lastSeen: Date.now(),
    }),
  "rows of invites": (store) =>
    store.putInvite({
      id: random(16).toHex(),
      key: random(32),
      expiresAt: Date.now(),
      usedBy: randomId(),
    }),
  "rows of messages to send": putOutgoing(1),
  "rows of dead letters": putDeadLetters(1),
  "rows of messages of kept topics": putKept(1),
  "rows of delivery counts of nacked messages": (store, index) =>
    store.messages.putDeliveryCount({
      from: sender(index),
      id: random(16),
      deliveryCount: 5,
      at: Date.now(),
    }),
  "rows of ids of messages seen": (store, index) =>
    store.messages.putSeen({
      from: sender(index),
      id: random(16),
      at: Date.now(),
    }),
  "rows of names": (store) =>
    store.putNameBinding({
      // 64 bytes as a peer has it may be 96 in lower case.
      name: `${random(4).toHex()}${"i\u0307".repeat(29)}`,
      id: randomId(),
      ephemeral: true,
      confirmed: false,
    }),
};

/** Rows that tell enough of millions of them. */
const SAMPLE = 200_000;

/** Bytes that a database takes after `count` rows, less those of an empty one. */
function grown(fill: Fill, count: number): number {
  using at = place();
  SqliteStore.open(at.path, { clock: systemClock }).close();
  const empty = Deno.statSync(at.path).size;
  const store = SqliteStore.open(at.path, { clock: systemClock });
  for (let index = 0; index < count; index++) fill(store, index);
  store.close();
  return Deno.statSync(at.path).size - empty;
}

for (const { what, count, each } of worstCaseDiskTerms()) {
  const fill = ROWS[what];
  if (fill === undefined) continue;
  Deno.test(`${what} take no more of the disk than docs/limits.md says`, () => {
    const sample = Math.min(count, SAMPLE);
    const bytes = grown(fill, sample) / sample;
    assert(bytes <= each, `${bytes} bytes, must be at most ${each}`);
    assert(bytes > each / 2, `${bytes} bytes, docs/limits.md says ${each}`);
  });
}

Deno.test("bodies of the least favourable length take no more of the disk than docs/limits.md says", () => {
  const [, , , rows, bodies, asideRows, asideBodies, keptRows, keptBodies] =
    worstCaseDiskTerms();
  // One byte more than one page holds besides the columns of a row, as found by trying.
  for (const length of [3_700, 4_096, 4_500, 8_200]) {
    const outgoing = grown(putOutgoing(length), 2_000);
    assert(outgoing <= 2_000 * (rows!.each + bodies!.count * length));
    const aside = grown(putDeadLetters(length), MAX_DEAD_LETTERS);
    assert(
      aside <=
        MAX_DEAD_LETTERS *
          (asideRows!.each + asideBodies!.count * length),
    );
    const kept = grown(putKept(length), 2_000);
    assert(kept <= 2_000 * (keptRows!.each + keptBodies!.count * length));
  }
});

Deno.test("the write-ahead log of a database shrinks after a large group of writes", () => {
  using at = place();
  using store = SqliteStore.open(at.path, { clock: systemClock });
  const log = () => Deno.statSync(`${at.path}-wal`).size;
  for (let index = 0; index < 12; index++) putOutgoing(4_000_000)(store, index);
  store.commit();
  assert(log() > 2 * MAX_IDLE_LOG_BYTES);
  for (let index = 0; index < 2; index++) {
    putOutgoing(1)(store, index);
    store.commit();
  }
  assert(log() <= MAX_IDLE_LOG_BYTES, `${log()} bytes`);
});

Deno.test("docs/limits.md says what the tables of a database add up to", async () => {
  const text = await assertRows(worstCaseDiskTerms());
  assertStringIncludes(
    text,
    `${written(Math.ceil(worstCaseDiskBytes() / MIB))} MiB of disk`,
  );
});
