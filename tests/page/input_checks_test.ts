/** What may be typed into the forms of the page. */
import { assertEquals, assertMatch } from "@std/assert";
import { MAX_CONTROL_JSON_BYTES } from "../../src/control/control_limits.ts";
import { MAX_INVITE_TTL_MS } from "../../src/mesh/mesh_limits.ts";
import {
  faultOfAddress,
  faultOfText,
  faultOfTopic,
  MAX_TOPIC_BYTES,
  ttlOf,
} from "../../src/page/input_checks.js";
import { MAX_TOPIC_BYTES as NODE_TOPIC_BYTES } from "../../src/wire/wire_limits.ts";

Deno.test("a message is sent if it has something, is Unicode, and fits a request", () => {
  assertEquals(faultOfText("hello"), undefined);
  assertMatch(faultOfText("") ?? "", /empty/);
  assertMatch(faultOfText("half \ud800") ?? "", /lone surrogate/);
  // A line feed has two characters in JSON.
  assertMatch(faultOfText("\n".repeat(40_000)) ?? "", /80,002 bytes/);
});

Deno.test("a text that the page accepts fits a request with the longest topic and receiver", () => {
  let text = "é".repeat(40_000);
  while (faultOfText(text) !== undefined) text = text.slice(0, -1);
  const topic = "\u0001".repeat(NODE_TOPIC_BYTES);
  assertEquals(faultOfTopic(topic), undefined);
  const request = JSON.stringify({ to: "f".repeat(64), text, topic });
  const { length } = new TextEncoder().encode(request);
  assertEquals(length <= MAX_CONTROL_JSON_BYTES, true, `${length}`);
});

Deno.test("a topic has at most as many bytes as the node takes", () => {
  assertEquals(MAX_TOPIC_BYTES, NODE_TOPIC_BYTES);
  assertEquals(faultOfTopic("é".repeat(64)), undefined);
  assertMatch(faultOfTopic("é".repeat(65)) ?? "", /130 bytes.* at most 128/);
});

Deno.test("an invite is good for a second to 30 days, as the node has it", () => {
  assertEquals(ttlOf("1.5", "hours"), { ttlMs: 5_400_000 });
  assertEquals(ttlOf("30", "days"), { ttlMs: MAX_INVITE_TTL_MS });
  for (const amount of ["", " ", "0", "-1", "x", "30.1", "1e99"]) {
    assertEquals("fault" in ttlOf(amount, "days"), true, amount);
  }
});

Deno.test("an address has a host and a port", () => {
  for (const address of ["alice.example:8080", "[2001:db8::1]:1"]) {
    assertEquals(faultOfAddress(address), undefined);
  }
  for (const address of ["alice.example", ":", "a b:1", "a:0", "a:65536"]) {
    assertMatch(faultOfAddress(address) ?? "", /HOST:PORT/, address);
  }
});
