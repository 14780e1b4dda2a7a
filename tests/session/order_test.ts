// docs/protocol.md §5: what is ignored in a handshake, and what ends it.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import type { Identity } from "../../src/identity/identity.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  decodeSecret,
  encodeInstance,
} from "../../src/wire/messages/credentials.ts";
import { encodeVersion } from "../../src/wire/messages/version.ts";
import { identities } from "../helpers/identities.ts";
import { converse, type End, end, version } from "./mesh_handshake.ts";

const EMPTY = new Uint8Array(0);
const [alice, bob] = await identities(2) as [Identity, Identity];

const dialer = () => end(bob, { listener: alice });
const listener = () => end(alice, { challenge: 9 });
const VERSIONS = {
  dialer: encodeVersion(version(bob, 1n)),
  listener: encodeVersion(version(alice, 2n)),
};

/** What a machine does about a command: nothing, or with which reason it ends. */
function answer(
  { machine }: End,
  command: string,
  payload: Uint8Array = EMPTY,
): string {
  const actions = machine.receive({ command, payload });
  const failure = actions.find((action) => action.type === "fail");
  if (failure?.type === "fail") return failure.reject ?? "ends";
  return actions.length === 0 ? "ignored" : "answered";
}

/** Messages of an open session. */
const SESSION = [
  "ping",
  "pong",
  "getpeers",
  "peerids",
  "peers",
  "missing",
  "message",
  "chunk",
  "ack",
  "resume",
  "open",
  "data",
  "credit",
  "end",
  "reset",
  "twin",
  "bye",
  "welcome",
];

for (const [role, make] of Object.entries({ dialer, listener })) {
  Deno.test(`${role}: before version all is ignored but reject and what only a session may carry`, () => {
    for (
      const command of [
        "verack",
        "instance",
        "nochecksum",
        "streams",
        "challenge",
        "secret",
        "proof",
        "glitter",
      ]
    ) {
      const it = make();
      it.machine.start();
      assertEquals(answer(it, command), "ignored", command);
      assertEquals(it.machine.state, "running");
    }
    for (const command of SESSION) {
      const it = make();
      it.machine.start();
      assertEquals(answer(it, command), "early-message", command);
    }
    const it = make();
    it.machine.start();
    assertEquals(answer(it, "reject", Uint8Array.of(4, 0)), "ends");
  });

  Deno.test(`${role}: between version and verack the same, and what is out of order ends it`, () => {
    const other = role === "dialer" ? "listener" : "dialer";
    const begun = () => {
      const it = make();
      it.machine.start();
      it.machine.receive({ command: "version", payload: VERSIONS[other] });
      return it;
    };
    for (const command of ["glitter", "version", "nochecksum", "streams"]) {
      assertEquals(answer(begun(), command), "ignored", command);
    }
    for (const command of SESSION) {
      assertEquals(answer(begun(), command), "early-message", command);
    }
    const wrong = role === "dialer" ? "proof" : "challenge";
    for (const command of [wrong, "verack"]) {
      assertEquals(answer(begun(), command), "protocol-error", command);
    }
    if (role === "dialer") {
      // It has shown none, so that none can answer.
      assertEquals(answer(begun(), "secret"), "protocol-error");
    }
  });
}

Deno.test("a second challenge, a second proof and a proof or challenge without an instance end the handshake", () => {
  const challenge = new Uint8Array(32);
  const d = dialer();
  d.machine.start();
  answer(d, "version", VERSIONS.listener);
  assertEquals(answer(d, "challenge", challenge), "protocol-error");

  const again = dialer();
  again.machine.start();
  answer(again, "version", VERSIONS.listener);
  answer(again, "instance", encodeInstance(1n));
  assertEquals(answer(again, "challenge", challenge), "answered");
  assertEquals(answer(again, "challenge", challenge), "protocol-error");

  const a = listener();
  let proof: Uint8Array = EMPTY;
  converse(dialer(), a, (command, payload) => {
    if (command === COMMAND.proof) proof = payload;
    return command === COMMAND.verack ? undefined : payload;
  });
  assert(proof.length > 0 && a.profile.peer !== undefined);
  assertEquals(answer(a, "proof", proof), "protocol-error");
});

Deno.test("a proof without an instance is out of order whatever it proves", () => {
  const late = listener();
  late.machine.start();
  answer(late, "version", VERSIONS.dialer);
  // A bad certificate is not looked at.
  const proof = Uint8Array.of(1, 0x30, 0, 0);
  assertEquals(answer(late, "proof", proof), "protocol-error");
});

Deno.test("a secret of the network with an id is refused", () => {
  const payload = new Uint8Array(49);
  payload[5] = 1;
  const error = assertThrows(() => decodeSecret(payload), VerackError);
  assertEquals(error.code, "malformed");
  payload[5] = 0;
  assertEquals(decodeSecret(payload).kind, "network");
});

Deno.test("of two instances the first counts", () => {
  const a = listener();
  const d = dialer();
  let sent = 0;
  converse(d, a, (command, payload) => {
    if (command === "instance") sent++;
    return payload;
  });
  assertEquals(sent, 2);
  const first = a.profile.peer?.instance;
  const late = listener();
  late.machine.start();
  answer(late, "version", VERSIONS.dialer);
  assertEquals(answer(late, "instance", encodeInstance(5n)), "ignored");
  assertEquals(answer(late, "instance", encodeInstance(6n)), "ignored");
  assertEquals(first, BigInt(`0x${bob.id.slice(0, 15)}`));
});

Deno.test("64 frames may come before the session is open, whatever they are, and no more", () => {
  for (const command of ["glitter", "verack", "version"]) {
    const a = listener();
    for (let i = 0; i < 64; i++) {
      const payload = command === "version" ? VERSIONS.dialer : EMPTY;
      const answered = command === "version" && i === 0;
      assertEquals(
        answer(a, command, payload),
        answered ? "answered" : "ignored",
      );
    }
    assertEquals(answer(a, command), "too-many-frames");
  }
});
