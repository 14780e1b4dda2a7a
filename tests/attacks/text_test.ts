// Text that means to take over the terminal of whoever reads it.
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { palette } from "../../src/cli/terminal.ts";
import { eventJson, eventLine } from "../../src/cli/event_lines.ts";
import { DER_TAG, encodeDer } from "../../src/identity/der.ts";
import { shortId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import { Node } from "../../src/mesh/node.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodePing } from "../../src/wire/messages/ping.ts";
import {
  decodeProof,
  encodeProof,
} from "../../src/wire/messages/credentials.ts";
import {
  altNames,
  basicConstraints,
  extensionList,
  forge,
  keyOf,
  nameOf,
} from "../identity/forgery.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { brokenFrame, entryOf } from "../helpers/forged_messages.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const TEXTS: Readonly<Record<string, string>> = {
  "escape sequences": "\x1b[2J\x1b[1;31mowned\x1b[0m\x9b31m",
  "a title and a link": "\x1b]0;title\x07\x1b]8;;https://example.org\x1b\\x",
  "the clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
  "more lines":
    "ok\r\n00:00:00 up     deadbeef at 127.0.0.1:1\n\x0b\x0c\u2028\u2029",
  "right to left": "\u202egnp.exe\u202c\u2066\u2069\u200e\u061c",
  "nothing visible": "\u200b\u200d\u2060\ufeff\u{e0041}\u3164\u2800",
  "nul and delete": "a\0b\x7fc\x08\x08\x08",
  "marks upon marks": `Z${"\u0301".repeat(100)}`,
  "as much as fits": "\u{1f600}".repeat(64),
  "broken characters": "\ufffd\ud800",
};

/** Nothing that a terminal acts on, or that hides or moves what is beside it. */
const HARMFUL =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u2800\u3164]|\p{M}{5}/u;

/** Tag of a UTF8String (X.690). */
const UTF8_STRING = 0x0c;

/** No event of this node holds more than this, whatever others sent. */
const MAX_EVENT_CHARS = 4_096;

function assertHarmless(events: readonly NodeEvent[]): void {
  for (const event of events) {
    const line = eventLine(event, new Date(0), palette(false));
    assertEquals(HARMFUL.exec(line), null, `in ${JSON.stringify(line)}`);
    assert(line.length < 1_024, `the line has ${line.length} characters`);
    const json = eventJson(event, new Date(0));
    assertEquals(HARMFUL.exec(json), null, `in ${json}`);
    assert(JSON.stringify(event).length < MAX_EVENT_CHARS, `${event.type}`);
    // What programs get is exact.
    assertEquals(JSON.parse(json), {
      time: new Date(0).toISOString(),
      ...event,
    });
  }
}

/** At most 256 bytes of it. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text).slice(0, 256);
}

/** As much of it as a name may have, 64 bytes. */
function nameOfText(text: string): string {
  const bytes = new TextEncoder().encode(text).slice(0, 64);
  return new TextDecoder().decode(bytes, { stream: true });
}

/** Payload of `bye` and `reject`. */
function reason(code: number, text: string): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(text);
  const length = bytes.length < 0xfd
    ? [bytes.length]
    : [0xfd, bytes.length & 255, bytes.length >> 8];
  return Uint8Array.from([code, ...length, ...bytes]);
}

for (const [what, text] of Object.entries(TEXTS)) {
  Deno.test(`text with ${what} is harmless wherever it is shown`, async () => {
    await using mallory = await RawListener.start();
    await using scene = await Scene.start({ connect: [mallory.address] });
    {
      // Refused by her, in her words.
      using dialed = await mallory.next();
      await dialed.say(COMMAND.reject, reason(0xee, text));
      await until("her refusal", () => scene.log.of("refused").length > 0);
    }
    const userAgent = bytesOf(text);
    const identity = await Identity.generate();
    const name = nameOfText(text);
    using peer = await RawPeer.open(scene.victim, {
      identity,
      version: { userAgent },
      name,
    });
    const link = () =>
      scene.victim.sessions().find((it) => it.id === identity.id);
    await until("her session", () => link() !== undefined);
    assertEquals(link()?.userAgent, userAgent);
    // A name in gossip, and a line in a ping.
    await peer.tell([
      entryOf(await Identity.generate(), [], { name: text.slice(0, 5) }),
    ]);
    const line = new TextDecoder().decode(userAgent).slice(0, 80);
    await peer.say(COMMAND.ping, encodePing({ nonce: 1n, text: line }));
    await until("the ping", () => scene.log.of("ping").length > 0);
    assert(
      new TextEncoder().encode(scene.log.of("ping")[0]?.text).length <= 256,
    );
    await peer.say(COMMAND.bye, reason(0xef, text));
    await until("her end", () => scene.log.of("peer:down").length > 0);
    const [down] = scene.log.of("peer:down");
    assertEquals(down?.name, name);
    assertStringIncludes(down?.reason ?? "", "unknown (239)");
    assertHarmless(scene.log.events);
  });
}

