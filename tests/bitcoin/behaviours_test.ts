/** Every behaviour of `respond()` against `probe()`, each with the end it promises. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  BEHAVIOUR_NAMES,
  type BehaviourName,
  BEHAVIOURS,
} from "../../src/bitcoin/behaviours.ts";
import { NETWORKS } from "../../src/bitcoin/networks.ts";
import { probe } from "../../src/bitcoin/probe.ts";
import { respond, type ResponderEvent } from "../../src/bitcoin/respond.ts";
import type { ProbeResult } from "../../src/bitcoin/probe_result.ts";
import { until } from "../helpers/until.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const UNTIL_DEADLINE = new Set(["timeout", "bad-checksum", "malformed"]);
const TIMEOUT_MS = 5_000;

/** Probes a responder; its pauses and the deadline pass on a clock of their own. */
async function probeBehaviour(
  behaviour: BehaviourName,
): Promise<{ result: ProbeResult; events: ResponderEvent[] }> {
  const clock = new VirtualClock();
  const events: ResponderEvent[] = [];
  await using node = await respond({
    network: "regtest",
    port: 0,
    behaviour,
    clock,
    onEvent: (event) => events.push(event),
  });
  const probing = probe(node.address, {
    network: "regtest",
    timeoutMs: TIMEOUT_MS,
    clock,
  });
  let isOver = false;
  const over = probing.finally(() => isOver = true);
  const { outcome } = BEHAVIOURS[behaviour];
  if (outcome === "ok" || UNTIL_DEADLINE.has(outcome)) {
    await until(`the end of ${behaviour}`, async () => {
      // Time passes only while nothing else happens.
      if (!isOver) await clock.advance(outcome === "ok" ? 100 : 500);
      return isOver;
    });
  }
  return { result: await over, events };
}

for (const behaviour of BEHAVIOUR_NAMES) {
  const { outcome, description } = BEHAVIOURS[behaviour];
  Deno.test(`probe() reports ${outcome} of a node that ${behaviour}: ${description}`, async () => {
    const { result } = await probeBehaviour(behaviour);
    assertEquals(result.error?.kind ?? "ok", outcome, result.error?.message);
    assertEquals(result.ok, outcome === "ok");
    assertEquals(result.network, "regtest");
    if (result.error !== undefined) {
      assertMatch(result.error.message, /^Cannot [\x20-\x7e]{10,}$/);
    }
    assertMatch(JSON.stringify(result), /^[\x20-\x7e]+$/);
  });
}

Deno.test("BEHAVIOURS has every name once, with one line of description", () => {
  assertEquals<readonly string[]>(BEHAVIOUR_NAMES, Object.keys(BEHAVIOURS));
  for (const { description } of Object.values(BEHAVIOURS)) {
    assertMatch(description, /^[A-Z][\x20-\x7e]{8,70}$/);
  }
});

function commands({ events }: ProbeResult, direction: "in" | "out"): string[] {
  return events.filter((it) => it.direction === direction)
    .map(({ command }) => command);
}

/** What a probe reports of some of them besides. */
const DETAILS: [BehaviourName, string, (result: ProbeResult) => void][] = [
  ["shortest-version", "takes Core's defaults for what is left out", (it) => {
    assertEquals([it.userAgent, it.startHeight, it.relay], ["", -1, true]);
    assertEquals(it.version?.nonce, 1n);
  }],
  [
    "oldest-version",
    "sends no features to the oldest peers",
    (it) => assertEquals(commands(it, "out"), ["version", "verack"]),
  ],
  ["hostile-user-agent", "escapes the user agent and keeps its bytes", (it) => {
    assertEquals(
      it.userAgent,
      "/\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\u{202e}\\u{a}\\xff\\xfe\\u{0}",
    );
    assertEquals(it.version?.userAgent.at(-2), 0xfe);
  }],
  ["all-service-bits", "names all 64 services and keeps their bits", (it) => {
    assertEquals(it.services?.length, 64);
    assertEquals(it.servicesHex, "f".repeat(16));
    assertEquals(it.version?.services, 2n ** 64n - 1n);
  }],
  ["future-time", "gives the time exactly, in JSON too", (it) => {
    assertEquals(it.version?.timestamp, 2n ** 63n - 1n);
    const offset = 2n ** 63n - 1n - 1_767_225_600n;
    assertStringIncludes(JSON.stringify(it), `"timeOffsetSeconds":${offset},`);
    assertEquals(it.timeOffsetSeconds, Number(offset));
  }],
  ["negative-time", "counts it as 1970, as Core does", (it) => {
    assertEquals(it.timeOffsetSeconds, -1_767_225_600);
    assertEquals(it.version?.timestamp, -(2n ** 63n));
  }],
  [
    "wrong-magic",
    "names the network whose magic came back",
    ({ error }) =>
      assertStringIncludes(error?.message ?? "", "the peer is on mainnet"),
  ],
  ["reject", "says what the reject said", ({ error }) =>
    assertStringIncludes(
      error?.message ?? "",
      `it said "Version must be 99999 or greater"`,
    )],
];
for (const [behaviour, what, check] of DETAILS) {
  Deno.test(`probe() of a node that ${behaviour}: ${what}`, async () => {
    check((await probeBehaviour(behaviour)).result);
  });
}

Deno.test("respond() tells what it really sent, not what Core would have sent", async () => {
  const { events } = await probeBehaviour("no-verack");
  const sent = events.flatMap((event) =>
    event.type === "message" && event.direction === "out" ? [event.command] : []
  );
  assertEquals(sent, ["version", "wtxidrelay", "sendaddrv2"]);
});

Deno.test("respond() misbehaves on every network with that network's magic", async () => {
  const network = NETWORKS.mainnet;
  await using node = await respond({
    network,
    port: 0,
    behaviour: "wrong-magic",
  });
  const { error } = await probe(node.address, { network });
  assertEquals(error?.kind, "bad-magic");
  assertStringIncludes(error?.message ?? "", "the peer is on testnet4");
});
