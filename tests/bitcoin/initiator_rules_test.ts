/**
 * The rules of Bitcoin Core for the side that dials (`src/net_processing.cpp`,
 * `src/net.cpp`), one row a rule: `probe()` against a scripted peer on a real
 * socket. Deadlines are on a clock of their own. The ways in which a peer leaves, and
 * others that `respond()` can play, are in `behaviours_test.ts`.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { probe } from "../../src/bitcoin/probe.ts";
import type {
  PeerMessage,
  ProbeOptions,
} from "../../src/bitcoin/probe_options.ts";
import type { ProbeResult } from "../../src/bitcoin/probe_result.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import type { VersionMessage } from "../../src/wire/messages/version.ts";
import {
  brokenChecksum,
  concat,
  EMPTY,
  frame,
  headerOf,
  MAGIC,
  pieces,
  type RawPeer,
  ScriptedNode,
  type Step,
  versionBytes,
} from "./raw_peer.ts";

/** Some fields of a result, and what stands in its messages and events. */
interface Expected extends Partial<Omit<ProbeResult, "ended">> {
  readonly kind?: string;
  /** A part of the error's message. */
  readonly message?: string;
  readonly ended?: string;
  readonly sent?: readonly string[];
}

interface Conditions extends ProbeOptions {
  /** The deadline passes once the probe has seen this message. */
  readonly until?: string;
}

async function run(
  script: readonly Step[],
  { until, ...options }: Conditions = {},
): Promise<ProbeResult> {
  await using node = new ScriptedNode((peer) => peer.play(script));
  if (until === undefined) {
    return await probe(node.address, { network: "regtest", ...options });
  }
  const clock = new VirtualClock();
  const seen = Promise.withResolvers<void>();
  const probing = probe(node.address, {
    network: "regtest",
    clock,
    onMessage: ({ direction, command }) => {
      if (direction === "in" && command === until) seen.resolve();
    },
  });
  await seen.promise;
  await clock.advance(4_999);
  await clock.advance(1);
  return await probing;
}

function rule(
  name: string,
  script: readonly Step[],
  expected: Expected = {},
  conditions: Conditions = {},
): void {
  Deno.test(`initiator: ${name}`, async () => {
    const result = await run(script, conditions);
    const { kind, message = "", ended = "", sent, ...fields } = expected;
    assertEquals([result.ok, result.error?.kind], [kind === undefined, kind]);
    assertStringIncludes(result.error?.message ?? "", message);
    assertStringIncludes(result.ended?.message ?? "", ended);
    if (sent !== undefined) {
      const out = result.events.filter((it) => it.direction === "out");
      assertEquals(out.map((it) => it.command), sent);
    }
    for (const [key, value] of Object.entries(fields)) {
      assertEquals(result[key as keyof ProbeResult], value, key);
    }
  });
}

/** What Core says, in one segment, when the probe's version came. */
function answer(
  fields: Partial<VersionMessage> = {},
  { before = EMPTY, between = EMPTY, after = EMPTY } = {},
): Step[] {
  const version = frame("version", versionBytes(fields));
  const bytes = concat(before, version, between, frame("verack"), after);
  return ["<version", bytes];
}

/** A session of a probe that stays until the script is over. */
function staying(
  script: readonly Step[],
  options: Conditions = {},
): [Step[], Conditions] {
  const stop = new AbortController();
  return [
    [...answer(), "<verack", ...script, () => stop.abort()],
    { stay: true, signal: stop.signal, ...options },
  ];
}

const VERSION = frame("version", versionBytes());
const BROKEN_VERSION = brokenChecksum(VERSION);
const SHORT_VERSION = frame("version", versionBytes().subarray(0, 45));
const VERACK = frame("verack");
const PING = frame("ping", new Uint8Array(8));
const FEATURES = ["wtxidrelay", "sendaddrv2"];
const OUT = ["version", ...FEATURES, "verack"];

// --- Order -------------------------------------------------------------------

rule("speaks first, and only version", [
  "<version",
  (peer) => assertEquals(peer.commands, ["version"]),
  VERSION,
  VERACK,
]);
rule(
  "answers version with wtxidrelay, sendaddrv2 and verack, in this order",
  [...answer(), "<verack", (peer) => assertEquals(peer.commands, OUT)],
  { sent: OUT },
);
rule("accepts a peer that speaks first", [VERSION, VERACK, "<verack"]);
rule("is complete when version and then verack came, cut as they may be", [
  ...pieces(concat(VERSION, VERACK), 7),
  "<verack",
]);
for (
  const [theirs, features] of [
    [70015, []],
    [70016, FEATURES],
    [70017, FEATURES],
  ] as const
) {
  rule(
    `sends [${features}] to a peer of version ${theirs}`,
    answer({ version: theirs }),
    { sent: ["version", ...features, "verack"] },
  );
}
rule("sends no features when it announces 70015 itself", answer(), {
  sent: ["version", "verack"],
}, { protocolVersion: 70015 });
rule("closes after the handshake, its verack having left", [
  ...answer(),
  "<verack",
  "closed",
]);