/** Names that are made to be taken for `admin`. */
const SPOOFS: Readonly<Record<string, string>> = {
  "a Cyrillic letter": "\u0430dmin",
  "a letter of phoneticians": "\u0251dmin",
  "a wide letter": "\uff41dmin",
  "a zero width": "ad\u200bmin",
  "text from right to left": "\u202enimda",
  "a hangul filler": "admin\u3164",
  "a soft hyphen": "ad\u00admin",
  "a stroke through it": "a\u0338dmin",
  "a dot below it, decomposed": "a\u0323dmin",
  "a short identity": "admin (00000000)",
  "a tag": "admin\u{e0061}",
};

for (const [what, name] of Object.entries(SPOOFS)) {
  Deno.test(`a name spoofed by ${what} is shown as what it is`, async () => {
    await using scene = await Scene.start();
    await using admin = await Node.start({
      name: "admin",
      connect: [scene.victim.address],
    });
    using spoof = await RawPeer.open(scene.victim, { name });
    const ups = () => scene.log.of("peer:up");
    await until(
      "both to be told of",
      () =>
        [admin.identity.id, spoof.identity.id].every((id) =>
          ups().some(({ id: peerId }) => peerId === id)
        ),
    );
    // The real one is found by the name, and nobody else.
    assertEquals(
      scene.victim.findPeers("admin").map((it) => it.id),
      [admin.identity.id],
    );
    const lineOf = (id: string) =>
      eventLine(
        ups().find(({ id: peerId }) => peerId === id)!,
        new Date(0),
        palette(false),
      );
    assertStringIncludes(
      lineOf(admin.identity.id),
      ` admin (${shortId(admin.identity.id)}) `,
    );
    const spoofed = lineOf(spoof.identity.id);
    assertMatch(spoofed, /^[ -~]+ "[ -~]+" \([0-9a-f]{8}\) from [ -~]+$/);
  });
}

Deno.test("names in a certificate are harmless in the refusal", async () => {
  const key = keyOf("Ed25519");
  const { "escape sequences": escapes, "more lines": lines } = TEXTS;
  const long = "\x1b]0;".repeat(100);
  const oid = `1.3.6.1.4.1.${"4294967295.".repeat(60)}1`;
  const forged = [
    forge(key, {
      subject: nameOf(["2.5.4.3", UTF8_STRING, escapes!]),
      issuer: nameOf(["2.5.4.3", UTF8_STRING, escapes!]),
    }),
    forge(key, {
      subject: nameOf(
        ...Array.from(
          { length: 4 },
          () => ["2.5.4.10", UTF8_STRING, long] as [string, number, string],
        ),
      ),
    }),
    forge(key, { subject: nameOf([oid, UTF8_STRING, lines!]) }),
    forge(key, {
      extensions: extensionList(
        basicConstraints(),
        altNames(lines!, escapes!, long),
      ),
    }),
    forge(key, { serial: encodeDer(DER_TAG.INTEGER, new Uint8Array(1_500)) }),
  ];
  await using scene = await Scene.start();
  await scene.leavesNoTrace(async () => {
    for (const certificate of forged) {
      using attacker = await RawPeer.open(scene.victim, {}, "features");
      const proof = { ...decodeProof(attacker.proof()), certificate };
      await attacker.say(COMMAND.proof, encodeProof(proof));
      await scene.refused(attacker, "bad-certificate", "Cannot");
    }
  });
  assertHarmless(scene.log.events);
});

Deno.test("commands are harmless in the refusal", async () => {
  await using scene = await Scene.start();
  await scene.leavesNoTrace(async () => {
    for (const command of ["\x1b]0;x\x07", "a\nb", "\x9b31m", "\u00ad\u00ad"]) {
      using attacker = await RawPeer.dial(scene.victim);
      await attacker.sendBytes(brokenFrame({ command }));
      await scene.refused(attacker, "bad-frame", "its command is not");
    }
  });
  // An unknown command is ignored, and does not stand for the first message that must be.
  using attacker = await RawPeer.open(scene.victim, {}, "verack");
  await attacker.say("%n%s\\u{1b}[m");
  await attacker.say(COMMAND.getpeers, new Uint8Array(33));
  assertEquals((await attacker.refusal())?.name, "protocol-error");
  attacker.close();
  assertHarmless(scene.log.events);
});
