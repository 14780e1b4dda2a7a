/**
 * A whole node under fuzz in virtual time, on a network in memory: some peers dial
 * it and some are dialed by it, all of whom say what is not right, while an honest
 * one stays linked and others come and go. The same seed gives the same run.
 *
 * What must be true of it afterwards is here too; what the peers say is in
 * `fuzz_peer.ts`. Over real TLS it is `tls_run.ts`.
 */
import { assert, assertEquals } from "@std/assert";
import type { Identity } from "../../src/identity/identity.ts";
import { configureLogging } from "../../src/core/log.ts";
import { Node } from "../../src/mesh/node.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type { Incoming, Listener } from "../../src/transport/transport.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { SimulatedClock } from "../simulation/clock.ts";
import { type Cast, gather } from "./cast.ts";
import { liveHeapBytes } from "./heap.ts";
import { type Kind, kindOf, NETWORK_SECRET } from "./kind.ts";
import { FuzzPeer, type Workshop } from "./fuzz_peer.ts";
import { Vocabulary } from "./vocabulary.ts";

const NODE = "10.0.0.1";
const WITNESS = "10.0.0.2";
const GUEST = "10.0.0.3";
const PORT = 8_080;

/** Fuzzing sessions that are begun together. */
const CROWD = 8;

/** After so many crowds a guest joins. */
const GUEST_EVERY = 3;

/** No session of a peer that does not keep to the protocol outlives this, milliseconds. */
const LONGEST_SESSION_MS = 30_000;

/** How long an honest peer may take to be linked with everybody. */
const JOIN_MS = 20_000;

/** How long the node is given to forget what it only heard of. */
const FORGET_MS = 240_000;

/** How long the node keeps what it sends to those who may never acknowledge it, milliseconds. */
const TTL_MS = 5_000;

/** What the last two thirds of a run may leave on the heap, bytes; noise is a tenth of it. */
const MAX_GROWTH = 4 * 1024 * 1024;

/** What came of a run. */
export interface FuzzReport {
  readonly frames: number;
  readonly sessions: number;
  /** Sessions that the node took for open. */
  readonly opened: number;
  /** Sessions that the node dialed. */
  readonly accepted: number;
  readonly guests: number;
  /** Messages that the node's application was given. */
  readonly taken: number;
  /** Of every packet, in order: equal runs have equal ones. */
  readonly trace: number;
}

/** One node, from its start to its close. */
export class FuzzWorld {
  readonly #clock = new SimulatedClock();
  readonly #random: SeededRandom;
  readonly #network: MemoryNetwork;
  readonly #cast: Cast;
  readonly #kind: Kind;
  readonly #shop: Workshop;
  /** What the node logged that no peer must be able to make it log. */
  readonly #faults: string[] = [];
  readonly #active = new Map<FuzzPeer, number>();
  readonly #listeners: Listener[] = [];
  #node!: Node;
  #witness!: Node;
  /** Why the witness lost its link, if it did. */
  readonly #losses: string[] = [];
  #sessions = 0;
  #accepted = 0;
  #guests = 0;
  #taken = 0;
  #trace = 0x811c9dc5;

