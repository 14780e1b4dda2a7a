/**
 * The rules of Bitcoin Core for inbound peers (`src/net_processing.cpp`,
 * `src/net.cpp`), one row a rule: a scripted client on a real socket against
 * `respond()`. Deadlines are on a clock of their own.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  respond,
  type Responder,
  type ResponderEvent,
  type RespondOptions,
} from "../../src/bitcoin/respond.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { BIP155 } from "../../src/wire/bip155.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import {
  type AddrEntry,
  decodeAddr,
  decodeAddrV2,
} from "../../src/wire/messages/bitcoin_messages.ts";
import { until } from "../helpers/until.ts";
import {
  brokenChecksum,
  concat,
  EMPTY,
  frame,
  headerOf,
  pieces,
  RawPeer,
  type Step,
  versionBytes,
} from "./raw_peer.ts";

interface Stage {
  readonly node: Responder;
  readonly peer: RawPeer;
  readonly events: ResponderEvent[];
}

/** Plays a client of a responder. */
async function play(
  script: (stage: Stage) => Promise<void>,
  options: RespondOptions = {},
): Promise<void> {
  const events: ResponderEvent[] = [];
  await using node = await respond({
    network: "regtest",
    port: 0,
    onEvent: (event) => events.push(event),
    ...options,
  });
  using peer = await RawPeer.connect(node.address);
  await script({ node, peer, events });
  peer.close();
  await peer.ended;
}

/** What came of a connection. */
interface Expected {
  /** Messages of the responder. */
  readonly commands?: readonly string[];
  /** Handshakes completed. */
  readonly completed?: number;
  readonly features?: readonly string[];
  readonly startHeight?: number;
  /** Why the responder closed. */
  readonly close?: string;
}

function rule(
  name: string,
  script: readonly Step[],
  expected: Expected = {},
  options: RespondOptions = {},
): void {
  Deno.test(`responder: ${name}`, () =>
    play(async ({ node, peer, events }) => {
      await peer.play(script);
      const { commands, completed, features, startHeight, close } = expected;
      if (close !== undefined) {
        await until("the close", () => closeOf(events) === close);
      }
      if (commands !== undefined) assertEquals(peer.commands, commands);
      if (completed !== undefined) assertEquals(node.completed, completed);
      const open = events.find((event) => event.type === "open");
      if (features !== undefined) assertEquals(open?.features, features);
      if (startHeight !== undefined) {
        assertEquals(open?.version.startHeight, startHeight);
      }
    }, options));
}

function closeOf(events: ResponderEvent[]): string | undefined {
  return events.find((event) => event.type === "close")?.error?.kind;
}

function messagesOf(
  events: ResponderEvent[],
  direction: "in" | "out",
): string[] {
  return events.filter((event) => event.type === "message")
    .filter((event) => event.direction === direction)
    .map(({ command }) => command);
}

async function seenBy(
  events: ResponderEvent[],
  command: string,
): Promise<void> {
  await until(
    `the responder to see ${command}`,
    () => messagesOf(events, "in").includes(command),
  );
}

function entry(fields: Partial<AddrEntry> = {}): AddrEntry {
  return {
    time: 1_767_225_600,
    services: 9n,
    network: BIP155.ipv4,
    address: Uint8Array.of(1, 2, 3, 4),
    port: 8333,
    ...fields,
  };
}

function open(fields = {}): Step {
  return (peer) => peer.open(fields);
}

/** Everything sent so far was read. */
const settled: Step = (peer) => peer.settled(1);

const ANSWER = ["version", "wtxidrelay", "sendaddrv2", "verack"];
const WITH_PONG = [...ANSWER, "pong"];
const VERSION = frame("version", versionBytes());
const VERACK = frame("verack");
const PING = frame("ping", new Uint8Array(8));
const GETADDR = frame("getaddr");

// --- Order -------------------------------------------------------------------

Deno.test("responder: says nothing until it has a version, then everything at once", () =>
  play(async ({ peer, events }) => {
    await peer.send("xyzzy");
    await seenBy(events, "xyzzy");
    assertEquals(peer.commands, []);
    await peer.play([VERSION, "<verack"]);
    assertEquals(peer.commands, ANSWER);
  }));
