/**
 * A node that takes all messages and streams, or that sends much to each of its peers and
 * says how long that took, with round trips and small messages meanwhile.
 *
 * Arguments: the address to join through and, for a sender, how many peers it waits
 * for, how many bytes each of them gets, and whether as a `message` or a `stream`.
 */
import type { PeerId } from "../../../src/core/peer_id.ts";
import { Node } from "../../../src/mesh/node.ts";

const [connect = "", peers = "0", bytes = "0", as = "message"] = Deno.args;

/** Between two small messages, and between two round trips. */
const PAUSE_MS = 200;

const encoder = new TextEncoder();
function say(line: unknown): void {
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(line)}\n`));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

await using node = await Node.start({
  connect: connect === "" ? [] : [connect],
});
const joined = Promise.withResolvers<void>();
(async () => {
  for await (const event of node.events()) {
    if (event.type === "peer:down") say({ down: event.reason });
    if (event.type === "peer:up" && node.sessions().length >= Number(peers)) {
      joined.resolve();
    }
  }
})();
(async () => {
  for await (const { body } of node.messages()) {
    if (body.length > 100) say({ took: body.length });
  }
})();
node.handle("bulk/1", async (stream) => {
  let length = 0;
  for await (const bytes of stream.readable) length += bytes.length;
  say({ took: length });
  await stream.write(encoder.encode(`${length}`));
});
say({ listens: node.address });
if (Number(bytes) > 0) {
  await joined.promise;
  const to = node.sessions().map(({ id }) => id);
  say({ sends: to.length });
  const body = crypto.getRandomValues(new Uint8Array(65_536));
  const whole = new Uint8Array(Number(bytes));
  for (let at = 0; at < whole.length; at += body.length) {
    whole.set(body.subarray(0, whole.length - at), at);
  }
  let over = false;
  let pingMs = 0;
  let chatMs = 0;
  const pinging = (async () => {
    while (!over) {
      // A round trip that is not known within its second counts as two.
      pingMs = Math.max(pingMs, await node.roundTrip(to[0]!) ?? 2_000);
      await pause();
    }
  })();
  const chatting = (async () => {
    while (!over) {
      const at = performance.now();
      await node.send(to[0]!, "hello", { topic: "chat" });
      chatMs = Math.max(chatMs, performance.now() - at);
      await pause();
    }
  })();
  const begun = performance.now();
  const transfer = as === "stream" ? sendStream : sendMessage;
  await Promise.all(to.map((id) => transfer(id, whole)));
  const seconds = (performance.now() - begun) / 1_000;
  over = true;
  await Promise.all([pinging, chatting]);
  say({ done: to.length, seconds, pingMs, chatMs });
}
await new Promise(() => setInterval(() => {}, 60_000));

async function sendMessage(to: PeerId, body: Uint8Array): Promise<void> {
  await node.send(to, body, { topic: "bulk" });
}

/** Resolves when the other end has read all of it. */
async function sendStream(to: PeerId, body: Uint8Array): Promise<void> {
  await using stream = await node.open(to, "bulk/1");
  await stream.write(body);
  await stream.closeWrite();
  const answer = await new Response(stream.readable).text();
  if (answer !== `${body.length}`) throw new Error(`It has read ${answer}`);
}
