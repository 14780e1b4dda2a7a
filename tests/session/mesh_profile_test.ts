// The mesh's half of the handshake, machine against machine: who comes in, who
// does not, and that nothing is learned about a peer that is refused.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import type { HandshakeAction } from "../../src/session/handshake.ts";
import { networkMagic } from "../../src/wire/frame.ts";
import { encodeVersion } from "../../src/wire/messages/version.ts";
import {
  decodeProof,
  encodeProof,
} from "../../src/wire/messages/credentials.ts";
import {
  assertRefused,
  converse,
  type End,
  end,
  forged,
  version,
} from "./mesh_handshake.ts";

const EMPTY = new Uint8Array(0);
const [alice, bob, mallory] = await Promise.all([
  Identity.generate(),
  Identity.generate(),
  Identity.generate({ keyType: "Ed25519" }),
]);

Deno.test("two nodes prove each other in four steps", () => {
  const d = end(bob, { listener: alice });
  const a = end(alice, { challenge: 9 });
  const { log, failures } = converse(d, a);
  assertEquals(failures.size, 0);
  assertEquals(log, [
    "D version",
    "A version",
    "A instance",
    "A nochecksum",
    "A streams",
    "A challenge",
    "D instance",
    "D nochecksum",
    "D streams",
    "D proof",
    "D verack",
    "A verack",
  ]);
  assertEquals(d.machine.state, "complete");
  assertEquals(a.machine.state, "complete");
  assertEquals(d.profile.peer?.id, alice.id);
  assertEquals(a.profile.peer?.id, bob.id);
  assertEquals(a.profile.peer?.ephemeral, true);
  for (const { machine } of [a, d]) {
    assert(machine.features.has("nochecksum"));
    assert(machine.features.has("streams"));
  }
});

Deno.test("unknown features before the proof change nothing", () => {
  const d = end(bob, { listener: alice });
  const a = end(alice, { challenge: 9 });
  const first = d.machine.start();
  const early = { type: "send", command: "glitter", payload: EMPTY } as const;
  // What a dialer of a later release may add is in both transcripts.
  d.profile.observe("out", "glitter", EMPTY);
  const carry = (to: End, actions: HandshakeAction[]) =>
    actions.flatMap((action) =>
      action.type === "send" && to.machine.state === "running"
        ? to.machine.receive(action)
        : []
    );
  const reply = carry(a, [...first, early]);
  const unknown = { type: "send", command: "sparkle", payload: EMPTY } as const;
  // What the listener said must be what the dialer heard: both hash it.
  a.profile.observe("out", "sparkle", EMPTY);
  const proof = carry(d, [...reply, unknown]);
  const last = carry(a, proof);
  // "sparkle" came after the challenge, so it is in nobody's transcript.
  assertEquals(last.map((x) => x.type), ["send", "complete"]);
});

Deno.test("a proof signed by another key is refused", () => {
  const d = end(forged(bob, mallory), { listener: alice });
  const a = end(alice, { challenge: 9 });
  const { failures } = converse(d, a);
  assertRefused(a, failures, "bad-proof", "bad-proof");
  assertEquals(a.asked, []);
});

Deno.test("a proof made for another listener is refused (relay)", () => {
  // Bob dials mallory, who hands every byte on to alice and back.
  const d = end(bob, { listener: mallory });
  const a = end(alice, { challenge: 9 });
  const { failures } = converse(d, a);
  assertRefused(a, failures, "bad-proof", "bad-proof");
});

Deno.test("a proof of an earlier session is refused (replay)", () => {
  let recorded: Uint8Array | undefined;
  converse(
    end(bob, { listener: alice }),
    end(alice, { challenge: 9 }),
    (c, p) => {
      if (c === "proof") recorded = p.slice();
      return p;
    },
  );
  assert(recorded !== undefined);
  const again = recorded;
  const a = end(alice, { challenge: 10 });
  const { failures } = converse(
    end(bob, { listener: alice }),
    a,
    (c, p) => c === "proof" ? again : p,
  );
  assertRefused(a, failures, "bad-proof", "bad-proof");
});

Deno.test("our own proof sent back to us is refused (reflection)", () => {
  // Alice dials mallory, who plays her proof back to alice's own listener.
  let hers: Uint8Array | undefined;
  converse(
    end(alice, { listener: mallory }),
    end(mallory, { challenge: 9 }),
    (c, p) => {
      if (c === "proof") hers = p.slice();
      return p;
    },
  );
  assert(hers !== undefined);
  const reflected = hers;
  const a = end(alice, { challenge: 9 });
  const { failures } = converse(
    end(mallory, { listener: alice }),
    a,
    (c, p) => c === "proof" ? reflected : p,
  );
  assertRefused(a, failures, "bad-proof", "bad-proof");
});

