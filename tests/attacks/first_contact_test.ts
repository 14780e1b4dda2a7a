// A node dials an address for the first time, and somebody is there who is not
// what it shows, or who does not keep to the protocol.
import { assert, assertEquals } from "@std/assert";
import { createHash, X509Certificate } from "node:crypto";
import { Identity } from "../../src/identity/identity.ts";
import { fetchCertificate } from "../../src/transport/fetch_certificate.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  decodeVersion,
  encodeVersion,
} from "../../src/wire/messages/version.ts";
import type { ReasonName } from "../../src/wire/messages/reason.ts";
import type { RawPeer } from "../helpers/attacker.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { forgeV1, ShowingServer } from "../helpers/forged_v1.ts";
import { Scene } from "../helpers/scene.ts";
import { TcpProxy } from "../helpers/tcp_proxy.ts";
import { until } from "../helpers/until.ts";

Deno.test("an address that shows a v1 certificate with another node's key is refused", async () => {
  const bob = await Identity.generate();
  const { der, privateKeyPem } = forgeV1(bob);
  await using impostor = await ShowingServer.start(der, privateKeyPem);
  // The danger is real: to node:tls the impostor looks like bob.
  const seen = new X509Certificate(
    await fetchCertificate(parseAddress(impostor.address), {}),
  );
  const spki = seen.publicKey.export({ type: "spki", format: "der" });
  assertEquals(createHash("sha256").update(spki).digest("hex"), bob.id);

  for (const target of [impostor.address, `${bob.id}@${impostor.address}`]) {
    await using scene = await Scene.start({ connect: [target] });
    await scene.leavesNoTrace(async () => {
      await scene.said("version is 1");
      assertEquals(scene.log.of("refused")[0]?.address, impostor.address);
    });
  }
});

Deno.test("an address that shows one certificate to a look and another to the dial is refused", async () => {
  const identity = await Identity.generate();
  await using bob = await RawListener.start({ identity });
  await using mallory = await RawListener.start();
  const { der, privateKeyPem } = forgeV1(identity);
  await using forger = await ShowingServer.start(der, privateKeyPem);
  const routes: [look: string, dial: string][] = [
    [bob.address, mallory.address],
    [mallory.address, bob.address],
    [bob.address, forger.address],
  ];
  for (const [look, dial] of routes) {
    // Only the dial asks for a server name.
    await using proxy = TcpProxy.start((_, hello) =>
      new TextDecoder("latin1").decode(hello).includes("verack.invalid")
        ? dial
        : look
    );
    await using scene = await Scene.start({ connect: [proxy.address] });
    await scene.leavesNoTrace(async () => {
      await scene.said("shows another certificate than the pinned one");
      assert(proxy.arrivals > 1, "the address was looked at only");
    });
    // Nobody was told anything, not even a version.
    for (const { frames } of [...bob.peers, ...mallory.peers]) {
      assertEquals(frames, []);
    }
  }
});

/** What a listener does after `version` came, and how the dialer must refuse it. */
const MISBEHAVIOUR: Readonly<
  Record<string, [ReasonName, string, (peer: RawPeer) => Promise<void>]>
> = {
  "accepts without a challenge": [
    "protocol-error",
    "verack came before the proof",
    async (peer) => {
      await peer.version();
      await peer.features();
      await peer.say(COMMAND.verack);
    },
  ],
  "hides its process number": [
    "protocol-error",
    "did not send its instance",
    async (peer) => {
      await peer.version();
      await peer.say(COMMAND.challenge, new Uint8Array(32));
    },
  ],
  "sends a short challenge": [
    "protocol-error",
    "challenge",
    async (peer) => {
      await peer.version();
      await peer.features();
      await peer.say(COMMAND.challenge, new Uint8Array(31));
    },
  ],
  "asks for two proofs": [
    "protocol-error",
    "challenge came out of order",
    async (peer) => {
      await peer.version();
      await peer.features();
      await peer.say(COMMAND.challenge, new Uint8Array(32));
      await peer.say(COMMAND.challenge, new Uint8Array(32).fill(1));
    },
  ],
  "proves itself although it was dialed": [
    "protocol-error",
    "proof came out of order",
    async (peer) => {
      await peer.version();
      await peer.features();
      await peer.say(COMMAND.proof, new Uint8Array(100));
    },
  ],
  "sends its list before its version": [
    "early-message",
    "peers came before",
    (peer) => peer.introduce(),
  ],
  "sends its list before its verack": [
    "early-message",
    "peers came before",
    async (peer) => {
      await peer.version();
      await peer.features();
      await peer.say(COMMAND.challenge, new Uint8Array(32));
      await peer.take(COMMAND.proof);
      await peer.introduce();
    },
  ],
  "speaks an old version": [
    "obsolete",
    "protocol version is 70015",
    async (peer) => {
      const version = decodeVersion(peer.frames[0]!.payload);
      const old = { ...version, version: 70_015, nonce: 1n };
      await peer.say(COMMAND.version, encodeVersion(old));
    },
  ],
};

for (const [what, [reason, text, misbehave]] of Object.entries(MISBEHAVIOUR)) {
  Deno.test(`an address that ${what} is refused`, async () => {
    await using mallory = await RawListener.start();
    await using scene = await Scene.start({ connect: [mallory.address] });
    await scene.leavesNoTrace(async () => {
      using peer = await mallory.next();
      await misbehave(peer);
      await scene.refused(peer, reason, text);
    });
  });
}

Deno.test("an address that keeps to the protocol is accepted", async () => {
  await using mallory = await RawListener.start();
  await using scene = await Scene.start({ connect: [mallory.address] });
  using peer = await mallory.next();
  await peer.answer();
  await until(
    "the listener to be up",
    () =>
      scene.log.of("peer:up").some(({ id, trust }) =>
        id === mallory.identity.id && trust === "first-use"
      ),
  );
});

Deno.test("a stranger that pretends to be this node itself is tried again", async () => {
  // Both ways of saying so: in words, and by playing our own nonce back.
  const claims: ((peer: RawPeer) => Promise<void>)[] = [
    (peer) => peer.say(COMMAND.reject, Uint8Array.of(0x12, 0)),
    (peer) => peer.say(COMMAND.version, peer.frames[0]!.payload),
  ];
  for (const claim of claims) {
    await using mallory = await RawListener.start();
    await using scene = await Scene.start({ connect: [mallory.address] });
    {
      using liar = await mallory.next();
      await claim(liar);
      await liar.refusal();
    }
    // The address is dialed again, and whoever is there by now is let in.
    using honest = await mallory.next();
    await honest.answer();
    await until(
      "the peer to be up",
      () =>
        scene.log.of("peer:up").some(({ id }) => id === mallory.identity.id),
    );
  }
});