rule("is complete when verack came after version", [open(), settled], {
  completed: 1,
  startHeight: 900_000,
});
for (
  const [theirs, commands] of [
    [31_800, ["version", "verack"]],
    [70_015, ["version", "verack"]],
    [70_016, ANSWER],
    [70_017, ANSWER],
  ] as const
) {
  rule(
    `answers a version ${theirs} with ${commands.length} messages`,
    [open({ version: theirs })],
    { commands },
  );
}
rule(
  "announces what it was told to announce",
  [
    open(),
    ({ version }) => {
      assertEquals([version.version, version.startHeight], [70_015, 7]);
      assertEquals([version.services, version.relay], [1n << 63n, false]);
      assertEquals(version.userAgent, Uint8Array.of(0xff));
      assertEquals(version.addrRecv.port, 0);
    },
  ],
  {},
  {
    protocolVersion: 70_015,
    services: 1n << 63n,
    userAgent: Uint8Array.of(0xff),
    startHeight: 7,
    relay: false,
  },
);

Deno.test("responder: has a fresh nonce every connection", async () => {
  await using node = await respond({ network: "regtest", port: 0 });
  const nonces = new Set<bigint>();
  for (let i = 0; i < 5; i++) {
    using peer = await RawPeer.connect(node.address);
    await peer.open();
    nonces.add(peer.version.nonce);
    peer.close();
    await peer.ended;
  }
  assertEquals(nonces.size, 5);
});

// --- Before version --------------------------------------------------------------

Deno.test("responder: ignores everything before version, verack and features too", () =>
  play(async ({ node, peer, events }) => {
    await peer.play(
      ["verack", "ping", "wtxidrelay", "getaddr"]
        .map((command) => frame(command, new Uint8Array(8))),
    );
    await peer.play([VERSION, "<verack", PING]);
    await until(
      "the second ping",
      () => messagesOf(events, "in").filter((it) => it === "ping").length === 2,
    );
    assertEquals(peer.commands, ANSWER);
    assertEquals(node.completed, 0, "a verack before version counted");
    await peer.play([VERACK, settled]);
    assertEquals(node.completed, 1);
  }));

// --- Between version and verack --------------------------------------------------

rule(
  "answers neither ping nor getaddr before verack",
  [VERSION, PING, GETADDR, VERACK, settled],
  { commands: WITH_PONG },
  { addresses: [entry()] },
);
rule("ignores a second version and a second verack", [
  frame("version", versionBytes({ startHeight: 1 })),
  frame("version", versionBytes({ startHeight: 2, version: 0 })),
  VERACK,
  VERACK,
  frame("version", versionBytes({ startHeight: 3 })),
  settled,
], { commands: WITH_PONG, completed: 1, startHeight: 1 });
rule("remembers features announced between version and verack only", [
  frame("sendaddrv2"),
  VERSION,
  frame("wtxidrelay"),
  VERACK,
  settled,
], { features: ["wtxidrelay"] });
rule(
  "ignores wtxidrelay when the common version is below 70016",
  [VERSION, frame("wtxidrelay"), VERACK, settled],
  { features: [] },
  { protocolVersion: 70_015 },
);
rule("ignores unknown commands at any time", [
  frame("xyzzy", new Uint8Array(9)),
  VERSION,
  frame("twelve chars"),
  VERACK,
  frame("xyzzy"),
  settled,
]);

// --- After verack ------------------------------------------------------------------

const NONCE = Uint8Array.fromHex("0102030405060780");
rule("repeats all eight bytes of a ping", [
  open(),
  frame("ping", NONCE),
  "<pong",
  (peer) => assertEquals(peer.find("pong").payload, NONCE),
]);
for (const [theirs, pongs] of [[60_000, 0], [60_001, 1]] as const) {
  Deno.test(`responder: sends ${pongs} pongs to a client of version ${theirs}`, () =>
    play(async ({ peer, events }) => {
      await peer.play([open({ version: theirs }), PING, frame("xyzzy")]);
      await seenBy(events, "xyzzy");
      const sent = messagesOf(events, "out").filter((it) => it === "pong");
      assertEquals(sent.length, pongs);
    }));
}
rule("sends no pong for an empty or a cut ping", [
  open(),
  frame("ping"),
  frame("ping", new Uint8Array(7)),
  settled,
], { commands: WITH_PONG });
for (const command of ["sendaddrv2", "wtxidrelay"]) {
  rule(
    `disconnects a client that sends ${command} after verack`,
    [open(), settled, frame(command), "closed"],
    { close: "malformed" },
  );
}

