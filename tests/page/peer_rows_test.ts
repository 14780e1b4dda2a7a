/** The rows of the table of peers: their states, figures, order and filter. */
import { assertEquals } from "@std/assert";
import {
  countStates,
  filterRows,
  nextOrder,
  peerRows,
  type Row,
  sortRows,
} from "../../src/page/peer_rows.js";

type Tables = Parameters<typeof peerRows>[0];
type Peer = Tables["peers"][number];
type Session = Tables["sessions"][number];

const ids = Array.from(
  { length: 6 },
  (_, at) => `${at + 1}`.repeat(64),
) as Peer["id"][];
const [A, B, C, D, E, F] = ids as [
  Peer["id"],
  Peer["id"],
  Peer["id"],
  Peer["id"],
  Peer["id"],
  Peer["id"],
];

function peer(id: Peer["id"], rest: Partial<Peer> = {}): Peer {
  return {
    id,
    connected: false,
    addresses: ["192.0.2.1:8080"],
    standing: false,
    trust: "known",
    ephemeral: false,
    firstSeen: "2026-11-30T08:00:00.000Z",
    ...rest,
  };
}

function session(id: Peer["id"], rest: Partial<Session> = {}): Session {
  return {
    id,
    direction: "inbound",
    hops: 1,
    remoteAddress: "192.0.2.9:40000",
    userAgent: "/verack:0.1.0/",
    openedAt: "2026-11-30T09:00:00.000Z",
    bytesSent: 10,
    bytesReceived: 20,
    messagesSent: 1,
    messagesReceived: 2,
    ...rest,
  };
}

function row(id: Peer["id"], rest: Partial<Row> = {}): Row {
  return { id, state: "away", sessions: 0, ...rest };
}

const request = {
  address: "192.0.2.7:1",
  direction: "inbound",
  firstSeen: "2026-11-30T08:00:00.000Z",
  lastSeen: "2026-11-30T08:00:00.000Z",
} as const;
const at = "2026-11-30T08:00:00.000Z";

function states(tables: Tables): Record<string, string> {
  return Object.fromEntries(
    peerRows(tables).map(({ id, state }) => [id, state]),
  );
}

Deno.test("a row has the state of its peer: connected, away, in gossip, denied, allowed, or a join request", () => {
  assertEquals(
    states({
      peers: [
        peer(A, { connected: true }),
        peer(B),
        peer(C, { introducedBy: A }),
        peer(D),
      ],
      sessions: [session(A)],
      rules: [
        { id: D, rule: "denied", at },
        { id: E, rule: "allowed", at },
      ],
      requests: [{ id: F, ...request }],
    }),
    {
      [A]: "connected",
      [B]: "away",
      [C]: "gossip",
      [D]: "denied",
      [E]: "allowed",
      [F]: "request",
    },
  );
});

Deno.test("a peer that was forgotten has a row only while it is on record again", () => {
  const rules = [{ id: A, rule: "forgotten", at }] as const;
  assertEquals(states({ peers: [], sessions: [], rules }), {});
  assertEquals(states({ peers: [peer(A)], sessions: [], rules }), {
    [A]: "away",
  });
});

Deno.test("a denied peer that asks again is shown as denied", () => {
  assertEquals(
    states({
      peers: [],
      sessions: [],
      rules: [{ id: A, rule: "denied", at }],
      requests: [{ id: A, ...request }],
    }),
    { [A]: "denied" },
  );
});

Deno.test("a row adds up the sessions of its peer, and has the age of the oldest and the best round trip", () => {
  const [found] = peerRows({
    peers: [peer(A, { connected: true })],
    sessions: [
      session(A, { rttMs: 9 }),
      session(A, {
        rttMs: 4,
        openedAt: "2026-11-30T08:30:00.000Z",
        bytesSent: 5,
      }),
    ],
  });
  assertEquals(found?.sessions, 2);
  assertEquals(found?.bytesSent, 15);
  assertEquals(found?.messagesReceived, 4);
  assertEquals(found?.rttMs, 4);
  assertEquals(found?.openedAt, Date.parse("2026-11-30T08:30:00.000Z"));
  assertEquals(found?.address, "192.0.2.9:40000");
});

