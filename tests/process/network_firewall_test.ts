/**
 * Real nodes in network namespaces, some of which cannot reach each other: by a firewall, because
 * they do not listen, or because they speak another version of IP.
 */
import { assertEquals } from "@std/assert";
import { whyNoHosts } from "../helpers/network/host_network.ts";
import { Letters } from "../helpers/network/letters.ts";
import { MeshScene } from "../helpers/network/mesh_scene.ts";
import { testIf } from "../helpers/test_if.ts";

const why = whyNoHosts();
const test = testIf(why === undefined);
const reason = why === undefined ? "" : ` (${why})`;

for (const reject of [false, true]) {
  const what = reject ? "rejects" : "drops";
  test(
    `a pair between which a firewall ${what} packets is relayed, and linked directly when it is gone${reason}`,
    async () => {
      await using scene = new MeshScene();
      const lan = scene.network.subnet("lan", { v4: "10.77.0" });
      const [a, b, c] = ["alice", "bob", "carol"].map((name) =>
        scene.network.host(name, lan)
      );
      scene.network.cut(a!, b!, { reject });
      const carol = await scene.start(c!);
      const alice = await scene.start(a!, { connect: [carol] });
      await scene.start(b!, { connect: [carol] });
      const others = { "carol alice": "direct", "carol bob": "direct" };
      await scene.settle({ ...others, "alice bob": "via carol" });
      await using letters = new Letters(scene);
      scene.network.heal();
      await scene.settle({ ...others, "alice bob": "direct" });
      await letters.arrive();
      assertEquals(await scene.links(alice), {
        carol: "direct",
        bob: "direct",
      });
    },
  );
}

test(
  `a pair that loses all direct paths is relayed, and linked directly again when they are back${reason}`,
  async () => {
    await using scene = new MeshScene();
    const { network } = scene;
    const [wired, wireless] = [
      network.subnet("wired", { v4: "10.77.0" }),
      network.subnet("wireless", { v4: "10.77.1" }),
    ];
    const [a, b, c] = ["alice", "bob", "carol"].map((name) =>
      network.host(name, wired, wireless)
    );
    const carol = await scene.start(c!);
    await scene.start(a!, { connect: [carol] });
    await scene.start(b!, { connect: [carol] });
    const others = { "carol alice": "direct", "carol bob": "direct" };
    await scene.settle({ ...others, "alice bob": "direct" });
    await using letters = new Letters(scene);
    for (let round = 0; round < 2; round++) {
      network.cut(a!, b!);
      await scene.settle({ ...others, "alice bob": "via carol" });
      network.heal();
      await scene.settle({ ...others, "alice bob": "direct" });
    }
    await letters.arrive();
  },
);

test(
  `members that do not listen are linked to one that does, and relayed by it to each other${reason}`,
  async () => {
    await using scene = new MeshScene();
    const lan = scene.network.subnet("lan", { v4: "10.77.0" });
    const hub = await scene.start(scene.network.host("hub", lan));
    const options = { connect: [hub], listen: false } as const;
    await scene.start(scene.network.host("alice", lan), options);
    await scene.start(scene.network.host("bob", lan), options);
    await scene.start(scene.network.host("carol", lan), { connect: [hub] });
    await scene.settle({
      "hub alice": "direct",
      "hub bob": "direct",
      "hub carol": "direct",
      "alice bob": "via hub",
      "alice carol": "direct",
      "bob carol": "direct",
    });
    await new Letters(scene).arrive();
  },
);

test(
  `a member of IPv4 and one of IPv6 are relayed by one that has both${reason}`,
  async () => {
    await using scene = new MeshScene();
    const { network } = scene;
    const [v4, v6] = [
      network.subnet("v4", { v4: "5.77.0" }),
      network.subnet("v6", { v6: "2a77:0:0:1" }),
    ];
    const both = await scene.start(network.host("both", v4, v6), {
      listen: "::",
    });
    const [of4, of6] = both.host.addresses;
    await scene.start(network.host("four", v4), { connect: [`${of4}:8080`] });
    await scene.start(network.host("six", v6), {
      ...{ connect: [`[${of6}]:8080`], listen: "::" },
    });
    await scene.settle({
      "both four": "direct",
      "both six": "direct",
      "four six": "via both",
    });
    await new Letters(scene).arrive();
  },
);
