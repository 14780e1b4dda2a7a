/**
 * Real processes on hosts of their own, in network namespaces: splits, packets that
 * are dropped one way, hosts that go dark, hosts that move. More of it, at random,
 * by `deno task chaos --hosts 4`.
 */
import { assert, assertStringIncludes } from "@std/assert";
import { HostNetwork, whyNoHosts } from "../helpers/network/host_network.ts";
import { HASTY } from "./chaos/member.ts";
import { connectsIn, move, places } from "./chaos/splits.ts";
import { Swarm } from "./chaos/swarm.ts";

const why = whyNoHosts();

Deno.test({
  name:
    `four hosts are whole again after a split with joiners on both sides, half-open and one-way links and a change of address${
      why === undefined ? "" : ` (${why})`
    }`,
  ignore: why !== undefined,
  async fn(t) {
    using network = new HostNetwork(4);
    await using swarm = await Swarm.start({
      places: places(network, 2),
      reserve: 2,
      seed: 1,
      flags: HASTY,
      log: () => {},
    });
    const connects = connectsIn(network);
    const [a, b, c, d] = network.hosts;
    const [, , e, f] = swarm.members.slice(4);
    if (!a || !b || !c || !d || !e || !f) throw new TypeError("too few");

    await t.step(
      "each side of a split takes a newcomer in, and all meet",
      async () => {
        // e runs on c's host, f on d's.
        network.split([[a, c], [b, d]]);
        await Promise.all([
          e.start([swarm.members[0]!.address]),
          f.start([swarm.members[1]!.address]),
        ]);
        await swarm.whole(connects);
        network.heal();
        await swarm.whole();
      },
    );

    await t.step(
      "pairs that cannot meet are linked through others, and directly when they can",
      async () => {
        network.cut(a, b);
        await swarm.whole(connects);
        await swarm.noneMissing();
        network.heal();
        await swarm.whole();
      },
    );

    await t.step("a host that goes dark is lost and returns", async () => {
      network.split([[a], [b, c, d]]);
      await swarm.whole(connects);
      network.heal();
      await swarm.whole();
    });

    await t.step(
      "links whose packets pass one way only go through others, and return",
      async () => {
        network.cut(c, d, { oneWay: true });
        await swarm.whole(connects);
        await swarm.noneMissing();
        network.heal();
        await swarm.whole();
      },
    );

    await t.step(
      "a host whose address changes is linked again at the new one",
      async () => {
        await move(swarm, network, b);
        await swarm.whole();
      },
    );
  },
});

Deno.test({
  name: `hosts that a killed run left behind are removed by the next${
    why === undefined ? "" : ` (${why})`
  }`,
  ignore: why !== undefined,
  async fn() {
    const ip = (...args: string[]) =>
      new TextDecoder().decode(
        new Deno.Command("ip", { args }).outputSync().stdout,
      );
    const child = new Deno.Command("true").spawn();
    await child.status;
    // Nobody has this number any more.
    const name = `verack-${child.pid}-1-host-0`;
    ip("netns", "add", name);
    try {
      assertStringIncludes(ip("netns", "list"), name);
      using network = new HostNetwork(1);
      const left = ip("netns", "list");
      assert(!left.includes(name), left);
      assertStringIncludes(left, network.hosts[0]!.namespace);
    } finally {
      ip("netns", "del", name);
    }
    assert(!ip("netns", "list").includes(`verack-${Deno.pid}-`));
  },
});
