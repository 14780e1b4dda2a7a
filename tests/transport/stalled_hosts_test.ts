import { assertEquals } from "@std/assert";
import {
  MAX_STALLED_HOSTS,
  MAX_STALLED_PORTS_PER_HOST,
} from "../../src/transport/transport_limits.ts";
import type { Address } from "../../src/transport/address.ts";
import { StalledHosts } from "../../src/transport/stalled_hosts.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const DAY_MS = 86_400_000;

function at(host: string, port = 1): Address {
  return { host, port };
}

Deno.test("StalledHosts leaves one port alone, and the host only when many ports hang", () => {
  const stalled = new StalledHosts(new VirtualClock());
  for (let port = 1; port < MAX_STALLED_PORTS_PER_HOST; port++) {
    stalled.add(at("10.0.0.1", port), true);
  }
  assertEquals(stalled.penaltyMs(at("10.0.0.1", 1)), 60_000);
  assertEquals(stalled.penaltyMs(at("10.0.0.1", 99)), 0);
  stalled.add(at("10.0.0.1", MAX_STALLED_PORTS_PER_HOST), true);
  assertEquals(stalled.penaltyMs(at("10.0.0.1", 99)), 60_000);
  assertEquals(stalled.penaltyMs(at("10.0.0.2", 1)), 0);
  stalled.forgive(at("10.0.0.1", 1));
  assertEquals(stalled.penaltyMs(at("10.0.0.1", 99)), 0);
  assertEquals(stalled.isSuspect("10.0.0.1"), true);
});

Deno.test("StalledHosts suspects a host that hung, until it completes a handshake", () => {
  const stalled = new StalledHosts(new VirtualClock());
  assertEquals(stalled.isSuspect("10.0.0.1"), false);
  stalled.add(at("10.0.0.1"), false);
  assertEquals(stalled.isSuspect("10.0.0.1"), true);
  assertEquals(stalled.isSuspect("10.0.0.2"), false);
  assertEquals(stalled.penaltyMs(at("10.0.0.1")), 0); // may only have been stopped
  stalled.forgive(at("10.0.0.1"));
  assertEquals(stalled.isSuspect("10.0.0.1"), false);
});

Deno.test("StalledHosts leaves a host that answers and hangs alone for ever longer, up to a day", async () => {
  const clock = new VirtualClock();
  const stalled = new StalledHosts(clock);
  stalled.add(at("10.0.0.1"), false);
  const penalties: number[] = [];
  for (let i = 0; i < 14; i++) {
    stalled.add(at("10.0.0.1"), true);
    const penaltyMs = stalled.penaltyMs(at("10.0.0.1"));
    penalties.push(penaltyMs);
    await clock.advance(penaltyMs - 1);
    assertEquals(stalled.penaltyMs(at("10.0.0.1")), 1);
    await clock.advance(1);
    assertEquals(stalled.penaltyMs(at("10.0.0.1")), 0);
  }
  assertEquals(penalties.slice(0, 4), [60_000, 120_000, 240_000, 480_000]);
  assertEquals(penalties.at(-1), DAY_MS);
  assertEquals(Math.max(...penalties), DAY_MS);
});

Deno.test("StalledHosts forgets the oldest when there are too many", () => {
  const stalled = new StalledHosts(new VirtualClock());
  for (let i = 0; i <= MAX_STALLED_HOSTS; i++) {
    stalled.add(at(`host-${i}`), false);
  }
  assertEquals(stalled.isSuspect("host-0"), false);
  assertEquals(stalled.isSuspect("host-1"), true);
  assertEquals(stalled.isSuspect(`host-${MAX_STALLED_HOSTS}`), true);
});
