/**
 * The rules of Bitcoin Core for inbound peers (`src/net_processing.cpp`,
 * `src/net.cpp`), one test a rule: a scripted client on a real socket against
 * `respond()`. Deadlines are on a clock of their own.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  respond,
  type Responder,
  type ResponderEvent,
  type RespondOptions,
} from "../../src/bitcoin/respond.ts";
import { BIP155 } from "../../src/wire/bip155.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import {
  type AddrEntry,
  decodeAddr,
  decodeAddrV2,
} from "../../src/wire/messages/bitcoin_messages.ts";
import { until } from "../helpers/until.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { concat, EMPTY, frame, RawPeer, versionBytes } from "./raw_peer.ts";

const ANSWER = ["version", "wtxidrelay", "sendaddrv2", "verack"];

interface Stage {
  readonly node: Responder;
  readonly peer: RawPeer;
  readonly events: ResponderEvent[];
}

/** Plays `script` against a responder; its clock stands still unless told. */
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

function closeOf(events: ResponderEvent[]): string | undefined {
  const found = events.find((event) => event.type === "close");
  return found?.type === "close" ? found.error?.kind : undefined;
}

async function seenBy(
  events: ResponderEvent[],
  command: string,
): Promise<void> {
  await until(
    `the responder to see ${command}`,
    () =>
      events.some((event) =>
        event.type === "message" && event.direction === "in" &&
        event.command === command
      ),
  );
}

function brokenChecksum(bytes: Uint8Array): Uint8Array {
  bytes[23]! ^= 1;
  return bytes;
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

// --- Order -------------------------------------------------------------------

Deno.test("responder: says nothing until it has a version, then everything at once", () =>
  play(async ({ peer, events }) => {
    await peer.send("xyzzy");
    await seenBy(events, "xyzzy");
    assertEquals(peer.commands, []);
    await peer.send("version", versionBytes());
    await peer.expect("verack");
    assertEquals(peer.commands, ANSWER);
  }));

Deno.test("responder: is complete when verack came after version", () =>
  play(async ({ node, peer, events }) => {
    await peer.open();
    await peer.settled(1);
    assertEquals(node.completed, 1);
    const open = events.find((event) => event.type === "open");
    assertEquals(
      open?.type === "open" && open.version.userAgent,
      new TextEncoder().encode("/Satoshi:29.0.0/"),
    );
  }));

for (
  const [theirs, answer] of [
    [31_800, ["version", "verack"]],
    [70_015, ["version", "verack"]],
    [70_016, ANSWER],
    [70_017, ANSWER],
  ] as const
) {
  Deno.test(`responder: answers a version ${theirs} with ${answer.length} messages`, () =>
    play(async ({ peer }) => {
      await peer.open({ version: theirs });
      assertEquals(peer.commands, [...answer]);
    }));
}

Deno.test("responder: announces what it was told to announce", () =>
  play(async ({ peer }) => {
    await peer.open();
    const { version } = peer;
    assertEquals(version.version, 70_015);
    assertEquals(version.services, 1n << 63n);
    assertEquals(version.userAgent, Uint8Array.of(0xff));
    assertEquals([version.startHeight, version.relay], [7, false]);
    assertEquals(version.addrRecv.port, 0);
  }, {
    protocolVersion: 70_015,
    services: 1n << 63n,
    userAgent: Uint8Array.of(0xff),
    startHeight: 7,
    relay: false,
  }));

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
    for (const command of ["verack", "ping", "wtxidrelay", "getaddr"]) {
      await peer.send(command, new Uint8Array(8));
    }
    await peer.send("version", versionBytes());
    await peer.expect("verack");
    assertEquals(peer.commands, ANSWER);
    await peer.send("ping", new Uint8Array(8));
    await until(
      "the second ping",
      () =>
        events.filter((event) =>
          event.type === "message" && event.direction === "in" &&
          event.command === "ping"
        ).length === 2,
    );
    assertEquals(node.completed, 0, "a verack before version counted");
    await peer.send("verack");
    await peer.settled(1);
    assertEquals(node.completed, 1);
  }));

// --- Between version and verack --------------------------------------------------

Deno.test("responder: answers neither ping nor getaddr before verack", () =>
  play(async ({ peer }) => {
    await peer.send("version", versionBytes());
    await peer.send("ping", new Uint8Array(8));
    await peer.send("getaddr");
    await peer.send("verack");
    await peer.settled(1);
    assertEquals(peer.commands, [...ANSWER, "pong"]);
  }, { addresses: [entry()] }));