const ADDRESSES = [
  entry(),
  entry({ network: BIP155.torV3, address: new Uint8Array(32).fill(7) }),
];
rule(
  "answers getaddr once, by addrv2 to a client that announced sendaddrv2",
  [
    concat(VERSION, frame("sendaddrv2"), VERACK, GETADDR, GETADDR),
    settled,
    (peer) =>
      assertEquals(decodeAddrV2(peer.find("addrv2").payload), ADDRESSES),
  ],
  { commands: [...ANSWER, "addrv2", "pong"] },
  { addresses: ADDRESSES },
);
rule(
  "answers getaddr by addr to others, with IP addresses only",
  [
    open(),
    GETADDR,
    settled,
    (peer) => assertEquals(decodeAddr(peer.find("addr").payload), [entry()]),
  ],
  {},
  {
    addresses: [
      entry({ network: BIP155.i2p, address: new Uint8Array(32), port: 0 }),
      entry(),
    ],
  },
);
rule("does not answer getaddr without addresses", [open(), GETADDR, settled], {
  commands: WITH_PONG,
});

// --- Frames ------------------------------------------------------------------------

rule("disconnects at another network's magic without an answer", [
  encodeFrame(Uint8Array.fromHex("f9beb4d9"), "version", versionBytes()),
  "closed",
], { commands: [], close: "bad-magic" });
rule("disconnects at the header of a message above 4,000,000 bytes", [
  headerOf("version", 4_000_001),
  "closed",
], { close: "oversize" });
const LARGEST = frame("block", new Uint8Array(4_000_000));
rule("lets 4,000,000 bytes pass, before version and after verack", [
  LARGEST,
  open(),
  LARGEST,
  settled,
]);
rule("drops wrong checksums and invalid commands and keeps the connection", [
  concat(brokenChecksum(VERSION), VERSION.with(15, 0x21)),
  open(),
  brokenChecksum(PING),
  settled,
], { commands: WITH_PONG });
rule("takes messages cut and glued in any way", [
  ...pieces(concat(VERSION, frame("sendaddrv2"), VERACK, PING), 1),
  "<pong",
]);

// --- Version payload -----------------------------------------------------------------

rule("drops versions that cannot be read and takes a good one after them", [
  ...[0, 45, 60, 79]
    .map((bytes) => frame("version", versionBytes().subarray(0, bytes))),
  open(),
  settled,
], { commands: WITH_PONG });
for (const bytes of [46, 80, 85]) {
  const whole = versionBytes({ userAgent: EMPTY });
  rule(`accepts a version of ${bytes} bytes`, [
    frame("version", whole.subarray(0, bytes)),
    "<verack",
  ]);
}
rule("disconnects a version below 31800 without an answer", [
  frame("version", versionBytes({ version: 31_799 })),
  "closed",
], { commands: [], close: "obsolete" });
const ownNonces = new Set([5n]);
rule(
  "disconnects a nonce of an unfinished connection of its own",
  [frame("version", versionBytes({ nonce: 5n })), "closed"],
  { commands: [], close: "self" },
  { ownNonces },
);
rule("keeps other nonces", [open({ nonce: 6n }), settled], {}, { ownNonces });

// --- Time ----------------------------------------------------------------------------

Deno.test("responder: gives 60 s from connecting to verack, which activity does not extend", async () => {
  const clock = new VirtualClock();
  await play(async ({ node, peer, events }) => {
    await peer.play([VERSION, "<verack"]);
    for (let second = 1; second < 60; second++) {
      await peer.sendBytes(PING);
      await clock.advance(1_000);
    }
    assertEquals(node.connections, 1);
    await clock.advance(1_000);
    await peer.ended;
    await until("the close", () => closeOf(events) === "timeout");
  }, { clock });
});

