/** When peers are sent a node's own entry again, and what is in it. */
import { assertEquals } from "@std/assert";
import { NodeCounters } from "../../../src/core/node_counters.ts";
import { Identity } from "../../../src/identity/identity.ts";
import type { PeerSession } from "../../../src/mesh/peers/peer_session.ts";
import type { Introduction } from "../../../src/mesh/peers/peer_events.ts";
import { OWN_ENTRY_PAUSE_MS } from "../../../src/mesh/sessions/connection_limits.ts";
import { OwnEntry } from "../../../src/mesh/sessions/own_entry.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";
import type { Address } from "../../../src/transport/address.ts";
import { networkMagic, type SharedFrame } from "../../../src/wire/frame.ts";
import {
  AS_SEEN_HOST,
  decodePeers,
  PEER_FLAG,
} from "../../../src/wire/messages/peers.ts";
import { plainTable } from "../../helpers/plain_table.ts";

const AS_SEEN = { host: AS_SEEN_HOST, port: 8080 };
const MOVED = { host: "192.0.2.7", port: 8080 };

class Scene implements Disposable {
  readonly clock = new VirtualClock();
  readonly table = plainTable();
  readonly entry: OwnEntry;
  /** The addresses and flags of each entry that was sent, by session. */
  readonly sent: [string, readonly Address[], number][] = [];
  readonly #stop = new AbortController();
  addresses: readonly Address[] = [AS_SEEN];
  isUnreachable = false;

  private constructor(identity: Identity) {
    const { clock, table } = this;
    this.entry = new OwnEntry({
      clock,
      counters: new NodeCounters(),
      magic: networkMagic("main"),
      signal: this.#stop.signal,
      identity,
      name: "alice",
      addresses: () => this.addresses,
      isUnreachable: () => this.isUnreachable,
      table,
      events: table.events,
    });
  }

  static async start(): Promise<Scene> {
    return new Scene(await Identity.generate({ ephemeral: false }));
  }

  /** A session with another peer, which has its first message. */
  session(name: string): PeerSession {
    const session = {
      introduced: false,
      pending: false,
      remoteAddress: { host: "10.0.0.9", port: 1 },
      channel: { sendShared: (it: SharedFrame) => this.#record(name, it) },
    } as unknown as PeerSession;
    const [digit] = name;
    const peer = this.table.ensure(digit!.repeat(64) as never)!;
    peer.sessionOpened(session);
    this.entry.firstFor(session);
    return session;
  }

  introduce(session: PeerSession): void {
    session.introduced = true;
    this.table.events.emit("introduced", { session } as Introduction);
  }

  #record(name: string, { payload }: SharedFrame): void {
    const { entries: [own], more } = decodePeers(payload);
    assertEquals(more, true);
    this.sent.push([name, own!.addresses, own!.flags]);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}

Deno.test("an entry that has changed is sent to each peer once, and not before the pause is over", async () => {
  using scene = await Scene.start();
  for (const name of ["a", "b"]) scene.introduce(scene.session(name));
  scene.entry.changed();
  assertEquals(scene.sent, []);
  scene.addresses = [MOVED];
  scene.entry.changed();
  await scene.clock.advance(OWN_ENTRY_PAUSE_MS);
  const moved = [[MOVED], PEER_FLAG.live];
  assertEquals(scene.sent, [["a", ...moved], ["b", ...moved]] as never);
  // Many changes in a pause are one entry, and a change that was undone is none.
  scene.addresses = [];
  scene.entry.changed();
  scene.addresses = [AS_SEEN];
  scene.entry.changed();
  scene.addresses = [MOVED];
  scene.entry.changed();
  await scene.clock.advance(OWN_ENTRY_PAUSE_MS);
  assertEquals(scene.sent.length, 2);
});

Deno.test("a peer that was greeted before a change has it once it has introduced itself", async () => {
  using scene = await Scene.start();
  const early = scene.session("a");
  scene.isUnreachable = true;
  scene.entry.changed();
  const late = scene.session("b");
  await scene.clock.advance(OWN_ENTRY_PAUSE_MS);
  assertEquals(scene.sent, []);
  scene.introduce(early);
  scene.introduce(late);
  await scene.clock.advance(OWN_ENTRY_PAUSE_MS);
  const flags = PEER_FLAG.live | PEER_FLAG.unreachable;
  assertEquals(scene.sent, [["a", [AS_SEEN], flags]]);
});

Deno.test("an entry without addresses says that others cannot dial the node", async () => {
  using scene = await Scene.start();
  scene.addresses = [];
  scene.introduce(scene.session("a"));
  scene.addresses = [{ host: "no name", port: 1 }, MOVED];
  scene.entry.changed();
  await scene.clock.advance(OWN_ENTRY_PAUSE_MS);
  // What cannot be written is left out.
  assertEquals(scene.sent, [["a", [MOVED], PEER_FLAG.live]]);
});
