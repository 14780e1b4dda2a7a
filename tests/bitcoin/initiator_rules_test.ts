/**
 * The rules of Bitcoin Core for who dials (`src/net_processing.cpp`, `src/net.cpp`),
 * one test a rule: `probe()` against a scripted peer on a real socket. Deadlines
 * are on a clock of their own.
 */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { probe } from "../../src/bitcoin/probe.ts";
import type {
  PeerMessage,
  ProbeOptions,
} from "../../src/bitcoin/probe_options.ts";
import type { ProbeResult } from "../../src/bitcoin/probe_result.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import type { VersionMessage } from "../../src/wire/messages/version.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import {
  concat,
  EMPTY,
  frame,
  MAGIC,
  type RawPeer,
  ScriptedNode,
  versionBytes,
} from "./raw_peer.ts";

type Script = (peer: RawPeer) => Promise<void>;

/** Probes a node that plays `script`. */
async function probeScript(
  script: Script,
  options: ProbeOptions = {},
): Promise<ProbeResult> {
  await using node = new ScriptedNode(script);
  return await probe(node.address, { network: "regtest", ...options });
}

/**
 * The same when the probe waits for its deadline, which passes once it has seen
 * the last message of the script.
 */
async function probeUntilDeadline(
  script: Script,
  last: string,
): Promise<ProbeResult> {
  const clock = new VirtualClock();
  const seen = Promise.withResolvers<void>();
  await using node = new ScriptedNode(script);
  const probing = probe(node.address, {
    network: "regtest",
    clock,
    onMessage: ({ direction, command }) => {
      if (direction === "in" && command === last) seen.resolve();
    },
  });
  await seen.promise;
  await clock.advance(4_999);
  await clock.advance(1);
  return await probing;
}

/** Says everything Core says, in one segment, when the probe's version came. */
function answer(
  fields: Partial<VersionMessage> = {},
  extra: { before?: Uint8Array; between?: Uint8Array; after?: Uint8Array } = {},
): Script {
  return async (peer) => {
    await peer.expect("version");
    await peer.sendBytes(concat(
      extra.before ?? EMPTY,
      frame("version", versionBytes(fields)),
      extra.between ?? EMPTY,
      frame("verack"),
      extra.after ?? EMPTY,
    ));
  };
}

function sent(result: ProbeResult): string[] {
  return result.events.filter((it) => it.direction === "out")
    .map((it) => it.command);
}

function brokenChecksum(bytes: Uint8Array): Uint8Array {
  bytes[23]! ^= 1;
  return bytes;
}

// --- Order -------------------------------------------------------------------

Deno.test("initiator: speaks first, and only version", async () => {
  await probeScript(async (peer) => {
    await peer.expect("version");
    assertEquals(peer.commands, ["version"]);
    await answer()(peer);
  });
});

Deno.test("initiator: answers version with wtxidrelay, sendaddrv2 and verack, in this order", async () => {
  const result = await probeScript(async (peer) => {
    await answer()(peer);
    await peer.expect("verack");
    assertEquals(peer.commands, [
      "version",
      "wtxidrelay",
      "sendaddrv2",
      "verack",
    ]);
  });
  assertEquals(sent(result), ["version", "wtxidrelay", "sendaddrv2", "verack"]);
  assert(result.ok);
});

Deno.test("initiator: accepts a peer that speaks first", async () => {
  const result = await probeScript(async (peer) => {
    await peer.send("version", versionBytes());
    await peer.send("verack");
    await peer.expect("verack");
  });
  assert(result.ok);
});

Deno.test("initiator: is complete when version and then verack came, cut as they may be", async () => {
  const result = await probeScript(async (peer) => {
    const bytes = concat(frame("version", versionBytes()), frame("verack"));
    for (let at = 0; at < bytes.length; at += 7) {
      await peer.sendBytes(bytes.subarray(at, at + 7));
    }
    await peer.expect("verack");
  });
  assert(result.ok);
});

