import { parsePeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  eventJson,
  eventLine,
  type PrintedEvent,
} from "../../src/cli/event_lines.ts";
import { palette } from "../../src/cli/terminal.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";

const TIME = new Date(2026, 0, 2, 3, 4, 5, 678);
const PLAIN = palette(false);
const ALICE = parsePeerId("a".repeat(64));
const BOB = parsePeerId("b".repeat(64));
const ADDRESS = "192.0.2.1:8080";

const UP = { type: "peer:up", id: BOB, address: ADDRESS } as const;
const DOWN = { type: "peer:down", id: BOB } as const;
const CONFLICT = { type: "name-conflict", id: BOB, holder: ALICE } as const;
const LEAVES = { reason: "Peer said bye: leaving", left: true };
const MESH = { type: "mesh", missing: [] } as const;
const LOST_MESSAGE = { name: "Bob", topic: "", id: "" };
const FILE = {
  type: "file",
  from: BOB,
  name: "Bob",
  transfer: "ab",
  path: "",
  files: 2,
  bytes: 2_100_000,
} as const;
const IDS = { expected: BOB, actual: ALICE };

/** Events, and their lines by what they begin with. */
const LINES: readonly (readonly [event: PrintedEvent, line: string])[] = [
  [
    {
      type: "listening",
      id: ALICE,
      address: "[::1]:8080",
      addresses: ["[::1]:8080", "192.168.1.5:8080"],
    },
    "listen on [::1]:8080, 192.168.1.5:8080 as aaaaaaaa",
  ],
  [{ ...FILE, step: "offer" }, "file   Bob (bbbbbbbb) offers 2 files, 2.1 MB"],
  [
    { ...FILE, step: "done", path: "a/b\x1b[2J", savedAs: "a/b\n(1)" },
    'file   "a/b\\u{1b}[2J" from Bob (bbbbbbbb), 2.1 MB, as "a/b\\u{a}(1)"',
  ],
  [
    { ...FILE, step: "done", path: "a", resumedAt: 2_100_000 },
    'file   "a" from Bob (bbbbbbbb), 2.1 MB, was there already',
  ],
  [
    { ...FILE, step: "failed", path: "a", reason: "no room\u202e" },
    'file   "a" from Bob (bbbbbbbb) did not come: no room\\u{202e}',
  ],
  [
    { ...FILE, step: "end", done: 1, failed: 1 },
    "file   1 of 2 files, 2.1 MB, from Bob (bbbbbbbb), are in place",
  ],
  [
    { ...UP, direction: "inbound", trust: "first-use" },
    "up     bbbbbbbb from 192.0.2.1:8080 (inbound, unverified, first use)",
  ],
  [
    { ...UP, address: "b.example:1", direction: "outbound", trust: "pinned" },
    "up     bbbbbbbb at b.example:1 (outbound, pinned)",
  ],
  [
    { ...UP, direction: "outbound", trust: "known" },
    "up     bbbbbbbb at 192.0.2.1:8080 (outbound, known)",
  ],
  [
    { ...UP, direction: "outbound", via: ALICE, trust: "known" },
    `up     bbbbbbbb via ${ALICE.slice(0, 8)} (outbound, known)`,
  ],
  [
    {
      ...UP,
      direction: "inbound",
      via: ALICE,
      viaName: "al\x1b",
      trust: "known",
    },
    `up     bbbbbbbb via "al\\u{1b}" (${ALICE.slice(0, 8)}) (inbound, known)`,
  ],
  [
    {
      ...{ type: "refused", address: ADDRESS, via: ALICE, viaName: "alice" },
      reason: "Cannot open session: it is denied here",
    } as const,
    `refuse via alice (${ALICE.slice(0, 8)}): it is denied here`,
  ],
  [
    { type: "path", id: BOB, hops: 1 },
    "path   bbbbbbbb is reached directly now",
  ],
  [
    { type: "path", id: BOB, via: ALICE, viaName: "alice", hops: 2 },
    `path   bbbbbbbb is reached via alice (${ALICE.slice(0, 8)}) now`,
  ],
  [
    { type: "replaced", address: ADDRESS, former: ALICE, id: BOB },
    `new    192.0.2.1:8080: now ${BOB}, before ${ALICE}, whose key lived in memory only`,
  ],
  [{ ...DOWN, ...LEAVES }, "left   bbbbbbbb"],
  [
    { ...DOWN, reason: "Peer is silent for 3001 ms", left: false },
    "lost   bbbbbbbb: Peer is silent for 3001 ms",
  ],
  [
    { ...DOWN, ...LEAVES, name: "\u0430dmin" },
    'left   "\\u{430}dmin" (bbbbbbbb)',
  ],
  [
    { ...DOWN, ...LEAVES, name: "eve", boundName: "eva" },
    "left   eva (calls itself eve, bbbbbbbb)",
  ],
  [{ type: "ping", id: BOB, text: "ping 7" }, "ping   bbbbbbbb: ping 7"],
  [
    { type: "ping", id: BOB, name: "bob", text: "ping 7" },
    "ping   bob (bbbbbbbb): ping 7",
  ],
  [{ ...MESH, nodes: 1, sessions: 0 }, "mesh   no other node"],
  [{ ...MESH, nodes: 2, sessions: 1 }, "mesh   2 nodes, 1 session here"],
  [
    { ...MESH, nodes: 5, sessions: 2 },
    "mesh   5 nodes, 2 sessions here (2 missing)",
  ],
  [
    { ...MESH, nodes: 3, sessions: 1, missing: [[ALICE, BOB]] },
    "mesh   3 nodes, 1 session here; out of each other's reach: aaaaaaaa and bbbbbbbb",
  ],
  [
    { ...MESH, nodes: 9, sessions: 8, missing: Array(6).fill([ALICE, BOB]) },
    `mesh   9 nodes, 8 sessions here; out of each other's reach: ${
      "aaaaaaaa and bbbbbbbb, ".repeat(4)
    }2 pairs more`,
  ],
  ...([
    [
      `Cannot accept ${ADDRESS}: it is ${ALICE}, must be ${BOB}`,
      `it is ${ALICE}, must be ${BOB}`,
    ],
    [
      "Cannot open session: somebody else is there",
      `somebody else is there (it is ${ALICE}, must be ${BOB})`,
    ],
  ].map(([reason = "", says]) =>
    [
      { type: "refused", address: ADDRESS, reason, ...IDS },
      `refuse 192.0.2.1:8080: ${says}`,
    ] as const
  )),
  [
    {
      type: "refused",
      address: ADDRESS,
      reason: `Cannot dial 192.0.2.1:80: TLS failed`,
    },
    "refuse 192.0.2.1:8080: Cannot dial 192.0.2.1:80: TLS failed",
  ],
  [
    {
      type: "unreachable",
      address: ADDRESS,
      reason: `Cannot dial ${ADDRESS}: nothing listens there`,
    },
    "wait   192.0.2.1:8080: nothing listens there; still trying",
  ],
  [
    {
      type: "unreachable",
      address: "b.example:1",
      reason: "Cannot dial b.example:1 (192.0.2.1): nothing listens there",
    },
    "wait   b.example:1 (192.0.2.1): nothing listens there; still trying",
  ],
  [
    { type: "reach", reachable: false, by: [ALICE, BOB] },
    "reach  others cannot dial this node (tried by aaaaaaaa, bbbbbbbb); it dials them",
  ],
  [
    { type: "reach", reachable: true, by: [ALICE] },
    "reach  others can dial this node again (tried by aaaaaaaa)",
  ],
  [
    { type: "join-request", id: BOB, address: ADDRESS },
    `join   ${BOB} at 192.0.2.1:8080 asks to join: allow or deny it`,
  ],
  [
    { ...CONFLICT, name: "Al", ownName: false },
    "name   Al (bbbbbbbb) uses a name of aaaaaaaa; it is reached as bbbbbbbb, and to say whose the name is: verack allow ID --name Al",
  ],
  [
    { ...CONFLICT, name: "Al", ownName: true },
    "name   Al (bbbbbbbb) uses this node's own name; it is reached as bbbbbbbb",
  ],
  [
    {
      type: "undelivered",
      to: BOB,
      ...LOST_MESSAGE,
      reason: "Cannot deliver to bbbbbbbb: no acknowledgement within 5 ms",
    },
    "unsent Bob (bbbbbbbb): no acknowledgement within 5 ms",
  ],
  [
    {
      type: "dead-letter",
      from: BOB,
      ...LOST_MESSAGE,
      boundName: "bert",
      reason: "exit code 1",
    },
    "dead   a message from bert (calls itself Bob, bbbbbbbb), nacked too often: exit code 1",
  ],
  [{ type: "overflow", dropped: 1 }, "lag    1 event not shown"],
  [{ type: "overflow", dropped: 12 }, "lag    12 events not shown"],
  [{ type: "stopped" }, "stop   left the mesh"],
];