Deno.test("responder: gives 60 s to a client that never says a byte", async () => {
  const clock = new VirtualClock();
  await play(async ({ node, peer }) => {
    await until("the connection", () => node.connections === 1);
    await clock.advance(59_999);
    assertEquals(node.connections, 1);
    await clock.advance(1);
    await peer.ended;
    assertEquals(peer.commands, []);
  }, { clock });
});

Deno.test("responder: pings a client that is silent for 2 minutes and leaves after 20", async () => {
  const clock = new VirtualClock();
  await play(async ({ node, peer, events }) => {
    await peer.open();
    await until("the handshake", () => node.completed === 1);
    await clock.advance(125_000);
    assertEquals((await peer.expect("ping")).payload.length, 8);
    await clock.advance(1_200_000);
    await peer.ended;
    await until("the close", () => closeOf(events) === "timeout");
  }, { clock });
});

Deno.test("responder: keeps a client that answers its pings", async () => {
  const clock = new VirtualClock();
  await play(async ({ node, peer }) => {
    await peer.open();
    await until("the handshake", () => node.completed === 1);
    for (let pings = 1; pings <= 12; pings++) {
      await clock.advance(130_000);
      const { payload } = await peer.expect("ping", pings);
      await peer.send("pong", payload);
      await peer.settled(pings);
    }
    assertEquals(node.connections, 1);
  }, { clock });
});

// --- Many ------------------------------------------------------------------------------

Deno.test("responder: closes connections above its cap, and has room when others leave", async () => {
  const events: ResponderEvent[] = [];
  await using node = await respond({
    network: "regtest",
    port: 0,
    maxConnections: 2,
    onEvent: (event) => events.push(event),
  });
  const first = await RawPeer.connect(node.address);
  using second = await RawPeer.connect(node.address);
  await first.open();
  await second.open();
  using third = await RawPeer.connect(node.address);
  await third.ended;
  assertEquals(third.commands, []);
  assertEquals(events.filter(({ type }) => type === "full").length, 1);
  first.close();
  await first.ended;
  await until("room", () => node.connections === 1);
  using fourth = await RawPeer.connect(node.address);
  await fourth.open();
  assertEquals([node.accepted, node.connections], [3, 2]);
  for (const peer of [second, fourth]) {
    peer.close();
    await peer.ended;
  }
});

Deno.test("responder: ends every connection when it closes, and may be closed twice", async () => {
  const ends: ResponderEvent[] = [];
  const node = await respond({
    network: "regtest",
    port: 0,
    onEvent: (event) => event.type === "close" && ends.push(event),
  });
  const peers = await Promise.all(
    Array.from({ length: 5 }, () => RawPeer.connect(node.address)),
  );
  await peers[0]!.open();
  await peers[1]!.send("version", versionBytes());
  await peers[1]!.expect("verack");
  await until("all of them", () => node.connections === 5);
  await Promise.all([node.close(), node.close(), node.closed]);
  await Promise.all(peers.map((peer) => peer.ended));
  assertEquals(node.connections, 0);
  assertEquals(ends.length, 5);
  for (const end of ends) assertEquals("error" in end, false);
  for (const peer of peers) peer.close();
});

Deno.test("responder: closes a client that asks and never reads the answers", async () => {
  const events: ResponderEvent[] = [];
  await using node = await respond({
    network: "regtest",
    port: 0,
    onEvent: (event) => event.type === "close" && events.push(event),
  });
  const socket = await Deno.connect({
    hostname: "127.0.0.1",
    port: node.address.port,
  });
  const pings = concat(
    ...Array.from({ length: 2_000 }, () => PING),
  );
  try {
    await socket.write(
      concat(frame("version", versionBytes()), frame("verack")),
    );
    for (;;) await socket.write(pings);
  } catch {
    // Closed by the responder.
  }
  socket.close();
  await until("the close", () => closeOf(events) !== undefined);
  const close = events.find((event) => event.type === "close");
  assert(close?.type === "close");
  assertStringIncludes(close.error?.message ?? "", "does not read");
});
