import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { resolveAddress, resolveHost } from "../../src/transport/resolve.ts";
import { classifyIp } from "../../src/transport/scope.ts";
import { assertCode } from "../contract/pair.ts";

Deno.test("resolveHost() gives an IP address back without a lookup", {
  permissions: "none",
}, async () => {
  assertEquals(await resolveHost("192.0.2.1"), ["192.0.2.1"]);
  assertEquals(await resolveHost("2001:db8::1"), ["2001:db8::1"]);
  // So that nobody downstream takes it for IPv6.
  assertEquals(await resolveHost("::ffff:127.0.0.1"), ["127.0.0.1"]);
});

Deno.test("resolveHost() knows localhost", async () => {
  const ips = await resolveHost("localhost");
  assert(ips.length >= 1);
  for (const ip of ips) assertEquals(classifyIp(ip), "loopback", ip);
});

Deno.test("resolveHost() rejects with dns for a name that does not exist", async () => {
  const error = await assertCode(resolveHost("nowhere.invalid"), "dns");
  assert(error.message.includes("nowhere.invalid"), error.message);
});

Deno.test("resolveHost() names the flag to add when it may not ask", {
  permissions: { net: ["127.0.0.1"] },
}, async () => {
  const error = await assertCode(resolveHost("localhost"), "permission");
  assert(error.message.includes("--allow-net=localhost"), error.message);
});

Deno.test("resolveHost() gives up when the signal has aborted", async () => {
  await assertCode(
    resolveHost("localhost", { signal: AbortSignal.abort() }),
    "aborted",
  );
  const late = AbortSignal.abort(new DOMException("late", "TimeoutError"));
  await assertCode(resolveHost("localhost", { signal: late }), "timeout");
});

Deno.test("resolveHost() gives up when the signal aborts during the lookup", {
  // A lookup cannot be called off; its answer comes in when nobody waits any more.
  sanitizeOps: false,
}, async () => {
  const controller = new AbortController();
  const resolving = resolveHost("localhost", { signal: controller.signal });
  controller.abort();
  await assertRejects(() => resolving, VerackError, "Cannot resolve localhost");
});

Deno.test("resolveHost() asks the resolver it is given, and takes nothing but IP addresses from it", async () => {
  const asked: string[] = [];
  const resolve = (host: string) => {
    asked.push(host);
    return Promise.resolve(["::ffff:10.0.0.1", "example.org", "fe80::1%eth0"]);
  };
  assertEquals(await resolveHost("mesh.test", { resolve }), ["10.0.0.1"]);
  assertEquals(await resolveHost("10.0.0.2", { resolve }), ["10.0.0.2"]);
  assertEquals(asked, ["mesh.test"]);
  const none = () => Promise.resolve([]);
  await assertCode(resolveHost("mesh.test", { resolve: none }), "dns");
  const broken = () => Promise.reject(new Error("no"));
  await assertCode(resolveHost("mesh.test", { resolve: broken }), "dns");
});

Deno.test("resolveHost() gives both families in turn, and no more than asked for", async () => {
  const answer = ["::1", "::2", "::3", "10.0.0.1", "10.0.0.2", "::1"];
  const resolve = () => Promise.resolve(answer);
  const ips = await resolveHost("mesh.test", { resolve });
  assertEquals(ips, ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]);
  assertEquals(await resolveHost("mesh.test", { resolve, max: 2 }), [
    "::1",
    "10.0.0.1",
  ]);
});

Deno.test("resolveHost() waits no longer than its signal for a resolver that does not answer", async () => {
  const controller = new AbortController();
  const resolve = () => new Promise<string[]>(() => {});
  const { signal } = controller;
  const resolving = resolveHost("mesh.test", { resolve, signal });
  controller.abort();
  await assertCode(resolving, "aborted");
});

Deno.test("resolveAddress() keeps the port, and names the address in what it throws", async () => {
  const resolve = () => Promise.resolve(["::1", "10.0.0.1"]);
  const address = { host: "mesh.test", port: 8080 };
  assertEquals(await resolveAddress(address, { resolve }), [
    { host: "::1", port: 8080 },
    { host: "10.0.0.1", port: 8080 },
  ]);
  const error = await assertCode(
    resolveAddress({ host: "nowhere.invalid", port: 8080 }),
    "dns",
  );
  assert(
    error.message.startsWith("Cannot dial nowhere.invalid:8080: the name"),
    error.message,
  );
});
