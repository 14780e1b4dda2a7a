// Which peers learn of the private addresses of this node's interfaces.
import { assertEquals } from "@std/assert";
import type { PeerId } from "../../../src/core/peer_id.ts";
import type { PeerSession } from "../../../src/mesh/peers/peer_session.ts";
import { toldScope } from "../../../src/mesh/sessions/told_scope.ts";
import type { Scope } from "../../../src/transport/scope.ts";
import { plainTable } from "../../helpers/plain_table.ts";

const OWN_PUBLIC = "5.77.0.1";
const PEER = "b".repeat(64) as PeerId;
const RELAY = "c".repeat(64) as PeerId;

/** As how near a peer counts. */
function scope(
  { host = "8.8.8.8", via, seenAt, isChosen = false }: {
    readonly host?: string;
    readonly via?: PeerId;
    readonly seenAt?: string;
    readonly isChosen?: boolean;
  },
): Scope {
  const table = plainTable();
  table.ensure(PEER);
  const session = { remote: { id: PEER }, remoteAddress: { host, port: 1 } };
  return toldScope({ ...session, via } as unknown as PeerSession, {
    ownNetwork: { isSeenAt: (ip) => ip === OWN_PUBLIC },
    places: { behind: (_, { via }) => via && seenAt },
    standing: { isChosen: () => isChosen },
    table,
  });
}

Deno.test("a relayed peer that is seen where this node is learns of private addresses", () => {
  assertEquals(scope({ via: RELAY, seenAt: OWN_PUBLIC }), "private");
});

Deno.test("a relayed peer that the operator has chosen learns of private addresses", () => {
  assertEquals(scope({ via: RELAY, isChosen: true }), "private");
});

Deno.test("a relayed stranger that is seen elsewhere, or nowhere, learns of none", () => {
  assertEquals(scope({ via: RELAY, seenAt: "5.77.0.2" }), "public");
  assertEquals(scope({ via: RELAY, seenAt: "192.168.1.9" }), "public");
  assertEquals(scope({ via: RELAY }), "public");
});

Deno.test("a peer with a direct session learns of those that are as near as itself, as ever", () => {
  assertEquals(scope({ isChosen: true }), "public");
  assertEquals(scope({ seenAt: OWN_PUBLIC }), "public");
  assertEquals(scope({ host: "192.168.1.9" }), "private");
});
