/** Discovery on the local network: real processes on hosts of one Ethernet, real multicast. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Child, verack, verackProgram } from "../helpers/child.ts";
import {
  type Host,
  HostNetwork,
  whyNoHosts,
} from "../helpers/network/host_network.ts";
import { MeshScene, type SceneNode } from "../helpers/network/mesh_scene.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";

const why = whyNoHosts();
const test = testIf(why === undefined);
const terminal = testIf(why === undefined && HAS_PTY);
const reason = why === undefined ? "" : ` (${why})`;

const PERMISSIONS = { permissions: ["--allow-sys=networkInterfaces"] };
const DISCOVER = { args: ["--discover"], ...PERMISSIONS };
const ATTACKER = new URL("children/lan_attacker.ts", import.meta.url).pathname;

/** A chat on a terminal, as two people have it: no other flag. */
function chatOn(host: Host, name: string): Pty {
  return new Pty([
    ...host.network.launcher,
    ...verackProgram(
      ["chat", "--no-color", `--name=${name}`, "--discover"],
      PERMISSIONS.permissions,
    ),
  ]);
}

/** Hosts of one Ethernet. */
function lanOf(scene: MeshScene, ...names: string[]): Host[] {
  const lan = scene.network.subnet("lan", { v4: "10.77.0", v6: "fd77:0:0:1" });
  return names.map((name) => scene.network.host(name, lan));
}

async function secretFile(scene: MeshScene, name: string, text: string) {
  const file = `${scene.place.path}/${name}.secret`;
  await Deno.writeTextFile(file, text, { mode: 0o600 });
  return `--secret-file=${file}`;
}

async function dialsOf({ client }: SceneNode): Promise<number> {
  return (await client.status()).counters.dialsAttempted;
}

terminal(
  `two chats on one network find each other by --discover alone, and talk${reason}`,
  async () => {
    using network = new HostNetwork(2);
    const [one, two] = network.hosts as [Host, Host];
    await using alice = chatOn(one, "alice");
    await alice.shows(/announced +on the local network, with its id/);
    await using bob = chatOn(two, "bob");
    await Promise.all([
      alice.shows(/bob .*is here/),
      bob.shows(/alice .*here/),
    ]);
    await bob.type("hello\r");
    await alice.shows(/bob: hello/);
    await alice.type("hello yourself\r");
    await bob.shows(/alice: hello yourself/);
  },
);

test(`a chat in a pipe finds the others, sends its lines, and ends${reason}`, async () => {
  await using scene = new MeshScene();
  const [alice, bob] = lanOf(scene, "alice", "bob") as [Host, Host];
  await scene.start(alice, DISCOVER);
  await using chat = verack(["chat", "--name=bob", "--discover"], {
    stdin: "build passed\n",
    ...PERMISSIONS,
    launcher: bob.network.launcher,
  });
  assertEquals(await chat.code(), 0, chat.err.join("\n"));
});

test(`three nodes of one network find each other without a seed, two of them on one host, and say so${reason}`, async () => {
  await using scene = new MeshScene();
  const [alice, bob] = lanOf(scene, "alice", "bob") as [Host, Host];
  const one = await scene.start(alice, DISCOVER);
  await scene.start(bob, DISCOVER);
  const third = { name: "carol", host: bob.network, port: 8081 };
  await using carol = verack(
    [
      ...["run", `--name=${third.name}`, `--port=${third.port}`, "--period=0"],
      ...["--discover", "--json"],
    ],
    {
      permissions: ["--allow-sys=networkInterfaces"],
      launcher: third.host.launcher,
    },
  );
  await carol.line((line) => line.includes('"name":"alice"'));
  await carol.line((line) => line.includes('"name":"bob"'));
  await until(
    "all links",
    async () => (await one.client.peers()).sessions.length === 2,
  );
  const { discovery, health } = await one.client.status();
  assertEquals(health, []);
  assertEquals(discovery?.announced, true);
  assert(discovery!.networks.length === 1);
  const status = await scene.place.ask("alice", "status");
  assertStringIncludes(status, "announced with its id and the network's name");
});

test(`nodes of another network, without the secret or with another are left alone, those with it are found${reason}`, async () => {
  await using scene = new MeshScene();
  const hosts = lanOf(scene, "alice", "bob", "other", "open", "wrong");
  const [alice, bob, other, open, wrong] = hosts as [
    Host,
    Host,
    Host,
    Host,
    Host,
  ];
  const secret = await secretFile(
    scene,
    "ours",
    "correct horse battery staple",
  );
  const theirs = await secretFile(scene, "theirs", "another battery staple");
  const at = (host: Host, ...args: string[]) =>
    scene.start(host, { args: ["--discover", ...args], ...PERMISSIONS });
  const a = await at(alice, secret);
  await at(bob, secret);
  const o = await at(other, "--network=other");
  await at(open);
  await at(wrong, theirs);
  const none = (pairs: readonly string[]) =>
    Object.fromEntries(pairs.map((pair) => [pair, "none"]));
  await scene.settle({
    "alice bob": "direct",
    ...none(["alice other", "alice open", "alice wrong"]),
    ...none(["bob other", "bob open", "bob wrong"]),
    ...none(["other open", "other wrong", "open wrong"]),
  });
  assertEquals(await dialsOf(o), 0);
  const { discovery } = await a.client.status();
  assertEquals(discovery?.open, false);
});