for (
  const [theirs, features] of [[70015, []], [70016, [
    "wtxidrelay",
    "sendaddrv2",
  ]], [70017, ["wtxidrelay", "sendaddrv2"]]] as const
) {
  Deno.test(`initiator: sends [${features}] to a peer of version ${theirs}`, async () => {
    const result = await probeScript(answer({ version: theirs }));
    assertEquals(sent(result), ["version", ...features, "verack"]);
  });
}

Deno.test("initiator: sends no features when it announces 70015 itself", async () => {
  const result = await probeScript(answer(), { protocolVersion: 70015 });
  assertEquals(sent(result), ["version", "verack"]);
});

Deno.test("initiator: closes after the handshake, its verack having left", async () => {
  await using node = new ScriptedNode(async (peer) => {
    await answer()(peer);
    await peer.expect("verack");
    await peer.ended;
  });
  assert((await probe(node.address, { network: "regtest" })).ok);
  await node.peers[0]!.ended;
});

// --- What is sent --------------------------------------------------------------

Deno.test("initiator: says what it was told to say", async () => {
  await probeScript(async (peer) => {
    await peer.expect("version");
    const { version } = peer;
    assertEquals(version.version, 70017);
    assertEquals(version.services, 2n ** 64n - 1n);
    assertEquals(version.userAgent, new TextEncoder().encode("/probe:ü/"));
    assertEquals(version.startHeight, -5);
    assertEquals(version.relay, true);
    await answer()(peer);
  }, {
    protocolVersion: 70017,
    services: 2n ** 64n - 1n,
    userAgent: "/probe:ü/",
    startHeight: -5,
    relay: true,
  });
});

Deno.test("initiator: tells no addresses on loopback, its own nowhere", async () => {
  await probeScript(async (peer) => {
    await peer.expect("version");
    const nowhere = { services: 0n, ip: new Uint8Array(16), port: 0 };
    assertEquals(peer.version.addrRecv, nowhere);
    assertEquals(peer.version.addrFrom, nowhere);
    await answer()(peer);
  });
});

Deno.test("initiator: has a fresh nonce every connection", async () => {
  const nonces = new Set<bigint>();
  await using node = new ScriptedNode(async (peer) => {
    await answer()(peer);
    nonces.add(peer.version.nonce);
  });
  for (let i = 0; i < 5; i++) await probe(node.address, { network: "regtest" });
  assertEquals(nonces.size, 5);
});

// --- Before version --------------------------------------------------------------

Deno.test("initiator: ignores everything before version, verack and features too", async () => {
  const result = await probeScript(async (peer) => {
    await peer.expect("version");
    for (
      const command of ["verack", "ping", "wtxidrelay", "getaddr", "xyzzy"]
    ) {
      await peer.send(command, new Uint8Array(8));
    }
    await peer.send("version", versionBytes());
    await peer.send("verack");
    await peer.expect("verack");
    assert(!peer.commands.includes("pong"));
  });
  assert(result.ok);
  assertEquals(result.features, []);
});

Deno.test("initiator: does not count a verack that came before version", async () => {
  const result = await probeUntilDeadline(async (peer) => {
    await peer.expect("version");
    await peer.sendBytes(
      concat(frame("verack"), frame("version", versionBytes())),
    );
    await peer.expect("verack");
  }, "version");
  assertEquals(result.error?.kind, "timeout");
  assertStringIncludes(result.error?.message ?? "", "no verack within 5000 ms");
});

// --- Between version and verack --------------------------------------------------

Deno.test("initiator: ignores known and unknown messages before verack, no pong", async () => {
  const between = concat(
    frame("ping", new Uint8Array(8)),
    frame("getaddr"),
    frame("sendheaders"),
    frame("xyzzy", new Uint8Array(3)),
    frame("inv", new Uint8Array(1)),
    frame("reject", new Uint8Array(1)),
  );
  const result = await probeScript(answer({}, { between }));
  assert(result.ok);
  assertEquals(sent(result).includes("pong"), false);
});

