/**
 * Real nodes behind routers that translate addresses, in network namespaces: which pairs are
 * linked, how, and that messages arrive. `docs/deployment.md` says the same to users.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { whyNoHosts } from "../helpers/network/host_network.ts";
import { Letters } from "../helpers/network/letters.ts";
import { MeshScene } from "../helpers/network/mesh_scene.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";

const why = whyNoHosts();
const test = testIf(why === undefined);
const reason = why === undefined ? "" : ` (${why})`;

/** Homes, each behind a router of its own, on one internet. */
function homes(scene: MeshScene, count: number, options = {}) {
  const internet = scene.network.subnet("internet", { v4: "5.77.0" });
  const behind = Array.from({ length: count }, (_, i) => {
    const home = scene.network.subnet(`home-${i}`, { v4: `192.168.${i + 1}` });
    const router = scene.network.router(`router-${i}`, {
      ...{ outside: internet, inside: [home], ...options },
    });
    return { home, router };
  });
  const [first, second] = behind;
  return { internet, first: first!, second: second! };
}

test(
  `members behind two routers, one of them behind a carrier's, are relayed by a public member${reason}`,
  async () => {
    await using scene = new MeshScene();
    const { network } = scene;
    const { internet, first } = homes(scene, 1);
    const carrier = network.subnet("carrier", { v4: "100.64.0" });
    network.router("carrier-router", { outside: internet, inside: [carrier] });
    const second = network.subnet("second", { v4: "192.168.1" });
    network.router("second-router", { outside: carrier, inside: [second] });
    const relay = await scene.start(network.host("relay", internet));
    const options = { connect: [relay] };
    const alice = await scene.start(network.host("alice", first.home), options);
    await scene.start(network.host("bob", second), options);
    await scene.settle({
      "relay alice": "direct",
      "relay bob": "direct",
      "alice bob": "via relay",
    });
    await new Letters(scene).arrive();
    assertEquals(await scene.links(alice), {
      relay: "direct",
      bob: "via relay",
    });
    assertMatch(
      await scene.place.ask("alice", "status"),
      /^relayed +bob \(\w+\) via relay \(\w+\)$/m,
    );
  },
);

test(`where no member can be reached there is no session, and the node says which address does not answer${reason}`, async () => {
  await using scene = new MeshScene();
  const { first, second } = homes(scene, 2);
  const address = `${first.router.address}:8080`;
  await scene.start(scene.network.host("alice", first.home));
  const bob = await scene.start(scene.network.host("bob", second.home), {
    connect: [address],
  });
  const event = await bob.process.waitFor("unreachable");
  assertEquals(event.address, address);
  await scene.settle({ "alice bob": "none" });
});

test(`a forwarded port makes a member behind a router reachable for one behind another${reason}`, async () => {
  await using scene = new MeshScene();
  const { first, second } = homes(scene, 2);
  const host = scene.network.host("alice", first.home);
  first.router.publish(9000, host, { hostPort: 8080 });
  const address = `${first.router.address}:9000`;
  const alice = await scene.start(host, { args: [`--advertise=${address}`] });
  await scene.start(scene.network.host("bob", second.home), {
    connect: [address],
  });
  await scene.settle({ "alice bob": "direct" });
  await new Letters(scene).arrive();
  assertEquals(await scene.links(alice), { bob: "direct" });
});

for (const kind of ["open", "closed", "discovering"] as const) {
  const how = {
    open: "which they tell each other over the one outside",
    closed: "also in a closed mesh",
    discovering: "which they discover",
  }[kind];
  test(`two members behind one router without hairpin are linked by their local addresses, ${how}${reason}`, async () => {
    await using scene = new MeshScene();
    const { internet, first: { home } } = homes(scene, 1);
    const isClosed = kind === "closed";
    const outside = await scene.start(
      scene.network.host("outside", internet),
      { args: isClosed ? ["--admission=closed"] : [] },
    );
    const start = async (name: string) => {
      const invite = isClosed && await scene.place.ask(
        "outside",
        ...["invite", `--address=${outside.host.address}:8080`],
      );
      await scene.start(scene.network.host(name, home), {
        connect: isClosed ? [] : [outside],
        args: invite
          ? [`--join=${invite}`]
          : kind === "discovering"
          ? ["--discover"]
          : [],
      });
    };
    await start("alice");
    await start("bob");
    const letters = new Letters(scene);
    await scene.settle({
      "outside alice": "direct",
      "outside bob": "direct",
      "alice bob": "direct",
    });
    await letters.arrive();
  });
}