test(`where there is IPv6 alone nodes find each other by that${reason}`, async () => {
  await using scene = new MeshScene();
  const lan = scene.network.subnet("lan", { v6: "fd77:0:0:1" });
  const options = { ...DISCOVER, listen: "::" };
  for (const name of ["alice", "bob"]) {
    await scene.start(scene.network.host(name, lan), options);
  }
  await scene.settle({ "alice bob": "direct" });
});

test(`a host on two networks finds nodes on both, and tells neither of addresses on the other${reason}`, async () => {
  await using scene = new MeshScene();
  const { network } = scene;
  const one = network.subnet("one", { v4: "10.77.1" });
  const two = network.subnet("two", { v4: "10.77.2" });
  const alice = await scene.start(network.host("alice", one), DISCOVER);
  await scene.start(network.host("middle", one, two), DISCOVER);
  await scene.start(network.host("bob", two), DISCOVER);
  await scene.settle({
    "alice middle": "direct",
    "alice bob": "via middle",
    "middle bob": "direct",
  });
  const { discovery } = await alice.client.status();
  assertEquals(discovery?.found.map(({ address }) => address), [
    `${network.hosts[1]!.on(one)}:8080`,
  ]);
});

test(`a host that moves to another address is found there again${reason}`, async () => {
  await using scene = new MeshScene();
  const [alice, bob] = lanOf(scene, "alice", "bob") as [Host, Host];
  const one = await scene.start(alice, DISCOVER);
  const two = await scene.start(bob, DISCOVER);
  await scene.settle({ "alice bob": "direct" });
  const address = scene.network.readdress(bob);
  await until("bob's new address", async () => {
    const { discovery } = await one.client.status();
    return discovery?.found.some((it) => it.address === `${address}:8080`) ??
      false;
  });
  await scene.settle({ "alice bob": "direct" });
  assertEquals((await two.client.status()).health, []);
});

test(`without a network but loopback a node says that it is not announced, warns, and goes on${reason}`, async () => {
  using network = new HostNetwork();
  await using alone = verack(["run", "--discover", "--port=0"], {
    launcher: network.host("alone").network.launcher,
    ...PERMISSIONS,
  });
  await alone.line((line) =>
    /announced +not on the local network, as no network has/.test(line)
  );
  await alone.line((line) => line.includes("no network interface is up"));
});

test(`where there is IPv6 alone a node that listens on IPv4 says that it is not announced, and what to do${reason}`, async () => {
  await using scene = new MeshScene();
  const lan = scene.network.subnet("lan", { v6: "fd77:0:0:1" });
  const node = await scene.start(scene.network.host("alice", lan), DISCOVER);
  assertEquals((await node.client.status()).discovery?.announced, false);
  const status = await scene.place.ask("alice", "status");
  assertStringIncludes(status, "with --host :: it listens on IPv6, too");
});

test(`thousands of broken packets cost a node little, and another is found all the same${reason}`, async () => {
  await using scene = new MeshScene();
  const hosts = lanOf(scene, "alice", "bob", "mallory");
  const [alice, bob, mallory] = hosts as [Host, Host, Host];
  const one = await scene.start(alice, DISCOVER);
  const before = (await one.client.status()).process.residentBytes ?? 0;
  const [first = "", ...words] = [
    ...mallory.network.launcher,
    ...[Deno.execPath(), "run", "--no-check", "--quiet", "--allow-net"],
    ...[ATTACKER, mallory.address, "20000"],
  ];
  const attack = new Child(first, words);
  await using _ = attack;
  await attack.line((line) => line.includes("sent"));
  await scene.start(bob, DISCOVER);
  await scene.settle({ "alice bob": "direct" });
  const { counters, process, health } = await one.client.status();
  assertEquals(health, []);
  assert(counters.lanPacketsDropped > 15_000, `${counters.lanPacketsDropped}`);
  // Mallory's queries are among them, and cause one answer a second.
  assert(counters.lanPacketsSent < 60, `${counters.lanPacketsSent} sent`);
  assert(counters.dialsAttempted < 40, `${counters.dialsAttempted} dials`);
  const grown = (process.residentBytes ?? 0) - before;
  assert(grown < 100_000_000, `${grown} bytes`);
});

test(`the nodes of a demo that is announced are joined from another machine${reason}`, async () => {
  await using scene = new MeshScene();
  const [laptop, guest] = lanOf(scene, "laptop", "guest") as [Host, Host];
  const temporary = Deno.makeTempDirSync({ dir: scene.place.path });
  await using demo = verack(
    ["demo", "--nodes=2", "--discover", "--keep", "--json"],
    {
      permissions: [
        ...PERMISSIONS.permissions,
        `--allow-write=${temporary}`,
        `--allow-run=${Deno.execPath()}`,
      ],
      env: { TMPDIR: temporary },
      launcher: laptop.network.launcher,
    },
  );
  await demo.line((line) => line.includes('"keep"'));
  const node = await scene.start(guest, DISCOVER);
  await until("both", async () => {
    const { sessions } = await node.client.peers();
    return sessions.length === 2;
  });
});