Deno.test("initiator: ignores a second version, the first one's fields stay", async () => {
  const between = frame(
    "version",
    versionBytes({ version: 1, startHeight: 1 }),
  );
  const result = await probeScript(answer({ startHeight: 2 }, { between }));
  assertEquals([result.ok, result.startHeight], [true, 2]);
  assertEquals(sent(result).filter((it) => it === "verack").length, 1);
});

Deno.test("initiator: ignores a second verack", async () => {
  const result = await probeScript(answer({}, { after: frame("verack") }));
  assert(result.ok);
});

Deno.test("initiator: remembers features announced between version and verack, in order", async () => {
  const between = concat(
    frame("sendaddrv2"),
    frame("sendtxrcncl"),
    frame("wtxidrelay"),
  );
  const result = await probeScript(answer({}, { between }));
  assertEquals(result.features, ["sendaddrv2", "sendtxrcncl", "wtxidrelay"]);
});

Deno.test("initiator: ignores wtxidrelay when the common version is below 70016", async () => {
  const between = concat(frame("wtxidrelay"), frame("sendaddrv2"));
  const result = await probeScript(answer({ version: 70015 }, { between }));
  assertEquals([result.ok, result.features], [true, ["sendaddrv2"]]);
});

Deno.test("initiator: reports the features of a peer that never sends verack", async () => {
  const result = await probeUntilDeadline(async (peer) => {
    await peer.expect("version");
    await peer.send("version", versionBytes());
    await peer.send("sendaddrv2");
    await peer.expect("verack");
  }, "sendaddrv2");
  assertEquals([result.ok, result.features], [false, ["sendaddrv2"]]);
  assertEquals(result.userAgent, "/Satoshi:29.0.0/");
});

// --- After verack ------------------------------------------------------------------

Deno.test("initiator: handles what follows verack in the same segment", async () => {
  const seen: string[] = [];
  const after = concat(
    frame("sendcmpct", new Uint8Array(9)),
    frame("ping", new Uint8Array(8)),
    frame("getheaders", new Uint8Array(100)),
    frame("feefilter", new Uint8Array(8)),
  );
  const result = await probeScript(answer({}, { after }), {
    onMessage: ({ command, direction }) => seen.push(`${direction} ${command}`),
  });
  assert(result.ok);
  for (const it of ["in sendcmpct", "in ping", "out pong", "in feefilter"]) {
    assert(seen.includes(it), `${it} in ${seen}`);
  }
});

Deno.test("initiator: answers pings when it stays, repeating all eight bytes", async () => {
  const nonce = Uint8Array.fromHex("ffeeddccbbaa9988");
  const stop = new AbortController();
  const result = await probeScript(async (peer) => {
    await answer()(peer);
    await peer.expect("verack");
    await peer.send("ping", nonce);
    assertEquals((await peer.expect("pong")).payload, nonce);
    stop.abort();
  }, { stay: true, signal: stop.signal });
  assert(result.ok);
  assertEquals(result.ended, undefined);
});