function message(text: string): PrintedEvent {
  const id = "0".repeat(32);
  return { type: "message", from: BOB, topic: "", id, deliveryCount: 1, text };
}

Deno.test("eventLine() shows a message without the line ending that ends it, and with its emoji", () => {
  const table: [text: string, shown: string][] = [
    [" 17:02 up 3 days\n", " 17:02 up 3 days"],
    ["one\r\n", "one"],
    ["one\ntwo\n", "one\\u{a}two"],
    ["one\n\n", "one\\u{a}"],
    ["\n", ""],
    ["so … so on…", "so … so on…"],
    ["x… 3 more characters", "x\\u{2026} 3 more characters"],
    ["I ❤️ it 👨‍👩‍👧 می‌خواهم\n", "I ❤️ it 👨‍👩‍👧 می‌خواهم"],
  ];
  for (const [text, shown] of table) {
    assertEquals(
      eventLine(message(text), TIME, PLAIN),
      `03:04:05 msg    bbbbbbbb: ${shown}`,
    );
    assertEquals(JSON.parse(eventJson(message(text), TIME)).text, text);
  }
});

/** All texts of an event that a peer has a say in. */
function hostile(text: string): NodeEvent[] {
  return [
    { type: "ping", id: BOB, name: text, text },
    { type: "peer:down", id: BOB, name: text, reason: text, left: false },
    { type: "peer:down", id: BOB, reason: text, left: true },
    { type: "refused", address: text, reason: text },
    { type: "unreachable", address: text, reason: text },
    { type: "join-request", id: BOB, address: text },
    { ...CONFLICT, name: text, ownName: false },
    { ...UP, address: text, direction: "inbound", trust: "known" },
  ];
}

