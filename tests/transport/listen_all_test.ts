// One listener over several addresses.
import { assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { formatAddress } from "../../src/transport/address.ts";
import { distinctHosts, listenAll } from "../../src/transport/listen_all.ts";
import { tcpTransport } from "../../src/transport/tcp.ts";
import { hasIpv6 } from "../helpers/ipv6.ts";

const transport = tcpTransport();
const credentials = {
  certificate: new Uint8Array(),
  privateKeyPem: "",
};

const listen = (hosts: readonly string[], port = 0) =>
  listenAll({ transport, hosts, port, credentials });

/** Connects to each host, and says where the listener accepts it. */
async function reach(
  listener: Awaited<ReturnType<typeof listen>>,
  host: string,
): Promise<string> {
  const { port } = listener.address;
  const [out, incoming] = await Promise.all([
    transport.dial({ host, port }, {}),
    listener.accept(),
  ]);
  const accepted = await incoming!.open();
  const { localAddress } = accepted;
  out.close();
  accepted.close();
  return formatAddress(localAddress);
}

Deno.test("listenAll() accepts at every address, on one port", async () => {
  const hosts = [
    "127.0.0.1",
    "127.0.0.2",
    ...(hasIpv6() ? ["::1"] : []),
  ];
  const listener = await listen(hosts);
  const { port } = listener.address;
  const all = hosts.map((host) => formatAddress({ host, port }));
  assertEquals(listener.addresses.map(formatAddress), all);
  for (const round of [1, 2]) {
    for (const [i, host] of hosts.entries()) {
      assertEquals(await reach(listener, host), all[i], `round ${round}`);
    }
  }
  const last = listener.accept();
  listener.close();
  assertEquals(await last, null);
  assertEquals(await listener.accept(), null);
});

Deno.test({
  name: "listenAll() on :: accepts IPv6 and IPv4",
  ignore: !hasIpv6(),
  async fn() {
    const listener = await listen(["0.0.0.0", "127.0.0.1", "::"]);
    const { port } = listener.address;
    assertEquals(listener.address.host, "::");
    assertEquals(await reach(listener, "::1"), `[::1]:${port}`);
    assertEquals(await reach(listener, "127.0.0.1"), `127.0.0.1:${port}`);
    listener.close();
  },
});

Deno.test("listenAll() listens nowhere if one address cannot be had", async () => {
  using other = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  const { port } = other.addr;
  const error = await assertRejects(
    () => listen(["127.0.0.1", "127.0.0.2"], port),
    VerackError,
  );
  assertEquals(error.code, "address-in-use");
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("a connection that waits when a joint listener closes is closed, too", async () => {
  const listener = await listen(["127.0.0.1", "127.0.0.2"]);
  const { port } = listener.address;
  const first = listener.accept();
  const dialed = await Promise.all(
    ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"].map((host) =>
      transport.dial({ host, port }, {})
    ),
  );
  (await first)!.close();
  listener.close();
  for (const connection of dialed) {
    // The end, or a reset: what the test asks for is that it comes.
    await connection.read(new Uint8Array(1)).catch(() => null);
    connection.close();
  }
});

Deno.test("distinctHosts() leaves out what another host includes", () => {
  const cases: [string[], string[]][] = [
    [["127.0.0.1", "127.0.0.1"], ["127.0.0.1"]],
    [["10.0.0.1", "0.0.0.0", "fd00::1"], ["0.0.0.0", "fd00::1"]],
    [["10.0.0.1", "0.0.0.0", "::"], ["::"]],
    [["fd00::1", "localhost"], ["fd00::1", "localhost"]],
  ];
  for (const [hosts, distinct] of cases) {
    assertEquals(distinctHosts(hosts), distinct);
  }
});
