// Posing as somebody whose key one does not have. Certificates are public: all of
// these attackers have the certificate of a member, and none has its key.
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  decodeProof,
  encodeProof,
} from "../../src/wire/messages/credentials.ts";
import {
  decodeVersion,
  encodeVersion,
} from "../../src/wire/messages/version.ts";
import { formatAddress } from "../../src/transport/address.ts";
import { dialTls, RawPeer } from "../helpers/attacker.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { forgeV1 } from "../helpers/forged_v1.ts";
import { EventLog } from "../helpers/nodes.ts";
import { Scene } from "../helpers/scene.ts";
import { splice } from "../helpers/splice.ts";
import { until } from "../helpers/until.ts";

Deno.test("a member's certificate with a proof signed by another key is refused", async () => {
  await using scene = await Scene.start();
  const signer = await Identity.generate();
  await scene.leavesNoTrace(async () => {
    const { identity } = scene.member;
    using attacker = await RawPeer.dial(scene.victim, { identity, signer });
    await attacker.shake("proof");
    await scene.refused(attacker, "bad-proof", "does not verify");
  });
});

Deno.test("a proof by the right key with one bit flipped is refused", async () => {
  await using scene = await Scene.start();
  await scene.leavesNoTrace(async () => {
    using attacker = await RawPeer.open(scene.victim, {}, "features");
    const { certificate, signature, extensionBlock } = decodeProof(
      attacker.proof(),
    );
    // The lowest bit of s: still a well-formed signature.
    const flipped = signature.slice();
    flipped[flipped.length - 1]! ^= 1;
    const proof = { certificate, signature: flipped, extensionBlock };
    await attacker.say(COMMAND.proof, encodeProof(proof));
    await scene.refused(attacker, "bad-proof", "does not verify");
  });
});

Deno.test("a proof with a v1 certificate that carries a member's key is refused", async () => {
  await using scene = await Scene.start();
  const { identity } = scene.member;
  const { der: certificate } = forgeV1(identity);
  const signer = await Identity.generate();
  await scene.leavesNoTrace(async () => {
    using attacker = await RawPeer.dial(scene.victim, { identity, signer });
    await attacker.shake("features");
    const proof = { ...decodeProof(attacker.proof()), certificate };
    await attacker.say(COMMAND.proof, encodeProof(proof));
    await scene.refused(attacker, "bad-certificate", "version is 1");
  });
});

Deno.test("a member's proof relayed from another listener is refused", async () => {
  await using scene = await Scene.start();
  const mallory = await Identity.generate();
  const relayed: Connection[] = [];
  await scene.leavesNoTrace(async () => {
    // Bob means to join through Mallory, who hands every byte on to the victim.
    const listener = await tlsTransport().listen(
      { host: "127.0.0.1", port: 0 },
      {
        credentials: {
          certificate: mallory.certificate,
          privateKeyPem: mallory.privateKeyPem,
        },
      },
    );
    const pipes: Promise<void>[] = [];
    const relay = (async () => {
      for (;;) {
        const incoming = await listener.accept();
        if (incoming === null) return;
        // Bob may have looked at the certificate only.
        const near = await incoming.open().catch(() => undefined);
        if (near === undefined) continue;
        const far = await dialTls(scene.victim);
        relayed.push(near, far);
        pipes.push(splice(near, far));
      }
    })();
    await using bob = await Node.start({
      connect: [formatAddress(listener.address)],
    });
    const log = new EventLog(bob);
    await scene.said(`proof of ${bob.identity.id.slice(0, 8)} does not verify`);
    await until("bob to be told", () => log.of("refused").length > 0);
    assert(log.of("refused")[0]?.reason.includes("bad-proof"));
    assertEquals(log.of("peer:up"), []);
    await bob.close();
    listener.close();
    await relay;
    for (const connection of relayed) connection.close();
    await Promise.all(pipes);
  });
});

Deno.test("a proof replayed from an earlier session is refused", async () => {
  await using scene = await Scene.start();
  const identity = await Identity.generate({ ephemeral: false });
  // The session that is recorded is an honest one, and is let in.
  using bob = await RawPeer.open(scene.victim, { identity });
  await until("bob to be up", () => scene.log.of("peer:up").length === 2);
  await bob.say(COMMAND.bye, Uint8Array.of(0x40, 0));
  await until("bob to be gone", () => scene.log.of("peer:down").length === 1);
  const before = scene.victim.peers();
  const events = scene.log.of("peer:up").length;
  using attacker = await RawPeer.dial(scene.victim, { identity });
  for (const frame of bob.sent) await attacker.sendBytes(frame);
  await scene.refused(attacker, "bad-proof", "does not verify");
  assertEquals(scene.victim.peers(), before);
  assertEquals(scene.log.of("peer:up").length, events);
});

