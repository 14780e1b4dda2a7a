// Where peers see this node, and how many must say so.
import { assertEquals } from "@std/assert";
import { ObservedAddresses } from "../../../src/mesh/peers/observed_addresses.ts";
import { PeerEvents } from "../../../src/mesh/peers/peer_events.ts";
import type { Introduction } from "../../../src/mesh/peers/peer_events.ts";
import type { PeerSession } from "../../../src/mesh/peers/peer_session.ts";

class Scene {
  readonly events = new PeerEvents();
  readonly friends = new Set<string>();
  readonly observed = new ObservedAddresses({
    events: this.events,
    table: { get: (id) => id as never },
    standing: { has: (peer) => this.friends.has(peer as never) },
  });

  /** A session with a peer of `source`, which sees this node at `seenAt`. */
  meet(id: string, source: string, seenAt: string | undefined): PeerSession {
    const session = { remote: { id }, source, seenAt } as unknown;
    this.events.emit("introduced", { session } as Introduction);
    return session as PeerSession;
  }

  leave(session: PeerSession): void {
    this.events.emit("sessionClosed", session, undefined as never, undefined);
  }

  get seen(): [string, number][] {
    return this.observed.list().map((it) => [it.address, it.peers]);
  }
}

Deno.test("two strangers of different addresses are believed, one or two of one address are not", () => {
  const scene = new Scene();
  scene.meet("a", "8.8.8.8", "5.77.0.1");
  scene.meet("b", "8.8.8.8", "5.77.0.1");
  assertEquals(scene.seen, []);
  const last = scene.meet("c", "9.9.9.9", "5.77.0.1");
  assertEquals(scene.seen, [["5.77.0.1", 3]]);
  assertEquals(scene.observed.has("5.77.0.1"), true);
  scene.leave(last);
  assertEquals(scene.seen, []);
});

Deno.test("a peer with standing is believed alone", () => {
  const scene = new Scene();
  scene.friends.add("a");
  scene.meet("a", "8.8.8.8", "5.77.0.1");
  scene.meet("b", "9.9.9.9", "5.77.0.2");
  assertEquals(scene.seen, [["5.77.0.1", 1]]);
});

Deno.test("only public addresses count", () => {
  const scene = new Scene();
  for (const ip of ["10.0.0.1", "127.0.0.1", "::1", "fe80::1", undefined]) {
    scene.friends.add(`${ip}`);
    scene.meet(`${ip}`, "8.8.8.8", ip);
  }
  assertEquals(scene.seen, []);
});
