/**
 * Two nodes that dial, send and request, in a process whose spans are exported when it ends. Its
 * argument is the body of messages and requests, which no span may have.
 */
import { Node } from "../../../mod.ts";

const body = Deno.args[0] ?? "";
// A port at which nothing listens.
const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const { port } = closed.addr;
closed.close();

const bob = await Node.start({ name: "bob" });
const alice = await Node.start({
  name: "alice",
  connect: [bob.address, `127.0.0.1:${port}`],
});
await alice.joined();
const { id } = bob.identity;
const consuming = [bob, alice].map((node) => node.consume(() => {}));
bob.serve("shout", async (text) => {
  await bob.send(alice.identity.id, body, { topic: "from-handler" });
  return `${text}`.toUpperCase();
});
await alice.send(id, body, { topic: "x".repeat(100) });
await alice.broadcast(body);
console.log(await alice.request("bob", "shout", body));
console.log(
  await alice.request("bob", "whisper", body).catch((error) => error.code),
);
await Promise.all([alice.close(), bob.close()]);
await Promise.all(consuming);
