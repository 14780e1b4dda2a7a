import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { ageText, linkLines, linksView } from "../../src/cli/links.ts";
import { PingTally, roundTripText } from "../../src/cli/ping.ts";
import { palette } from "../../src/cli/terminal.ts";
import type { SessionRow, StatusAnswer } from "../../src/control/mod.ts";
import { parsePeerId } from "../../src/core/peer_id.ts";

const ALICE = parsePeerId("a1".repeat(32));
const BOB = parsePeerId("b2".repeat(32));
const CAROL = parsePeerId("c3".repeat(32));
const DAVE = parsePeerId("d4".repeat(32));
const NOW = Date.parse("2026-05-01T12:00:00Z");

function session(row: Partial<SessionRow>): SessionRow {
  return {
    id: BOB,
    direction: "inbound",
    hops: 1,
    remoteAddress: "192.0.2.1:8080",
    userAgent: "/verack:0.1.0/",
    openedAt: "2026-05-01T11:57:00Z",
    bytesSent: 1_234,
    bytesReceived: 99,
    messagesSent: 3,
    messagesReceived: 4,
    ...row,
  };
}

function viewOf(sessions: SessionRow[], missing: [string, string][] = []) {
  const mesh = { nodes: 4, sessions: sessions.length, missing };
  const notRelayed = [{
    id: DAVE,
    name: "dave",
    reason: "c3c3c3c3: \x1b[2Jfull",
  }];
  const status = { id: ALICE, name: "alice", mesh, notRelayed };
  return linksView(status as unknown as StatusAnswer, { sessions });
}

function linesOf(...args: Parameters<typeof viewOf>): string[] {
  return linkLines(viewOf(...args), palette(false), NOW);
}

Deno.test("links shows each session in columns, the sums, and pairs that cannot reach each other", () => {
  const lines = linesOf([
    session({ name: "bob", minRttMs: 0.41, rttMs: 12.34 }),
    session({
      id: CAROL,
      direction: "outbound",
      remoteAddress: "[2001:db8::1]:8080",
      openedAt: "2026-04-29T11:00:00Z",
      bytesSent: 2_000_000,
    }),
  ], [[ALICE, DAVE], [BOB, CAROL]]);
  assertEquals(lines, [
    "alice (a1a1a1a1)  4 nodes, 2 sessions here: 1 in, 1 out",
    "     peer              min   now    age    sent  received  messages  address             version",
    "in   bob (b2b2b2b2)  0.410  12.3  3 min  1.2 kB      99 B       3/4  192.0.2.1:8080      /verack:0.1.0/",
    "out  c3c3c3c3                       2 d  2.0 MB      99 B       3/4  [2001:db8::1]:8080  /verack:0.1.0/",
    "     total                               2.0 MB     198 B       6/8",
    "missing  alice (a1a1a1a1) and dave (d4d4d4d4) cannot reach each other, and none relays: c3c3c3c3: \\u{1b}[2Jfull",
    "missing  bob (b2b2b2b2) and c3c3c3c3 cannot reach each other",
  ]);
});

Deno.test("links shows the relay of a relayed session in place of its address", () => {
  const lines = linesOf([
    session({ name: "bob" }),
    session({ id: CAROL, via: BOB, hops: 2, remoteAddress: "192.0.2.1:8080" }),
  ]);
  assertStringIncludes(lines[2] ?? "", "  192.0.2.1:8080 ");
  assertStringIncludes(lines[3] ?? "", "  relayed via bob (b2b2b2b2) ");
  assertFalse(lines[3]?.includes("192.0.2.1"));
});

Deno.test("links of a node alone is one line", () => {
  const [line, ...rest] = linesOf([]);
  assertEquals(rest, []);
  assertStringIncludes(line ?? "", "0 sessions here: 0 in, 0 out");
});

Deno.test("text of a peer cannot break the table, nor color it", () => {
  const lines = linesOf([
    session({
      name: "\x1b[2J\u202eevil",
      userAgent: "/x\n\x1b[31m/",
      remoteAddress: "a\tb:1",
    }),
  ]);
  assertEquals(lines.length, 3);
  // deno-lint-ignore no-control-regex -- that is what is looked for
  assertFalse(/[\x00-\x1f\u202e]/.test(lines.join("")));
});

Deno.test("an age has one unit", () => {
  const of = (seconds: number) => ageText(seconds * 1_000);
  assertEquals(
    [-5, 0, 59, 60, 3_599, 3_600, 86_399, 86_400 * 3].map(of),
    ["0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "3 d"],
  );
});

Deno.test("the figures of pings are those of ping(8)", () => {
  const tally = new PingTally();
  assertEquals(tally.summary, { sent: 0, answered: 0 });
  for (const rtt of [2, undefined, 4, 4, 4, 5, 5, 7, 9]) tally.add(rtt);
  assertEquals(tally.summary, {
    ...{ sent: 9, answered: 8 },
    ...{ minMs: 2, avgMs: 5, maxMs: 9, mdevMs: 2 },
  });
  assertEquals(
    [0.0421, 4.123, 42.12, 421.2].map(roundTripText),
    ["0.042", "4.12", "42.1", "421"],
  );
});
