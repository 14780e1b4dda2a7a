// A member that names addresses of others, to have us dial them.
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import {
  DIALS_PER_TARGET,
  DIALS_PER_TARGET_REFILL_MS,
} from "../../src/mesh/mesh_limits.ts";
import { GOSSIP_CREDIT_PER_SOURCE } from "../../src/mesh/dialing/dialing_limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { type Address, parseAddress } from "../../src/transport/address.ts";
import { entryOf, stranger } from "../helpers/forged_messages.ts";
import { at } from "../helpers/disguise.ts";
import { Scene } from "../helpers/scene.ts";
import { Sink } from "../helpers/sink.ts";
import { TcpProxy } from "../helpers/tcp_proxy.ts";
import { until } from "../helpers/until.ts";
import { times } from "../helpers/crowd.ts";

/** Hangs up on everybody at once, and counts. */
class Refuser implements AsyncDisposable {
  dials = 0;
  bytes = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #loop = this.#accept();

  get address(): Address {
    return at("127.0.0.1", this.#listener.addr.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#loop;
  }

  async #accept(): Promise<void> {
    try {
      for await (const socket of this.#listener) {
        this.dials++;
        const buffer = new Uint8Array(4_096);
        this.bytes += await socket.read(buffer).catch(() => 0) ?? 0;
        socket.close();
      }
    } catch {
      // Closed.
    }
  }
}

Deno.test("one member can have us dial strangers' addresses so often and no more", async () => {
  await using stack = new AsyncDisposableStack();
  const targets = times(16, () => stack.use(new Refuser()));
  const dials = () => targets.reduce((sum, target) => sum + target.dials, 0);
  {
    await using scene = await Scene.start();
    using mallory = await scene.join();
    const start = performance.now();
    await mallory.tell(
      targets.flatMap(({ address }) =>
        times(25, () => entryOf(stranger(), [address]))
      ),
    );
    await until(
      "her credit to be used",
      () => dials() >= GOSSIP_CREDIT_PER_SOURCE,
    );
    // Whom another member tells of is dialed all the same.
    await using bob = await Node.start();
    using honest = await scene.join();
    await honest.tell([entryOf(bob.identity, [parseAddress(bob.address)])]);
    await until("bob to be up", () => bob.sessions().length >= 1);
    const seconds = (performance.now() - start) / 1_000;
    assert(
      dials() <= GOSSIP_CREDIT_PER_SOURCE + seconds + 1,
      `${dials()} dials in ${seconds} s`,
    );
    // Nothing but a ClientHello was said.
    for (const { bytes, dials } of targets) {
      assert(bytes <= dials * 1_500, `${bytes} bytes in ${dials} dials`);
    }
  }
});

Deno.test("however many members tell of peers at one address, it is dialed so often and no more", async () => {
  await using target = new Refuser();
  await using scene = await Scene.start();
  const start = performance.now();
  using liars = new DisposableStack();
  for (let i = 0; i < 4; i++) {
    const liar = liars.use(await scene.join());
    await liar.tell(times(50, () => entryOf(stranger(), [target.address])));
  }
  await until("its share to be used", () => target.dials >= DIALS_PER_TARGET);
  // Peers that are told of elsewhere have their turn meanwhile.
  await using bob = await Node.start();
  using honest = await scene.join();
  await honest.tell([entryOf(bob.identity, [parseAddress(bob.address)])]);
  await until("bob to be up", () => bob.sessions().length >= 1);
  const refills = (performance.now() - start) / DIALS_PER_TARGET_REFILL_MS;
  assert(
    target.dials <= DIALS_PER_TARGET + Math.ceil(refills),
    `${target.dials} dials`,
  );
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
  using mallory = await scene.join();
  const [known] = scene.log.of("peer:down");
  assertEquals(known?.id, identity.id);
  const certificate = identity.certificate;
  const named = [parseAddress(back.address), ...hanging];
  for (let i = 0; i < named.length; i += 4) {
    await mallory.tell([
      entryOf({ id: identity.id, certificate }, named.slice(i, i + 4)),
    ]);
  }
  // Not after the deadline of each address before it.
  await until("bob to be back", () => back.sessions().length > 0, 5_000);
});
