// A change of this machine's addresses is noticed, once, and when it has settled.
import { assertEquals } from "@std/assert";
import { logger } from "../../src/core/log.ts";
import {
  MAX_NETWORK_SETTLE_MS,
  NETWORK_POLL_MS,
  NETWORK_SETTLE_MS,
} from "../../src/mesh/mesh_limits.ts";
import {
  type NetworkChange,
  NetworkWatch,
} from "../../src/mesh/network_watch.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import type { LocalNetwork } from "../../src/transport/local_networks.ts";
import { network } from "../helpers/networks.ts";

const HOME = network("eth0", "192.168.1.5/24", "fe80::5/64");
const AWAY = network("eth0", "10.0.0.9/8");

class Scene implements Disposable {
  readonly clock = new VirtualClock();
  readonly changes: NetworkChange[] = [];
  readonly watch: NetworkWatch;
  readonly #stop = new AbortController();
  reads = 0;
  networks: () => readonly LocalNetwork[] = () => [HOME];

  constructor() {
    this.watch = new NetworkWatch({
      clock: this.clock,
      log: logger("mesh"),
      signal: this.#stop.signal,
      read: () => (this.reads++, this.networks()),
      onChange: (change) => this.changes.push(change),
    });
    this.watch.start();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    assertEquals(this.clock.pending, 0);
  }
}

Deno.test("another address is reported once two readings agree", async () => {
  using scene = new Scene();
  await scene.clock.advance(NETWORK_POLL_MS);
  assertEquals(scene.changes, []);
  scene.networks = () => [AWAY];
  await scene.clock.advance(NETWORK_POLL_MS);
  assertEquals(scene.changes, []);
  await scene.clock.advance(NETWORK_SETTLE_MS);
  const change = { added: ["10.0.0.9"], removed: ["192.168.1.5"] };
  assertEquals(scene.changes, [change]);
  assertEquals(scene.watch.networks, [AWAY]);
  await scene.clock.advance(10 * NETWORK_POLL_MS);
  assertEquals(scene.changes, [change]);
});

Deno.test("an address that was gone for an instant is no change", async () => {
  using scene = new Scene();
  scene.networks = () => [];
  await scene.clock.advance(NETWORK_POLL_MS);
  scene.networks = () => [HOME];
  await scene.clock.advance(10 * NETWORK_POLL_MS);
  assertEquals(scene.changes, []);
});

Deno.test("addresses that never settle are reported all the same, after a while", async () => {
  using scene = new Scene();
  let count = 0;
  scene.networks = () => [network("eth0", `10.0.0.${++count % 200}/8`)];
  await scene.clock.advance(
    NETWORK_POLL_MS + MAX_NETWORK_SETTLE_MS + NETWORK_SETTLE_MS,
  );
  assertEquals(scene.changes.length, 1);
});

Deno.test("what no other machine sees is no change: bridges of containers, addresses of a link", async () => {
  using scene = new Scene();
  scene.networks = () => [
    network("docker0", "172.17.0.1/16"),
    network("eth0", "fe80::9/64", "192.168.1.5/24"),
  ];
  await scene.clock.advance(10 * NETWORK_POLL_MS);
  assertEquals(scene.changes, []);
});

Deno.test("after a pause the addresses are read at once", async () => {
  using scene = new Scene();
  scene.networks = () => [AWAY];
  scene.watch.check();
  await scene.clock.advance(NETWORK_SETTLE_MS);
  assertEquals(scene.changes.length, 1);
});

Deno.test("where the addresses cannot be read nothing is watched", async () => {
  using scene = new Scene();
  scene.networks = () => {
    throw new Deno.errors.NotCapable("no");
  };
  await scene.clock.advance(NETWORK_POLL_MS);
  const { reads } = scene;
  assertEquals(scene.watch.isOn, false);
  scene.watch.check();
  await scene.clock.advance(10 * NETWORK_POLL_MS);
  assertEquals([scene.reads, scene.changes], [reads, []]);
});

Deno.test("a reading that fails for a while ends nothing: the next one that succeeds counts", async () => {
  using scene = new Scene();
  scene.networks = () => {
    throw new Error("Too many open files (os error 24)");
  };
  await scene.clock.advance(10 * NETWORK_POLL_MS);
  assertEquals([scene.watch.isOn, scene.changes], [true, []]);
  assertEquals(scene.watch.networks, [HOME]);
  scene.networks = () => [AWAY];
  await scene.clock.advance(NETWORK_POLL_MS + NETWORK_SETTLE_MS);
  assertEquals(scene.changes.length, 1);
});
