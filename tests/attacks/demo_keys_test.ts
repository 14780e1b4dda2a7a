// The keys in certs/ are public: anybody can be alice, so off this machine nobody is.
import { assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { DEMO_IDENTITIES } from "../../src/identity/key_files.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { Disguise } from "../helpers/disguise.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const CERTS = new URL("../../certs/", import.meta.url);

async function demo(name: string): Promise<Identity> {
  const pem = await Deno.readTextFile(new URL(`${name}.key`, CERTS));
  return await Identity.fromPem(pem);
}

Deno.test("a node shows a demo key to this machine only", async () => {
  for (const { name } of DEMO_IDENTITIES) {
    const identity = await demo(name);
    for (
      const host of [
        "0.0.0.0",
        "::",
        "192.0.2.2",
        "fd00::2",
        "example.org",
        ["127.0.0.1", "192.0.2.2"],
      ]
    ) {
      const error = await assertRejects(
        () => Node.start({ identity, host }),
        VerackError,
        "published demo keys",
      );
      assertEquals(error.code, "demo-identity");
    }
    for (
      const host of ["127.0.0.1", "::1", "localhost", [
        "127.0.0.1",
        "127.0.0.2",
      ]]
    ) {
      await using _node = await Node.start({ identity, host });
    }
  }
});

Deno.test("a demo key from a file is recognised whatever certificate it comes with", async () => {
  const certificatePem = await Deno.readTextFile(new URL("bob.crt", CERTS));
  const pem = await Deno.readTextFile(new URL("bob.key", CERTS));
  for (
    const identity of [
      await Identity.fromPem(pem),
      await Identity.fromPem(pem, { certificatePem }),
    ]
  ) {
    await assertRejects(
      () => Node.start({ identity, host: "0.0.0.0" }),
      VerackError,
      "published demo keys",
    );
  }
});

for (const from of ["203.0.113.7", "10.1.2.3", "fd00::9", "8.8.8.8"]) {
  Deno.test(`a peer with a demo key is refused when it comes from ${from}`, async () => {
    await using scene = await Scene.start({ transport: new Disguise(from) });
    const identity = await demo("alice");
    await scene.leavesNoTrace(async () => {
      using attacker = await RawPeer.open(scene.victim, { identity }, "proof");
      await scene.refused(attacker, "demo-identity", "published demo key");
    });
  });
}

Deno.test("a demo key at an address off this machine is refused when dialed", async () => {
  await using alice = await RawListener.start({
    identity: await demo("alice"),
  });
  const far = "203.0.113.7:8080";
  const transport = new Disguise("127.0.0.1", {
    moved: { [far]: alice.address },
  });
  await using scene = await Scene.start({ transport, connect: [far] });
  await scene.leavesNoTrace(async () => {
    using peer = await alice.next();
    await peer.version();
    await peer.features();
    await peer.say(COMMAND.challenge, new Uint8Array(32));
    await scene.refused(peer, "demo-identity", "published demo key");
  });
});

Deno.test("peers with demo keys are let in over loopback", async () => {
  await using scene = await Scene.start();
  using inbound = await RawPeer.open(scene.victim, {
    identity: await demo("alice"),
  });
  await using alice = await Node.start({
    identity: await demo("bob"),
    connect: [scene.victim.address],
  });
  await until(
    "both to be up",
    () =>
      [inbound.identity.id, alice.identity.id].every((id) =>
        scene.victim.peers().some((it) => it.id === id && it.connected)
      ),
  );
});
