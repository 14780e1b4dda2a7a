/**
 * Carries out a schedule: the network, the members and liars on it, and the
 * faults. Whether all is as it must be is watched after every step.
 */
import type { Identity } from "../../src/identity/identity.ts";
import { sleep } from "../../src/core/clock.ts";
import type { Address } from "../../src/transport/address.ts";
import { abortError, failure } from "../../src/transport/net_errors.ts";
import { COMMIT_IDLE_MS } from "../../src/store/store_limits.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { ProcessClock, SimulatedClock } from "./clock.ts";
import { BrokenInvariant, Invariants } from "./invariants.ts";
import { ClosedMesh } from "./closed_mesh.ts";
import { CrookedRelay, type CrookedWay } from "./crooked_relay.ts";
import { Errands } from "./errands.ts";
import { Disk } from "./disk.ts";
import { NetworkFaults } from "./faults.ts";
import { networkKey, numberedIdentity } from "./keys.ts";
import { Liar, PORT } from "./liar.ts";
import { Mail } from "./mail.ts";
import { Life, type Member, type Running } from "./member.ts";
import { Pairs } from "./pairs.ts";
import { type Action, describeAction, type Schedule } from "./schedule.ts";
import { at, Trace, type TraceOptions } from "./trace.ts";
import { Talks } from "./talks.ts";
import { Watch } from "./watch.ts";
import { Wires } from "./wires.ts";

/** Machines that are switched off, and one that never was. */
const NOWHERE = ["10.98.0.1", "10.98.0.2", "10.99.0.1"];

/** Identities that nobody runs, for lies. */
const STRANGERS = 12;

/** Numbers of identities: apart from each other, so that roles never share one. */
const LIAR_KEYS = 1_000;
const STRANGER_KEYS = 2_000;
const INTRUDER_KEYS = 3_000;

/** All the keys of a simulation. */
interface Keys {
  readonly members: readonly Identity[];
  readonly liars: readonly Identity[];
  readonly strangers: readonly Identity[];
  readonly intruders: readonly Identity[];
  /** Derived from the secret of a closed mesh. */
  readonly network: Uint8Array<ArrayBuffer> | undefined;
}

/** A member that waits for another to let it in tries again after this time. */
const ENTRY_MS = 1_000;

/** So often those that have lost their way come in anew. */
const MAX_ENTRIES = 10;