  private constructor(seed: number, cast: Cast, kind: Kind) {
    this.#kind = kind;
    this.#random = new SeededRandom(seed);
    this.#cast = cast;
    this.#network = new MemoryNetwork({
      clock: this.#clock,
      random: new SeededRandom(seed ^ 1),
      onPacket: ({ from, to, kind, bytes }) =>
        this.#note(`${from}${to}${kind}${bytes}`),
    });
    const addresses = [
      ...cast.hosts.map((host) => ({ host, port: PORT })),
      { host: "10.99.0.1", port: PORT },
      { host: NODE, port: PORT },
      { host: WITNESS, port: PORT },
      { host: "127.0.0.1", port: PORT },
      { host: "224.0.0.1", port: PORT },
      { host: "2001:db8::1", port: PORT },
    ];
    this.#shop = {
      random: this.#random,
      clock: this.#clock,
      secret: kind.secret,
      vocabulary: new Vocabulary(this.#random, cast.spokenOf, addresses),
      old: [],
      frames: 0,
      opened: 0,
    };
  }

  /**
   * One node under at least `frames` frames.
   *
   * @throws {Error} what it let happen.
   */
  static async run(seed: number, frames: number): Promise<FuzzReport> {
    const kind = await kindOf(seed);
    const world = new FuzzWorld(seed, await gather(seed), kind);
    configureLogging({
      level: "debug",
      format: "json",
      color: false,
      write: (line) => {
        if (/Session failed|"level":"(error|critical)"/.test(line)) {
          world.#faults.push(line);
        }
      },
    });
    try {
      await world.#begin(seed);
      let warm: number | undefined;
      for (let crowd = 1; world.#shop.frames < frames; crowd++) {
        await world.#crowd(crowd % GUEST_EVERY === 0);
        if (world.#shop.frames > frames / 3) warm ??= liveHeapBytes();
      }
      await world.#settle();
      const growth = liveHeapBytes() - (warm ?? Infinity);
      assert(growth < MAX_GROWTH, `the heap grew by ${growth} bytes`);
      return await world.#end();
    } finally {
      configureLogging({
        level: "off",
        format: "json",
        color: false,
        write: () => {},
      });
    }
  }

  async #begin(seed: number): Promise<void> {
    const { hosts, dialed } = this.#cast;
    for (const [i, identity] of dialed.entries()) {
      const listener = await this.#network.transport(hosts[i]!).listen(
        { host: hosts[i]!, port: PORT },
        { credentials: identity },
      );
      this.#listeners.push(listener);
      void this.#accept(listener, identity);
    }
    const connect = hosts.map((host) => `${host}:${PORT}`);
    const { node, witness } = this.#cast;
    this.#node = await this.#start(node, NODE, connect, seed);
    if (this.#kind.admission === "closed") {
      for (const { id } of this.#cast.allowed) this.#node.admission.allow(id);
    }
    this.#witness = await this.#start(witness, WITNESS, [
      `${NODE}:${PORT}`,
    ], seed);
    handleStreams(this.#node);
    void this.#watch();
    void this.#take();
    await this.#until(
      "the witness to be linked",
      () => linked(this.#node, this.#witness),
    );
  }

  #start(
    identity: Identity,
    host: string,
    connect: readonly string[],
    seed: number,
  ): Promise<Node> {
    return Node.start({
      identity,
      host,
      port: PORT,
      connect,
      transport: this.#network.transport(host),
      clock: this.#clock,
      ...(this.#kind.secret && { secret: NETWORK_SECRET }),
      ...(host === NODE && { admission: this.#kind.admission }),
      random: new SeededRandom(seed ^ Number(`0x${identity.id.slice(0, 8)}`)),
    });
  }

  /** Several sessions at once, and perhaps an honest peer that joins meanwhile. */
  async #crowd(withGuest: boolean): Promise<void> {
    const dialed = Array.from({ length: CROWD }, () => this.#dial());
    let over = false;
    const all = Promise.all(dialed).finally(() => over = true);
    // Something to acknowledge, or not.
    void this.#node.broadcast("fuzz", { ttlMs: TTL_MS, waitMs: 0 });
    if (withGuest) await this.#entertain();
    await this.#until("the sessions to end", () => over, LONGEST_SESSION_MS);
    await all;
    const now = this.#clock.monotonic();
    for (const since of this.#active.values()) {
      assert(now - since <= LONGEST_SESSION_MS, "a session outlived its time");
    }
    this.#check();
  }

  async #dial(): Promise<void> {
    const random = this.#random;
    const identity = this.#cast
      .dialing[random.below(this.#cast.dialing.length)]!;
    const impostor = random.below(12) === 0;
    const { victim, node } = this.#cast;
    const from = random.below(250) + 1;
    const connection = await this.#network.transport(`10.77.0.${from}`).dial(
      { host: NODE, port: PORT },
      { pin: { certificate: node.certificate, serverName: "" } },
    );
    const peer = new FuzzPeer(
      this.#shop,
      connection,
      impostor ? victim : identity,
      node.id,
      identity,
    );
    await this.#play(peer, () => peer.dialed());
  }

  async #accept(listener: Listener, identity: Identity): Promise<void> {
    for (;;) {
      const incoming = await listener.accept();
      if (incoming === null) return;
      void this.#answer(incoming, identity);
    }
  }

  async #answer(incoming: Incoming, identity: Identity): Promise<void> {
    let connection;
    try {
      connection = await incoming.open();
    } catch {
      return; // Only looked at the certificate.
    }
    this.#accepted++;
    const { id } = identity;
    const peer = new FuzzPeer(this.#shop, connection, identity, id, identity);
    await this.#play(peer, () => peer.accepted());
  }

  async #play(peer: FuzzPeer, act: () => Promise<void>): Promise<void> {
    this.#sessions++;
    this.#active.set(peer, this.#clock.monotonic());
    await act();
    this.#active.delete(peer);
  }

  /** An honest peer joins, meets both, and leaves. */
  async #entertain(): Promise<void> {
    const { guests } = this.#cast;
    const identity = guests[this.#guests++ % guests.length]!;
    const connect = [`${NODE}:${PORT}`];
    const guest = await this.#start(identity, GUEST, connect, this.#guests);
    await this.#until(
      "a guest to be linked",
      () => linked(guest, this.#node) && linked(guest, this.#witness),
      JOIN_MS,
    );
    await this.#close(guest);
  }

  /** Without fuzz the node comes to rest: it forgets rumours and holds what it held. */
  async #settle(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    for (const peer of this.#active.keys()) peer.close();
    const end = this.#clock.monotonic() + FORGET_MS;
    await this.#clock.run(end, () => false);
    this.#check();
    const { witness, victim, dialing, dialed, guests } = this.#cast;
    assertEquals(this.#active.size, 0);
    assertEquals(
      this.#node.sessions().map(({ id }) => id),
      [witness.id],
    );
    const real = new Set(
      [witness, ...dialing, ...dialed, ...guests].map(({ id }) => id),
    );
    assert(!real.has(victim.id));
    const strangers = this.#node.peers().filter(({ id }) => !real.has(id));
    assertEquals(strangers, [], "rumours are remembered for ever");
    assertEquals(this.#node.outbox, { messages: 0, bytes: 0 });
  }

  async #end(): Promise<FuzzReport> {
    await this.#close(this.#witness);
    await this.#close(this.#node);
    await this.#clock.run(this.#clock.monotonic(), () => false);
    assertEquals(this.#clock.pending, 0, "timers are left");
    return {
      frames: this.#shop.frames,
      sessions: this.#sessions,
      opened: this.#shop.opened,
      accepted: this.#accepted,
      guests: this.#guests,
      taken: this.#taken,
      trace: this.#trace >>> 0,
    };
  }

  /** What must hold at every moment. */
  #check(): void {
    assertEquals(this.#faults, [], "the node failed in a way of its own");
    assertEquals(this.#losses, [], "the witness lost its link");
    const { victim } = this.#cast;
    const known = this.#node.peers().find(({ id }) => id === victim.id);
    assert(!known?.connected && !known?.lastSeen, "an impostor was believed");
  }

  async #watch(): Promise<void> {
    const { witness } = this.#cast;
    for await (const event of this.#node.events()) {
      if (event.type === "peer:down" && event.id === witness.id) {
        this.#losses.push(event.reason);
      }
    }
  }

  /** An application that takes most of what comes, and refuses some. */
  async #take(): Promise<void> {
    for await (const message of this.#node.messages()) {
      this.#taken++;
      if (this.#taken % 5 === 0) message.nack("not now");
    }
  }

  async #close(node: Node): Promise<void> {
    let closed = false;
    const closing = node.close().finally(() => closed = true);
    await this.#until("a node to close", () => closed);
    await closing;
  }

  async #until(
    what: string,
    predicate: () => boolean,
    limitMs = JOIN_MS,
  ): Promise<void> {
    await this.#clock.run(this.#clock.monotonic() + limitMs, predicate);
    assert(predicate(), `waited ${limitMs} virtual ms in vain for ${what}`);
  }

  /** FNV-1a. */
  #note(text: string): void {
    for (let i = 0; i < text.length; i++) {
      this.#trace = Math.imul(this.#trace ^ text.charCodeAt(i), 0x01000193);
    }
  }
}

/** An application that answers what comes on some streams and reads nothing of others. */
export function handleStreams(node: Node): void {
  node.handle("echo/1", (stream) => stream.readable.pipeTo(stream.writable));
  node.handle("hold/1", (stream) => stream.closed);
}

function linked(a: Node, b: Node): boolean {
  const sees = (one: Node, other: Node) =>
    one.sessions().some(({ id }) => id === other.identity.id);
  return sees(a, b) && sees(b, a);
}
