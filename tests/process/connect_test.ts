/** Whom nodes reach, and what they say of those they do not, in real processes. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { verack } from "../helpers/child.ts";
import { hasIpv6 } from "../helpers/ipv6.ts";
import { NodeProcess } from "../helpers/process.ts";

const NOBODY = "1".repeat(64);

/**
 * A port of 127.0.0.1 that was free just now. None that the system hands out by
 * itself, or somebody else could have it by the time it is used.
 */
function freePort(): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch {
      // Taken.
    }
  }
  throw new Error("No port is free");
}

Deno.test("--connect with an identity takes that node only, and names both when it is another", async () => {
  await using a = await NodeProcess.start();
  await using b = await NodeProcess.start([
    `--connect=${a.id}@${a.address}`,
  ]);
  assertEquals((await b.waitFor("peer:up")).trust, "pinned");

  await using c = await NodeProcess.start([
    `--connect=${NOBODY}@${a.address}`,
  ]);
  const { time: _, ...refused } = await c.waitFor("refused");
  assertEquals<unknown>(refused, {
    type: "refused",
    address: a.address,
    reason: `Cannot accept ${a.address}: it is ${a.id}, must be ${NOBODY}`,
    expected: NOBODY,
    actual: a.id,
  });
  assertEquals(c.of("peer:up"), []);
});

Deno.test("an address that does not answer is said once, tried on, and accepted when a node is there", async () => {
  const port = freePort();
  const address = `127.0.0.1:${port}`;
  await using a = await NodeProcess.start([
    `--connect=${address}`,
    "--connect=nobody.invalid:1",
  ]);
  await a.waitFor("unreachable");
  await a.waitFor("unreachable");
  const reasons = new Map(
    a.of("unreachable").map((event) => [event.address, event.reason]),
  );
  assertEquals(
    reasons.get(address),
    `Cannot dial ${address}: nothing listens there`,
  );
  assertStringIncludes(
    reasons.get("nobody.invalid:1") ?? "",
    "Cannot dial nobody.invalid:1: the name",
  );

  await using b = await NodeProcess.start([`--port=${port}`]);
  const up = await a.waitFor("peer:up");
  assertEquals([up.id, up.address], [b.id, address]);
  assertEquals(a.of("unreachable").length, 2);
  assertEquals(a.of("refused"), []);
});

Deno.test("--connect works several times, with names, and with the node's own address", async () => {
  await using a = await NodeProcess.start();
  await using b = await NodeProcess.start();
  const port = freePort();
  await using c = await NodeProcess.start([
    `--port=${port}`,
    `--connect=localhost:${a.address.split(":")[1]}`,
    `--connect=${b.address}`,
    `--connect=127.0.0.1:${port}`,
  ]);
  await Promise.all([a, b, c].map((node) => node.meshOf(3)));
  const own = await c.waitFor(
    "refused",
    (event) => event.address === `127.0.0.1:${port}`,
  );
  assertEquals(
    own.reason,
    `Cannot dial 127.0.0.1:${port}: it is this node itself`,
  );
});

Deno.test({
  name: "nodes on ::1 and on all addresses meet over IPv6 and IPv4",
  ignore: !hasIpv6(),
  async fn() {
    await using all = await NodeProcess.start(["--host=::"]);
    const port = all.address.split(":").at(-1);
    assertEquals(all.address, `[::]:${port}`);
    await using six = await NodeProcess.start([
      "--host=::1",
      `--connect=[::1]:${port}`,
    ]);
    await using four = await NodeProcess.start([
      `--connect=127.0.0.1:${port}`,
    ]);
    await Promise.all([all, six, four].map((node) => node.meshOf(3)));
    assertEquals(six.of("peer:up")[0]?.address, `[::1]:${port}`);
    assertEquals(four.of("peer:up")[0]?.address, `127.0.0.1:${port}`);
  },
});

Deno.test("--advertise is where others look for a node", async () => {
  await using a = await NodeProcess.start();
  const port = freePort();
  await using _b = await NodeProcess.start([
    `--port=${port}`,
    `--advertise=localhost:${port}`,
    `--connect=${a.address}`,
  ]);
  // Told as its word; the address is where it was connected from.
  const inbound = await a.waitFor("peer:up");
  assertEquals(inbound.advertised, `localhost:${port}`);
  assertMatch(inbound.address, /^127\.0\.0\.1:/);
  await using c = await NodeProcess.start([`--connect=${a.address}`]);
  const up = await c.waitFor(
    "peer:up",
    (event) => event.id !== a.id,
  );
  assertEquals(up.advertised ?? up.address, `localhost:${port}`);
});

Deno.test("a port in use is said with two ways out, of which one names the command that shows its process", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await using child = verack(["--host=127.0.0.1", `--port=${port}`]);
  assertEquals(await child.code(), 1);
  assertEquals(child.out, []);
  const [line = "", ...more] = child.err;
  assertEquals(more, []);
  assertStringIncludes(
    line,
    `verack: Cannot listen on 127.0.0.1:${port}: the port is in use, choose another or end the process that "`,
  );
  if (Deno.build.os === "linux") {
    assertStringIncludes(
      line,
      `"ss -ltnp sport = :${port}" shows (by --port, --http or --metrics, whichever has it; 0 takes a free one)`,
    );
  }
});
