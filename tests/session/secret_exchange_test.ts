// The step in which both ends show that they know a secret, machine against
// machine, with somebody in between who tries to do without.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { Identity } from "../../src/identity/identity.ts";
import { inviteSecret } from "../../src/identity/invite.ts";
import { networkSecret } from "../../src/identity/shared_secret.ts";
import {
  secretMac,
  type SharedSecret,
} from "../../src/identity/shared_secret.ts";
import type { AcceptedSecrets } from "../../src/session/secret_exchange.ts";
import { networkMagic } from "../../src/wire/frame.ts";
import {
  decodeSecret,
  encodeSecret,
} from "../../src/wire/messages/credentials.ts";
import {
  assertRefused,
  converse,
  end,
  MAGIC,
  type Meddle,
} from "./mesh_handshake.ts";

const [alice, bob, mallory] = await Promise.all([
  Identity.generate(),
  Identity.generate(),
  Identity.generate(),
]);
const NETWORK = networkSecret(new Uint8Array(32).fill(1));
const OTHER = networkSecret(new Uint8Array(32).fill(2));
const INVITE = inviteSecret(new Uint8Array(20).fill(3));

function accepts(
  required: boolean,
  ...secrets: readonly SharedSecret[]
): AcceptedSecrets {
  return {
    required,
    find: (kind, id) =>
      secrets.find((it) => it.kind === kind && it.id === id)?.key,
  };
}

const dialer = (shows?: SharedSecret, listener = alice) =>
  end(bob, { listener }, shows && { shows });
const listener = (...secrets: SharedSecret[]) =>
  end(alice, { challenge: 9 }, {
    accepts: accepts(secrets.some((it) => it.kind === "network"), ...secrets),
  });

/** All that the dialer said before it was refused, or accepted. */
const said = (log: readonly string[]) =>
  log.filter((line) => line.startsWith("D ")).map((line) => line.slice(2));

Deno.test("two nodes with the network's secret prove it to each other, then their identities", () => {
  const d = dialer(NETWORK);
  const a = listener(NETWORK);
  const { log, failures } = converse(d, a);
  assertEquals(failures.size, 0);
  assertEquals(log, [
    "D version",
    "A version",
    "A instance",
    "A nochecksum",
    "A streams",
    "A challenge",
    "D secret",
    "A secret",
    "D instance",
    "D nochecksum",
    "D streams",
    "D proof",
    "D verack",
    "A verack",
  ]);
  assertEquals(a.profile.peer?.id, bob.id);
  assertEquals(a.profile.peer?.invite, undefined);
});

Deno.test("an invite stands in for the network's secret, and is passed to admission", () => {
  for (const a of [listener(NETWORK, INVITE), listener(INVITE)]) {
    const { failures } = converse(dialer(INVITE), a);
    assertEquals(failures.size, 0);
    assertEquals(a.asked[0]?.invite, INVITE.id);
  }
});

Deno.test("a dialer without the secret is refused before its proof is looked at", () => {
  const a = listener(NETWORK);
  const d = dialer();
  // Not even a proof that is none is read.
  const { failures } = converse(
    d,
    a,
    (command, payload) =>
      command === "proof" ? Uint8Array.of(1, 2, 3) : payload,
  );
  assertRefused(a, failures, "bad-secret", "bad-secret");
  assertEquals(a.asked, []);
  assertStringIncludes(
    failures.get(a)?.error.message ?? "",
    "needs it",
  );
});

Deno.test("a dialer with another secret is refused, and has not sent its identity", () => {
  const a = listener(NETWORK);
  const { log, failures } = converse(dialer(OTHER), a);
  assertRefused(a, failures, "bad-secret", "bad-secret");
  assertEquals(said(log), ["version", "secret"]);
});

Deno.test("a listener without a secret does not get the identity of a dialer with one", () => {
  const a = listener();
  const { log, failures } = converse(dialer(NETWORK), a);
  assertRefused(a, failures, "bad-secret", "bad-secret");
  assertStringIncludes(
    failures.get(a)?.error.message ?? "",
    "needs it",
  );
  assertEquals(said(log), ["version", "secret"]);
});

Deno.test("an unknown invite and a wrong code are refused alike", () => {
  const wrong = { ...INVITE, key: new Uint8Array(32).fill(9) };
  const messages = [dialer(INVITE), dialer(wrong)].map((d, index) => {
    const a = index === 0 ? listener(NETWORK) : listener(NETWORK, INVITE);
    const { failures } = converse(d, a);
    assertRefused(a, failures, "bad-invite", "bad-invite");
    return failures.get(a)?.error.message;
  });
  assertEquals(messages[0], messages[1]);
});

/** What a listener that does not know the secret may try to answer. */
const ANSWERS: Readonly<Record<string, (question: Uint8Array) => Uint8Array>> =
  {
    "the question sent back (reflection)": (question) => question,
    "a code of zeros": (question) =>
      encodeSecret({ ...decodeSecret(question), mac: new Uint8Array(32) }),
    "another kind": () =>
      encodeSecret({
        kind: "invite",
        id: INVITE.id,
        mac: new Uint8Array(32),
      }),
  };

