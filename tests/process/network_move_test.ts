/**
 * A real node whose machine gets other addresses, in network namespaces: it notices, says so, and
 * is linked again long before silence would tell.
 */
import { assert, assertEquals } from "@std/assert";
import { whyNoHosts } from "../helpers/network/host_network.ts";
import { MeshScene } from "../helpers/network/mesh_scene.ts";
import { NodeProcess } from "../helpers/process.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";

const why = whyNoHosts();
const test = testIf(why === undefined);
const reason = why === undefined ? "" : ` (${why})`;

/** With it a node reads the addresses of its machine. */
const WATCH = ["--allow-sys=networkInterfaces"];

/** So that nothing happens at the laptop because its peer was silent. */
const PATIENT = ["--heartbeat=60", "--dead-after=600"];

test(`a node that is moved to another network is linked again at once, by the addresses of all interfaces${reason}`, async () => {
  await using scene = new MeshScene();
  const { network } = scene;
  const home = network.subnet("home", { v4: "192.168.1", v6: "fd00:1" });
  const office = network.subnet("office", { v4: "10.9.0", v6: "fd00:9" });
  const server = network.host("server", home, office);
  const host = network.host("laptop", home);
  // Both families by one flag.
  const options = { listen: "::", permissions: WATCH };
  const bob = await scene.start(server, options);
  const alice = await scene.start(host, {
    ...options,
    args: PATIENT,
    connect: [`${server.on(home)}:8080`],
  });
  await scene.settle({ "server laptop": "direct" });
  const addressesOf = async () =>
    (await alice.client.peers()).peers.find(({ id }) => id === bob.id)
      ?.addresses ?? [];
  // It is told of all interfaces, of both families, though it has seen but one.
  const there = `${server.on(office)}:8080`;
  const known = await addressesOf();
  assert(known.includes(there), known.join(" "));
  assert(known.some((it) => it.startsWith("[fd00:")), known.join(" "));

  const former = host.on(home);
  host.unplug(home);
  host.plug(office);
  const change = await alice.process.waitFor(
    "network",
    ({ added }) => added.includes(host.on(office)),
  );
  const removed = alice.process.of("network").flatMap((it) => it.removed);
  assert(removed.includes(former), JSON.stringify(change));
  await alice.process.waitFor("peer:down");
  await alice.process.waitFor("peer:up", ({ address }) => address === there);
  const { ownNetwork } = await alice.client.status();
  assertEquals(ownNetwork.watched, true);
  assert(ownNetwork.interfaces.includes(host.on(office)));
  // The other end takes the new session, too, and learns where the laptop is now.
  await scene.settle({ "server laptop": "direct" });
  await until("the new address", async () => {
    const { peers } = await bob.client.peers();
    return peers.some(({ addresses }) =>
      addresses.includes(`${host.on(office)}:8080`)
    );
  });
});

Deno.test("a node that may not read its interfaces says so once, and goes on", async () => {
  await using alice = await NodeProcess.start(["--log-level=info"]);
  await using bob = await NodeProcess.start([`--connect=${alice.address}`]);
  await Promise.all([alice, bob].map((node) => node.meshOf(2)));
  const said = alice.child.err.filter((line) =>
    line.includes("network is not watched")
  );
  assertEquals(said.length, 1);
});

test(`two members behind one router without hairpin are linked by their local addresses, which they discover${reason}`, async () => {
  await using scene = new MeshScene();
  const { network } = scene;
  const internet = network.subnet("internet", { v4: "5.77.0" });
  const home = network.subnet("home", { v4: "192.168.1" });
  network.router("router", { outside: internet, inside: [home] });
  const outside = await scene.start(network.host("outside", internet), {
    permissions: WATCH,
  });
  const options = {
    connect: [outside],
    args: ["--discover"],
    permissions: WATCH,
  };
  const alice = await scene.start(network.host("alice", home), options);
  await scene.start(network.host("bob", home), options);
  await scene.settle({
    "outside alice": "direct",
    "outside bob": "direct",
    "alice bob": "direct",
  });
  // The member outside says where it sees it, and learns of no address inside.
  await until("the address", async () => {
    const { ownNetwork } = await alice.client.status();
    return ownNetwork.seenAs.some(({ address }) => address.startsWith("5.77."));
  });
  const { peers } = await outside.client.peers();
  const told = peers.flatMap(({ addresses }) => addresses);
  assertEquals(told.filter((it) => it.startsWith("192.168.")), []);
});
