// What a member's word about others costs, and what it cannot change.
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import {
  PEER_ENTRY_BURST,
  PEER_ENTRY_REFILL_MS,
} from "../../src/mesh/mesh_limits.ts";
import { MAX_PEERS_PER_MESSAGE } from "../../src/wire/wire_limits.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeGetPeers } from "../../src/wire/messages/peer_request.ts";
import type { PeerEntry } from "../../src/wire/messages/peers.ts";
import type { RawPeer } from "../helpers/attacker.ts";
import { handled } from "../helpers/handled.ts";
import { at, Disguise } from "../helpers/disguise.ts";
import { entryOf, stranger } from "../helpers/forged_messages.ts";
import { Scene } from "../helpers/scene.ts";
import { Sink } from "../helpers/sink.ts";
import { until } from "../helpers/until.ts";
import { forge, keyOf } from "../identity/forgery.ts";

async function tell(peer: RawPeer, entries: PeerEntry[]): Promise<void> {
  for (let at = 0; at < entries.length; at += MAX_PEERS_PER_MESSAGE) {
    await peer.tell(entries.slice(at, at + MAX_PEERS_PER_MESSAGE));
  }
  await handled(peer);
}

Deno.test("entries beyond a member's budget are not looked into, and those within it are", async () => {
  // Takes connections and says nothing, so that no dial ends meanwhile.
  await using first = Sink.start();
  await using second = Sink.start();
  await using scene = await Scene.start();
  using mallory = await scene.join();
  const start = performance.now();
  const count = PEER_ENTRY_BURST - 100;
  const strangers = Array.from({ length: count }, stranger);
  const told = (sink: Sink) =>
    strangers.map((it) => entryOf(it, [parseAddress(sink.address)]));
  const heard = (sink: Sink) =>
    scene.victim.peers().filter(({ addresses }) =>
      addresses.includes(sink.address)
    ).length;
  await tell(mallory, told(first));
  assertEquals(heard(first), count);
  await tell(mallory, told(second));
  const refilled = (performance.now() - start) / PEER_ENTRY_REFILL_MS;
  assert(heard(second) >= 100, "the rest of the budget was not used");
  assert(
    heard(second) <= 100 + refilled + 1,
    `${heard(second)} entries beyond the budget were taken`,
  );
});

Deno.test("others' word does not replace the certificate that a peer has shown itself", async () => {
  await using sink = Sink.start();
  await using scene = await Scene.start();
  const key = keyOf("Ed25519");
  const pem = key.privateKey.export({ type: "pkcs8", format: "pem" });
  const identity = await Identity.fromPem(pem.toString());
  const another = forge(key);
  assert(another.toHex() !== identity.certificate.toHex());

  const bob = await scene.join({ identity });
  bob.close();
  await until("bob to be gone", () => scene.log.of("peer:down").length > 0);
  using mallory = await scene.join();
  const address = parseAddress(sink.address);
  const lie = entryOf({ id: identity.id, certificate: another }, [address]);
  await tell(mallory, [lie]);
  await until("the lie to be followed", () => sink.arrivals > 0);

  using honest = await scene.join();
  await honest.say(
    COMMAND.getpeers,
    encodeGetPeers({
      digest: "00".repeat(32),
      fingerprints: ["00".repeat(8)],
    }),
  );
  const told = () => honest.told().find(({ id }) => id === lie.id);
  await until("bob to be told of", () => told() !== undefined);
  assertEquals(told()?.certificate.toHex(), identity.certificate.toHex());
});

Deno.test("a name that a member gives is resolved once, and the address that was judged is dialed", async () => {
  await using sink = Sink.start();
  const transport = new Disguise("127.0.0.1");
  await using scene = await Scene.start({ transport });
  using mallory = await scene.join();
  await tell(mallory, [entryOf(stranger(), [at("localhost", sink.port)])]);
  await until("a dial", () => sink.arrivals > 0);
  assert(transport.tried.length > 0);
  assertEquals(transport.tried.filter((it) => it.startsWith("localhost")), []);
});