for (const [theirs, pongs] of [[60000, 0], [60001, 1]] as const) {
  Deno.test(`initiator: sends ${pongs} pongs to a peer of version ${theirs}`, async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    await probeScript(async (peer) => {
      await answer({ version: theirs })(peer);
      await peer.expect("verack");
      await peer.send("ping", new Uint8Array(8));
      await peer.send("xyzzy");
      await peer.ended;
    }, {
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

Deno.test("initiator: answers no ping that is empty or cut", async () => {
  const stop = new AbortController();
  await probeScript(async (peer) => {
    await answer()(peer);
    await peer.expect("verack");
    await peer.send("ping");
    await peer.send("ping", new Uint8Array(7));
    await peer.settled(1);
    assertEquals(peer.commands.filter((it) => it === "pong").length, 1);
    stop.abort();
  }, { stay: true, signal: stop.signal });
});

for (const command of ["sendaddrv2", "wtxidrelay"]) {
  Deno.test(`initiator: disconnects who sends ${command} after verack`, async () => {
    const result = await probeScript(async (peer) => {
      await answer()(peer);
      await peer.expect("verack");
      await peer.send(command);
      await peer.ended;
    }, { stay: true });
    assert(result.ok);
    assertStringIncludes(
      result.ended?.message ?? "",
      `${command} after verack`,
    );
  });
}

Deno.test("initiator: keeps the session when broken or unknown messages come after verack", async () => {
  const stop = new AbortController();
  const seen: PeerMessage[] = [];
  await probeScript(async (peer) => {
    await answer()(peer);
    await peer.expect("verack");
    await peer.send("version", versionBytes({ nonce: 1n }));
    await peer.send("verack");
    await peer.send("xyzzy", new Uint8Array(100));
    await peer.send("addr", Uint8Array.of(0xfd, 0xe9, 0x03));
    await peer.sendBytes(brokenChecksum(frame("ping", new Uint8Array(8))));
    await peer.send("tx", new Uint8Array(16_385));
    await peer.settled(2);
    stop.abort();
  }, {
    stay: true,
    signal: stop.signal,
    onMessage: (message) => seen.push(message),
  });
  const dropped = seen.filter((it) => it.dropped !== undefined)
    .map(({ command, bytes, dropped }) => [command, bytes, dropped]);
  assertEquals(dropped, [["ping", 8, "bad-checksum"], [
    "tx",
    16_385,
    "oversize",
  ]]);
});

// --- Frames ------------------------------------------------------------------------

Deno.test("initiator: disconnects at the first byte of another magic", async () => {
  const result = await probeScript(async (peer) => {
    await peer.sendBytes(Uint8Array.of(0xf9));
    await peer.ended;
  });
  assertEquals(result.error?.kind, "bad-magic");
});

Deno.test("initiator: disconnects at the header of a message above 4,000,000 bytes, payload unseen", async () => {
  for (const length of [4_000_001, 0x8000_0000, 0xffff_ffff]) {
    const header = frame("version");
    new DataView(header.buffer).setUint32(16, length, true);
    const result = await probeScript(async (peer) => {
      await peer.sendBytes(header);
      await peer.ended;
    });
    assertEquals(result.error?.kind, "oversize");
    assertStringIncludes(result.error?.message ?? "", `${length}`);
  }
});

Deno.test("initiator: lets a message of exactly 4,000,000 bytes pass", async () => {
  const result = await probeScript(async (peer) => {
    await peer.send("block", new Uint8Array(4_000_000));
    await answer()(peer);
    await peer.expect("verack");
  });
  assert(result.ok);
});

Deno.test("initiator: drops a version with a wrong checksum and takes a right one after it", async () => {
  const before = brokenChecksum(
    frame("version", versionBytes({ startHeight: 1 })),
  );
  const result = await probeScript(answer({ startHeight: 2 }, { before }));
  assertEquals([result.ok, result.startHeight], [true, 2]);
});

Deno.test("initiator: drops invalid commands, whatever they would be when cut at the NUL", async () => {
  const before = frame("version", versionBytes({ startHeight: 1 }));
  before[15] = 0x21; // "version", NULs, "!"
  const control = frame("verac\x7e");
  control[9] = 0x1f;
  const result = await probeScript(
    answer({ startHeight: 2 }, { before: concat(before, control) }),
  );
  assertEquals([result.ok, result.startHeight], [true, 2]);
});

Deno.test("initiator: takes twelve characters without a NUL for a legal command", async () => {
  const seen: string[] = [];
  const before = frame("twelve chars");
  const result = await probeScript(answer({}, { before }), {
    onMessage: ({ command, dropped }) => seen.push(`${command} ${dropped}`),
  });
  assert(result.ok);
  assert(seen.includes("twelve chars undefined"));
});

// --- Version payload -----------------------------------------------------------------

Deno.test("initiator: drops versions that cannot be read and takes a good one after them", async () => {
  const whole = versionBytes();
  const before = concat(
    frame("version"),
    frame("version", whole.subarray(0, 45)), // a required field cut
    frame("version", whole.subarray(0, 60)), // a group cut in its middle
    frame(
      "version",
      concat(
        whole.subarray(0, 80),
        Uint8Array.of(0xfd, 1, 1),
        new Uint8Array(262),
      ),
    ), // 257 bytes of user agent
    frame(
      "version",
      concat(
        whole.subarray(0, 80),
        Uint8Array.of(0xfd, 1, 0),
        new Uint8Array(6),
      ),
    ), // a length in too many bytes
  );
  const result = await probeScript(answer({ startHeight: 7 }, { before }));
  assertEquals([result.ok, result.startHeight], [true, 7]);
});

for (
  const [name, bytes] of [[
    "bad-checksum",
    brokenChecksum(frame("version", versionBytes())),
  ], ["malformed", frame("version", versionBytes().subarray(0, 45))]] as const
) {
  Deno.test(`initiator: reports ${name} when the peer closes after a version that was dropped for it`, async () => {
    const result = await probeScript(async (peer) => {
      await peer.expect("version");
      await peer.sendBytes(bytes);
      await peer.finish();
    });
    assertEquals(result.error?.kind, name);
    assertStringIncludes(result.error?.message ?? "", "closed the connection");
  });

  Deno.test(`initiator: reports ${name} at the deadline after a version that was dropped for it`, async () => {
    const result = await probeUntilDeadline(async (peer) => {
      await peer.expect("version");
      await peer.sendBytes(bytes);
    }, "version");
    assertEquals(result.error?.kind, name);
    assertStringIncludes(result.error?.message ?? "", "within 5000 ms");
  });
}

Deno.test("initiator: reports the last reason for which its version was dropped", async () => {
  const result = await probeUntilDeadline(async (peer) => {
    await peer.expect("version");
    await peer.sendBytes(brokenChecksum(frame("version", versionBytes())));
    await peer.send("version", versionBytes().subarray(0, 45));
    await peer.send("xyzzy");
  }, "xyzzy");
  assertEquals(result.error?.kind, "malformed");
});

Deno.test("initiator: forgets what was dropped once a good version came", async () => {
  const result = await probeUntilDeadline(async (peer) => {
    await peer.expect("version");
    await peer.sendBytes(brokenChecksum(frame("version", versionBytes())));
    await peer.send("version", versionBytes());
    await peer.send("xyzzy");
  }, "xyzzy");
  assertEquals(result.error?.kind, "timeout");
});

Deno.test("initiator: reports the timeout when what was dropped was nothing it waited for", async () => {
  const result = await probeUntilDeadline(async (peer) => {
    await peer.expect("version");
    await peer.sendBytes(brokenChecksum(frame("inv", new Uint8Array(37))));
  }, "inv");
  assertEquals(result.error?.kind, "timeout");
});

for (const [bytes, relay] of [[85, true], [86, undefined]] as const) {
  Deno.test(`initiator: accepts a version of ${bytes} bytes`, async () => {
    const whole = versionBytes({ userAgent: EMPTY, relay: false });
    assertEquals(whole.length, 86);
    const result = await probeScript(async (peer) => {
      await peer.expect("version");
      await peer.send("version", whole.subarray(0, bytes));
      await peer.send("verack");
      await peer.expect("verack");
    });
    assertEquals([result.ok, result.relay], [true, relay ?? false]);
  });
}

Deno.test("initiator: disconnects a version below 31800 without a verack", async () => {
  for (const version of [31_799, 0, -1, -0x8000_0000]) {
    const result = await probeScript(async (peer) => {
      await peer.expect("version");
      await peer.send("version", versionBytes({ version }));
      await peer.ended;
      assertEquals(peer.commands, ["version"]);
    });
    assertEquals(result.error?.kind, "obsolete");
    assertEquals(result.protocolVersion, version);
  }
});

Deno.test("initiator: accepts 31800", async () => {
  assert((await probeScript(answer({ version: 31_800 }))).ok);
});

Deno.test("initiator: does not care which services are missing, or what time it is there", async () => {
  for (
    const fields of [{ services: 0n }, { timestamp: 0n }, {
      timestamp: 2n ** 62n,
    }]
  ) {
    assert((await probeScript(answer(fields))).ok);
  }
});

Deno.test("initiator: reports self when its own nonce comes back", async () => {
  const result = await probeScript(async (peer) => {
    await peer.expect("version");
    await peer.send("version", versionBytes({ nonce: peer.version.nonce }));
    await peer.ended;
    assertEquals(peer.commands, ["version"]);
  });
  assertEquals(result.error?.kind, "self");
});

// --- Time ----------------------------------------------------------------------------

Deno.test("initiator: is not held up by activity: the deadline is for the whole handshake", async () => {
  const clock = new VirtualClock();
  const half = Promise.withResolvers<void>();
  await using node = new ScriptedNode(async (peer) => {
    await peer.expect("version");
    await peer.send("version", versionBytes());
    await peer.expect("verack");
    half.resolve();
    while (peer.commands.length > 0) {
      await peer.send("ping", new Uint8Array(8));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
  const probing = probe(node.address, { network: "regtest", clock });
  await half.promise;
  for (let i = 0; i < 10; i++) await clock.advance(500);
  const { error, durationMs, events } = await probing;
  assertEquals(error?.kind, "timeout");
  assertEquals(durationMs, 5_000);
  assertNotEquals(events.length, 0);
  node.peers[0]!.received.length = 0; // lets the script end
});

Deno.test("initiator: measures the peer's clock when its version comes", async () => {
  const clock = new VirtualClock();
  clock.wallOffsetMs = 999; // whole seconds count
  const at = (offset: bigint) => BigInt(clock.now() / 1000 | 0) + offset;
  for (const offset of [0n, 90n, -3_600n]) {
    const result = await probeScript(answer({ timestamp: at(offset) }), {
      clock,
    });
    assertEquals(result.timeOffsetSeconds, Number(offset));
  }
});

// --- The wrong kind of peer --------------------------------------------------------------

Deno.test("initiator: never shows the bytes of a peer that speaks something else", async () => {
  const banners = [
    new TextEncoder().encode("SSH-2.0-OpenSSH_9.7\r\n"),
    new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"),
    Uint8Array.of(0x1b, 0x5b, 0x32, 0x4a, 0, 0xff),
    encodeFrame(Uint8Array.fromHex("1c163f28"), "version", versionBytes()),
  ];
  for (const banner of banners) {
    const { error } = await probeScript(async (peer) => {
      await peer.sendBytes(banner);
      await peer.ended;
    });
    assertEquals(error?.kind, "bad-magic");
    assert(/^[\x20-\x7e]+$/.test(error?.message ?? ""));
    assertStringIncludes(error?.message ?? "", MAGIC.toHex());
  }
});

Deno.test("initiator: reports closed for every way in which a peer can leave", async () => {
  const scripts: Script[] = [
    (peer) => Promise.resolve(peer.close()),
    async (peer) => (await peer.expect("version"), peer.close()),
    async (peer) => {
      await peer.expect("version");
      await peer.sendBytes(frame("version", versionBytes()).subarray(0, 60));
      await peer.finish();
    },
    async (peer) => {
      await peer.expect("version");
      await peer.send("version", versionBytes());
      await peer.finish();
    },
  ];
  for (const script of scripts) {
    const result = await probeScript(script);
    assertEquals(result.error?.kind, "closed", result.error?.message);
  }
});
