import { assertEquals } from "@std/assert";
import {
  endedLine,
  messageLine,
  ProbeTally,
  resultLines,
} from "../../src/cli/bitcoin_lines.ts";
import { palette } from "../../src/cli/terminal.ts";
import type { ProbeResult } from "../../src/bitcoin/probe_result.ts";

const PLAIN = palette(false);

function result(fields: Partial<ProbeResult>): ProbeResult {
  return {
    address: "192.0.2.1:8333",
    network: "mainnet",
    ok: true,
    protocolVersion: 70016,
    services: ["NETWORK", "WITNESS"],
    servicesHex: "0000000000000009",
    userAgent: "/Satoshi:28.1.0/",
    startHeight: 870_000,
    relay: true,
    timeOffsetSeconds: -2,
    features: ["wtxidrelay", "sendaddrv2"],
    events: [
      { direction: "out", command: "version", atMs: 30.25 },
      { direction: "in", command: "version", atMs: 61.5 },
      { direction: "out", command: "verack", atMs: 61.75 },
      { direction: "in", command: "verack", atMs: 211.75 },
    ],
    durationMs: 211.9,
    toJSON: () => ({}),
    ...fields,
  };
}

Deno.test("resultLines() shows both directions with the time between messages, then the facts", () => {
  assertEquals(resultLines(result({}), PLAIN).split("\n"), [
    "ok    192.0.2.1:8333  connect 30.3 → version 31.3 ← version 0.3 → verack 150 ← verack  (212 ms)",
    "      protocol 70016  height 870000  relay yes  clock -2 s  services NETWORK,WITNESS  features wtxidrelay,sendaddrv2  agent /Satoshi:28.1.0/",
  ]);
});

Deno.test("resultLines() of a failure shows how far it got, how long it waited and why", () => {
  const failed = result({
    ok: false,
    events: [{ direction: "out", command: "version", atMs: 1 }],
    durationMs: 5_001,
    error: { kind: "timeout", message: "no version within 5000 ms" },
  });
  const { address, network, ok, events, durationMs, error, toJSON } = failed;
  const unknown = { address, network, ok, events, durationMs, error: error! };
  assertEquals(resultLines({ ...unknown, toJSON }, PLAIN).split("\n"), [
    "fail  192.0.2.1:8333  connect 1.0 → version 5000 timeout",
    "      no version within 5000 ms",
  ]);
});

Deno.test("resultLines() of a failure shows what the peer said before", () => {
  const lines = resultLines(
    result({
      ok: false,
      protocolVersion: 209,
      error: { kind: "obsolete", message: "protocol version is 209" },
    }),
    PLAIN,
  ).split("\n");
  assertEquals(lines.length, 3);
  assertEquals(lines[1]!.includes("protocol 209"), true);
});

Deno.test("resultLines() says none for what is empty, and puts the user agent last", () => {
  const [, facts] = resultLines(
    result({ services: [], features: [], userAgent: "", relay: false }),
    PLAIN,
  ).split("\n");
  assertEquals(
    facts!.trim(),
    "protocol 70016  height 870000  relay no  clock -2 s  services none  features none  agent none",
  );
});

Deno.test("messageLine() shows which way, how long and whether it was dropped", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5);
  const message = {
    direction: "in",
    command: "ping",
    payload: new Uint8Array(8),
    bytes: 8,
    atMs: 1,
  } as const;
  assertEquals(
    messageLine("192.0.2.1:8333", message, time, PLAIN),
    "03:04:05 192.0.2.1:8333 ← ping  8 bytes",
  );
  assertEquals(
    messageLine(
      "#1",
      { ...message, direction: "out", bytes: 0, dropped: "bad-checksum" },
      time,
      PLAIN,
    ),
    "03:04:05 #1 → ping  ignored: bad-checksum",
  );
  assertEquals(
    endedLine("#1", { kind: "closed", message: "gone" }, time, PLAIN),
    "03:04:05 #1 closed: gone",
  );
});

Deno.test("ProbeTally counts results, reasons and user agents", () => {
  const tally = new ProbeTally();
  for (let i = 0; i < 8; i++) {
    tally.add(result({ durationMs: 10 + i, userAgent: `/a:${i % 7}/` }));
  }
  for (const kind of ["timeout", "connection-refused", "timeout"] as const) {
    tally.add(result({ ok: false, error: { kind, message: "" } }));
  }
  assertEquals(tally.lines(2_345, PLAIN), [
    "11 nodes: 8 ok, 3 failed (2 timeout, 1 connection-refused) in 2.3 s",
    "handshakes: fastest 10.0, mean 13.5, slowest 17.0 ms",
    "2 × /a:0/",
    "1 × /a:1/",
    "1 × /a:2/",
    "1 × /a:3/",
    "1 × /a:4/",
    "2 × other",
  ]);
});

Deno.test("ProbeTally says little about a single node", () => {
  const tally = new ProbeTally();
  tally.add(result({}));
  assertEquals(tally.lines(100, PLAIN), ["1 node: 1 ok in 0.1 s"]);
});

Deno.test("ProbeTally stays small however many user agents there are", () => {
  const tally = new ProbeTally();
  for (let i = 0; i < 5_000; i++) {
    tally.add(result({ userAgent: `/made-up:${i}/` }));
  }
  assertEquals(tally.lines(0, PLAIN).at(-1), "4995 × other");
});
