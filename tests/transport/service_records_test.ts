// SRV records, also of a real name server on this machine.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { formatAddress, parseService } from "../../src/transport/address.ts";
import { resolveAddress } from "../../src/transport/resolve.ts";
import {
  type ServiceRecord,
  systemServices,
  targetsOf,
} from "../../src/transport/service_records.ts";
import { assertCode } from "../contract/pair.ts";
import { NameServer } from "../helpers/name_server.ts";

const NAME = "_verack._tcp.example.org";

function record(
  target: string,
  port = 8080,
  priority = 0,
  weight = 0,
): ServiceRecord {
  return { target, port, priority, weight };
}

function shown(
  records: readonly ServiceRecord[],
  seed = 1,
): string[] {
  return targetsOf(NAME, records, new SeededRandom(seed)).map(formatAddress);
}

function errorOf(records: readonly ServiceRecord[]): string {
  try {
    return shown(records).join();
  } catch (error) {
    assert(error instanceof Error);
    return error.message;
  }
}

Deno.test("targets of the lowest priority come first", () => {
  const records = [
    record("c.example", 3, 30, 99),
    record("a.example.", 1, 10),
    record("b.example", 2, 20),
  ];
  assertEquals(shown(records), ["a.example:1", "b.example:2", "c.example:3"]);
});

Deno.test("of one priority each target is first as often as its weight says, of weight 0 seldom", () => {
  const records = [
    record("a.example", 1, 0, 3),
    record("b.example", 1, 0, 1),
    record("c.example", 1, 0, 0),
  ];
  const random = new SeededRandom(7);
  const first: Record<string, number> = {};
  for (let i = 0; i < 1_000; i++) {
    const [target, ...rest] = targetsOf(NAME, records, random);
    assertEquals(rest.length, 2);
    first[target!.host] = (first[target!.host] ?? 0) + 1;
  }
  // 3, 1 and 1 of 5: RFC 2782 draws from 0 to the sum, both included.
  const share = (host: string) => Math.round((first[host] ?? 0) / 100);
  assertEquals(["a", "b", "c"].map((it) => share(`${it}.example`)), [6, 2, 2]);
});

Deno.test("records that break the rules are left out, and the error says so if none is left", () => {
  const bad = [
    record("a.example", 0),
    record("", 1),
    record("with space.example", 1),
    record("x".repeat(64), 1),
    record("a.example", 65_536),
  ];
  assertEquals(shown([...bad, record("b.example", 2)]), ["b.example:2"]);
  assertStringIncludes(
    errorOf(bad),
    `none of its 5 SRV records is usable, the first has port 0 and target "a.example", must be port 1 to 65535 and a host name`,
  );
  assertStringIncludes(
    errorOf([record(".", 0)]),
    "no such service",
  );
  assertStringIncludes(
    errorOf([]),
    `Cannot dial srv:${NAME}: the name has no SRV record, must have one at least`,
  );
});

Deno.test("any records give at most 16 targets, each with a port and a host", () => {
  const any = fc.record({
    priority: fc.integer({ min: 0, max: 65_535 }),
    weight: fc.integer({ min: 0, max: 65_535 }),
    port: fc.integer({ min: -1, max: 70_000 }),
    target: fc.oneof(fc.domain(), fc.string(), fc.constant(".")),
  });
  fc.assert(fc.property(fc.array(any, { maxLength: 40 }), (records) => {
    const good = errorOf(records);
    if (good.startsWith("Cannot dial")) return;
    const targets = targetsOf(NAME, records, new SeededRandom(1));
    assert(targets.length <= 16);
    for (const { host, port } of targets) {
      assert(host !== "" && port >= 1 && port <= 65_535);
    }
  }));
});

Deno.test("a service is resolved by a name server, its targets by the resolver, in the order of the records", async () => {
  await using server = await NameServer.start({
    [NAME]: [
      record("b.example.org", 8082, 2),
      record("a.example.org", 8081, 1),
      record("gone.example.org", 8083, 0),
    ],
  });
  const hosts: Record<string, string[]> = {
    "a.example.org": ["10.0.0.1", "10.0.0.2"],
    "b.example.org": ["10.0.0.3"],
    "gone.example.org": [],
  };
  const options = {
    resolveService: systemServices(server),
    resolve: (host: string) => Promise.resolve(hosts[host]!),
  };
  const found = await resolveAddress(parseService(`srv:${NAME}`), options);
  assertEquals(found.map(formatAddress), [
    "10.0.0.1:8081",
    "10.0.0.2:8081",
    "10.0.0.3:8082",
  ]);
  assertEquals(new Set(server.asked), new Set([NAME]));
});

Deno.test("a service that is an alias of another is that one, and aliases that go in a circle end", async () => {
  await using server = await NameServer.start({
    "_verack._tcp.real.example": [record("a.example")],
  });
  server.aliases.set(NAME, "_verack._tcp.real.example");
  const options = {
    resolveService: systemServices(server),
    resolve: () => Promise.resolve(["192.0.2.1"]),
  };
  assertEquals(await resolveAddress(parseService(`srv:${NAME}`), options), [
    { host: "192.0.2.1", port: 8080 },
  ]);
  server.aliases.set("_one._tcp.example.org", "_two._tcp.example.org");
  server.aliases.set("_two._tcp.example.org", "_one._tcp.example.org");
  const error = await assertCode(
    resolveAddress(parseService("srv:_one._tcp.example.org"), options),
    "dns",
  );
  assertStringIncludes(error.message, "the name has no SRV record");
});

Deno.test("a service that does not exist, or has no target that resolves, is an error with its name", async () => {
  await using server = await NameServer.start({
    [NAME]: [record("a.example")],
  });
  const options = {
    resolveService: systemServices(server),
    resolve: () => Promise.resolve([]),
  };
  const none = await assertCode(
    resolveAddress(parseService("srv:_other._tcp.example.org"), options),
    "dns",
  );
  assertStringIncludes(none.message, "srv:_other._tcp.example.org: ");
  assertStringIncludes(none.message, "the name has no SRV record");
  const unresolved = await assertCode(
    resolveAddress(parseService(`srv:${NAME}`), options),
    "dns",
  );
  assertStringIncludes(
    unresolved.message,
    "none of its 1 targets resolves, one at least must: Cannot dial a.example:8080",
  );
});

Deno.test(
  "a service is not looked up without permission, and the error says what to add",
  {
    permissions: { net: ["127.0.0.2"] },
  },
  async () => {
    const nameServer = { ipAddr: "127.0.0.1", port: 53 };
    const error = await assertCode(
      resolveAddress(parseService(`srv:${NAME}`), {
        resolveService: systemServices({ nameServer }),
      }),
      "permission",
    );
    assertStringIncludes(error.message, "--allow-net");
  },
);

Deno.test("a look-up of a service ends with its signal", async () => {
  const controller = new AbortController();
  const looking = resolveAddress(parseService(`srv:${NAME}`), {
    signal: controller.signal,
    resolveService: () => new Promise(() => {}),
  });
  controller.abort();
  await assertCode(looking, "aborted");
});

Deno.test("of forty records the sixteen with the best priority are used", () => {
  const records = Array.from(
    { length: 40 },
    (_, i) => record(`host-${i}.example`, 8080, 40 - i),
  );
  const best = Array.from({ length: 16 }, (_, i) => `host-${39 - i}.example`);
  assertEquals(shown(records), best.map((host) => `${host}:8080`));
});