/** No control, no format character, no line or paragraph separator, nothing unassigned. */
const HARMLESS = /^[^\p{C}\p{Zl}\p{Zp}]*$/u;

Deno.test("eventLine() says in one line what happened, with the time of day", () => {
  for (const [event, line] of LINES) {
    assertEquals(eventLine(event, TIME, PLAIN), `03:04:05 ${line}`);
  }
});

Deno.test("eventLine() names peers of which an event has ids alone", () => {
  const labelOf = (id: string) => `carol (${id.slice(0, 8)})`;
  const lines: readonly PrintedEvent[] = [
    { type: "reach", reachable: false, by: [ALICE] },
  ];
  for (const event of lines) {
    const line = eventLine(event, TIME, PLAIN, { labelOf });
    assert(line.includes("carol (aaaaaaaa)"), line);
  }
});

Deno.test("eventLine() advises no command where none reaches the node", () => {
  const event = { ...CONFLICT, name: "Al", ownName: false };
  assertEquals(
    eventLine(event, TIME, PLAIN, { mayDecide: false }),
    "03:04:05 name   Al (bbbbbbbb) uses a name of aaaaaaaa; it is reached as bbbbbbbb",
  );
});

Deno.test("eventLine() with colours says the same as without", () => {
  for (const [event] of LINES) {
    const colored = eventLine(event, TIME, palette(true));
    assert(colored.includes("\x1b["));
    assertEquals(
      // deno-lint-ignore no-control-regex
      colored.replaceAll(/\x1b\[\d+m/g, ""),
      eventLine(event, TIME, PLAIN),
    );
  }
});

Deno.test("eventJson() is the event as it is, on one line, with the time in ISO 8601", () => {
  for (const [event] of LINES) {
    const line = eventJson(event, TIME);
    assert(!line.includes("\n"));
    assertEquals(JSON.parse(line), { time: TIME.toISOString(), ...event });
  }
});

Deno.test("eventLine() keeps any text from the network in one bounded, harmless line", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary", maxLength: 2_000 }),
    (text) => {
      for (const event of hostile(text)) {
        const line = eventLine(event, TIME, PLAIN);
        assert(HARMLESS.test(line), JSON.stringify(line));
        assert(line.length < 1_024, `${line.length} characters`);
      }
    },
  ));
});

Deno.test("eventJson() keeps any text from the network exact, in one harmless line", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    for (const event of hostile(text)) {
      const line = eventJson(event, TIME);
      assert(HARMLESS.test(line), JSON.stringify(line));
      assertEquals(JSON.parse(line), { time: TIME.toISOString(), ...event });
    }
  }));
});

Deno.test("eventLine() shows what tries to look like another line as text", () => {
  const line = eventLine(
    { type: "ping", id: BOB, text: "\r\x1b[2K03:04:05 stop   left the mesh\n" },
    TIME,
    PLAIN,
  );
  assertEquals(
    line,
    String
      .raw`03:04:05 ping   bbbbbbbb: \u{d}\u{1b}[2K03:04:05 stop   left the mesh\u{a}`,
  );
});

Deno.test("eventLine() says how much of a long message it does not show", () => {
  const words = (text: string) => {
    const line = eventLine(message(text), TIME, PLAIN);
    return line.slice(line.indexOf(": ") + 2);
  };
  assertEquals(words("x".repeat(4_000)), "x".repeat(4_000));
  assertEquals(
    words("x".repeat(16_343)),
    `${"x".repeat(3_998)}… 12,345 more characters; --json shows all`,
  );
  // Escaped, it takes more room.
  assertEquals(
    words(`${"\x1b".repeat(1_000)}`),
    `${"\\u{1b}".repeat(666)}… 334 more characters; --json shows all`,
  );
  assertEquals(
    words(`${"❤️".repeat(1_999)}abc`),
    `${"❤️".repeat(1_999)}… 3 more characters; --json shows all`,
  );
});
