/** When a peer is dialed next, and what is dropped of it: what follows from what happened. */
import { assert, assertEquals } from "@std/assert";
import { parsePeerId, type PeerId } from "../../../src/core/peer_id.ts";
import {
  DIAL_HINT_INTERVAL_MS,
  EPHEMERAL_KEPT_MS,
  GOSSIP_KEPT_MS,
  RECONNECT_CLAIMED_MS,
  RECONNECT_LEFT_MS,
  RECONNECT_MIN_MS,
  STABLE_SESSION_MS,
} from "../../../src/mesh/mesh_limits.ts";
import { Peer } from "../../../src/mesh/peers/peer.ts";
import type { PeerSession } from "../../../src/mesh/peers/peer_session.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";
import { plainEnvironment, recalled } from "../../helpers/plain_table.ts";

const ADDRESS = { host: "10.0.0.1", port: 1 };

class Scene {
  readonly clock = new VirtualClock();
  readonly peer: Peer;

  constructor(hasStanding: boolean) {
    this.peer = new Peer(parsePeerId("a".repeat(64)), {
      ...plainEnvironment(() => hasStanding),
      clock: this.clock,
      // The longest delay that jitter may give.
      random: { float: () => 0.999, bytes: () => new Uint8Array(8) },
    });
  }

  /** Milliseconds until it is due. */
  get dueInMs(): number {
    return Math.round(this.peer.dueAt - this.clock.monotonic());
  }

  /** A session that opens now. */
  session(via?: PeerId): PeerSession {
    const openedAt = this.clock.monotonic();
    const session = { openedAt, via } as PeerSession;
    this.peer.sessionOpened(session);
    return session;
  }

  end(session: PeerSession, left = false): void {
    this.peer.sessionClosed(session);
    this.peer.lost(session, left);
  }
}

Deno.test("each failed dial doubles the wait, and a session that lasted begins it anew", async () => {
  const scene = new Scene(true);
  for (const factor of [1, 2, 4, 8]) {
    scene.peer.dialFailed(true);
    assertEquals(
      scene.dueInMs,
      Math.round(0.999 * factor * RECONNECT_MIN_MS),
    );
  }
  const short = scene.session();
  scene.end(short);
  assertEquals(scene.peer.failures, 5);
  const long = scene.session();
  await scene.clock.advance(STABLE_SESSION_MS);
  scene.end(long);
  assertEquals(scene.peer.failures, 1);
  scene.peer.allowed();
  assertEquals([scene.peer.failures, scene.peer.dueAt], [0, 0]);
});

Deno.test("a peer with relayed sessions only is dialed on, by the same backoff", async () => {
  const relay = parsePeerId("b".repeat(64));
  const scene = new Scene(true);
  const { peer } = scene;
  for (const _ of [1, 2, 3]) peer.dialFailed(true);
  const { dueAt } = peer;
  const relayed = scene.session(relay);
  assert(peer.lacksDirect && !peer.isAway);
  assertEquals([peer.failures, peer.dueAt], [3, dueAt]);
  peer.dialFailed(true);
  assertEquals(peer.failures, 4);
  const direct = scene.session();
  assert(!peer.lacksDirect);
  await scene.clock.advance(STABLE_SESSION_MS);
  // The direct path closes, and the relayed session goes on.
  peer.sessionClosed(direct);
  assert(peer.lacksDirect);
  assertEquals(peer.failures, 1);
  assert(scene.dueInMs <= RECONNECT_MIN_MS);
  // Its end says nothing about direct dials.
  scene.end(relayed);
  assertEquals(peer.failures, 1);
});

Deno.test("a relayed peer keeps the addresses that it advertises, and its record", async () => {
  const scene = new Scene(false);
  const { clock, peer } = scene;
  peer.gossipedBy(parsePeerId("b".repeat(64)), "10.0.0.2");
  peer.gossipedAt([ADDRESS], { host: "10.0.0.2", port: 2 });
  scene.session(parsePeerId("b".repeat(64)));
  assertEquals(peer.downSince, undefined);
  for (let i = 0; i < 9; i++) {
    await clock.advance(GOSSIP_KEPT_MS);
    peer.dialFailed(true);
    assert(!peer.expireClaims(clock.monotonic()));
    assert(!peer.isForgettable(clock.monotonic()));
  }
  assertEquals(peer.addresses.size, 1);
});

