import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/errors.ts";
import { resolveHost } from "../../src/transport/resolve.ts";
import { classifyIp } from "../../src/transport/scope.ts";
import { assertCode } from "../contract/pair.ts";

Deno.test("resolveHost() gives an IP address back without asking anybody", {
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