Deno.test("a row without a value is last in both directions, and equal ones are in the order of their ids", () => {
  const rows = [row(C), row(B, { rttMs: 5 }), row(A, { rttMs: 9 }), row(D)];
  const order = (descending: boolean) =>
    sortRows(rows, { key: "rtt", descending }).map(({ id }) => id);
  assertEquals(order(false), [B, A, C, D]);
  assertEquals(order(true), [A, B, C, D]);
});

Deno.test("rows of one state are in the order of their names, those without one last", () => {
  const rows = peerRows({
    peers: [peer(A), peer(B, { name: "node-10" }), peer(C, { name: "node-9" })],
    sessions: [],
  });
  const order = { key: "state", descending: false } as const;
  assertEquals(sortRows(rows, order).map(({ id }) => id), [C, B, A]);
});

Deno.test("names are sorted by the one that the user gave, numbers in them by value", () => {
  const rows = [
    row(A, { name: "node10" }),
    row(B, { name: "zoe", boundName: "Alice" }),
    row(C, { name: "node9" }),
  ];
  const order = { key: "name", descending: false } as const;
  assertEquals(sortRows(rows, order).map(({ id }) => id), [B, C, A]);
});

Deno.test("the oldest session has the greatest age", () => {
  const rows = [row(A, { openedAt: 2_000 }), row(B, { openedAt: 1_000 })];
  const order = { key: "age", descending: true } as const;
  assertEquals(sortRows(rows, order).map(({ id }) => id), [B, A]);
});

Deno.test("a second click on a header turns the order round; figures begin with the largest", () => {
  const first = nextOrder({ key: "name", descending: false }, "received");
  assertEquals(first, { key: "received", descending: true });
  assertEquals(nextOrder(first, "received"), {
    key: "received",
    descending: false,
  });
});

Deno.test("a filter leaves rows that have every word, in any of their texts", () => {
  const rows = [
    row(A, { name: "Alice", address: "192.0.2.1:8080", state: "connected" }),
    row(B, { name: "bob", address: "198.51.100.2:8080" }),
  ];
  const left = (filter: Parameters<typeof filterRows>[1]) =>
    filterRows(rows, filter).map(({ id }) => id);
  assertEquals(left({ text: "  ALI connected " }), [A]);
  assertEquals(left({ text: "ali away" }), []);
  assertEquals(left({ text: B.slice(0, 8) }), [B]);
  assertEquals(left({ text: ":8080", state: "away" }), [B]);
  assertEquals(left({ text: "" }), [A, B]);
});

Deno.test("rows are counted by state", () => {
  const counts = countStates([row(A), row(B), row(C, { state: "denied" })]);
  assertEquals(counts.all, 3);
  assertEquals(counts.away, 2);
  assertEquals(counts.denied, 1);
  assertEquals(counts.connected, 0);
});

Deno.test("a row has the relay of its session and no address of that, until a direct session is there, too", () => {
  const relayed = session(A, { via: B, hops: 3 });
  const tables = { peers: [peer(A), peer(B, { name: "carol" })] };
  const [row] = peerRows({ ...tables, sessions: [relayed] });
  assertEquals([row?.via, row?.hops], [B, 3]);
  assertEquals(row?.relay, `carol (${B.slice(0, 8)})`);
  assertEquals(row?.address, "192.0.2.1:8080");
  assertEquals(filterRows([row!], { text: "relayed" }), [row]);
  const direct = session(A);
  for (const sessions of [[relayed, direct], [direct, relayed]]) {
    const [row] = peerRows({ ...tables, sessions });
    assertEquals([row?.via, row?.hops], [undefined, undefined]);
    assertEquals(row?.address, direct.remoteAddress);
    assertEquals(filterRows([row!], { text: "relayed" }), []);
  }
});