Deno.test("responder: ignores a second version and a second verack", () =>
  play(async ({ node, peer, events }) => {
    await peer.send("version", versionBytes({ startHeight: 1 }));
    await peer.send("version", versionBytes({ startHeight: 2, version: 0 }));
    await peer.send("verack");
    await peer.send("verack");
    await peer.send("version", versionBytes({ startHeight: 3 }));
    await peer.settled(1);
    assertEquals(peer.commands, [...ANSWER, "pong"]);
    assertEquals(node.completed, 1);
    const open = events.find((event) => event.type === "open");
    assertEquals(open?.type === "open" && open.version.startHeight, 1);
  }));

Deno.test("responder: remembers features announced between version and verack only", () =>
  play(async ({ peer, events }) => {
    await peer.send("sendaddrv2");
    await peer.send("version", versionBytes());
    await peer.send("wtxidrelay");
    await peer.send("verack");
    await peer.settled(1);
    const open = events.find((event) => event.type === "open");
    assertEquals(open?.type === "open" && open.features, ["wtxidrelay"]);
  }));

Deno.test("responder: ignores wtxidrelay when the common version is below 70016", () =>
  play(async ({ peer, events }) => {
    await peer.send("version", versionBytes());
    await peer.send("wtxidrelay");
    await peer.send("verack");
    await peer.settled(1);
    const open = events.find((event) => event.type === "open");
    assertEquals(open?.type === "open" && open.features, []);
  }, { protocolVersion: 70_015 }));

Deno.test("responder: ignores unknown commands at any time", () =>
  play(async ({ peer }) => {
    await peer.send("xyzzy", new Uint8Array(9));
    await peer.send("version", versionBytes());
    await peer.send("twelve chars");
    await peer.send("verack");
    await peer.send("xyzzy");
    await peer.settled(1);
  }));

// --- After verack ------------------------------------------------------------------

Deno.test("responder: repeats all eight bytes of a ping", () =>
  play(async ({ peer }) => {
    await peer.open();
    const nonce = Uint8Array.fromHex("0102030405060780");
    await peer.send("ping", nonce);
    assertEquals((await peer.expect("pong")).payload, nonce);
  }));

for (const [theirs, pongs] of [[60_000, 0], [60_001, 1]] as const) {
  Deno.test(`responder: sends ${pongs} pongs to a client of version ${theirs}`, () =>
    play(async ({ peer, events }) => {
      await peer.open({ version: theirs });
      await peer.send("ping", new Uint8Array(8));
      await peer.send("xyzzy");
      await seenBy(events, "xyzzy");
      const sent = events.filter((event) =>
        event.type === "message" && event.direction === "out" &&
        event.command === "pong"
      );
      assertEquals(sent.length, pongs);
    }));
}

Deno.test("responder: sends no pong for an empty or a cut ping", () =>
  play(async ({ peer }) => {
    await peer.open();
    await peer.send("ping");
    await peer.send("ping", new Uint8Array(7));
    await peer.settled(1);
    assertEquals(peer.commands, [...ANSWER, "pong"]);
  }));

for (const command of ["sendaddrv2", "wtxidrelay"]) {
  Deno.test(`responder: disconnects who sends ${command} after verack`, () =>
    play(async ({ peer, events }) => {
      await peer.open();
      await peer.settled(1);
      await peer.send(command);
      await peer.ended;
      await until("the close", () => closeOf(events) === "malformed");
    }));
}

Deno.test("responder: answers getaddr once, by addrv2 to who announced sendaddrv2", () => {
  const addresses = [
    entry(),
    entry({ network: BIP155.torV3, address: new Uint8Array(32).fill(7) }),
  ];
  return play(async ({ peer }) => {
    await peer.send("version", versionBytes());
    await peer.send("sendaddrv2");
    await peer.send("verack");
    await peer.send("getaddr");
    await peer.send("getaddr");
    await peer.settled(1);
    assertEquals(peer.commands, [...ANSWER, "addrv2", "pong"]);
    assertEquals(decodeAddrV2(peer.find("addrv2").payload), addresses);
  }, { addresses });
});

Deno.test("responder: answers getaddr by addr to others, with IP addresses only", () =>
  play(async ({ peer }) => {
    await peer.open();
    await peer.send("getaddr");
    await peer.settled(1);
    assertEquals(decodeAddr(peer.find("addr").payload), [entry()]);
  }, {
    addresses: [
      entry({ network: BIP155.i2p, address: new Uint8Array(32), port: 0 }),
      entry(),
    ],
  }));

Deno.test("responder: does not answer getaddr when it knows nobody", () =>
  play(async ({ peer }) => {
    await peer.open();
    await peer.send("getaddr");
    await peer.settled(1);
    assertEquals(peer.commands, [...ANSWER, "pong"]);
  }));

