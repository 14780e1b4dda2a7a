// docs/protocol.md names what the code has: every command, reason and bound.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  MAX_CREDIT_PER_SESSION_BYTES,
  MAX_REPEATED_FRAMES,
  RECEIVE_BUDGET_BYTES,
} from "../../src/delivery/delivery_limits.ts";
import { MAX_FORMER_MEMBERS } from "../../src/mesh/mesh_limits.ts";
import { PEER_REQUEST_BURST } from "../../src/mesh/discovery/discovery_limits.ts";
import {
  MAX_HANDSHAKE_FRAMES,
  MAX_QUEUE_BYTES,
} from "../../src/session/session_limits.ts";
import {
  MAX_FINGERPRINTS,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_PEERS_PER_MESSAGE,
  MAX_PROTOCOL_NAME_BYTES,
  MAX_STREAM_DATA_BYTES,
  MAX_STREAM_METADATA_BYTES,
  MAX_STREAM_RESET_TEXT_BYTES,
  UNCREDITED_STREAM_BYTES,
} from "../../src/wire/wire_limits.ts";
import { DEMO_IDENTITIES } from "../../src/identity/key_files.ts";
import { SESSION_COMMANDS } from "../../src/wire/commands.ts";
import { frameChecksum, networkMagic } from "../../src/wire/frame.ts";
import {
  ABANDONED_BURST,
  ABANDONED_PER_S,
  LATE_BURST_FRAMES,
  MAX_STREAMS_PER_SESSION,
} from "../../src/streams/streams_limits.ts";
import { REASON } from "../../src/wire/messages/reason.ts";
import { RESET_CODE } from "../../src/wire/messages/stream_frames.ts";

const text = await Deno.readTextFile(
  new URL("../../docs/protocol.md", import.meta.url),
);
const flat = text.replace(/\s+/g, " ");

Deno.test("docs/protocol.md has every command of the mesh in a table", () => {
  const handshake = [
    "version",
    "instance",
    "nochecksum",
    "streams",
    "relay",
    "challenge",
    "secret",
    "proof",
    "verack",
    "reject",
  ];
  for (const command of [...SESSION_COMMANDS, ...handshake]) {
    assert(
      new RegExp(`^\\| \`${command}\` +\\|`, "m").test(text) ||
        // Described in the paragraphs about messages.
        text.includes(`\`${command}\``),
      `${command} is missing`,
    );
  }
});

Deno.test("docs/protocol.md has every reason with its code, and no other", () => {
  const listed = [...text.matchAll(/(0x[0-9a-f]{2}) \| ([a-z-]+)/g)]
    .map(([, code, name]) => `${name} ${Number(code)}`);
  const ours = Object.entries(REASON).map(([name, code]) => `${name} ${code}`);
  assertEquals(listed.sort(), ours.sort());
});

Deno.test("docs/protocol.md has every code of a reset, and no other", () => {
  const [, table = ""] = /## 9\. Streams(.*)\*\*What may come/s.exec(text) ??
    [];
  const listed = [...table.matchAll(/^\| (\d+) +\| ([a-z-]+)/gm)]
    .map(([, code, name]) => `${name} ${code}`);
  const ours = Object.entries(RESET_CODE).map(([name, code]) =>
    `${name.replace(/[A-Z]/g, (it) => `-${it.toLowerCase()}`)} ${code}`
  );
  assertEquals(listed, ours);
});

Deno.test("docs/protocol.md has the bounds of the code", () => {
  const number = (value: number) => value.toLocaleString("en");
  for (
    const phrase of [
      `at most ${
        number(MAX_HANDSHAKE_PAYLOAD_BYTES)
      } until the session is open and ${number(MAX_PAYLOAD_BYTES)} after`,
      `At most ${MAX_HANDSHAKE_FRAMES} frames`,
      `The ${MAX_HANDSHAKE_FRAMES + 1}th ends the connection`,
      `n (≤ ${number(MAX_FINGERPRINTS)})`,
      `n (≤ ${number(MAX_PEERS_PER_MESSAGE)})`,
      `At most ${PEER_REQUEST_BURST} requests`,
      `the ${PEER_REQUEST_BURST + 1}th ends the session`,
      `more waits than ${number(MAX_QUEUE_BYTES)} bytes`,
      `the ${number(MAX_FORMER_MEMBERS)} last whose record was dropped`,
      `${
        number(RECEIVE_BUDGET_BYTES)
      } bytes in all sessions together, of which peers without standing have`,
      `at most, and ${number(MAX_CREDIT_PER_SESSION_BYTES)} in one`,
      `More than ${number(MAX_REPEATED_FRAMES)} messages on one session`,
      `protocol \`bytes<${MAX_PROTOCOL_NAME_BYTES}>\` ‖ metadata \`bytes<${MAX_STREAM_METADATA_BYTES}>\``,
      `stream u32 ‖ 1 to ${number(MAX_STREAM_DATA_BYTES)} bytes`,
      `stream u32 ‖ code u8 ‖ text \`bytes<${MAX_STREAM_RESET_TEXT_BYTES}>\``,
      `Each end may have ${number(MAX_STREAMS_PER_SESSION)} streams open`,
      `we accept ${
        number(ABANDONED_BURST)
      } of these at once in a session, and then ${ABANDONED_PER_S} a second`,
      `one for each \`data\` that has come in the session, and ${LATE_BURST_FRAMES} besides`,
      `right after it, up to ${number(UNCREDITED_STREAM_BYTES)} bytes`,
    ]
  ) assertStringIncludes(flat, phrase);
  assertEquals(DEMO_IDENTITIES.length, 3);
});

Deno.test("the magic is what docs/protocol.md says", () => {
  const prefix = new TextEncoder().encode("verack network ");
  assertEquals(prefix.length, 15);
  const main = new TextEncoder().encode("verack network main");
  assertEquals(networkMagic("main"), frameChecksum(main));
  const shown = networkMagic("main").toHex().replace(/..(?!$)/g, "$& ");
  assertStringIncludes(text, `\`main\` gives \`${shown}\``);
});
