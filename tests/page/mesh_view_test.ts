/** What the picture of the mesh shows. */
import { assert, assertEquals, assertFalse } from "@std/assert";
import type {
  PeerRow,
  SessionRow,
  StatusAnswer,
} from "../../src/control/answers.ts";
import { linkWidth, meshView, rttBand } from "../../src/page/mesh_view.js";

const idOf = (index: number) =>
  index.toString(16).padStart(8, "0") + "0".repeat(56);
const OWN = "f".repeat(64);

function peer(index: number, more: object = {}): PeerRow {
  return {
    id: idOf(index),
    name: `peer${index}`,
    connected: true,
    addresses: [],
    standing: true,
    trust: "known",
    ephemeral: false,
    ...more,
  } as unknown as PeerRow;
}

function session(index: number, more: object = {}): SessionRow {
  return {
    id: idOf(index),
    direction: "outbound",
    rttMs: 12,
    ...more,
  } as unknown as SessionRow;
}

function status(mesh: object = {}): StatusAnswer {
  return {
    id: OWN,
    mesh: { nodes: 4, sessions: 3, missing: [], ...mesh },
  } as unknown as StatusAnswer;
}

Deno.test("a peer that left stays as a ghost; one that gossip names is another", () => {
  const { peers, summary } = meshView({
    status: status({ sessions: 1 }),
    peers: [
      peer(3, { connected: false, introducedBy: OWN }),
      peer(1),
      peer(2, { connected: false }),
    ],
    sessions: [session(1)],
    changes: new Map([[idOf(2), { what: "lost" as const }]]),
  });
  assertEquals(peers.map(({ state, change }) => [state, change]), [
    ["connected", undefined],
    ["away", "lost"],
    ["gossip", undefined],
  ]);
  assertEquals(peers[0]?.words, "peer1 00000001, connected, outbound, 12 ms");
  assertEquals(peers[1]?.words, "peer2 00000002, was just lost");
  assertEquals(
    summary,
    "4 nodes, 1 session here · 2 links of this node missing · 1 away",
  );
});

Deno.test("pairs that cannot reach each other are drawn if both are, and counted in any case", () => {
  const { missing, summary } = meshView({
    status: status({
      missing: [[idOf(1), idOf(2)], [idOf(1), idOf(9)], [OWN, idOf(2)]],
    }),
    peers: [peer(1), peer(2)],
    sessions: [session(1)],
    changes: new Map(),
  });
  assertEquals(missing, [[idOf(1), idOf(2)], [OWN, idOf(2)]]);
  assert(summary.includes("3 pairs out of each other's reach"));
  assertFalse(summary.includes("every link is up"));
});

Deno.test("a mesh without faults says so, and a lone node that it is alone", () => {
  const whole = meshView({
    status: status(),
    peers: [peer(1), peer(2), peer(3)],
    sessions: [],
    changes: new Map(),
  });
  assertEquals(whole.summary, "4 nodes, 3 sessions here · every link is up");
  const alone = meshView({
    status: status({ nodes: 1, sessions: 0 }),
    peers: [],
    sessions: [],
    changes: new Map(),
  });
  assertEquals(alone.summary, "No other node yet.");
});

Deno.test("of ten thousand peers the connected ones are drawn first, in the order of their ids", () => {
  const peers = Array.from(
    { length: 10_000 },
    (_, index) =>
      peer(index, {
        connected: index % 50 === 0,
        lastSeen: new Date(index * 1_000).toISOString(),
      }),
  );
  const view = meshView({
    status: status(),
    peers,
    sessions: [],
    changes: new Map(),
  });
  assertEquals(view.peers.length, 300);
  assertEquals(view.leftOut, 9_700);
  assertEquals(
    view.peers.filter(({ state }) => state === "connected").length,
    200,
  );
  assertEquals(
    view.peers.map(({ id }) => id),
    view.peers.map(({ id }) => id).toSorted(),
  );
});

Deno.test("names of peers are escaped, and cut beside a node", () => {
  const name = "<script>alert(1)</script>\u202e\u001b[2J";
  const { peers: [first] } = meshView({
    status: status(),
    peers: [peer(1, { name }), peer(2, { name: "carol" })],
    sessions: [session(1, { via: idOf(2), hops: 2 })],
    changes: new Map(),
  });
  assertEquals(first?.label, '"<script>alert(…');
  assertFalse(/[\p{Cc}\p{Cf}]/u.test(first?.words ?? "\u202e"));
  const ending = `connected, relayed via carol (${idOf(2).slice(0, 8)}), 12 ms`;
  assert(first?.words.endsWith(ending), first?.words);
  assertEquals(first?.via, idOf(2));
});

Deno.test("a shorter round trip is a thicker line of another band", () => {
  assertEquals([0.2, 9.9, 10, 49, 50, 149, 150, 9_000].map(rttBand), [
    0,
    0,
    1,
    1,
    2,
    2,
    3,
    3,
  ]);
  assertEquals(rttBand(undefined), undefined);
  const widths = [0.1, 1, 10, 100, 1_000].map((it) => linkWidth(it, 5));
  assertEquals(widths, widths.toSorted((a, b) => b - a));
  assert(linkWidth(1, 200) < linkWidth(1, 5) / 2);
});
