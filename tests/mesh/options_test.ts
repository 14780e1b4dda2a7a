// What a person types to name a peer.
import { parsePeerId } from "../../src/core/peer_id.ts";
import { assertEquals } from "@std/assert";
import { parsePeerTarget } from "../../src/mesh/options.ts";

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
