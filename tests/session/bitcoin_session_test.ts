/** What a session of the Bitcoin profile does, seen from the other end of its connection. */
import { assert, assertEquals } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { MAX_PAYLOAD_BYTES } from "../../src/wire/wire_limits.ts";
import { BitcoinProfile } from "../../src/session/bitcoin_profile.ts";
import { Session } from "../../src/session/session.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { encodePing } from "../../src/wire/messages/ping.ts";
import {
  encodeVersion,
  UNSPECIFIED_ADDRESS,
  type VersionMessage,
} from "../../src/wire/messages/version.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const MAGIC = Uint8Array.of(0xfa, 0xbf, 0xb5, 0xda);
const EMPTY = new Uint8Array(0);

function version(fields: Partial<VersionMessage> = {}): VersionMessage {
  return {
    version: 70016,
    services: 0n,
    timestamp: 0n,
    addrRecv: UNSPECIFIED_ADDRESS,
    addrFrom: UNSPECIFIED_ADDRESS,
    nonce: 5n,
    userAgent: EMPTY,
    startHeight: 0,
    relay: false,
    ...fields,
  };
}

/** A responding session, and the bare connection of who talks to it. */
async function pair(): Promise<{
  clock: VirtualClock;
  client: Connection;
  session: Promise<Session>;
  seen: string[];
}> {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const network = new MemoryNetwork({ clock, random, secure: false });
  const listener = await network.transport("10.0.0.1")
    .listen({ host: "10.0.0.1", port: 8333 }, {});
  const dialed = network.transport("10.0.0.2")
    .dial({ host: "10.0.0.1", port: 8333 }, {});
  await clock.advance(0);
  const connection = await (await listener.accept())!.open();
  const client = await dialed;
  listener.close();
  const seen: string[] = [];
  const session = Session.open({
    connection,
    role: "responder",
    magic: MAGIC,
    profile: new BitcoinProfile(),
    local: version({ nonce: 6n }),
    clock,
    random,
    keepPayload: 1_000,
    observe: (direction, { command, fault, dropped = "" }) =>
      seen.push(`${direction} ${command} ${fault ?? ""}${dropped}`.trim()),
  });
  session.catch(() => {});
  return { clock, client, session, seen };
}

async function write(client: Connection, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await client.write(rest));
  }
}

function brokenChecksum(bytes: Uint8Array): Uint8Array {
  bytes[20]! ^= 1;
  return bytes;
}

Deno.test("Session observes every message in both directions, those it drops too", async () => {
  const { clock, client, session, seen } = await pair();
  await write(client, encodeFrame(MAGIC, "xyzzy", EMPTY));
  await write(
    client,
    brokenChecksum(encodeFrame(MAGIC, "version", encodeVersion(version()))),
  );
  await write(client, encodeFrame(MAGIC, "tx", new Uint8Array(16_385)));
  await write(client, encodeFrame(MAGIC, "version", encodeVersion(version())));
  await write(client, encodeFrame(MAGIC, "verack", EMPTY));
  await write(client, encodeFrame(MAGIC, "inv", new Uint8Array(1_001)));
  await write(client, encodeFrame(MAGIC, "ping", encodePing({ nonce: 1n })));
  await clock.advance(1);
  assertEquals(seen, [
    "in xyzzy",
    "in version bad-checksum",
    "in tx oversize16385",
    "in version",
    "out version",
    "out wtxidrelay",
    "out sendaddrv2",
    "out verack",
    "in verack",
    "in inv oversize1001",
    "in ping",
    "out pong",
  ]);
  (await session).close(new VerackError("closed", "Done"));
  client.close();
});

Deno.test("Session with keepPayload lets the longest message pass and keeps its buffer small", async () => {
  const { clock, client, session, seen } = await pair();
  await write(client, encodeFrame(MAGIC, "version", encodeVersion(version())));
  await write(client, encodeFrame(MAGIC, "verack", EMPTY));
  const { readBufferBytes } = await session;
  const longest = encodeFrame(
    MAGIC,
    "block",
    new Uint8Array(MAX_PAYLOAD_BYTES),
  );
  for (let at = 0; at < longest.length; at += 65_536) {
    await write(client, longest.subarray(at, at + 65_536));
    await clock.advance(0);
    assert((await session).readBufferBytes <= readBufferBytes);
  }
  assertEquals(seen.at(-1), `in block oversize${MAX_PAYLOAD_BYTES}`);
  (await session).close(new VerackError("closed", "Done"));
  client.close();
});

for (const [common, answer] of [[60_000, "in ping"], [60_001, "out pong"]]) {
  Deno.test(`Session ends with "${answer}" when a peer of version ${common} pings`, async () => {
    const { clock, client, session, seen } = await pair();
    const peer = version({ version: common as number });
    await write(client, encodeFrame(MAGIC, "version", encodeVersion(peer)));
    await write(client, encodeFrame(MAGIC, "verack", EMPTY));
    await write(client, encodeFrame(MAGIC, "ping", encodePing({ nonce: 9n })));
    await clock.advance(0);
    assertEquals(seen.at(-1), answer);
    (await session).close(new VerackError("closed", "Done"));
    client.close();
  });
}

Deno.test("Session answers no ping that is empty or cut", async () => {
  const { clock, client, session, seen } = await pair();
  await write(client, encodeFrame(MAGIC, "version", encodeVersion(version())));
  await write(client, encodeFrame(MAGIC, "verack", EMPTY));
  await write(client, encodeFrame(MAGIC, "ping", EMPTY));
  await write(client, encodeFrame(MAGIC, "ping", new Uint8Array(7)));
  await clock.advance(0);
  assertEquals(seen.filter((it) => it.includes("ng")), ["in ping", "in ping"]);
  const decoder = new FrameDecoder({ magic: MAGIC, maxPayload: 1_000 });
  decoder.commit((await client.read(decoder.space()))!);
  (await session).close(new VerackError("closed", "Done"));
  client.close();
});

Deno.test("Session forgets wtxidrelay from a peer below 70016, as Core does, but not sendaddrv2", async () => {
  for (
    const [number, features] of [
      [70015, ["sendaddrv2"]],
      [70016, ["wtxidrelay", "sendaddrv2"]],
    ] as const
  ) {
    const { clock, client, session } = await pair();
    const peer = encodeVersion(version({ version: number }));
    await write(client, encodeFrame(MAGIC, "version", peer));
    await write(client, encodeFrame(MAGIC, "wtxidrelay", EMPTY));
    await write(client, encodeFrame(MAGIC, "sendaddrv2", EMPTY));
    await write(client, encodeFrame(MAGIC, "verack", EMPTY));
    await clock.advance(0);
    assertEquals([...(await session).features], [...features]);
    (await session).close(new VerackError("closed", "Done"));
    client.close();
  }
});