// --- What is sent --------------------------------------------------------------

rule(
  "says what it was told to say",
  [
    "<version",
    ({ version }) => {
      assertEquals([version.version, version.startHeight], [70017, -5]);
      assertEquals([version.services, version.relay], [2n ** 64n - 1n, true]);
      assertEquals(version.userAgent, new TextEncoder().encode("/probe:ü/"));
    },
    ...answer(),
  ],
  {},
  {
    protocolVersion: 70017,
    services: 2n ** 64n - 1n,
    userAgent: "/probe:ü/",
    startHeight: -5,
    relay: true,
  },
);
rule("tells no addresses on loopback, its own nowhere", [
  "<version",
  ({ version }) => {
    const nowhere = { services: 0n, ip: new Uint8Array(16), port: 0 };
    assertEquals([version.addrRecv, version.addrFrom], [nowhere, nowhere]);
  },
  ...answer(),
]);

Deno.test("initiator: has a fresh nonce every connection", async () => {
  const nonces = new Set<bigint>();
  for (let i = 0; i < 5; i++) {
    await run([...answer(), ({ version }) => nonces.add(version.nonce)]);
  }
  assertEquals(nonces.size, 5);
});

// --- Before version --------------------------------------------------------------

rule("ignores everything before version, verack and features too", [
  "<version",
  ...["verack", "ping", "wtxidrelay", "getaddr", "xyzzy"]
    .map((command) => frame(command, new Uint8Array(8))),
  VERSION,
  VERACK,
  "<verack",
], { features: [], sent: OUT });
rule(
  "does not count a verack that came before version",
  [
    "<version",
    concat(VERACK, VERSION),
    "<verack",
  ],
  { kind: "timeout", message: "no verack within 5000 ms" },
  {
    until: "version",
  },
);

// --- Between version and verack --------------------------------------------------

rule(
  "ignores known and unknown messages before verack, no pong",
  answer({}, {
    between: concat(
      PING,
      frame("getaddr"),
      frame("sendheaders"),
      frame("xyzzy", new Uint8Array(3)),
      frame("inv", new Uint8Array(1)),
      frame("reject", new Uint8Array(1)),
    ),
  }),
  { sent: OUT },
);
rule(
  "ignores a second version, the first one's fields stay",
  answer({ startHeight: 2 }, {
    between: frame("version", versionBytes({ version: 1, startHeight: 1 })),
  }),
  { startHeight: 2, sent: OUT },
);
rule("ignores a second verack", answer({}, { after: VERACK }));
rule(
  "remembers features announced between version and verack, in order",
  answer({}, {
    between: concat(
      frame("sendaddrv2"),
      frame("sendtxrcncl"),
      frame("wtxidrelay"),
    ),
  }),
  { features: ["sendaddrv2", "sendtxrcncl", "wtxidrelay"] },
);
rule(
  "ignores wtxidrelay when the common version is below 70016",
  answer({ version: 70015 }, {
    between: concat(frame("wtxidrelay"), frame("sendaddrv2")),
  }),
  { features: ["sendaddrv2"] },
);
rule("reports the features of a peer that never sends verack", [
  "<version",
  VERSION,
  frame("sendaddrv2"),
  "<verack",
], {
  kind: "timeout",
  features: ["sendaddrv2"],
  userAgent: "/Satoshi:29.0.0/",
}, { until: "sendaddrv2" });

// --- After verack ------------------------------------------------------------------

Deno.test("initiator: handles what follows verack in the same segment", async () => {
  const seen: string[] = [];
  const after = concat(
    frame("sendcmpct", new Uint8Array(9)),
    PING,
    frame("getheaders", new Uint8Array(100)),
    frame("feefilter", new Uint8Array(8)),
  );
  const { ok } = await run(answer({}, { after }), {
    onMessage: ({ command, direction }) => seen.push(`${direction} ${command}`),
  });
  assert(ok);
  for (const it of ["in sendcmpct", "in ping", "out pong", "in feefilter"]) {
    assert(seen.includes(it), `${it} in ${seen}`);
  }
});