/** One simulated world. */
export class World {
  readonly schedule: Schedule;
  readonly clock = new SimulatedClock();
  readonly wires = new Wires();
  readonly invariants: Invariants;
  readonly trace: Trace;
  readonly members: readonly Member[];
  /** How often each thing happened. */
  readonly counts = new Map<string, number>();
  readonly watch: Watch;
  /** Absent in an open mesh. */
  readonly closed: ClosedMesh | undefined;
  readonly mail: Mail;
  readonly talks: Talks;
  readonly errands: Errands;
  readonly #network: MemoryNetwork;
  readonly #faults: NetworkFaults;
  readonly #random: SeededRandom;
  readonly #liars: readonly Liar[];
  readonly #strangers: readonly Identity[];
  /** Nodes that no member admits, and all their lives. */
  readonly #intruders: readonly {
    readonly identity: Identity;
    readonly label: string;
    readonly lives: Life[];
  }[];
  readonly #networkKey: Uint8Array<ArrayBuffer> | undefined;
  readonly #waiting = new Set<Member>();
  #isFull = false;
  /** Every life there was. */
  readonly #lives: Life[] = [];
  readonly #touched = new Set<Life>();
  readonly #byHost = new Map<string, Life>();
  readonly #vacated: string[] = [];
  #ephemeralKeys = 0;
  #moves = 0;
  readonly #frozen = new Map<Life, boolean>();
  #failure: unknown;

  private constructor(
    schedule: Schedule,
    keys: Keys,
    options: TraceOptions,
  ) {
    this.schedule = schedule;
    const fail = (error: BrokenInvariant) => this.fail(error);
    const isClosed = schedule.closed !== undefined;
    this.mail = new Mail(fail, isClosed);
    this.talks = new Talks(fail, isClosed);
    this.errands = new Errands(fail, isClosed);
    this.trace = new Trace(options);
    this.#random = new SeededRandom(schedule.seed ^ 0x11e);
    this.#network = new MemoryNetwork({
      clock: this.clock,
      random: new SeededRandom(schedule.seed ^ 0x4e7),
      latencyMs: schedule.latencyMs,
      jitterMs: schedule.jitterMs,
      onPacket: (packet) => {
        this.trace.packet(packet);
        this.wires.onPacket(packet);
        const host = packet.to.slice(0, packet.to.lastIndexOf(":"));
        const life = this.#byHost.get(host);
        if (life === undefined) return;
        this.#touched.add(life);
        if (packet.kind !== "data") return;
        const sender = packet.from.slice(0, packet.from.lastIndexOf(":"));
        const from = this.#byHost.get(sender);
        if (from !== undefined) this.closed?.onPacket(from, packet);
        life.heard(`${packet.from}>${packet.to}`);
      },
    });
    for (const host of NOWHERE.slice(0, 2)) this.#network.crash(host);
    this.members = keys.members.map((identity, index) => ({
      index,
      label: `n${index}`,
      home: `10.0.${index}.1`,
      host: `10.0.${index}.1`,
      identity,
      disk: new Disk(),
      remembers: new Set(),
      life: undefined,
      lives: 0,
    }));
    this.#faults = new NetworkFaults(this.#network, this.members);
    if (schedule.reach !== undefined) this.#faults.reach(schedule.reach.reach);
    this.watch = new Watch({
      livesOf: (id) => this.#lives.filter((life) => life.identity.id === id),
      fail: (error) => this.fail(error),
    });
    this.#liars = keys.liars.map((identity, index) =>
      new Liar(`liar${index}`, identity, `10.66.${index}.1`)
    );
    this.#strangers = keys.strangers;
    this.#networkKey = keys.network;
    this.#intruders = keys.intruders.map((identity, index) => ({
      identity,
      label: `stranger${index}`,
      lives: [],
    }));
    const { closed } = schedule;
    this.closed = closed && new ClosedMesh({
      plan: closed,
      members: this.members,
      running: () =>
        this.running().filter(({ life }) => !this.#frozen.has(life)),
      random: new SeededRandom(schedule.seed ^ 0xc105ed),
      nowMs: () => this.clock.monotonic(),
      networkKey: keys.network,
      fail,
      isPinned: (member, other) => this.#isPinned(member, other),
    });
    this.invariants = new Invariants(this.wires, this.clock, {
      fail,
      closed: this.closed,
    });
  }

  /** The world before anything has happened. */
  static async make(
    schedule: Schedule,
    options: TraceOptions = {},
  ): Promise<World> {
    // Which key is the smaller one decides much, so it is the seed's choice.
    const shift = (schedule.seed * 7) % 32;
    const members = schedule.members.map((_, i) => numberedIdentity(shift + i));
    const liars = Array.from(
      { length: schedule.liars },
      (_, i) => numberedIdentity(LIAR_KEYS + (shift + i) % 32),
    );
    const strangers = Array.from(
      { length: STRANGERS },
      (_, i) => numberedIdentity(STRANGER_KEYS + i),
    );
    const { closed } = schedule;
    const intruders = Array.from(
      { length: closed?.strangers ?? 0 },
      (_, i) => numberedIdentity(INTRUDER_KEYS + (shift + i) % 32),
    );
    const world = new World(schedule, {
      members: await Promise.all(members),
      liars: await Promise.all(liars),
      strangers: await Promise.all(strangers),
      intruders: await Promise.all(intruders),
      network: closed?.secret ? await networkKey() : undefined,
    }, options);
    await world.#prepareEphemeralKeys();
    for (const { atMs, action } of schedule.actions) {
      world.clock.after(atMs, () => world.#perform(action));
    }
    return world;
  }

  /** Lets time pass, to `untilMs` or until `done` holds after some step. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    await this.clock.run(untilMs, () => {
      for (const life of this.#touched) this.invariants.check(life);
      this.#touched.clear();
      if (this.#failure !== undefined) throw this.#failure;
      return done();
    });
  }

  /** After this step every node is looked at. */
  touchAll(): void {
    for (const { life } of this.running()) this.#touched.add(life);
  }

  /** Something went wrong outside of a step. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Members that run. */
  running(): Running[] {
    return this.members.filter((member): member is Running =>
      member.life?.isUp === true
    );
  }

  /**
   * Whether a node can find another by itself: it was told of it or has met it,
   * and nobody else was ever at that address.
   */
  knows(member: Member, other: Member): boolean {
    const { life } = member;
    const target = other.life;
    if (life === undefined || target === undefined) return false;
    const address = { host: target.host, port: PORT };
    const own = new Set(
      this.#lives.filter(({ label }) => label.startsWith(`${other.label}.`))
        .map(({ identity }) => identity.id),
    );
    if (!this.wires.listenedAt(address).isSubsetOf(own)) return false;
    const isToldOfHost = this.closed?.toldOf(member, other) ?? false;
    const told = isToldOfHost ||
      this.schedule.members[member.index]!.connect
          .some((to) => to.member === other.index) &&
        target.host === other.home;
    const seen = `${target.identity.id}@${target.host}`;
    return told || this.invariants.metBy(life).has(seen) ||
      member.remembers.has(seen);
  }

  /** The pairs that must be in session from now on, if nothing goes wrong. */
  pairs(): Pairs {
    const members = this.running();
    const byLife = new Map(members.map((member) => [member.life, member]));
    const { closed } = this;
    const isEdge = (a: Life, b: Life) => {
      const [one, other] = [byLife.get(a)!, byLife.get(b)!];
      if (closed !== undefined) {
        const finds = (guest: Running, host: Running) =>
          !closed.isGuestOnly(guest) || this.#hasMetAny(guest) ||
          closed.toldOf(guest, host);
        if (!finds(one, other) || !finds(other, one)) return false;
      }
      const reaches = (from: Member, to: Member) =>
        this.canDial(from, to) && this.knows(from, to);
      return (reaches(one, other) || reaches(other, one)) &&
        this.#admits(one, other) && this.#admits(other, one);
    };
    return new Pairs(members.map(({ life }) => life), {
      isEdge,
      isBarred: (a, b) => closed?.isBarred(a, b) ?? false,
      // A crooked relay gossips as others do; what it joins does not count.
      isLink: (life) => this.#crooked(byLife.get(life)!) === undefined,
    });
  }

  /** Whether two nodes that can find each other must have a direct session. */
  isDirect(a: Life, b: Life): boolean {
    const [one, other] = [a, b].map((life) =>
      this.members.find((member) => member.life === life)!
    );
    return this.canDial(one!, other!) || this.canDial(other!, one!);
  }

  /** Whether a node admits another without the word of a third. */
  #admits(member: Running, other: Member): boolean {
    const { closed } = this;
    if (closed === undefined) return true;
    const { id } = other.identity;
    const seen = [...this.invariants.metBy(member.life).keys()];
    return closed.admits(member, other) ||
      [...seen, ...member.remembers].some((it) => it.startsWith(id));
  }

  #hasMetAny({ life, remembers }: Running): boolean {
    return remembers.size > 0 || this.invariants.metBy(life).size > 0;
  }

  #isPinned({ index }: Member, other: Member): boolean {
    const { connect } = this.schedule.members[index]!;
    const isLasting = !this.schedule.members[other.index]!.ephemeral;
    return isLasting &&
      connect.some(({ member, pinned }) => pinned && member === other.index);
  }

  /**
   * In a closed mesh: waits until all have come in, and lets those in anew that can find nobody
   * any more: the member that let them in has lost its disk, or their invite has ended.
   */
  async comeIn(): Promise<void> {
    if (this.closed === undefined) return;
    for (let round = 0; round < MAX_ENTRIES; round++) {
      const now = this.clock.monotonic();
      await this.run(now + ENTRY_MS);
      if (this.#waiting.size > 0) continue;
      const pairs = this.pairs();
      if (pairs.lives.length < 2) break;
      const lost = this.running().filter(({ life }) => !pairs.hasAny(life));
      // One of two that are lost stays, and lets the other in.
      const [, ...rest] = lost;
      const some = lost.length === pairs.lives.length ? rest : lost;
      if (some.length === 0) break;
      for (const member of some) {
        this.#note(`${member.label} has lost its way`);
        this.#end(member, { abrupt: true, crash: false });
        this.clock.after(
          ENTRY_MS / 2,
          () => this.#start(member, { memory: false }),
        );
      }
    }
    // The others stay out.
    this.#isFull = true;
  }

  /** All faults stop: the network is whole, everybody runs, and nobody lies any more. */
  calm(): void {
    this.#note("calm");
    this.watch.isDisturbed = true; // by liars that hang up
    this.#perform({ type: "heal" });
    this.#network.setDelay({ latencyMs: 5, jitterMs: 10 });
    for (const liar of this.#liars) liar.stop();
    this.closed?.calm();
    for (const member of this.members) {
      if (member.life?.isUp || !this.schedule.members[member.index]!.returns) {
        continue;
      }
      this.#start(member, { memory: true });
    }
  }

  /** Closes every node; resolves when all are closed, which takes virtual time. */
  async close(): Promise<void> {
    for (const liar of this.#liars) liar.stop();
    for (const life of [...this.#frozen.keys()]) this.#thaw(life);
    const abrupt = this.schedule.abruptEnd;
    this.#isFull = true;
    const ends = [
      ...this.members.map((member) =>
        this.#end(member, { abrupt, crash: false })
      ),
      ...this.#intruders.flatMap(({ lives }) =>
        lives.map((life) => life.end({ abrupt }))
      ),
    ];
    let done = false;
    const all = Promise.all(ends).then(() => {
      done = true;
    });
    await this.run(this.clock.monotonic() + CLOSED_WITHIN_MS, () => done);
    if (!done) {
      throw new BrokenInvariant(`not closed within ${CLOSED_WITHIN_MS} ms`);
    }
    await all;
    // What is on its way arrives, at dead ears.
    await this.run(this.clock.monotonic() + CLOSED_WITHIN_MS);
    this.talks.checkEnded();
    this.errands.checkEnded();
    const { connections, listeners } = this.#network.open;
    const left = [
      ...[...this.#lives, ...this.#intruders.flatMap(({ lives }) => lives)]
        .filter(({ clock }) => clock.pending > 0)
        .map(({ label, clock }) => `${clock.pending} timers of ${label}`),
      ...(connections > 0 ? [`${connections} connections`] : []),
      ...(listeners > 0 ? [`${listeners} listeners`] : []),
    ];
    if (left.length > 0) {
      throw new BrokenInvariant(`left after close: ${left.join(", ")}`);
    }
  }

  // --- Actions -----------------------------------------------------------------

  #perform(action: Action): void {
    this.#note(describeAction(action));
    this.watch.isDisturbed ||= isDisturbing(action);
    this.#count(action.type === "lie" ? `lie ${action.lie}` : action.type);
    switch (action.type) {
      case "join":
        return this.#start(this.#member(action.member), { memory: true });
      case "leave":
        this.#end(this.#member(action.member), {
          abrupt: false,
          crash: false,
        });
        return;
      case "crash":
        return this.#crash(this.#member(action.member), action.reset);
      case "restart":
        return this.#restart(action);
      case "partition":
        return this.#faults.partition(action.sides);
      case "cut":
        return this.#faults.cut(action.member, action.other, action.oneWay);
      case "half-open":
        return this.#faults.halfOpen(this.#member(action.member).host);
      case "break":
        return this.#network.breakLink(
          this.#member(action.member).host,
          this.#member(action.other).host,
        );
      case "delay":
        return this.#network.setDelay(action);
      case "heal":
        for (const life of [...this.#frozen.keys()]) this.#thaw(life);
        return this.#faults.heal();
      case "wall-clock": {
        const { life } = this.#member(action.member);
        life?.clock.set(action.offsetMs);
        this.closed?.clockSet(this.#member(action.member));
        return;
      }
      case "freeze":
        return this.#freeze(this.#member(action.member), action);
      case "lie":
        return this.#lie(action);
      case "mail":
        return this.#mail(action);
      case "talk":
        return this.#talk(action);
      case "errand":
        return this.#errand(action);
      case "reach":
        return this.#faults.reach(action.reach);
      case "rule":
        return this.#rule(action);
      case "intrude":
        return this.#intrude(action);
      case "admit":
        return this.#admit(action);
      default:
        return action satisfies never;
    }
  }

  #start(member: Member, options: { memory: boolean }): void {
    if (member.life?.isUp || this.#byHost.has(member.host)) return;
    const plan = this.schedule.members[member.index]!;
    // A key that dies with its process has no disk to come back to.
    if (!options.memory || plan.ephemeral) {
      member.disk = new Disk();
      member.remembers.clear();
    }
    if (plan.ephemeral) {
      member.identity = this.#ephemeral[
        this.#ephemeralKeys++ %
        this.#ephemeral.length
      ]!;
    }
    if (this.#waitsToComeIn(member, options)) return;
    const own = this.closed?.optionsFor(member);
    const label = `${member.label}.${++member.lives}`;
    const clock = new ProcessClock(this.clock, () => this.#touched.add(life));
    const life = new Life(
      label,
      member.identity,
      member.host,
      clock,
      member.disk,
      {
        onEvent: (life, event) => this.#onEvent(life, event),
        onLateWrite: ({ label }, method) => {
          const what =
            `${label} called ${method} on its store after closing it`;
          this.fail(new BrokenInvariant(what));
        },
      },
    );
    this.mail.began(life, member.life);
    member.life = life;
    this.#lives.push(life);
    this.#byHost.set(member.host, life);
    this.#note(
      `${label} starts at ${member.host} as ${member.identity.id.slice(0, 8)}`,
    );
    const { seed, heartbeatMs, peerExchangeMs } = this.schedule;
    const random = new SeededRandom(seed * 1_013 + this.#lives.length);
    this.#watch(
      life.start({
        ...own,
        port: PORT,
        connect: [
          ...plan.connect.map(({ member, pinned }) =>
            this.#target(member, pinned)
          ),
          ...own?.connect ?? [],
        ],
        transport: this.wires.of(
          life,
          this.#network.transport(member.host),
          (address, signal) => this.#passes(member, address, signal),
        ),
        random: new SeededRandom(seed * 1_009 + this.#lives.length),
        heartbeatMs,
        peerExchangeMs,
      }).then(() => {
        if (!life.isUp) return;
        this.#relayCrookedly(member, life);
        this.talks.serve(life);
        this.errands.serve(life);
        this.#watch(this.mail.take(life, random));
      }),
    );
  }

  #target(index: number, pinned: boolean): string {
    const { home, identity } = this.members[index]!;
    const isLasting = !this.schedule.members[index]!.ephemeral;
    const pin = pinned && isLasting ? `${identity.id}@` : "";
    return `${pin}${home}:${PORT}`;
  }

  #end(
    member: Member,
    options: { abrupt: boolean; crash: boolean },
  ): Promise<void> {
    const { life } = member;
    if (life === undefined) return Promise.resolve();
    this.#thaw(life);
    if (life.isUp) this.#remember(member, life, options.crash);
    const ending = options.crash
      ? life.crash()
      : life.end({ abrupt: options.abrupt });
    const ended = ending.then(() => {
      if (this.#byHost.get(life.host) === life) this.#byHost.delete(life.host);
      if (life.clock.pending > 0) {
        throw new BrokenInvariant(
          `${life.label} has closed and left ${life.clock.pending} timers`,
        );
      }
    });
    this.#watch(ended);
    return ended;
  }

  /** What its disk must know of its peers by now. */
  #remember(member: Member, life: Life, crash: boolean): void {
    const now = this.clock.monotonic();
    for (const [seen, since] of this.invariants.metBy(life)) {
      const lasting = this.members.some(({ identity, index }) =>
        seen.startsWith(identity.id) && !this.schedule.members[index]!.ephemeral
      );
      const isCommitted = !crash || now - since > COMMITTED_AFTER_MS;
      if (lasting && isCommitted) member.remembers.add(seen);
    }
  }

  #crash(member: Member, reset: boolean): void {
    const { life } = member;
    if (life === undefined || !this.#byHost.has(life.host)) return;
    this.#network.crash(life.host, { reset });
    this.#end(member, { abrupt: true, crash: true });
    this.#byHost.delete(life.host);
  }

  #restart(action: Extract<Action, { type: "restart" }>): void {
    const member = this.#member(action.member);
    const { life } = member;
    // One that is leaving just now is still there, and keeps its port.
    if (life !== undefined && !life.isUp && this.#byHost.has(life.host)) return;
    this.#crash(member, this.#random.below(2) === 0);
    if (action.move !== "stay") this.#move(member, action.move === "taken");
    this.#start(member, { memory: action.memory });
  }

  #move(member: Member, taken: boolean): void {
    const free = this.#vacated.filter((host) => !this.#byHost.has(host));
    const host = taken ? free[0] : undefined;
    this.#vacated.push(member.host);
    if (host !== undefined) {
      this.#vacated.splice(this.#vacated.indexOf(host), 1);
    }
    member.host = host ?? `10.1.${member.index}.${++this.#moves}`;
    this.#faults.apply();
  }

  #freeze(
    member: Member,
    { forMs, slept }: { forMs: number; slept: boolean },
  ): void {
    const { life } = member;
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    this.#frozen.set(life, slept);
    this.#network.freeze(life.host);
    life.clock.freeze();
    this.clock.after(forMs, () => this.#thaw(life));
  }

  #thaw(life: Life): void {
    const slept = this.#frozen.get(life);
    if (slept === undefined) return;
    this.#frozen.delete(life);
    this.#note(`${life.label} goes on`);
    life.clock.thaw({ slept });
    this.#network.thaw(life.host);
  }

  #mail({ member, to, mailing }: Extract<Action, { type: "mail" }>): void {
    const { life } = this.#member(member);
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    const receiver = to === "all" ? undefined : this.#member(to).identity.id;
    this.mail.send(life, mailing, receiver);
  }

  #talk({ member, to, talk }: Extract<Action, { type: "talk" }>): void {
    const { life } = this.#member(member);
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    this.talks.open(life, talk, this.#member(to).identity.id);
  }

  #errand({ member, to, errand }: Extract<Action, { type: "errand" }>): void {
    const { life } = this.#member(member);
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    this.errands.send(life, errand, this.#member(to).identity.id);
  }

  // --- Which node can dial which ---------------------------------------------------

  /** Whether one member can dial another now, faults aside. */
  canDial(from: Member, to: Member): boolean {
    return this.#faults.canDial(from.index, to.index);
  }

  #crooked({ index }: Member): CrookedWay | undefined {
    return this.schedule.reach?.crooked[index];
  }

  #relayCrookedly(member: Member, life: Life): void {
    const way = this.#crooked(member);
    if (way === undefined) return;
    this.#count(`crooked ${way}`);
    const random = new SeededRandom(this.schedule.seed * 1_021 + member.index);
    const others = () => this.members.map(({ identity }) => identity.id);
    new CrookedRelay(life, way, random, others);
  }

  /** Resolves when a dial goes on; one that does not reach its target is refused, or hangs. */
  async #passes(
    member: Member,
    address: Address,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const to = this.members.find(({ host }) => host === address.host);
    if (to === undefined || this.canDial(member, to)) return;
    if (this.schedule.reach?.unreached === "refused") {
      await sleep(this.clock, this.schedule.latencyMs, signal);
      throw failure("unreachable", "dial", address, "the network refuses it");
    }
    const { promise, reject } = Promise.withResolvers<never>();
    const fail = () => reject(abortError(signal!, "dial", address));
    if (signal?.aborted) fail();
    else signal?.addEventListener("abort", fail, { once: true });
    await promise;
  }

  // --- Of closed meshes ------------------------------------------------------------

  /** It tries again until a member can let it in; false when it may start now. */
  #waitsToComeIn(member: Member, options: { memory: boolean }): boolean {
    this.#waiting.delete(member);
    if (this.closed?.mayStart(member) ?? true) return false;
    if (this.#isFull) return true;
    this.#waiting.add(member);
    this.clock.after(
      ENTRY_MS / 2,
      () => this.#start(member, options),
    );
    return true;
  }

  #rule({ member, other, rule }: Extract<Action, { type: "rule" }>): void {
    const { life } = this.#member(member);
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    const decides = { ...this.#member(member), life };
    if (this.closed!.rule(decides, this.#member(other), rule)) {
      this.#count(rule);
    }
    this.#touched.add(life);
  }

  #admit({ liar, member }: Extract<Action, { type: "admit" }>): void {
    const { life } = this.#member(member);
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    const decides = { ...this.#member(member), life };
    this.closed!.admit(decides, this.#liars[liar]!.identity.id);
  }

  #intrude(
    { stranger, intrusion }: Extract<Action, { type: "intrude" }>,
  ): void {
    const intruder = this.#intruders[stranger]!;
    const { lives, identity } = intruder;
    // It tries one way after another.
    const previous = lives.at(-1);
    if (previous !== undefined) this.#watch(previous.end({ abrupt: true }));
    const host = `10.77.${stranger}.${lives.length + 1}`;
    const disk = new Disk();
    if (this.schedule.closed!.leaked) this.closed!.giveSecret(disk);
    const life = new Life(
      `${intruder.label}.${lives.length + 1}`,
      identity,
      host,
      new ProcessClock(this.clock),
      disk,
      {
        onEvent: (life, event) => this.closed!.onStrangersEvent(life, event),
        onLateWrite: () => {},
      },
    );
    lives.push(life);
    this.#count(`intrude ${intrusion}`);
    const { seed, heartbeatMs, peerExchangeMs } = this.schedule;
    this.#watch(life.start({
      ...this.closed!.intrusion(intrusion),
      port: PORT,
      transport: this.wires.of(life, this.#network.transport(host)),
      random: new SeededRandom(seed * 1_019 + 37 * stranger + lives.length),
      heartbeatMs,
      peerExchangeMs,
    }));
  }

  #lie({ liar: index, lie }: Extract<Action, { type: "lie" }>): void {
    const liar = this.#liars[index]!;
    this.#watch(this.#started(liar).then(() => liar.lie(lie)));
  }

  readonly #startedLiars = new Map<Liar, Promise<void>>();

  #started(liar: Liar): Promise<void> {
    return this.#startedLiars.getOrInsertComputed(liar, () =>
      liar.start({
        clock: new ProcessClock(this.clock),
        random: new SeededRandom(this.schedule.seed * 31 + liar.host.length),
        transport: this.wires.of(liar, this.#network.transport(liar.host)),
        targets: () => this.running(),
        members: this.members,
        strangers: this.#strangers,
        nowhere: NOWHERE,
        networkKey: this.schedule.closed?.leaked ? this.#networkKey : undefined,
      }));
  }

  // --- Watching ------------------------------------------------------------------

  #onEvent(life: Life, event: NodeEvent): void {
    const { type, ...fields } = event;
    const now = this.clock.monotonic();
    this.trace.note(() =>
      `${at(now)}  ${life.label} ${type} ${JSON.stringify(fields)}`
    );
    this.watch.onEvent(life, event);
    this.mail.onEvent(event);
  }

  #watch(task: Promise<void>): void {
    task.catch((error) => this.fail(error));
  }

  #member(index: number): Member {
    return this.members[index]!;
  }

  #note(what: string): void {
    const now = this.clock.monotonic();
    this.trace.note(() => `${at(now)}  -- ${what}`);
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  readonly #ephemeral: Identity[] = [];

  async #prepareEphemeralKeys(): Promise<void> {
    for (let i = 0; i < EPHEMERAL_KEYS; i++) {
      this.#ephemeral.push(
        await numberedIdentity((this.schedule.seed + i) % EPHEMERAL_KEYS, {
          ephemeral: true,
        }),
      );
    }
  }
}

/** What is written is on the disk after this long, also in a process that stands still now and then. */
const COMMITTED_AFTER_MS = 2 * COMMIT_IDLE_MS;

/** Whether sessions between members may end for it. Lies and wrong clocks are no reason. */
function isDisturbing(action: Action): boolean {
  switch (action.type) {
    case "join":
    case "lie":
    case "mail":
    case "wall-clock":
    case "heal":
      return false;
    case "freeze":
      return action.forMs > HARMLESS_PAUSE_MS;
    default:
      return true;
  }
}

/** A pause of this length, a heartbeat and the slowest round trip are less than the shortest silence that kills. */
const HARMLESS_PAUSE_MS = 500;

/** Keys for lives that have one each; more lives than these share them. */
const EPHEMERAL_KEYS = 64;

/** A polite end takes the flush deadline and a round trip. */
const CLOSED_WITHIN_MS = 15_000;