Deno.test("a node's own handshake played back to it is refused", async () => {
  await using mallory = await RawListener.start();
  await using scene = await Scene.start({ connect: [mallory.address] });
  await scene.leavesNoTrace(async () => {
    using dialed = await mallory.next();
    const payload = dialed.frames[0]!.payload;
    using attacker = await RawPeer.dial(scene.victim);
    await attacker.say(COMMAND.version, payload);
    const told = await attacker.refusal();
    assertEquals([told?.command, told?.name], ["reject", "self"]);
  });
});

Deno.test("a node's own proof played back to it under another nonce is refused", async () => {
  await using mallory = await RawListener.start();
  await using scene = await Scene.start({ connect: [mallory.address] });
  await scene.leavesNoTrace(async () => {
    using dialed = await mallory.next();
    const version = decodeVersion(await dialed.take(COMMAND.version));
    using attacker = await RawPeer.dial(scene.victim);
    const nonce = version.nonce ^ 1n;
    await attacker.say(COMMAND.version, encodeVersion({ ...version, nonce }));
    const challenge = await attacker.take(COMMAND.challenge);
    // The victim's other connection is asked to sign what it asks itself.
    for (const { command, payload } of attacker.frames) {
      if (command !== COMMAND.challenge) await dialed.say(command, payload);
    }
    await dialed.say(COMMAND.challenge, challenge);
    const own = await dialed.take(COMMAND.proof);
    for (
      const command of [COMMAND.instance, COMMAND.nochecksum, COMMAND.streams]
    ) {
      const frame = dialed.frames.find((it) => it.command === command);
      await attacker.say(command, frame!.payload);
    }
    await attacker.say(COMMAND.proof, own);
    await scene.refused(attacker, "bad-proof", "does not verify");
  });
});

Deno.test("messages of an open session that come before the proof end the connection", async () => {
  await using scene = await Scene.start();
  const early = [
    COMMAND.ping,
    COMMAND.pong,
    COMMAND.getpeers,
    COMMAND.peerids,
    COMMAND.peers,
    COMMAND.message,
    COMMAND.ack,
    COMMAND.open,
    COMMAND.data,
    COMMAND.bye,
  ];
  await scene.leavesNoTrace(async () => {
    for (const command of early) {
      for (const after of [undefined, "challenge", "features"] as const) {
        using attacker = await RawPeer.dial(scene.victim);
        if (after !== undefined) await attacker.shake(after);
        await attacker.say(command);
        await scene.refused(
          attacker,
          "early-message",
          `${command} came before`,
        );
      }
    }
  });
});

Deno.test("messages between a sound proof and verack end the connection", async () => {
  await using scene = await Scene.start();
  await scene.leavesNoTrace(async () => {
    for (const command of [COMMAND.peers, COMMAND.getpeers, COMMAND.ping]) {
      using attacker = await RawPeer.open(scene.victim, {}, "proof");
      await attacker.say(command);
      await scene.refused(attacker, "early-message", `${command} came before`);
    }
  });
});

Deno.test("verack without a proof, and a proof out of turn, end the connection", async () => {
  await using scene = await Scene.start();
  const why = "protocol-error";
  await scene.leavesNoTrace(async () => {
    {
      using attacker = await RawPeer.open(scene.victim, {}, "features");
      await attacker.say(COMMAND.verack);
      await scene.refused(attacker, why, "verack came before the proof");
    }
    {
      using attacker = await RawPeer.open(scene.victim, {}, "proof");
      const [again] = attacker.sent.slice(-1);
      await attacker.sendBytes(again!);
      await scene.refused(attacker, why, "proof came out of order");
    }
    {
      using attacker = await RawPeer.open(scene.victim, {}, "challenge");
      await attacker.say(COMMAND.challenge, new Uint8Array(32));
      await scene.refused(attacker, why, "challenge came out of order");
    }
    {
      // Whoever hides its process number could run twice.
      using attacker = await RawPeer.open(scene.victim, {}, "challenge");
      await attacker.say(COMMAND.proof, attacker.proof());
      await scene.refused(attacker, why, "did not send its instance");
    }
  });
});