Deno.test("a peer that left is dialed later, one that only says where it is seldom", () => {
  const left = new Scene(true);
  left.end(left.session(), true);
  assertEquals(left.dueInMs, RECONNECT_LEFT_MS);
  const claimed = new Scene(false);
  claimed.peer.dialFailed(true);
  assert(claimed.dueInMs >= RECONNECT_CLAIMED_MS / 2, `${claimed.dueInMs}`);
});

Deno.test("what others say brings a dial forward once in a while, however often it is said", async () => {
  const { clock, peer } = new Scene(true);
  const postpone = () => {
    for (let at = 0; at < 9; at++) peer.dialFailed(true);
  };
  postpone();
  peer.hurryByGossip();
  assertEquals(peer.dueAt, clock.monotonic());
  postpone();
  peer.hurryByGossip();
  assert(peer.dueAt > clock.monotonic());
  await clock.advance(DIAL_HINT_INTERVAL_MS);
  peer.hurryByGossip();
  assertEquals(peer.dueAt, clock.monotonic());
});

Deno.test("of two that join together one waits for the other, unless it has met it before", () => {
  const stranger = new Scene(true);
  stranger.peer.hurryByGossip(500);
  assertEquals(stranger.dueInMs, 500);
  assert(stranger.peer.yields(stranger.clock.monotonic()));
  const known = new Scene(true);
  recalled(known.peer, { lastSeen: 1 });
  known.peer.hurryByGossip(500);
  assert(known.dueInMs <= 0);
  assert(!known.peer.yields(known.clock.monotonic()));
});

Deno.test("a member that keeps saying that a peer will dial does not keep this node from dialing", async () => {
  const { clock, peer } = new Scene(true);
  let due = 0;
  for (let s = 0; s < 60; s++) {
    // What a node with thousands of peers on record would wait.
    peer.hurryByGossip(60_000);
    await clock.advance(1_000);
    const now = clock.monotonic();
    if (peer.dueAt <= now && !peer.yields(now)) due++;
  }
  assert(due >= 30, `due in ${due} seconds of 60`);
});

Deno.test("reports of others that a peer is live keep what is known of it, for as long as they come", async () => {
  const { clock, peer } = new Scene(false);
  const [one, other] = ["1", "2"].map((it) => parsePeerId(it.repeat(64)));
  peer.gossipedBy(one!, "source");
  peer.gossipedAt([ADDRESS], ADDRESS);
  assert(peer.addReporter(one!));
  assert(peer.addReporter(other!));
  peer.dialFailed(true);
  await clock.advance(GOSSIP_KEPT_MS - 1);
  peer.addReporter(one!);
  await clock.advance(GOSSIP_KEPT_MS - 1);
  assert(!peer.isForgettable(clock.monotonic()));
  assert(!peer.expireClaims(clock.monotonic()));
  assertEquals([one!, other!].map((it) => peer.removeReporter(it)), [
    false,
    true,
  ]);
  assert(peer.isForgettable(clock.monotonic()));
  assert(peer.expireClaims(clock.monotonic()));
  assertEquals(peer.addresses.size, 0);
});

Deno.test("a key in memory is forgotten a while after it was lost, unless a person named the peer", async () => {
  for (const pinned of [false, true]) {
    const scene = new Scene(false);
    const { clock, peer } = scene;
    recalled(peer, { ephemeral: true, lastSeen: 1 });
    if (pinned) peer.pinned(ADDRESS);
    peer.dialFailed(true);
    await clock.advance(EPHEMERAL_KEPT_MS - 1);
    assert(!peer.isForgettable(clock.monotonic()));
    await clock.advance(1);
    assertEquals(peer.isForgettable(clock.monotonic()), !pinned);
    const session = scene.session();
    assert(!peer.isForgettable(clock.monotonic()));
    peer.sessionClosed(session);
  }
});
