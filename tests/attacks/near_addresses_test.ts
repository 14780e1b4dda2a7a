// Peers that name private addresses of this node's own network, or lie about where they see this
// node, to have it dial into its LAN, or wait.
import { assert, assertEquals } from "@std/assert";
import { Node } from "../../src/mesh/node.ts";
import { ipToBytes } from "../../src/transport/ip.ts";
import { formatAddress } from "../../src/transport/address.ts";
import { at, Disguise } from "../helpers/disguise.ts";
import { entryOf, stranger } from "../helpers/forged_messages.ts";
import { times } from "../helpers/crowd.ts";
import { network } from "../helpers/networks.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** Where the victim is, and where liars say that it is seen. */
const HOME = [network("wlan0", "192.168.1.5/24", "fd00:1::5/64")];
const PUBLIC = "5.77.0.1";
const SEEN = {
  addrRecv: { services: 0n, ip: ipToBytes(PUBLIC), port: 8080 },
};

/** Hosts of the victim's network, with ports that something may listen at. */
const NEIGHBOURS = [
  at("192.168.1.1", 80),
  at("192.168.1.9", 22),
  at("fd00:1::9", 6_379),
];

/** A victim to which all peers come from `from`; nothing is really dialed. */
async function victim(from: string, last: string) {
  const transport = new Disguise(from, {
    absent: [...NEIGHBOURS, at(PUBLIC, 9)].map(formatAddress).concat(last),
  });
  const scene = await Scene.start({ transport, networks: () => HOME });
  return { scene, transport };
}

function near(tried: readonly string[]): string[] {
  const all = new Set(NEIGHBOURS.map(formatAddress));
  return tried.filter((it) => all.has(it));
}

Deno.test("a peer on the internet leads to no host of this node's network, also if it seems to be behind the same router", async () => {
  const last = "9.9.9.9:9";
  const { scene, transport } = await victim("8.8.8.8", last);
  await using _ = scene;
  const [own, shared] = [at("9.9.9.9", 9), at(PUBLIC, 9)];
  using mallory = await scene.join({
    version: SEEN,
    addresses: [shared, ...NEIGHBOURS],
  });
  using _other = await scene.join({ version: SEEN });
  await mallory.tell([
    entryOf(stranger(), [shared, ...NEIGHBOURS]),
    entryOf(stranger(), [...NEIGHBOURS, own]),
  ]);
  await until("the last address", () => transport.tried.includes(last));
  // What it advertises is dialed when it is lost.
  mallory[Symbol.dispose]();
  const before = transport.tried.length;
  await until(
    "dials to where it says that it is",
    () => transport.tried.slice(before).includes(formatAddress(shared)),
    20_000,
  );
  assertEquals(near(transport.tried), []);
});

Deno.test("a peer near may name hosts of this node's network, as ever", async () => {
  const last = "9.9.9.9:9";
  const { scene, transport } = await victim("192.168.1.7", last);
  await using _ = scene;
  using bob = await scene.join();
  await bob.tell([entryOf(stranger(), [...NEIGHBOURS, at("9.9.9.9", 9)])]);
  await until("all to be tried", () => transport.tried.includes(last));
  assertEquals(new Set(near(transport.tried)).size, NEIGHBOURS.length);
});

Deno.test("any number of strangers of one address cannot say where this node is", async () => {
  const { scene } = await victim("8.8.8.8", "9.9.9.9:9");
  await using _ = scene;
  using stack = new DisposableStack();
  for (const _ of times(8, () => 0)) {
    stack.use(await scene.join({ version: SEEN }));
  }
  assertEquals(scene.victim.status().ownNetwork.seenAs, []);
});

Deno.test("a node tells a peer on the internet of no private address of its own", async () => {
  const transport = new Disguise("8.8.8.8");
  await using alice = await Node.start({
    host: "0.0.0.0",
    transport,
    networks: () => HOME,
  });
  const port = alice.address.split(":").at(-1);
  await using bob = await Node.start({ connect: [`127.0.0.1:${port}`] });
  await until("bob to be up", () => alice.sessions().length === 1);
  const [entry] = bob.peers();
  assert(entry?.addresses.every((it) => it.startsWith("127.0.0.1:")));
});
