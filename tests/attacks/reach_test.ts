// A member that has others dial for it: to scan, to strike a third party, or to lie about reach.
import { assert, assertEquals } from "@std/assert";
import {
  MAX_REACH_DIALS,
  REACH_ANSWER_BURST,
} from "../../src/mesh/discovery/discovery_limits.ts";
import { type Address, parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { AS_SEEN_HOST } from "../../src/wire/messages/peers.ts";
import {
  decodeReach,
  decodeReached,
  encodeReach,
  encodeReached,
  type ReachStatus,
} from "../../src/wire/messages/reach.ts";
import type { RawPeer } from "../helpers/attacker.ts";
import { Disguise } from "../helpers/disguise.ts";
import { handled } from "../helpers/handled.ts";
import { Scene } from "../helpers/scene.ts";
import { Sink } from "../helpers/sink.ts";
import { until } from "../helpers/until.ts";

/** A port of this machine at which nothing listens. */
const SHUT = { host: "127.0.0.1", port: 1 };

async function ask(
  peer: RawPeer,
  addresses: readonly Address[],
  nonce = 7n,
): Promise<void> {
  await peer.say(COMMAND.reach, encodeReach({ nonce, addresses }));
}

async function answer(peer: RawPeer): Promise<readonly ReachStatus[]> {
  return decodeReached(await peer.take(COMMAND.reached)).results;
}

Deno.test("a peer learns where its own key is, and not what else listens", async () => {
  await using scene = await Scene.start();
  await using sink = Sink.start();
  using mallory = await scene.join();
  const addresses = [
    parseAddress(sink.address),
    parseAddress(scene.member.address),
    SHUT,
    { host: AS_SEEN_HOST, port: SHUT.port },
  ];
  await ask(mallory, addresses);
  assertEquals(await answer(mallory), Array(4).fill("failed"));
  assertEquals(sink.arrivals, 1);
  assert(!mallory.isOver);
});

Deno.test("a peer on the internet has nothing dialed on this machine, in its network, or where nothing may be", async () => {
  await using sink = Sink.start();
  const elsewhere = [
    parseAddress(sink.address),
    { host: "10.0.0.1", port: 8080 },
    { host: "169.254.169.254", port: 80 },
    { host: "::1", port: sink.port },
  ];
  const transport = new Disguise("8.8.8.8", { absent: ["8.8.8.8:9"] });
  await using scene = await Scene.start({ transport });
  using mallory = await scene.join();
  await ask(mallory, elsewhere);
  assertEquals(await answer(mallory), Array(4).fill("skipped"));
  // Where it is seen it is dialed.
  await ask(mallory, [{ host: AS_SEEN_HOST, port: 9 }], 8n);
  assertEquals(await answer(mallory), ["failed"]);
  assertEquals(sink.arrivals, 0);
  assert(transport.tried.includes("8.8.8.8:9"));
  assert(
    !transport.tried.some((it) =>
      elsewhere.some(({ host }) => it.includes(host))
    ),
  );
});

Deno.test("a peer of the local network has nothing dialed on the internet, although it may gossip that", async () => {
  const transport = new Disguise("10.1.1.1", { absent: ["10.1.1.2:9"] });
  await using scene = await Scene.start({ transport });
  using mallory = await scene.join();
  await ask(mallory, [{ host: "8.8.8.8", port: 53 }, {
    host: "10.1.1.2",
    port: 9,
  }]);
  assertEquals(await answer(mallory), ["skipped", "failed"]);
  assert(!transport.tried.includes("8.8.8.8:53"));
});

Deno.test("names with several addresses cause no more dials than other requests, and that none answers is not said where not all were dialed", async () => {
  const transport = new Disguise("127.0.0.1");
  await using scene = await Scene.start({
    transport,
    resolve: (name) =>
      Promise.resolve([1, 2].map((it) => `127.${name.slice(1, 2)}.0.${it}`)),
  });
  using mallory = await scene.join();
  const named = ["n1", "n2", "n3", "n4"].map((it) => ({
    host: `${it}.example`,
    port: SHUT.port,
  }));
  await ask(mallory, named);
  const results = await answer(mallory);
  const dialed = transport.tried.filter((it) => it.endsWith(`:${SHUT.port}`));
  assertEquals(dialed.length, MAX_REACH_DIALS);
  assert(results.includes("skipped"), results.join());
  await ask(mallory, named.slice(0, 2), 8n);
  assertEquals(await answer(mallory), ["failed", "failed"]);
});

Deno.test("requests beyond the budget of a session cause no dials", async () => {
  await using scene = await Scene.start();
  await using sink = Sink.start();
  using mallory = await scene.join();
  const at = parseAddress(sink.address);
  for (let nonce = 0n; nonce < 40n; nonce++) await ask(mallory, [at], nonce);
  await handled(mallory);
  await until(
    "the answers",
    () => mallory.count(COMMAND.reached) >= REACH_ANSWER_BURST,
  );
  assertEquals(mallory.count(COMMAND.reached), REACH_ANSWER_BURST);
  assertEquals(sink.arrivals, REACH_ANSWER_BURST);
  assert(!mallory.isOver);
});

Deno.test("identities of one source cannot say that a node is unreachable, nor answer what they were not asked", async () => {
  await using scene = await Scene.start({ advertise: "127.0.0.1:1" });
  using liars = new DisposableStack();
  const failed = { results: ["failed"] as const };
  for (let i = 0; i < 4; i++) {
    const mallory = liars.use(await scene.join());
    const unasked = encodeReached({ nonce: BigInt(i), ...failed });
    await mallory.say(COMMAND.reached, unasked);
    await handled(mallory);
    const listen = mallory.take(COMMAND.reach).then(async (payload) => {
      const { nonce } = decodeReach(payload);
      await mallory.say(COMMAND.reached, encodeReached({ nonce, ...failed }));
    });
    // Only some are asked.
    listen.catch(() => {});
  }
  const { reach } = scene.victim.status();
  assertEquals(reach.peers, []);
  await until(
    "some to be asked",
    () => scene.victim.status().reach.peers.length > 0,
  );
  assertEquals(scene.victim.status().reach.reachable, undefined);
});
