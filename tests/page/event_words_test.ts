/** The page says events as the command line does. */
import { assert, assertEquals, assertFalse } from "@std/assert";
import { eventLine, type PrintedEvent } from "../../src/cli/event_lines.ts";
import { palette } from "../../src/cli/terminal.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import {
  EVENT_KINDS,
  eventWords,
  plainText,
} from "../../src/page/event_words.js";
import type { PageEvent } from "../../src/page/model.js";

const id = `d26d938b${"0".repeat(56)}` as PeerId;
const other = `32d60a94${"1".repeat(56)}` as PeerId;
const EVIL = "<img src=x onerror=alert(1)>\u202e\u001b[31m\n";
const time = "2026-11-30T12:00:00.000Z";
const message = "a".repeat(32);

/** Events that both say in the same words. */
const SAME: PrintedEvent[] = [
  {
    type: "peer:up",
    id,
    name: "bob",
    address: "127.0.0.1:1",
    direction: "inbound",
    trust: "first-use",
  },
  {
    type: "peer:up",
    id,
    name: EVIL,
    address: EVIL,
    direction: "outbound",
    trust: "pinned",
  },
  {
    type: "peer:up",
    id,
    name: "bob",
    address: "127.0.0.1:1",
    direction: "inbound",
    via: other,
    trust: "known",
  },
  { type: "path", id, name: EVIL, via: other, hops: 2 },
  { type: "path", id, name: "bob", hops: 1 },
  {
    type: "peer:down",
    id,
    name: "bob",
    boundName: "rob",
    reason: "",
    left: true,
  },
  { type: "peer:down", id, reason: EVIL, left: false },
  { type: "ping", id, name: "bob", text: EVIL },
  { type: "mesh", nodes: 1, sessions: 0, missing: [] },
  { type: "mesh", nodes: 5, sessions: 3, missing: [] },
  {
    type: "mesh",
    nodes: 5,
    sessions: 4,
    missing: Array.from({ length: 6 }, () => [id, other] as const),
  },
  {
    type: "refused",
    address: "10.0.0.1:1",
    reason: `Cannot dial 10.0.0.1:1: ${EVIL}`,
  },
  {
    type: "unreachable",
    address: "10.0.0.1:1",
    reason: "Cannot dial 10.0.0.1:1: refused",
  },
  {
    type: "undelivered",
    to: id,
    topic: "",
    id: message,
    reason: "Cannot deliver to d26d938b: it expired",
  },
  { type: "dead-letter", from: id, topic: "", id: message, reason: EVIL },
  {
    type: "message",
    from: id,
    name: "bob",
    topic: EVIL,
    id: message,
    deliveryCount: 1,
    text: "hello",
  },
  {
    type: "message",
    from: id,
    topic: "",
    id: message,
    deliveryCount: 1,
    base64: "AAECAw==",
  },
  { type: "overflow", dropped: 1 },
];

/** Events that the page says otherwise, as it has buttons, or less room. */
const OTHER: PageEvent[] = [
  { type: "join-request", id, address: EVIL, time },
  {
    type: "name-conflict",
    id,
    name: EVIL,
    holder: other,
    ownName: false,
    time,
  },
  { type: "replaced", address: EVIL, former: other, id, time },
  {
    type: "resolved",
    code: "cannot-write",
    reason: EVIL,
    lastedMs: 65_000,
    time,
  },
  {
    type: "file",
    from: id,
    name: EVIL,
    transfer: message,
    step: "done",
    path: EVIL,
    files: 1,
    bytes: 2_100_000,
    time,
  },
  {
    type: "file",
    from: id,
    transfer: message,
    step: "end",
    path: "",
    files: 3,
    bytes: 9,
    done: 2,
    failed: 1,
    reason: EVIL,
    time,
  },
  { type: "listening", id, address: EVIL, addresses: [EVIL], time },
  { type: "stopped", time },
  { type: "page:gap", time },
  {
    type: "trouble",
    code: "low-disk",
    severity: "warning",
    reason: EVIL,
    time,
  },
];

const noColor = palette(false);

Deno.test("an event has the words of the command line", () => {
  for (const event of SAME) {
    const line = eventLine(event, new Date(time), noColor).slice(9)
      .replace(/^(\w+) +/, "$1 ");
    const page = plainText(eventWords({ ...event, time } as PageEvent));
    assertEquals(page.replaceAll("  ", " "), line, event.type);
  }
});

Deno.test("no word of an event has a control, a second line or reordering, whatever a peer sent", () => {
  for (
    const event of [
      ...SAME.map((it) => ({ ...it, time }) as PageEvent),
      ...OTHER,
    ]
  ) {
    const words = eventWords(event);
    const text = plainText(words);
    assert(EVENT_KINDS.includes(words.kind));
    assertFalse(/[\p{Cc}\p{Cf}]/u.test(text), text);
    assert(text.length < 1_200, text);
  }
});

Deno.test("a peer in an event can be selected by its id", () => {
  const { parts } = eventWords({
    type: "message",
    from: id,
    name: "bob",
    topic: "",
    id: message,
    deliveryCount: 1,
    text: "hi",
    time,
  });
  assertEquals(parts[0], { peer: id, label: "bob (d26d938b)" });
});

Deno.test("an event of a later version is named, not lost", () => {
  const event = { type: `new\u202e${EVIL}`, time } as unknown as PageEvent;
  assertEquals(
    plainText(eventWords(event)).startsWith("event new\\u{202e}"),
    true,
  );
});

Deno.test("a transfer of files is said with what failed", () => {
  const words = eventWords(OTHER[5] as PageEvent);
  assertEquals(words.state, "bad");
  assert(plainText(words).includes("2 of 3 files received, 1 failed"));
});
