/**
 * Real nodes in network namespaces whose network changes: a relay that is killed, a laptop that
 * goes elsewhere, an overlay of lines between pairs of hosts.
 */
import { assert, assertEquals } from "@std/assert";
import { whyNoHosts } from "../helpers/network/host_network.ts";
import { Letters } from "../helpers/network/letters.ts";
import { MeshScene } from "../helpers/network/mesh_scene.ts";
import { testIf } from "../helpers/test_if.ts";

const why = whyNoHosts();
const test = testIf(why === undefined);
const reason = why === undefined ? "" : ` (${why})`;

const FILE_BYTES = 24_000_000;

/** A relay takes some seconds for the file, so that there is a middle. */
const RELAY_RATE = "--relay-rate=6000000";

test(
  `a file whose relay is killed in the middle arrives whole by another relay${reason}`,
  async () => {
    await using scene = new MeshScene();
    const { network, place } = scene;
    const lan = network.subnet("lan", { v4: "10.77.0" });
    const [a, b, c, d] = ["alice", "bob", "carol", "dave"].map((name) =>
      network.host(name, lan)
    );
    network.cut(a!, b!);
    const carol = await scene.start(c!, { args: [RELAY_RATE] });
    const options = { connect: [carol] };
    const dave = await scene.start(d!, { ...options, args: [RELAY_RATE] });
    const alice = await scene.start(a!, options);
    const inbox = `${place.path}/in`;
    const bob = await scene.start(b!, {
      connect: [carol, dave],
      args: [`--receive-dir=${inbox}`, "--receive-from=alice"],
    });
    const others = {
      "carol dave": "direct",
      "carol alice": "direct",
      "carol bob": "direct",
      "dave alice": "direct",
      "dave bob": "direct",
    };
    const settled = await scene.settle(
      { ...others, "alice bob": "via carol" },
      { ...others, "alice bob": "via dave" },
    );
    const [relay, other] = settled["alice bob"] === "via carol"
      ? [carol, dave]
      : [dave, carol];

    const bytes = new Uint8Array(FILE_BYTES);
    for (let at = 0; at < bytes.length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    }
    const path = `${place.path}/file`;
    await Deno.writeFile(path, bytes);
    await using letters = new Letters(scene, [alice, bob, other]);
    let killed = false;
    let done = false;
    for await (
      const event of alice.client.sendFiles(bob.id, [path], {
        timeoutMs: 45_000,
      })
    ) {
      if (event.type === "progress" && !killed && event.bytes > 0) {
        assert(event.bytes < FILE_BYTES, "it has arrived already");
        killed = true;
        await scene.kill(relay);
      }
      done ||= event.type === "done";
    }
    assertEquals([killed, done], [true, true]);
    assertEquals(
      await hashOf(await Deno.readFile(`${inbox}/file`)),
      await hashOf(bytes),
    );
    await scene.settle({
      [`${other.name} alice`]: "direct",
      [`${other.name} bob`]: "direct",
      "alice bob": `via ${other.name}`,
    });
    await letters.arrive();
  },
);

test(
  `a laptop that goes from one network to another is linked again, and loses no message${reason}`,
  async () => {
    await using scene = new MeshScene();
    const { network } = scene;
    const internet = network.subnet("internet", { v4: "5.77.0" });
    const [home, cafe] = ["home", "cafe"].map((name, i) => {
      const inside = network.subnet(name, { v4: `192.168.${i + 1}` });
      network.router(`router-${i}`, { outside: internet, inside: [inside] });
      return inside;
    });
    const server = await scene.start(network.host("server", internet));
    const options = { connect: [server], args: ["--discover"] };
    await scene.start(network.host("desktop", home!), options);
    const host = network.host("laptop", home!);
    await scene.start(host, options);
    const others = { "server desktop": "direct", "server laptop": "direct" };
    await scene.settle({ ...others, "desktop laptop": "direct" });
    await using letters = new Letters(scene);
    host.unplug(home!);
    host.plug(cafe!);
    await scene.settle({ ...others, "desktop laptop": "via server" });
    host.unplug(cafe!);
    host.plug(home!);
    await scene.settle({ ...others, "desktop laptop": "direct" });
    await letters.arrive();
  },
);

test(`members of an overlay of lines between pairs of hosts are linked by its addresses${reason}`, async () => {
  await using scene = new MeshScene();
  const { network } = scene;
  const internet = network.subnet("internet", { v4: "5.77.0" });
  const [a, b, c] = ["alice", "bob", "carol"].map((name, i) => {
    const inside = network.subnet(`home-${i}`, { v4: `192.168.${i + 1}` });
    network.router(`router-${i}`, { outside: internet, inside: [inside] });
    return network.host(name, inside);
  });
  // As by WireGuard or Tailscale, which go through the routers.
  const address = { a: "100.64.0.1", b: "100.64.0.2", c: "100.64.0.3" };
  network.tunnel(a!, b!, "vpn-ab", [address.a, address.b]);
  network.tunnel(a!, c!, "vpn-ac", [address.a, address.c]);
  network.tunnel(b!, c!, "vpn-bc", [address.b, address.c]);
  await scene.start(a!);
  const options = { connect: [`${address.a}:8080`] };
  await scene.start(b!, options);
  await scene.start(c!, options);
  await scene.settle({
    "alice bob": "direct",
    "alice carol": "direct",
    "bob carol": "direct",
  });
  await new Letters(scene).arrive();
});

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(hash).toHex();
}
