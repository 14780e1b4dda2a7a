// A peer whose connection is ended for no fault in what it said is told why, too.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { MAX_PENDING_PER_ADDRESS } from "../../src/mesh/sessions/connection_limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { RawPeer, type Step } from "../helpers/attacker.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { until } from "../helpers/until.ts";

Deno.test("a dialer that stops in its handshake is told reject timeout", async (t) => {
  await using node = await Node.start({ handshakeTimeoutMs: 1_000 });
  for (
    const step of [undefined, "version", "features"] as (Step | undefined)[]
  ) {
    await t.step(`after ${step ?? "TLS"}`, async () => {
      using peer = await RawPeer.dial(node);
      if (step !== undefined) await peer.shake(step);
      const told = await peer.refusal();
      assertEquals([told?.command, told?.name], ["reject", "timeout"]);
      await peer.ended;
    });
  }
});

Deno.test("a listener that stops in its handshake is told reject timeout", async () => {
  await using listener = await RawListener.start();
  await using _node = await Node.start({
    handshakeTimeoutMs: 1_000,
    connect: [listener.address],
  });
  using peer = await listener.next();
  const told = await peer.refusal();
  assertEquals([told?.command, told?.name], ["reject", "timeout"]);
});

Deno.test("a dialer that makes room for another one is told reject full", async () => {
  await using node = await Node.start();
  using stack = new DisposableStack();
  const first = stack.use(await RawPeer.dial(node));
  // The node has it, so that it is the oldest.
  await first.shake("challenge");
  await Promise.all(
    Array.from({ length: MAX_PENDING_PER_ADDRESS }, async () => {
      stack.use(await RawPeer.dial(node));
    }),
  );
  const told = await first.refusal();
  assertEquals([told?.command, told?.name], ["reject", "full"]);
  assertStringIncludes(told?.text ?? "", "too many unproven connections");
  await first.ended;
});

Deno.test("a peer that falls silent is told bye dead, should it still read", async () => {
  await using node = await Node.start({ heartbeatMs: 300, deadAfterMs: 1_500 });
  using peer = await RawPeer.open(node);
  peer.answersPings = false;
  await until("its end", () => peer.count(COMMAND.bye) === 1);
  const told = await peer.refusal();
  assertEquals([told?.command, told?.name], ["bye", "dead"]);
  await peer.ended;
});
