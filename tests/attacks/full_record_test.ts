// A record that is full of peers with standing, which none may push out.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { parsePeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { MAX_PEERS } from "../../src/mesh/mesh_limits.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { MemorySiege } from "../helpers/memory_siege.ts";
import { until } from "../helpers/until.ts";

Deno.test("a node whose record is full of peers with standing says so to a newcomer, and takes it when one is forgotten", async () => {
  await using siege = await MemorySiege.start();
  const { table } = partsOf(siege.victim);
  for (let at = 0; at < MAX_PEERS; at++) {
    const id = parsePeerId(at.toString(16).padStart(64, "0"));
    table.ensure(id)!.acknowledged();
  }
  const identity = await Identity.generate();
  const turnedAway = await siege.open("10.9.9.9", { identity }, "proof");
  const told = await turnedAway.refusal();
  assertEquals(told?.name, "full");
  assertStringIncludes(told?.text ?? "", "full of peers that have standing");
  const refused = () => siege.log.of("refused").map(({ reason }) => reason);
  await until("it to be said", () => refused().length === 1);
  assertStringIncludes(refused()[0] ?? "", "verack forget");
  assertEquals(table.size, MAX_PEERS);
  siege.victim.admission.forget("0".repeat(64));
  const taken = await siege.open("10.9.9.9", { identity });
  assertEquals(siege.connected(taken), [true]);
});
