// Configured services: `--connect srv:NAME`, looked up at each attempt.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Node } from "../../../src/mesh/node.ts";
import {
  type ServiceRecord,
  systemServices,
} from "../../../src/transport/service_records.ts";
import { parseAddress } from "../../../src/transport/address.ts";
import { lasting } from "../../helpers/identities.ts";
import { NameServer } from "../../helpers/name_server.ts";
import { EventLog, Mesh } from "../../helpers/nodes.ts";
import { until } from "../../helpers/until.ts";

const NAME = "_verack._tcp.mesh.test";
const SEED = `srv:${NAME}`;

function recordOf(node: Node, priority = 0): ServiceRecord {
  const { host, port } = parseAddress(node.address);
  return { target: `host-${host}.test`, port, priority, weight: 1 };
}

/** `host-IP.test` to that IP address. */
function resolve(host: string): Promise<string[]> {
  return Promise.resolve([host.replace(/^host-|\.test$/g, "")]);
}

function alarms(log: EventLog): string[] {
  return [...log.of("refused"), ...log.of("unreachable")]
    .map(({ reason }) => reason);
}

Deno.test("a node joins through the members that SRV records name, of each priority, by a real look-up", async () => {
  const alice = await Node.start({ identity: await lasting() });
  const bob = await Node.start({
    identity: await lasting(),
    host: "127.0.0.2",
  });
  await using mesh = new Mesh([alice, bob]);
  await using server = await NameServer.start({
    [NAME]: [recordOf(alice, 1), recordOf(bob, 2)],
  });
  const carol = await Node.start({
    connect: [SEED],
    resolve,
    resolveService: systemServices(server),
  });
  const log = new EventLog(carol);
  mesh.nodes.push(carol);
  await mesh.complete();
  assertEquals(alarms(log), []);
});

Deno.test("SRV records are looked up again at each attempt", async () => {
  await using alice = await Node.start();
  await using server = await NameServer.start();
  await using bob = await Node.start({
    connect: [SEED],
    resolve,
    resolveService: systemServices(server),
  });
  const log = new EventLog(bob);
  await until("an alarm", () => log.of("unreachable").length > 0);
  assertStringIncludes(
    log.of("unreachable")[0]!.reason,
    `Cannot dial ${SEED}: the name has no SRV record, must have one at least`,
  );
  server.records.set(NAME, [recordOf(alice)]);
  await until("the two to meet", () => bob.sessions().length === 1);
  assert(server.asked.length > 1);
  await until("the alarm to be over", () => bob.status().health.length === 0);
});

Deno.test("the error for a service of which no target answers has the port of each", async () => {
  const target = { target: "host-127.0.0.1.test", priority: 0, weight: 0 };
  await using server = await NameServer.start({
    [NAME]: [{ ...target, port: 1 }, { ...target, port: 2 }],
  });
  await using bob = await Node.start({
    connect: [SEED],
    resolve,
    resolveService: systemServices(server),
  });
  const log = new EventLog(bob);
  await until("an alarm", () => log.of("unreachable").length > 0);
  const [{ reason } = { reason: "" }] = log.of("unreachable");
  for (const place of ["127.0.0.1:1: ", "127.0.0.1:2: "]) {
    assertStringIncludes(reason, place);
  }
});

Deno.test("with an id only that node will do, wherever the records lead", async () => {
  await using alice = await Node.start();
  await using mallory = await Node.start({ host: "127.0.0.2" });
  await using server = await NameServer.start({
    [NAME]: [recordOf(mallory, 1), recordOf(alice, 2)],
  });
  await using bob = await Node.start({
    connect: [`${alice.identity.id}@${SEED}`],
    resolve,
    resolveService: systemServices(server),
  });
  await until("a session", () => bob.sessions().length > 0);
  assertEquals(bob.sessions().map(({ id }) => id), [alice.identity.id]);
});

Deno.test("a service is not gossiped: members get the addresses of its nodes", async () => {
  await using alice = await Node.start();
  await using server = await NameServer.start({ [NAME]: [recordOf(alice)] });
  await using bob = await Node.start({
    connect: [SEED],
    resolve,
    resolveService: systemServices(server),
  });
  await until("the first two", () => bob.sessions().length === 1);
  await using carol = await Node.start({ connect: [bob.address] });
  await until("all three", () => carol.sessions().length === 2);
  const known = carol.peer(alice.identity.id)?.addresses ?? [];
  assert(known.length > 0);
  for (const address of known) assert(!address.startsWith("srv:"), address);
});