const NONCE = Uint8Array.fromHex("ffeeddccbbaa9988");
const [pinging, pingingOptions] = staying([
  frame("ping", NONCE),
  "<pong",
  (peer) => assertEquals(peer.find("pong").payload, NONCE),
]);
rule(
  "answers pings when it stays, repeating all eight bytes",
  pinging,
  {},
  pingingOptions,
);

for (const [theirs, pongs] of [[60000, 0], [60001, 1]] as const) {
  Deno.test(`initiator: sends ${pongs} pongs to a peer of version ${theirs}`, async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const more: Step[] = [PING, frame("xyzzy"), "closed"];
    await run([...answer({ version: theirs }), "<verack", ...more], {
      stay: true,
      signal: stop.signal,
      onMessage: ({ direction, command }) => {
        seen.push(`${direction} ${command}`);
        if (command === "xyzzy") stop.abort();
      },
    });
    assert(seen.includes("in ping"));
    assertEquals(seen.filter((it) => it === "out pong").length, pongs);
  });
}

const [cutPings, cutPingsOptions] = staying([
  frame("ping"),
  frame("ping", new Uint8Array(7)),
  (peer) => peer.settled(1),
  (peer) => assertEquals(peer.commands.filter((it) => it === "pong").length, 1),
]);
rule("answers no ping that is empty or cut", cutPings, {}, cutPingsOptions);

for (const command of ["sendaddrv2", "wtxidrelay"]) {
  rule(
    `disconnects a peer that sends ${command} after verack`,
    [...answer(), "<verack", frame(command), "closed"],
    { ended: `${command} after verack` },
    { stay: true },
  );
}

Deno.test("initiator: keeps the session when broken or unknown messages come after verack", async () => {
  const seen: PeerMessage[] = [];
  const script = [
    frame("version", versionBytes({ nonce: 1n })),
    VERACK,
    frame("xyzzy", new Uint8Array(100)),
    frame("addr", Uint8Array.of(0xfd, 0xe9, 0x03)),
    brokenChecksum(PING),
    frame("tx", new Uint8Array(16_385)),
    (peer: RawPeer) => peer.settled(2),
  ];
  const onMessage = (message: PeerMessage) => seen.push(message);
  await run(...staying(script, { onMessage }));
  assertEquals(
    seen.filter((it) => it.dropped !== undefined)
      .map(({ command, bytes, dropped }) => [command, bytes, dropped]),
    [["ping", 8, "bad-checksum"], ["tx", 16_385, "oversize"]],
  );
});

// --- Frames ------------------------------------------------------------------------

rule("disconnects at the first byte of another magic", [
  Uint8Array.of(0xf9),
  "closed",
], { kind: "bad-magic" });
for (const length of [4_000_001, 0x8000_0000, 0xffff_ffff]) {
  rule(`disconnects at the header of a message of ${length} bytes`, [
    headerOf("version", length),
    "closed",
  ], { kind: "oversize", message: `${length}` });
}
rule(
  "drops a version with a wrong checksum and takes a right one after it",
  answer({ startHeight: 2 }, { before: BROKEN_VERSION }),
  { startHeight: 2 },
);
rule(
  "drops invalid commands, whatever they would be when cut at the NUL",
  answer({ startHeight: 2 }, {
    // "version", NULs, "!"; and a control character.
    before: concat(VERSION.with(15, 0x21), frame("verac~").with(9, 0x1f)),
  }),
  { startHeight: 2 },
);

Deno.test("initiator: takes twelve characters without a NUL for a legal command", async () => {
  const seen: string[] = [];
  await run(answer({}, { before: frame("twelve chars") }), {
    onMessage: ({ command, dropped }) => seen.push(`${command} ${dropped}`),
  });
  assert(seen.includes("twelve chars undefined"));
});

// --- Version payload -----------------------------------------------------------------

const WHOLE = versionBytes();

/** A version whose user agent has this length as written, and as it is. */
function userAgent(length: number[], bytes: number): Uint8Array {
  const rest = new Uint8Array(bytes + 5);
  const parts = [WHOLE.subarray(0, 80), Uint8Array.from(length), rest];
  return frame("version", concat(...parts));
}