// --- Frames ------------------------------------------------------------------------

Deno.test("responder: disconnects at another network's magic without an answer", () =>
  play(async ({ peer, events }) => {
    const magic = Uint8Array.fromHex("f9beb4d9");
    await peer.sendBytes(encodeFrame(magic, "version", versionBytes()));
    await peer.ended;
    assertEquals(peer.commands, []);
    await until("the close", () => closeOf(events) === "bad-magic");
  }));

Deno.test("responder: disconnects at the header of a message above 4,000,000 bytes", () =>
  play(async ({ peer, events }) => {
    const header = frame("version");
    new DataView(header.buffer).setUint32(16, 4_000_001, true);
    await peer.sendBytes(header);
    await peer.ended;
    await until("the close", () => closeOf(events) === "oversize");
  }));

Deno.test("responder: lets 4,000,000 bytes pass, before version and after verack", () =>
  play(async ({ peer }) => {
    await peer.send("block", new Uint8Array(4_000_000));
    await peer.open();
    await peer.send("block", new Uint8Array(4_000_000));
    await peer.settled(1);
  }));

Deno.test("responder: drops wrong checksums and invalid commands and keeps the connection", () =>
  play(async ({ peer }) => {
    const tail = frame("version", versionBytes());
    tail[15] = 0x21;
    await peer.sendBytes(concat(
      brokenChecksum(frame("version", versionBytes())),
      tail,
    ));
    await peer.open();
    await peer.sendBytes(brokenChecksum(frame("ping", new Uint8Array(8))));
    await peer.settled(1);
    assertEquals(peer.commands, [...ANSWER, "pong"]);
  }));

Deno.test("responder: takes messages cut and glued in any way", () =>
  play(async ({ peer }) => {
    const bytes = concat(
      frame("version", versionBytes()),
      frame("sendaddrv2"),
      frame("verack"),
      frame("ping", new Uint8Array(8)),
    );
    for (const byte of bytes) await peer.sendBytes(Uint8Array.of(byte));
    await peer.expect("pong");
  }));

// --- Version payload -----------------------------------------------------------------

Deno.test("responder: drops versions that cannot be read and takes a good one after them", () =>
  play(async ({ peer }) => {
    const whole = versionBytes();
    for (const bytes of [0, 45, 60, 79]) {
      await peer.send("version", whole.subarray(0, bytes));
    }
    await peer.open();
    await peer.settled(1);
    assertEquals(peer.commands, [...ANSWER, "pong"]);
  }));

for (const bytes of [46, 80, 85]) {
  Deno.test(`responder: accepts a version of ${bytes} bytes`, () =>
    play(async ({ peer }) => {
      const whole = versionBytes({ userAgent: EMPTY });
      await peer.send("version", whole.subarray(0, bytes));
      await peer.expect("verack");
    }));
}

Deno.test("responder: disconnects a version below 31800 without a word", () =>
  play(async ({ peer, events }) => {
    await peer.send("version", versionBytes({ version: 31_799 }));
    await peer.ended;
    assertEquals(peer.commands, []);
    await until("the close", () => closeOf(events) === "obsolete");
  }));

Deno.test("responder: disconnects a nonce of an unfinished connection of its own, and no other", async () => {
  const ownNonces = new Set([5n]);
  await play(async ({ peer, events }) => {
    await peer.send("version", versionBytes({ nonce: 5n }));
    await peer.ended;
    assertEquals(peer.commands, []);
    await until("the close", () => closeOf(events) === "self");
  }, { ownNonces });
  await play(async ({ peer }) => {
    await peer.open({ nonce: 6n });
    await peer.settled(1);
  }, { ownNonces });
});

// --- Time ----------------------------------------------------------------------------

Deno.test("responder: gives 60 s from connecting to verack, which activity does not extend", async () => {
  const clock = new VirtualClock();
  await play(async ({ node, peer, events }) => {
    await peer.send("version", versionBytes());
    await peer.expect("verack");
    for (let second = 1; second < 60; second++) {
      await peer.send("ping", new Uint8Array(8));
      await clock.advance(1_000);
    }
    assertEquals(node.connections, 1);
    await clock.advance(1_000);
    await peer.ended;
    await until("the close", () => closeOf(events) === "timeout");
  }, { clock });
});

Deno.test("responder: gives 60 s to who never says a byte", async () => {
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

Deno.test("responder: pings who is silent for 2 minutes and leaves after 20", async () => {
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

Deno.test("responder: keeps who answers its pings", async () => {
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
    ...Array.from({ length: 2_000 }, () => frame("ping", new Uint8Array(8))),
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
