// Peers of older releases, which have no streams: an error at once, and all else as before.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { Node } from "../../src/mesh/node.ts";
import { COMMAND, STREAM_COMMANDS } from "../../src/wire/commands.ts";
import { ACK_STATUS, encodeAck } from "../../src/wire/messages/ack.ts";
import {
  decodeMessage,
  encodeMessage,
} from "../../src/wire/messages/message_frame.ts";
import type { RawPeer } from "../helpers/attacker.ts";
import {
  credit,
  data,
  end,
  open,
  reset,
  sayAll,
} from "../helpers/raw_streams.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** That no stream is opened to it, and that messages go both ways. */
async function isServedAsBefore(node: Node, older: RawPeer): Promise<void> {
  const { id } = older.identity;
  const error = await assertRejects(
    () => node.open(id, "echo/1"),
    VerackError,
    id.slice(0, 8),
  );
  assertEquals(error.code, "unsupported");

  const sent = node.send(id, "to you", { topic: "t" });
  const { bodyOffset } = decodeMessage(await older.take(COMMAND.message));
  const payload =
    older.frames.findLast(({ command }) => command === COMMAND.message)!
      .payload;
  assertEquals(
    new TextDecoder().decode(payload.subarray(bodyOffset)),
    "to you",
  );
  const range = { first: 0, count: 1, status: ACK_STATUS.acked };
  await older.say(COMMAND.ack, encodeAck({ limit: 70_000, ranges: [range] }));
  await sent;

  const messages = node.messages();
  const body = new TextEncoder().encode("to the node");
  await older.say(
    COMMAND.message,
    encodeMessage(crypto.getRandomValues(new Uint8Array(16)), body, body),
  );
  const { value } = await messages.next();
  assertEquals(value?.text(), "to the node");
  value?.ack();
  await older.take(COMMAND.ack);
  await messages.return?.();

  const streams = older.frames.filter(({ command }) =>
    STREAM_COMMANDS.includes(command)
  );
  assertEquals(streams, []);
}

Deno.test("an older peer that dialed gets messages and sends some, and a stream to it is unsupported", async () => {
  await using scene = await Scene.start();
  using older = await scene.join({ streams: false });
  await isServedAsBefore(scene.victim, older);
});

Deno.test("an older peer that was dialed gets messages and sends some, and a stream to it is unsupported", async () => {
  await using listener = await RawListener.start({ streams: false });
  await using node = await Node.start({
    connect: [`${listener.identity.id}@${listener.address}`],
  });
  using older = await listener.next();
  await older.answer();
  await until("the session", () => node.sessions().length === 1);
  await isServedAsBefore(node, older);
});

Deno.test("frames of streams from a peer that has not announced them end the session, and open nothing", async () => {
  await using scene = await Scene.start();
  let handled = 0;
  scene.victim.handle("echo/1", () => {
    handled++;
  });
  for (const sent of [open(1), data(1, 5), end(1), credit(1, 1), reset(1)]) {
    using older = await scene.join({ streams: false });
    await sayAll(older, [sent]);
    const told = await older.refusal();
    assertEquals(told?.name, "protocol-error");
    assertStringIncludes(
      told?.text ?? "",
      `Cannot accept ${sent[0]}: the peer did not announce streams`,
    );
  }
  assertEquals(handled, 0);
  // The control: one that has announced them is served.
  using peer = await scene.join();
  await sayAll(peer, [open(1)]);
  await until("the handler", () => handled === 1);
});
