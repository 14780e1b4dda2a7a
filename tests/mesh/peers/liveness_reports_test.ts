/** Whose report that a peer is live is kept, and for how long. */
import { assertEquals } from "@std/assert";
import { parsePeerId, type PeerId } from "../../../src/core/peer_id.ts";
import { MAX_REPORTERS_PER_PEER } from "../../../src/mesh/mesh_limits.ts";
import { LivenessReports } from "../../../src/mesh/peers/liveness_reports.ts";
import { Peer, type UpEvent } from "../../../src/mesh/peers/peer.ts";
import {
  type Introduction,
  PeerEvents,
} from "../../../src/mesh/peers/peer_events.ts";
import type { PeerSession } from "../../../src/mesh/peers/peer_session.ts";
import { plainEnvironment } from "../../helpers/plain_table.ts";

function id(digit: number): PeerId {
  return parsePeerId(digit.toString(16).padStart(64, "0"));
}

class Scene {
  readonly events = new PeerEvents();
  readonly friends = new Set<PeerId>();
  readonly reports = new LivenessReports({
    events: this.events,
    hasStanding: (reporter) => this.friends.has(reporter),
  });
  readonly peer = new Peer(id(99), plainEnvironment(() => false));

  report(...digits: number[]): void {
    for (const digit of digits) this.reports.add(this.peer, id(digit));
  }

  /** The peer is up on a session, relayed if `via` is given. */
  up(via?: PeerId): PeerSession {
    const session = { openedAt: 0, via, introduced: true } as PeerSession;
    const { peer } = this;
    peer.sessionOpened(session);
    peer.announce({} as UpEvent);
    this.events.emit("introduced", { session, peer } as Introduction);
    return session;
  }

  down(session: PeerSession): void {
    this.peer.sessionClosed(session);
    if (this.peer.lost(session, false)) this.events.emit("down", this.peer);
  }

  get reporters(): PeerId[] {
    return [...this.peer.reporters].sort();
  }
}

Deno.test("the first few reports are kept, but those of peers with standing rather than of strangers", () => {
  const scene = new Scene();
  const strangers = Array.from({ length: 9 }, (_, i) => i + 1);
  scene.report(...strangers);
  assertEquals(
    scene.reporters,
    strangers.slice(0, MAX_REPORTERS_PER_PEER).map(id),
  );
  scene.friends.add(id(20)).add(id(21));
  scene.report(20, 21, 5, 6);
  assertEquals(scene.reporters, [id(1), id(2), id(20), id(21)]);
  for (const digit of [22, 23, 24]) scene.friends.add(id(digit));
  scene.report(22, 23, 24, 7);
  assertEquals(scene.reporters, [20, 21, 22, 23].map(id));
});

Deno.test("reports stay while a peer is relayed, and name another relay once that ends", () => {
  const scene = new Scene();
  scene.report(1, 2);
  const session = scene.up(id(1));
  // It is not missing meanwhile, and lists do not repeat it.
  assertEquals([scene.reports.size, scene.reporters], [0, [id(1), id(2)]]);
  assertEquals(scene.reports.complete(id(2), new Set()), false);
  assertEquals(scene.reporters, [id(1), id(2)]);
  scene.reports.drop(id(1));
  scene.down(session);
  assertEquals([scene.reports.size, scene.reporters], [1, [id(2)]]);
  // From now on lists count again.
  assertEquals(scene.reports.complete(id(2), new Set()), true);
  assertEquals([scene.reports.size, scene.reporters], [0, []]);
});

Deno.test("reports end with a direct session, also one that replaces a relayed one", () => {
  const scene = new Scene();
  scene.report(1);
  const relayed = scene.up(id(1));
  const direct = scene.up();
  assertEquals([scene.reports.size, scene.reporters], [0, []]);
  scene.down(relayed);
  scene.down(direct);
  assertEquals([scene.reports.size, scene.reporters], [0, []]);
});
