/** Every behaviour of `respond()` against `probe()`, each with the end it promises. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
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

Deno.test("probe() keeps the first version's fields when a second one comes", async () => {
  const { result } = await probeBehaviour("double-version");
  assertEquals([result.protocolVersion, result.startHeight], [70016, 0]);
});

Deno.test("probe() sends no pong before verack", async () => {
  const { result } = await probeBehaviour("ping-before-verack");
  const commands = result.events.map((it) => `${it.direction} ${it.command}`);
  assert(commands.includes("in ping"));
  assert(!commands.includes("out pong"));
});

Deno.test("probe() takes Core's defaults for what the shortest version leaves out", async () => {
  const { result } = await probeBehaviour("shortest-version");
  assertEquals([result.userAgent, result.startHeight, result.relay], [
    "",
    -1,
    true,
  ]);
  assertEquals(result.version?.nonce, 1n);
});

Deno.test("probe() takes a missing relay byte for true", async () => {
  const { result } = await probeBehaviour("short-version");
  assertEquals(result.relay, true);
});

Deno.test("probe() sends no features to the oldest peers", async () => {
  const { result } = await probeBehaviour("oldest-version");
  const sent = result.events.filter((it) => it.direction === "out");
  assertEquals(sent.map((it) => it.command), ["version", "verack"]);
});

Deno.test("probe() shows a hostile user agent escaped and keeps its bytes", async () => {
  const { result } = await probeBehaviour("hostile-user-agent");
  assertEquals(
    result.userAgent,
    "/\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\u{202e}\\u{a}\\xff\\xfe\\u{0}",
  );
  assertEquals(result.version?.userAgent.at(-2), 0xfe);
});

Deno.test("probe() gives all 64 services their names and keeps their bits", async () => {
  const { result } = await probeBehaviour("all-service-bits");
  assertEquals(result.services?.length, 64);
  assertEquals(result.servicesHex, "f".repeat(16));
  assertEquals(result.version?.services, 2n ** 64n - 1n);
});

Deno.test("probe() gives the latest time there is exactly, in JSON too", async () => {
  const { result } = await probeBehaviour("future-time");
  assertEquals(result.version?.timestamp, 2n ** 63n - 1n);
  const offset = 2n ** 63n - 1n - 1_767_225_600n;
  assertStringIncludes(
    JSON.stringify(result),
    `"timeOffsetSeconds":${offset},`,
  );
  assertEquals(result.timeOffsetSeconds, Number(offset));
});

Deno.test("probe() counts a negative time as 1970, as Core does", async () => {
  const { result } = await probeBehaviour("negative-time");
  assertEquals(result.timeOffsetSeconds, -1_767_225_600);
  assertEquals(result.version?.timestamp, -(2n ** 63n));
});

Deno.test("probe() names the network whose magic came back", async () => {
  const { result } = await probeBehaviour("wrong-magic");
  assertStringIncludes(result.error?.message ?? "", "the peer is on mainnet");
});

Deno.test("probe() says what an old peer's reject said", async () => {
  const { result } = await probeBehaviour("reject");
  assertStringIncludes(
    result.error?.message ?? "",
    `it said "Version must be 99999 or greater"`,
  );
});

Deno.test("probe() reports the version of a peer that is obsolete", async () => {
  const { result } = await probeBehaviour("obsolete");
  assertEquals(result.protocolVersion, 31_799);
  assertStringIncludes(result.error?.message ?? "", "31800");
});

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