test(`members behind two routers that use one private subnet are relayed, and linked with no wrong host, also if they are allowed${reason}`, async () => {
  await using scene = new MeshScene();
  const { network } = scene;
  const internet = network.subnet("internet", { v4: "5.77.0" });
  const homes = ["one", "two"].map((name) => {
    const home = network.subnet(name, { v4: "192.168.1" });
    network.router(`${name}-router`, { outside: internet, inside: [home] });
    return home;
  });
  const outside = await scene.start(network.host("outside", internet));
  const options = { connect: [outside] };
  const [one, two] = homes;
  const alice = await scene.start(network.host("alice", one!), options);
  const carol = await scene.start(network.host("carol", one!), options);
  // At the other router this one has the address that carol has.
  network.host("idle", two!);
  const bob = await scene.start(network.host("bob", two!), options);
  assertEquals(bob.host.address, carol.host.address);
  const sessions = {
    "outside alice": "direct",
    "outside carol": "direct",
    "outside bob": "direct",
    "alice carol": "direct",
    "alice bob": "via outside",
    "carol bob": "via outside",
  };
  await scene.settle(sessions);
  // Then each is told the local addresses of the other.
  await scene.place.ask("alice", "allow", bob.id);
  await scene.place.ask("bob", "allow", alice.id);
  const local = `${bob.host.address}:8080`;
  await until("alice to be told where bob is", async () => {
    const { peers } = await alice.client.peers();
    return peers.find(({ id }) => id === bob.id)?.addresses.includes(local) ??
      false;
  }, 30_000);
  await new Letters(scene).arrive();
  assertEquals(await scene.settle(sessions), sessions);
});

test(`members behind two routers, two of them behind the same, are relayed where they are not near${reason}`, async () => {
  await using scene = new MeshScene();
  const { internet, first, second } = homes(scene, 2);
  const relay = await scene.start(scene.network.host("relay", internet));
  const options = { connect: [relay], args: ["--discover"] };
  await scene.start(scene.network.host("alice", first.home), options);
  await scene.start(scene.network.host("bob", first.home), options);
  await scene.start(scene.network.host("carol", second.home), options);
  const direct = {
    "relay alice": "direct",
    "relay bob": "direct",
    "relay carol": "direct",
    "alice bob": "direct",
  };
  // One may have met the other's session with carol before the relay reported that.
  await scene.settle(
    { ...direct, "alice carol": "via relay", "bob carol": "via relay" },
    { ...direct, "alice carol": "via relay", "bob carol": "via alice" },
    { ...direct, "alice carol": "via bob", "bob carol": "via relay" },
  );
  await new Letters(scene).arrive();
});

for (const hidesSources of [false, true]) {
  const how = hidesSources ? "hides sources" : "keeps sources";
  test(
    `containers of one bridge are linked with each other, and with members elsewhere by a published port that ${how}${reason}`,
    async () => {
      await using scene = new MeshScene();
      const { network } = scene;
      const lan = network.subnet("lan", { v4: "192.168.7" });
      const bridge = network.subnet("bridge", { v4: "172.18.0" });
      const docker = network.router("docker", {
        ...{ outside: lan, inside: [bridge], hairpin: true, hidesSources },
      });
      const containers = ["alice", "bob", "carol"].map((name) =>
        network.host(name, bridge)
      );
      docker.publish(8080, containers[0]!);
      const alice = await scene.start(containers[0]!);
      const bob = await scene.start(containers[1]!, { connect: [alice] });
      await scene.start(containers[2]!, { connect: [bob] });
      await scene.start(network.host("away", lan), {
        connect: [`${docker.address}:8080`],
      });
      // It says where it is, and containers reach the network outside.
      await scene.settle({
        "alice bob": "direct",
        "alice carol": "direct",
        "alice away": "direct",
        "bob carol": "direct",
        "bob away": "direct",
        "carol away": "direct",
      });
      await new Letters(scene).arrive();
    },
  );
}

test(
  `containers on two bridges of one host are linked from outside by published ports, and relayed to each other${reason}`,
  async () => {
    await using scene = new MeshScene();
    const { network } = scene;
    const lan = network.subnet("lan", { v4: "192.168.7" });
    const bridges = [
      network.subnet("bridge-0", { v4: "172.18.0" }),
      network.subnet("bridge-1", { v4: "172.19.0" }),
    ] as const;
    const docker = network.router("docker", {
      ...{ outside: lan, inside: bridges, hairpin: true },
    });
    const [one, two] = bridges.map((bridge, i) =>
      network.host(`c${i}`, bridge)
    );
    docker.publish(8081, one!, { on: bridges[0], hostPort: 8080 });
    docker.publish(8082, two!, { on: bridges[1], hostPort: 8080 });
    const outside = await scene.start(network.host("outside", lan));
    const options = { connect: [outside] };
    await scene.start(one!, {
      ...options,
      args: [`--advertise=${docker.address}:8081`],
    });
    // The port inside the container is not the one outside, where nothing answers.
    await scene.start(two!, {
      ...options,
      args: [`--advertise=${docker.address}:8080`],
    });
    await scene.settle({
      "outside c0": "direct",
      "outside c1": "direct",
      "c0 c1": "via outside",
    });
    await new Letters(scene).arrive();
  },
);
