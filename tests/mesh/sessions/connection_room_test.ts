// How many connections a node holds where file descriptors are few.
import { assertEquals } from "@std/assert";
import {
  COUNT_DESCRIPTORS_FROM,
  MIN_CONNECTIONS,
  MIN_PENDING_CONNECTIONS,
  PENDING_SHARE,
  RESERVED_DESCRIPTORS,
  SHED_INTERVAL_MS,
  SHORTAGE_KEPT_MS,
} from "../../../src/mesh/sessions/connection_limits.ts";
import { MAX_PENDING_CONNECTIONS } from "../../../src/mesh/mesh_limits.ts";
import { logger } from "../../../src/core/log.ts";
import {
  ConnectionRoom,
  type ConnectionRoomParts,
} from "../../../src/mesh/sessions/connection_room.ts";
import type { Peer } from "../../../src/mesh/peers/peer.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

/** A node with `free` descriptors beside those of the connections that it gets. */
class Scene {
  readonly clock = new VirtualClock();
  readonly records: Peer[] = [];
  readonly friends = new Set<Peer>();
  readonly facts: string[] = [];
  /** Numbers of the peers whose session was closed, in that order. */
  readonly closed: number[] = [];
  readonly pending = { size: 0 };
  counts = 0;
  readonly room: ConnectionRoom;

  constructor(free: number | undefined) {
    const parts = {
      clock: this.clock,
      descriptors: { free: () => (this.counts++, free) },
      table: { values: () => this.records.values() },
      standing: {
        has: (it: Peer | undefined) => it !== undefined && this.friends.has(it),
      },
      health: {
        raise: (_: string, { code }: { code: string }) => {
          this.facts.push(code);
          return this.facts.length === 1;
        },
      },
      log: logger("mesh"),
      pending: this.pending,
    };
    this.room = new ConnectionRoom(parts as unknown as ConnectionRoomParts);
  }

  /** Opens sessions of so many peers more. */
  open(count: number, isFriend = false): void {
    for (let i = 0; i < count; i++) {
      const number = this.records.length;
      const record = {
        sessions: [{
          openedAt: number,
          channel: { closeWith: () => this.#close(number) },
        }],
      } as unknown as Peer;
      this.records.push(record);
      if (isFriend) this.friends.add(record);
    }
  }

  /** Opens sessions of so many peers that relays carry. */
  openRelayed(count: number): void {
    for (let i = 0; i < count; i++) {
      const number = this.records.length;
      const channel = { closeWith: () => this.#close(number) };
      const session = { openedAt: number, channel, via: "a relay" };
      this.records.push({ sessions: [session] } as unknown as Peer);
    }
  }

  get sessions(): number {
    return this.records.filter((it) => it.sessions.length > 0).length;
  }

  #close(number: number): void {
    this.closed.push(number);
    Object.assign(this.records[number]!, { sessions: [] });
  }
}

Deno.test("where descriptors are plenty, or cannot be counted, they bound nothing", () => {
  for (const free of [Infinity, undefined]) {
    const scene = new Scene(free);
    scene.open(COUNT_DESCRIPTORS_FROM - 1);
    assertEquals(scene.room.pending, MAX_PENDING_CONNECTIONS);
    assertEquals(scene.counts, 0);
    scene.open(500);
    assertEquals(scene.room.pending, MAX_PENDING_CONNECTIONS);
    assertEquals(scene.room.peers(false), Infinity);
    assertEquals(scene.counts, 1);
    assertEquals(scene.facts, []);
  }
});

Deno.test("counted descriptors bound sessions, less those of peers with standing, and what is not proven", () => {
  const scene = new Scene(180);
  scene.open(COUNT_DESCRIPTORS_FROM);
  const most = COUNT_DESCRIPTORS_FROM + 180 - RESERVED_DESCRIPTORS;
  assertEquals(scene.room.pending, most - COUNT_DESCRIPTORS_FROM);
  assertEquals(scene.room.peers(false), most - PENDING_SHARE);
  assertEquals(scene.room.peers(true), most - MIN_PENDING_CONNECTIONS);
  scene.open(most - COUNT_DESCRIPTORS_FROM);
  assertEquals(scene.room.pending, MIN_PENDING_CONNECTIONS);
  assertEquals(scene.counts, 1);

  // Of few, half are left free, and of the others as many to newcomers.
  const poor = new Scene(8);
  poor.open(COUNT_DESCRIPTORS_FROM);
  assertEquals(poor.room.peers(true), 20 - 5);
  assertEquals(poor.room.peers(false), 20 - 10);
  // Those that came before that was known and are too many are gone.
  assertEquals(poor.sessions, 10);
  assertEquals(poor.room.pending, 10);
});

Deno.test("when there is no descriptor left, the youngest sessions without standing make room, once a second", async () => {
  const scene = new Scene(undefined);
  scene.open(80);
  scene.open(60, true);
  scene.open(20);
  scene.pending.size = 40;
  scene.room.shortage();
  const most = 200 - RESERVED_DESCRIPTORS;
  const excess = 160 - (most - PENDING_SHARE);
  assertEquals(scene.closed.length, excess);
  const youngest = [
    ...Array.from({ length: 20 }, (_, i) => 159 - i),
    ...Array.from({ length: 80 }, (_, i) => 79 - i),
  ];
  assertEquals(scene.closed, youngest.slice(0, excess));
  assertEquals(scene.room.pending, PENDING_SHARE);
  assertEquals(scene.facts, ["no-descriptors"]);
  // They need a moment to be free.
  scene.room.shortage();
  assertEquals(scene.closed.length, excess);
  scene.pending.size = 0;
  await scene.clock.advance(SHED_INTERVAL_MS);
  // However often there is none left, of peers with standing none is closed.
  for (let i = 0; i < 10; i++) {
    scene.room.shortage();
    await scene.clock.advance(SHED_INTERVAL_MS);
  }
  assertEquals(scene.sessions, 60);
  assertEquals(scene.room.peers(true), MIN_CONNECTIONS - 2);
  // After a while more are tried again.
  await scene.clock.advance(SHORTAGE_KEPT_MS + 1);
  assertEquals(scene.room.peers(false), Infinity);
});

Deno.test("relayed sessions take no descriptors, and closing them would free none", () => {
  const scene = new Scene(1_000);
  scene.open(10);
  const before = scene.room.peers(true);
  scene.openRelayed(500);
  assertEquals(scene.room.peers(true), before);
  assertEquals(scene.counts, 0);
  scene.clock.advance(SHED_INTERVAL_MS);
  scene.room.shortage();
  assertEquals(scene.closed.every((number) => number < 10), true);
  assertEquals(scene.closed.length > 0, true);
});
