/**
 * A node that others attack, in a process of its own so that its memory can be
 * read: prints where it is, then on each line of its standard input what it holds.
 * The line `load` first has it send everybody more than they take.
 */
import { Node } from "../../../src/mesh/node.ts";

const maxPeers = Number(Deno.args[0]);
const node = await Node.start({ maxPeers });
const { id, certificate } = node.identity;
console.log(JSON.stringify({
  address: node.address,
  id,
  certificate: certificate.toHex(),
}));

const decoder = new TextDecoder();
for await (const bytes of Deno.stdin.readable) {
  for (const line of decoder.decode(bytes).trim().split("\n")) {
    if (line === "load") {
      const body = new Uint8Array(1_000_000);
      // What does not fit is refused, which is what we want.
      for (let i = 0; i < 30; i++) node.broadcast(body).catch(() => {});
    }
    console.log(JSON.stringify({
      ...Deno.memoryUsage(),
      links: node.sessions().length,
    }));
  }
}
await node.close();