for (const [what, answer] of Object.entries(ANSWERS)) {
  Deno.test(`a listener that answers with ${what} is not told who dials`, () => {
    const d = dialer(NETWORK);
    // Its true answer is replaced.
    const a = listener(NETWORK);
    let question = new Uint8Array(0);
    const { log, failures } = converse(d, a, (command, payload) => {
      if (command !== "secret") return payload;
      if (question.length > 0) return answer(question);
      question = payload.slice();
      return payload;
    });
    assertEquals(failures.get(d)?.error.code, "bad-secret");
    assertEquals(failures.get(d)?.reject, "bad-secret");
    assertEquals(d.profile.peer, undefined);
    assertEquals(said(log), ["version", "secret"]);
  });
}

Deno.test("a listener that skips its answer does not get the dialer's identity", () => {
  const d = dialer(NETWORK);
  const drop: Meddle = (command, payload) =>
    command === "secret" ? undefined : payload;
  const { log } = converse(d, listener(NETWORK), drop);
  assertEquals(said(log), ["version", "secret"]);
  const [failure] = d.machine.receive({
    command: "verack",
    payload: new Uint8Array(0),
  });
  assert(failure?.type === "fail");
  assertEquals(failure.reject, "protocol-error");
});

Deno.test("a secret shown in another session is worth nothing (replay)", () => {
  let shown: Uint8Array | undefined;
  converse(dialer(NETWORK), listener(NETWORK), (command, payload) => {
    if (command === "secret") shown ??= payload.slice();
    return payload;
  });
  const again = shown;
  assert(again !== undefined);
  const a = end(alice, { challenge: 10 }, { accepts: accepts(true, NETWORK) });
  const { failures } = converse(
    dialer(OTHER),
    a,
    (command, payload) => command === "secret" ? again : payload,
  );
  assertRefused(a, failures, "bad-secret", "bad-secret");
});

Deno.test("a secret shown to another listener is worth nothing (relay)", () => {
  // Bob dials mallory, who hands every byte on to alice.
  const a = listener(NETWORK);
  const { failures } = converse(dialer(NETWORK, mallory), a);
  assertRefused(a, failures, "bad-secret", "bad-secret");
});

Deno.test("a secret shown in another network is worth nothing", () => {
  const a = listener(NETWORK);
  const d = end(bob, { listener: alice }, {
    shows: NETWORK,
    magic: networkMagic("other"),
  });
  assertRefused(a, converse(d, a).failures, "bad-secret", "bad-secret");
});

Deno.test("a secret that comes unasked, twice or too late ends the handshake", () => {
  const twice = listener(NETWORK);
  let shown: Uint8Array | undefined;
  converse(dialer(NETWORK), twice, (command, payload) => {
    if (command === "secret") shown ??= payload.slice();
    return ["proof", "verack"].includes(command) ? undefined : payload;
  });
  const payload = shown ?? new Uint8Array(0);
  const [second] = twice.machine.receive({ command: "secret", payload });
  assert(second?.type === "fail");
  assertEquals(second.reject, "protocol-error");

  // A listener that shows one to a dialer that showed none.
  const d = dialer();
  converse(
    d,
    listener(),
    (command, bytes) => command === "challenge" ? undefined : bytes,
  );
  const [failure] = d.machine.receive({ command: "secret", payload });
  assert(failure?.type === "fail");
  assertEquals(failure.reject, "protocol-error");
});

Deno.test("every bit of a shown secret counts", () => {
  for (const bit of [0, 8, 8 * 16, 8 * 17, 8 * 48 + 7]) {
    const a = listener(NETWORK);
    let done = false;
    const { failures } = converse(dialer(NETWORK), a, (command, payload) => {
      if (command !== "secret" || done) return payload;
      done = true;
      const copy = payload.slice();
      copy[bit >> 3]! ^= 1 << (bit & 7);
      return copy;
    });
    assert(failures.has(a), `bit ${bit} does not count`);
    assertEquals(a.profile.peer, undefined);
  }
});

Deno.test("the code is HMAC-SHA-256 over exactly what docs/protocol.md says", () => {
  const transcript = new Uint8Array(32).fill(7);
  const mac = secretMac(NETWORK.key, {
    by: "listener",
    magic: MAGIC,
    listener: alice.id,
    transcript,
  });
  const message = Uint8Array.from([
    ...new TextEncoder().encode("verack/1 secret\0"),
    1,
    ...MAGIC,
    ...Uint8Array.fromHex(alice.id),
    ...transcript,
  ]);
  assertEquals(mac, hmac(NETWORK.key, message));
});

Deno.test("an attestation travels in the signed part of the proof", () => {
  const attestation = Uint8Array.of(1, 2, 3);
  const a = listener();
  converse(end(bob, { listener: alice }, { attestation }), a);
  assertEquals(a.asked[0]?.attestation, attestation);
});

/** HMAC by RFC 2104, from nothing but the hash. */
function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(64);
  block.set(key);
  const hash = (...parts: Uint8Array[]) => {
    const sha = createHash("sha256");
    for (const part of parts) sha.update(part);
    return new Uint8Array(sha.digest());
  };
  const inner = hash(block.map((byte) => byte ^ 0x36), message);
  return hash(block.map((byte) => byte ^ 0x5c), inner);
}
