// A member that names addresses of others, to have us dial them.
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { RUMOUR_CREDIT_PER_SOURCE } from "../../src/limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import { at } from "../helpers/disguise.ts";
import { Scene } from "../helpers/scene.ts";
import { Sink } from "../helpers/sink.ts";
import { TcpProxy } from "../helpers/tcp_proxy.ts";
import { until } from "../helpers/until.ts";
import { forge, idOf, keyOf } from "../identity/forgery.ts";

/** Somebody who exists in gossip only; much faster made than an `Identity`. */
function stranger(): Pick<Identity, "id" | "certificate"> {
  const key = keyOf("Ed25519");
  return { id: idOf(key.spki), certificate: forge(key) };
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

async function member(scene: Scene): Promise<RawPeer> {
  const peer = await RawPeer.open(scene.victim);
  await until(
    "her to be up",
    () =>
      scene.victim.links().some(({ identity }) =>
        identity === peer.identity.id
      ),
  );
  return peer;
}

Deno.test("one member can have us dial a stranger's address so often and no more", async () => {
  // Hangs up on everybody at once, and counts.
  using target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let dials = 0;
  let bytes = 0;
  const loop = (async () => {
    try {
      for await (const socket of target) {
        dials++;
        const buffer = new Uint8Array(4_096);
        bytes += await socket.read(buffer).catch(() => 0) ?? 0;
        socket.close();
      }
    } catch {
      // Closed.
    }
  })();
  {
    await using scene = await Scene.start();
    using mallory = await member(scene);
    const start = performance.now();
    const { port } = target.addr;
    await mallory.tell(
      times(400, () => entryOf(stranger(), [at("127.0.0.1", port)])),
    );
    await until(
      "her credit to be used",
      () => dials >= RUMOUR_CREDIT_PER_SOURCE,
    );
    // Whom another member tells of is dialed all the same.
    await using bob = await Node.start();
    using honest = await member(scene);
    await honest.tell([entryOf(bob.identity, [parseAddress(bob.address)])]);
    await until("bob to be up", () => bob.links().length >= 1);
    const seconds = (performance.now() - start) / 1_000;
    assert(
      dials <= RUMOUR_CREDIT_PER_SOURCE + seconds + 1,
      `${dials} dials in ${seconds} s`,
    );
    // Nothing but a ClientHello was said.
    assert(bytes <= dials * 1_500, `${bytes} bytes in ${dials} dials`);
  }
  target.close();
  await loop;
});

Deno.test("addresses that hang do not keep us from the one where a peer is", async () => {
  const identity = await Identity.generate({ ephemeral: false });
  const first = await Node.start({ identity });
  await using place = TcpProxy.start(first.address);
  await using sinks = new AsyncDisposableStack();
  const hanging = times(6, () => parseAddress(sinks.use(Sink.start()).address));
  await using scene = await Scene.start({
    connect: [place.address],
    heartbeatMs: 100,
    deadAfterMs: 300,
  });
  await until("bob to be up", () => scene.log.of("peer:up").length === 2);
  // Where he was, nothing passes any more.
  place.freeze();
  await first.close({ abrupt: true });
  await until("bob to be gone", () => scene.log.of("peer:down").length === 1);
  await using back = await Node.start({ identity });
  using mallory = await member(scene);
  const [known] = scene.log.of("peer:down");
  assertEquals(known?.identity, identity.id);
  const certificate = identity.certificate;
  const named = [parseAddress(back.address), ...hanging];
  for (let i = 0; i < named.length; i += 4) {
    await mallory.tell([
      entryOf({ id: identity.id, certificate }, named.slice(i, i + 4)),
    ]);
  }
  // Not after the deadline of each address before it.
  await until("bob to be back", () => back.links().length > 0, 5_000);
});