rule(
  "drops versions that cannot be read and takes a good one after them",
  answer({ startHeight: 7 }, {
    before: concat(
      frame("version"),
      SHORT_VERSION, // A required field is cut.
      frame("version", WHOLE.subarray(0, 60)), // A group is cut in its middle.
      userAgent([0xfd, 1, 1], 257), // Too long.
      userAgent([0xfd, 1, 0], 1), // A length in too many bytes.
    ),
  }),
  { startHeight: 7 },
);
for (
  const [kind, bytes] of [
    ["bad-checksum", BROKEN_VERSION],
    ["malformed", SHORT_VERSION],
  ] as const
) {
  const why = `reports ${kind} of a version that was dropped for it`;
  rule(`${why}, when the peer closes`, ["<version", bytes, "finish"], {
    kind,
    message: "closed the connection",
  });
  rule(`${why}, at the deadline`, ["<version", bytes], {
    kind,
    message: "within 5000 ms",
  }, { until: "version" });
}
rule(
  "reports the last reason for which its version was dropped",
  [
    "<version",
    concat(BROKEN_VERSION, SHORT_VERSION, frame("xyzzy")),
  ],
  { kind: "malformed" },
  { until: "xyzzy" },
);
rule(
  "forgets what was dropped once a good version came",
  [
    "<version",
    concat(BROKEN_VERSION, VERSION, frame("xyzzy")),
  ],
  { kind: "timeout" },
  { until: "xyzzy" },
);
rule(
  "reports the timeout when what was dropped was nothing it waited for",
  [
    "<version",
    brokenChecksum(frame("inv", new Uint8Array(37))),
  ],
  { kind: "timeout" },
  { until: "inv" },
);

for (const [bytes, relay] of [[85, true], [86, false]] as const) {
  const payload = versionBytes({ userAgent: EMPTY, relay: false });
  rule(`accepts a version of ${bytes} bytes`, [
    "<version",
    frame("version", payload.subarray(0, bytes)),
    VERACK,
    "<verack",
  ], { relay });
}
for (const protocolVersion of [31_799, 0, -1, -0x8000_0000]) {
  rule(`disconnects version ${protocolVersion} without a verack`, [
    "<version",
    frame("version", versionBytes({ version: protocolVersion })),
    "closed",
    (peer) => assertEquals(peer.commands, ["version"]),
  ], { kind: "obsolete", message: "31800", protocolVersion });
}
rule("accepts 31800", answer({ version: 31_800 }));
rule("does not care that services are missing", answer({ services: 0n }));
for (const timestamp of [0n, 2n ** 62n]) {
  rule(`does not care that the time is ${timestamp}`, answer({ timestamp }));
}
rule("reports self when its own nonce comes back", [
  "<version",
  (peer) => peer.send("version", versionBytes({ nonce: peer.version.nonce })),
  "closed",
  (peer) => assertEquals(peer.commands, ["version"]),
], { kind: "self" });

// --- Time ----------------------------------------------------------------------------

Deno.test("initiator: is not held up by activity: the deadline is for the whole handshake", async () => {
  const clock = new VirtualClock();
  const half = Promise.withResolvers<void>();
  let isOver = false;
  await using node = new ScriptedNode(async (peer) => {
    await peer.play(["<version", VERSION, "<verack"]);
    half.resolve();
    while (!isOver) {
      await peer.sendBytes(PING);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
  const probing = probe(node.address, { network: "regtest", clock });
  await half.promise;
  for (let i = 0; i < 10; i++) await clock.advance(500);
  const { error, durationMs } = await probing;
  assertEquals([error?.kind, durationMs], ["timeout", 5_000]);
  isOver = true;
});

for (const offset of [0, 90, -3_600]) {
  const clock = new VirtualClock();
  clock.wallOffsetMs = 999; // Whole seconds count.
  const timestamp = BigInt(Math.floor(clock.now() / 1_000) + offset);
  rule(
    `sees a peer's clock ${offset} s ahead when its version comes`,
    answer({ timestamp }),
    { timeOffsetSeconds: offset },
    { clock },
  );
}

// --- The wrong kind of peer --------------------------------------------------------------

for (
  const [what, banner] of [
    ["SSH", new TextEncoder().encode("SSH-2.0-OpenSSH_9.7\r\n")],
    ["HTTP", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["escape sequences", Uint8Array.of(0x1b, 0x5b, 0x32, 0x4a, 0, 0xff)],
    [
      "testnet4",
      encodeFrame(Uint8Array.fromHex("1c163f28"), "version", versionBytes()),
    ],
  ] as const
) {
  Deno.test(`initiator: never shows the bytes of a peer that speaks ${what}`, async () => {
    const { error } = await run([banner, "closed"]);
    assertEquals(error?.kind, "bad-magic");
    assert(/^[\x20-\x7e]+$/.test(error?.message ?? ""));
    assertStringIncludes(error?.message ?? "", MAGIC.toHex());
  });
}
