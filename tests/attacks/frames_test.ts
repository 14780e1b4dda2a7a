// Bytes that are no frames, frames that lie about themselves, and payloads that
// break the rules of their message: one connection ends, with a reason for both.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_PAYLOAD_BYTES,
} from "../../src/wire/wire_limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { encodeInstance } from "../../src/wire/messages/credentials.ts";
import type { ReasonName } from "../../src/wire/messages/reason.ts";
import { RawPeer, type Step } from "../helpers/attacker.ts";
import { brokenFrame } from "../helpers/forged_messages.ts";
import { EventLog } from "../helpers/nodes.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const MAGIC = networkMagic("main");
const EMPTY = new Uint8Array(0);
const ascii = (text: string) => new TextEncoder().encode(text);
const frame = (command: string, payload: Uint8Array = EMPTY) =>
  encodeFrame(MAGIC, command, payload);

function joined(...pieces: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, it) => sum + it.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** What is sent, what the sender is told, and what both can print. */
type Case = readonly [string, Uint8Array, ReasonName, string];

/** No frame of this network, in whatever state. */
const NO_FRAMES: readonly Case[] = [
  [
    "a frame of another network",
    brokenFrame({ network: "other" }),
    "wrong-network",
    "magic is",
  ],
  [
    "a request of another protocol",
    ascii("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
    "wrong-network",
    "magic is 47455420",
  ],
  [
    "one wrong byte",
    Uint8Array.of(0x42),
    "wrong-network",
    "magic is 42, must be",
  ],
  [
    "garbage",
    new Uint8Array(100_000).fill(0xa5),
    "wrong-network",
    "magic is a5a5a5a5",
  ],
  [
    "a command with a control character",
    brokenFrame({ command: "pi\x1bng" }),
    "bad-frame",
    "its command is not",
  ],
  [
    "a command that goes on after its end",
    brokenFrame({ command: "ping\0pong" }),
    "bad-frame",
    "its command is not",
  ],
  [
    "a command of high bytes",
    brokenFrame({ command: "\xff".repeat(12) }),
    "bad-frame",
    "its command is not",
  ],
  [
    "a length of 2^32 - 1",
    brokenFrame({ length: 0xffffffff }),
    "bad-frame",
    "length is 4294967295",
  ],
  [
    "a length of 2^31",
    brokenFrame({ length: 0x80000000 }),
    "bad-frame",
    "length is 2147483648",
  ],
];

/** What breaks a rule before the session is open only, and at which step. */
const EARLY: readonly (readonly [Step | "tls", ...Case])[] = [
  [
    "tls",
    "one byte too many",
    brokenFrame({ length: MAX_HANDSHAKE_PAYLOAD_BYTES + 1 }),
    "bad-frame",
    "length is 16385, must be at most 16384",
  ],
  [
    "proof",
    "one byte too many after the proof",
    brokenFrame({ length: MAX_HANDSHAKE_PAYLOAD_BYTES + 1 }),
    "bad-frame",
    "length is 16385, must be at most 16384",
  ],
  [
    "tls",
    "a wrong checksum",
    brokenFrame({ command: "version", checksum: 1 }),
    "bad-frame",
    "checksum",
  ],
  [
    "features",
    "a wrong checksum before verack",
    brokenFrame({ command: "verack", checksum: 1 }),
    "bad-frame",
    "checksum",
  ],
  [
    "tls",
    "a flood of empty frames",
    joined(...Array.from({ length: 65 }, () => frame("sparkle"))),
    "too-many-frames",
    "more than 64 messages",
  ],
  [
    "tls",
    "a short version",
    frame(COMMAND.version, new Uint8Array(45)),
    "protocol-error",
    "version",
  ],
  [
    "challenge",
    "a short instance",
    frame(COMMAND.instance, encodeInstance(1n).slice(1)),
    "protocol-error",
    "instance",
  ],
  [
    "features",
    "an empty proof",
    frame(COMMAND.proof),
    "protocol-error",
    "proof",
  ],
  [
    "features",
    "a proof whose certificate is longer than it may be",
    frame(COMMAND.proof, joined(Uint8Array.of(0xfd, 0x01, 0x08), EMPTY)),
    "protocol-error",
    "certificate",
  ],
];

/** What breaks a rule of an open session. */
const LATE: readonly Case[] = [
  [
    "one byte too many",
    brokenFrame({ length: MAX_PAYLOAD_BYTES + 1 }),
    "bad-frame",
    "length is 4000001, must be at most 4000000",
  ],
  [
    "a short ping",
    frame(COMMAND.ping, new Uint8Array(7)),
    "protocol-error",
    "nonce",
  ],
  [
    "a short pong",
    frame(COMMAND.pong, new Uint8Array(7)),
    "protocol-error",
    "nonce",
  ],
  ["an empty getpeers", frame(COMMAND.getpeers), "protocol-error", "getpeers"],
  [
    "a getpeers that promises 8,001 fingerprints",
    frame(
      COMMAND.getpeers,
      joined(new Uint8Array(32), Uint8Array.of(0xfd, 0x41, 0x1f)),
    ),
    "protocol-error",
    "fingerprint",
  ],
  ["an empty peerids", frame(COMMAND.peerids), "protocol-error", "peerids"],
  [
    "a peerids that promises more than it has",
    frame(COMMAND.peerids, Uint8Array.of(3, 0, 0)),
    "protocol-error",
    "peerids",
  ],
  ["an empty peers", frame(COMMAND.peers), "protocol-error", "peers"],
  [
    "a peers that promises a thousand entries",
    frame(COMMAND.peers, Uint8Array.of(0xfd, 0xe8, 0x03)),
    "protocol-error",
    "peers",
  ],
  [
    "a peers with a count that is not the shortest",
    frame(COMMAND.peers, Uint8Array.of(0xfd, 0x00, 0x00, 0x00)),
    "protocol-error",
    "peers",
  ],
  [
    "a peers that has neither an end nor more",
    frame(COMMAND.peers, Uint8Array.of(0, 2)),
    "protocol-error",
    "more",
  ],
  ["an empty bye", frame(COMMAND.bye), "protocol-error", "reason"],
];

Deno.test("bytes that break a rule before verack end that connection, with a reason", async (t) => {
  await using scene = await Scene.start();
  await scene.leavesNoTrace(async () => {
    const cases = [
      ...NO_FRAMES.map((it) => ["tls", ...it] as const),
      ...NO_FRAMES.map((it) => ["challenge", ...it] as const),
      ...EARLY,
    ];
    for (const [step, what, bytes, reason, text] of cases) {
      await t.step(`${what}, after ${step}`, async () => {
        using attacker = await RawPeer.dial(scene.victim);
        if (step !== "tls") await attacker.shake(step);
        await attacker.sendBytes(bytes);
        await scene.refused(attacker, reason, text);
      });
    }
  });
});

Deno.test("bytes that break a rule in an open session end that session, with a reason", async (t) => {
  await using scene = await Scene.start();
  const links = scene.victim.sessions().map((link) => link.remoteAddress);
  for (const [what, bytes, reason, text] of [...NO_FRAMES, ...LATE]) {
    await t.step(what, async () => {
      using attacker = await RawPeer.open(scene.victim);
      const down = () =>
        scene.log.of("peer:down").find((event) =>
          event.id === attacker.identity.id
        );
      await attacker.sendBytes(bytes);
      const told = await attacker.refusal();
      assertEquals([told?.command, told?.name], ["bye", reason], told?.text);
      assertStringIncludes(told?.text ?? "", text);
      attacker.close();
      await until("the session to end", () => down() !== undefined);
      assertStringIncludes(down()?.reason ?? "", text);
      assertEquals(down()?.left, false);
    });
  }
  // Nobody else has noticed.
  assertEquals(
    scene.victim.sessions().map((link) => link.remoteAddress),
    links,
  );
  assertEquals(
    (await scene.whomVictimTells()).includes(
      scene.member.identity.id,
    ),
    true,
  );
});

Deno.test("a wrong checksum ends a session that has not done without them", async () => {
  await using scene = await Scene.start();
  using attacker = await RawPeer.dial(scene.victim);
  await attacker.shake("challenge");
  // No `nochecksum`: the victim goes on checking.
  await attacker.say(COMMAND.instance, encodeInstance(1n));
  await attacker.say(COMMAND.proof, attacker.proof());
  await attacker.shakeOn("verack");
  await attacker.sendBytes(
    brokenFrame({ payload: new Uint8Array(8), checksum: 1 }),
  );
  const told = await attacker.refusal();
  assertEquals([told?.command, told?.name], ["bye", "bad-frame"]);
  assertStringIncludes(told?.text ?? "", "checksum");
});

Deno.test("a connection that ends in the middle of a frame harms no other", async () => {
  await using scene = await Scene.start();
  await scene.leavesNoTrace(async () => {
    for (const step of ["tls", "challenge", "proof"] as const) {
      using attacker = await RawPeer.dial(scene.victim);
      if (step !== "tls") await attacker.shake(step);
      await attacker.sendBytes(
        frame("sparkle", new Uint8Array(100)).slice(0, 60),
      );
    }
  });
  assertEquals(scene.refusals(), []);
});

Deno.test("frames of the largest size, and thousands of empty ones, are taken", async () => {
  await using scene = await Scene.start();
  using peer = await RawPeer.dial(scene.victim);
  await peer.say("sparkle", new Uint8Array(MAX_HANDSHAKE_PAYLOAD_BYTES));
  await peer.shake();
  await peer.say("sparkle", new Uint8Array(MAX_PAYLOAD_BYTES));
  const empty = frame("sparkle");
  const flood = joined(...Array.from({ length: 1_000 }, () => empty));
  for (let i = 0; i < 5; i++) await peer.sendBytes(flood);
  await peer.say(COMMAND.ping, new Uint8Array(8));
  await peer.take(COMMAND.pong);
  assert(!peer.isOver);
  assertEquals(scene.log.of("peer:down"), []);
});

Deno.test("an honest peer that writes byte by byte is let in", async () => {
  await using scene = await Scene.start();
  using peer = await RawPeer.dial(scene.victim);
  peer.bytewise = true;
  await peer.shake();
  assertEquals(scene.refusals(), []);
});

Deno.test("nodes of different networks part, each with a reason", async () => {
  await using scene = await Scene.start();
  await scene.leavesNoTrace(async () => {
    await using other = await Node.start({
      network: "other",
      connect: [scene.victim.address],
    });
    const log = new EventLog(other);
    const theirs = networkMagic("other").toHex();
    const ours = MAGIC.toHex();
    assertStringIncludes(
      await scene.said(`magic is ${theirs}, must be ${ours}`),
      'in another network than this node\'s "main"',
    );
    await until("the other to say so", () => log.of("refused").length > 0);
    const reason = log.of("refused")[0]?.reason ?? "";
    assertStringIncludes(reason, `magic is ${ours}, must be ${theirs}`);
    assertStringIncludes(
      reason,
      'the other end is in network "main", this node in "other"',
    );
    assertStringIncludes(reason, "both must have the same network name");
    assertEquals(log.of("peer:up"), []);
  });
});