Deno.test("a proof over a changed conversation is refused", () => {
  for (const changed of ["version", "instance", "challenge"]) {
    const a = end(alice, { challenge: 9 });
    let done = false;
    const { failures } = converse(end(bob, { listener: alice }), a, (c, p) => {
      if (c !== changed || done) return p;
      done = true;
      const copy = p.slice();
      // A bit that leaves the message valid: the last one of services or data.
      copy[changed === "version" ? 6 : 0]! ^= 1;
      return copy;
    });
    assertRefused(a, failures, "bad-proof", "bad-proof");
  }
});

Deno.test("a proof with a message dropped or added before it is refused", () => {
  const a = end(alice, { challenge: 9 });
  let dropped = false;
  const { failures } = converse(end(bob, { listener: alice }), a, (c, p) => {
    if (c !== "nochecksum" || dropped) return p;
    dropped = true;
    return undefined;
  });
  assertRefused(a, failures, "bad-proof", "bad-proof");
});

Deno.test("a proof for another network is refused", () => {
  const a = end(alice, { challenge: 9 });
  const d = end(bob, { listener: alice }, { magic: networkMagic("other") });
  assertRefused(a, converse(d, a).failures, "bad-proof", "bad-proof");
});

Deno.test("the extension block is signed", () => {
  const a = end(alice, { challenge: 9 });
  const { failures } = converse(end(bob, { listener: alice }), a, (c, p) => {
    if (c !== "proof") return p;
    const proof = decodeProof(p);
    return encodeProof({
      certificate: proof.certificate,
      signature: proof.signature,
      extensionBlock: new Uint8Array([200, 1, 5]),
    });
  });
  assertRefused(a, failures, "bad-proof", "bad-proof");
});

Deno.test("a certificate that breaks the rules is refused", () => {
  const broken = bob.certificate.slice();
  broken[broken.length - 1]! ^= 1;
  const d = end(forged(bob, bob, broken), { listener: alice });
  const a = end(alice, { challenge: 9 });
  assertRefused(
    a,
    converse(d, a).failures,
    "bad-certificate",
    "bad-certificate",
  );
});

Deno.test("messages of an open session that come before the proof end it", () => {
  for (const command of ["peers", "ping", "getpeers", "message", "bye"]) {
    for (const after of [false, true]) {
      const a = end(alice, { challenge: 9 });
      if (after) {
        const payload = encodeVersion(version(bob, 1n));
        a.machine.receive({ command: "version", payload });
      }
      const [failure] = a.machine.receive({ command, payload: EMPTY });
      assert(failure?.type === "fail", `${command} was let through`);
      assertEquals(failure.reject, "early-message");
      assertEquals(a.profile.peer, undefined);
    }
  }
});

Deno.test("verack before the proof ends it", () => {
  const a = end(alice, { challenge: 9 });
  const payload = encodeVersion(version(bob, 1n));
  a.machine.receive({ command: "version", payload });
  const [failure] = a.machine.receive({ command: "verack", payload: EMPTY });
  assert(failure?.type === "fail");
  assertEquals(failure.error.code, "protocol");
});

Deno.test("a dialer that never proves itself never completes", () => {
  const a = end(alice, { challenge: 9 });
  const d = end(bob, { listener: alice });
  converse(d, a, (c, p) => c === "proof" || c === "verack" ? undefined : p);
  assertEquals(a.machine.state, "running");
  assertEquals(a.profile.peer, undefined);
});

Deno.test("a node that reaches itself says so at both ends", () => {
  const a = end(alice, { challenge: 9 });
  const d = end(alice, { listener: alice });
  const { failures } = converse(d, a);
  assertEquals(failures.get(d)?.error.code, "self");
});

Deno.test("our key in another process is told from ourselves", () => {
  const a = end(alice, { challenge: 9 }, { instance: 77n });
  const d = end(alice, { listener: alice });
  const { failures } = converse(d, a);
  assertEquals(failures.get(d)?.error.code, "identity-in-use");
  assertStringIncludes(
    failures.get(d)?.error.message ?? "",
    "another process runs with the same key",
  );
});

Deno.test("more than 64 messages before verack end it", () => {
  const a = end(alice, { challenge: 9 });
  let actions: HandshakeAction[] = [];
  for (let i = 0; i < 65; i++) {
    actions = a.machine.receive({ command: "glitter", payload: EMPTY });
  }
  assertEquals(actions[0]?.type, "fail");
});
