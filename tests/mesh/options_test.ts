// What a person types to name a peer.
import { parsePeerId } from "../../src/core/peer_id.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { Node } from "../../src/mesh/node.ts";
import { parsePeerTarget } from "../../src/mesh/peer_target.ts";

Deno.test("parsePeerTarget() takes host:port, [v6]:port and identity@host:port", () => {
  const id = parsePeerId("ab".repeat(32));
  assertEquals(parsePeerTarget("127.0.0.1:1"), {
    address: { host: "127.0.0.1", port: 1 },
  });
  assertEquals(parsePeerTarget("[::1]:65535").address.host, "::1");
  assertEquals(parsePeerTarget(`${id}@example.org:8080`), {
    id,
    address: { host: "example.org", port: 8080 },
  });
});

Deno.test("start() refuses an option that there is not, such as a misspelt one", async () => {
  for (const name of ["admision", "toString", "a\nb"]) {
    const shown = name.replace("\n", "\\u{a}");
    await assertRejects(
      () => Node.start({ [name]: "closed" }),
      TypeError,
      `Cannot start node: there is no option "${shown}"`,
    );
  }
});
