/**
 * Sends without awaiting: to a peer that leaves for good, to one that does not
 * take in time, to one that is unknown. Says each `undelivered` event on standard
 * output, then that it still runs, and what a caller that awaits gets.
 */
import { Node } from "../../../src/mesh/node.ts";

const node = await Node.start();
const peer = await Node.start({ connect: [node.address] });
const to = peer.identity.id;
let told = 0;
const events = node.events();
const isUp = Promise.withResolvers<void>();
const isLate = Promise.withResolvers<void>();
const watched = (async () => {
  for await (const event of events) {
    if (event.type === "peer:up") isUp.resolve();
    if (event.type !== "undelivered") continue;
    console.log(`undelivered ${event.topic}`);
    isLate.resolve();
    if (++told === 2) return;
  }
})();
await isUp.promise;
node.send(to, "never taken", { topic: "late", ttlMs: 50 });
node.send(to, "never taken", { topic: "left" });
node.send("00".repeat(32), "to an unknown peer");
node.broadcast("never taken", { waitMs: -1 });
await isLate.promise;
await peer.close();
await watched;
// Unhandled rejections are reported after a turn of the event loop.
await new Promise((resolve) => setTimeout(resolve, 100));
console.log("still runs");
try {
  await node.send("00".repeat(32), "awaited");
} catch (error) {
  console.log(`rejected ${(error as { code?: string }).code}`);
}
await node.close();
console.log("closed");
