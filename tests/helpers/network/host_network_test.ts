/** Whether the networks that tests make are what they say, by plain TCP connections. */
import { assertEquals } from "@std/assert";
import { Child } from "../child.ts";
import { testIf } from "../test_if.ts";
import { type Host, HostNetwork, whyNoHosts } from "./host_network.ts";

const why = whyNoHosts();
const test = testIf(why === undefined);
const reason = why === undefined ? "" : ` (${why})`;

const LISTEN = `Deno.serve({ hostname: "::", port: 8080, onListen: () =>
  console.log("listening") }, (_, { remoteAddr }) =>
  new Response(remoteAddr.hostname.replace("::ffff:", "")))`;

/** Answers each connection to port 8080 with the address that it comes from. */
async function listenOn(host: Host): Promise<Child> {
  const [first = "", ...words] = [
    ...host.network.launcher,
    ...[Deno.execPath(), "eval", "--no-config", LISTEN],
  ];
  const child = new Child(first, words);
  await child.line((line) => line === "listening");
  return child;
}

/** From which address a connection comes, as its other end sees it; `undefined` if none opens. */
async function seenFrom(
  host: Host,
  address: string,
): Promise<string | undefined> {
  const [first = "", ...words] = [
    ...host.network.launcher,
    ...["bash", "-c"],
    `exec 3<>/dev/tcp/${address.replace(" ", "/")} &&
     printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && timeout 2 tail -n 1 <&3`,
  ];
  await using child = new Child("timeout", ["1", first, ...words]);
  return await child.code() === 0 ? child.out.at(-1) : undefined;
}

/** Whether a connection is refused at once, rather than not answered. */
async function isRefused(host: Host, address: string): Promise<boolean> {
  const [first = "", ...words] = [
    ...host.network.launcher,
    ...["bash", "-c", `exec 3<>/dev/tcp/${address.replace(" ", "/")}`],
  ];
  await using child = new Child("timeout", ["1", first, ...words]);
  await child.code();
  return child.err.some((line) => line.includes("refused"));
}

test(`a router lets hosts out by its address, and in at published ports alone${reason}`, async () => {
  using network = new HostNetwork();
  const internet = network.subnet("internet", { v4: "5.77.0" });
  const home = network.subnet("home", { v4: "192.168.1" });
  const router = network.router("router", {
    outside: internet,
    inside: [home],
  });
  const [inside, neighbour] = [
    network.host("inside", home),
    network.host("neighbour", home),
  ];
  const outside = network.host("outside", internet);
  await using _inside = await listenOn(inside);
  await using _outside = await listenOn(outside);
  const own = `${router.address} 8080`;

  assertEquals(
    await seenFrom(inside, `${outside.address} 8080`),
    router.address,
  );
  assertEquals(
    await seenFrom(neighbour, `${inside.address} 8080`),
    neighbour.address,
  );
  assertEquals(await seenFrom(outside, own), undefined);
  assertEquals(await seenFrom(outside, `${inside.address} 8080`), undefined);
  router.publish(8080, inside);
  assertEquals(await seenFrom(outside, own), outside.address);
  assertEquals(await seenFrom(neighbour, own), undefined);
});

test(`a router with hairpin leads hosts inside to published ports, too, and not from one subnet to another${reason}`, async () => {
  using network = new HostNetwork();
  const internet = network.subnet("internet", { v4: "5.77.0" });
  const [one, two] = [
    network.subnet("one", { v4: "172.18.0" }),
    network.subnet("two", { v4: "172.19.0" }),
  ];
  const router = network.router("router", {
    ...{ outside: internet, inside: [one, two], hairpin: true },
  });
  const [a, b, other] = [
    network.host("a", one),
    network.host("b", one),
    network.host("other", two),
  ];
  const outside = network.host("outside", internet);
  router.publish(9000, a, { hostPort: 8080 });
  await using _listener = await listenOn(a);
  const published = `${router.address} 9000`;

  assertEquals(await seenFrom(outside, published), outside.address);
  assertEquals(await seenFrom(b, published), router.host.on(one));
  assertEquals(await seenFrom(other, published), undefined);
  assertEquals(await seenFrom(other, `${a.address} 8080`), undefined);
});

test(`a cut drops or rejects what passes between two hosts, until it heals, and a tunnel goes around it${reason}`, async () => {
  using network = new HostNetwork();
  const both = network.subnet("both", { v4: "10.77.0", v6: "fd77:0:0:1" });
  const [a, b] = [network.host("a", both), network.host("b", both)];
  await using _listener = await listenOn(b);
  const [v4 = "", v6 = ""] = b.addresses.map((ip) => `${ip} 8080`);
  assertEquals(await seenFrom(a, v4), a.addresses[0]);
  assertEquals(await seenFrom(a, v6), a.addresses[1]);
  for (const reject of [false, true]) {
    network.cut(a, b, { reject });
    assertEquals(await seenFrom(a, v4), undefined);
    assertEquals(await seenFrom(a, v6), undefined);
    assertEquals(await isRefused(a, v4), reject);
  }
  network.tunnel(a, b, "wg0", ["100.64.0.1", "100.64.0.2"]);
  assertEquals(await seenFrom(a, "100.64.0.2 8080"), "100.64.0.1");
  network.heal();
  assertEquals(await seenFrom(a, v4), a.addresses[0]);
  a.unplug(both);
  assertEquals(await seenFrom(a, v4), undefined);
  a.plug(both);
  assertEquals(await seenFrom(a, v4), a.addresses[0]);
});
